#!/bin/sh
# Writes signatures.tsv: the system calls of Linux with the names and kinds of their arguments, from what the
# running kernel (x86_64, with tracefs) says of its tracepoints. Run as root, from any folder:
#
#     collector/core/src/facts/signatures.sh
#
# Kinds: int, uint (decimal), hex, mode (octal), fd, pointer, string, strings, address (struct sockaddr),
# in and out (bytes written and read). A text's size stands behind it where another argument has it: address/2.
set -eu
cd "$(dirname "$0")"
events=/sys/kernel/tracing/events/syscalls
[ -d "$events" ] || { echo "no tracepoints of system calls in $events" >&2; exit 1; }
for event in "$events"/sys_enter_*; do
	printf '%s\n' "${event##*/sys_enter_}"
	sed -n 's/^\tfield:\(.*\);\toffset.*/\1/p' "$event/format" | grep -v '^[a-z ]*common_\|__syscall_nr' || true
done | awk '
function finish() { if (call != "") print line }
# A line of one word begins a call: it is its name. Arguments have a type, too.
NF == 1 {
	finish()
	call = $1
	# The functions of some have other names than the calls.
	if (call ~ /^new(stat|fstat|lstat|uname)$/) sub(/^new/, "", call)
	if (call == "sendfile64") call = "sendfile"
	if (call == "umount") call = "umount2"
	line = call; n = 0
	next
}
{
	name = $NF; type = $0; sub(/ [^ ]*$/, "", type)
	kind = "int"
	if (type ~ /char \*( \*|\* )/ || type ~ /char \*const \*/ || type ~ /char \* ?const ?\*/) kind = "strings"
	else if (type ~ /sockaddr \*/) kind = "address"
	else if (type ~ /const char \*/) kind = "string"
	else if (type ~ /\*/) kind = "pointer"
	else if (type ~ /umode_t/ || name == "mode") kind = "mode"
	else if (name ~ /^(fd|.*dfd|fildes|oldfd|newfd|epfd|.*_fd|fdin|fdout|fd_in|fd_out|in_fd|out_fd|pidfd|ufd|mqdes)$/) kind = "fd"
	else if (name ~ /flags$|^(prot|addr|start|arg|cmd|newsp|tls|request|old_addr|new_addr|len_in|brk|pos_.*)$/ && name != "len_in") kind = "hex"
	else if (type ~ /unsigned|size_t|uid_t|gid_t|u32|u64/) kind = "uint"
	# Environments hold secrets: they are not read.
	if (name == "envp") kind = "pointer"
	if (call ~ /^(mount|umount2|sethostname|setdomainname|swapon|swapoff)$/ && type ~ /^char \*/ && name != "data") kind = "string"
	if (call ~ /^readlink(at)?$/ && name == "buf") kind = "out"
	if ((call ~ /^(write|pwrite64)$/ && name ~ /^u?buf$/) || (call == "sendto" && n == 1)) kind = "in/2"
	if ((call ~ /^(read|pread64)$/ && name ~ /^u?buf$/) || (call == "recvfrom" && n == 1)) kind = "out"
	if (call ~ /^(connect|bind)$/ && kind == "address") kind = "address/2"
	if (call == "sendto" && kind == "address") kind = "address/5"
	if (call ~ /^(accept|accept4|getpeername|getsockname)$/ && kind == "address") kind = "address/*2"
	if (call == "recvfrom" && kind == "address") kind = "address/*5"
	line = line "\t" name ":" kind
	n++
}
END { finish() }' | LC_ALL=C sort > signatures.tsv
