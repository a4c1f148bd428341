#!/usr/bin/env bash
# What did a service do, asked after it has ended? examples/python/server.py under a real load is recorded once, and the
# recording is asked with the lines that sysdig's users know. NULLTRACE_BIN is the collector.
set -euo pipefail
cd "$(dirname "$0")/.."
nulltrace=${NULLTRACE_BIN:-$PWD/target/release/nulltrace}

work=$(mktemp -d)
trace=
trap 'kill $trace 2> /dev/null || true; wait; rm -rf "$work"' EXIT
capture=$work/server.ntc

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# The words as one would type them.
typed() {
	local word
	for word; do
		case $word in
		*[!A-Za-z0-9_./=,-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
}

# Shows the first lines of an answer, all of which go to $work/answer; there must be some.
ask() {
	local verb=$1
	shift
	say "$ nulltrace $verb server.ntc$(typed "$@")"
	"$nulltrace" "$verb" "$capture" "$@" > "$work/answer"
	[ -s "$work/answer" ]
	head -n 8 "$work/answer" | cut -c -160
}

# The answer has that many lines at least which match.
has() {
	local found
	found=$(grep -cE "$2" "$work/answer") || true
	[ "$found" -ge "$1" ] || { echo "of lines like $2 there are $found, not $1" >&2; exit 1; }
}

case $("$nulltrace" doctor | grep '^hook .*, used by run$') in
hook*ebpf:*) ;;
*)
	say 'What did it do? Left out: system calls one by one are seen by eBPF alone, see nulltrace doctor.'
	exit
	;;
esac

export PYTHONPATH=$PWD/bindings-python/python${PYTHONPATH:+:$PYTHONPATH}
say "$ nulltrace record --full --snaplen 80 -o server.ntc -- python3 examples/python/server.py --dir $work"
"$nulltrace" record --full --snaplen 80 -o "$capture" -- \
	python3 examples/python/server.py --port 0 --dir "$work" > "$work/url" &
trace=$!
until [ -s "$work/url" ]; do
	kill -0 $trace
	sleep 0.05
done
url=$(cat "$work/url")
for path in /fib/30 /fib/9000 /empty /download?file={1..4} /download?file={1..4}; do
	curl -sS --fail --max-time 60 -o /dev/null "$url$path"
done
# Passed on to the service, which ends; then the recording does.
kill $trace
wait $trace
trace=

ask events 'span.duration>5000000'
has 1 'tracer .*tags=download'
ask events 'fd.type=file and evtin.span.tag[0]=download and fd.directory!=/dev/pts'
has 16 'blob\.bin\.4'
ask events -j -p '%evt.time %fd.directory %fd.filename' 'evt.type=open and evt.dir=<'
has 2 '"fd.filename":"blob.bin.4"'
ask events 'proc.name=python3 and evt.type=accept and evt.dir=<'
has 11 ' accept4? '
ask events -A 'evt.type=recvfrom and fd.type=ipv4'
has 11 'GET /'
ask report 'span.duration>5ms' --view time
ask report 'fd.type=file and evtin.span.tag[0]=download' --by fd.name --sum bytes
# Twice 512 MiB was read.
has 1 'blob\.bin\.4 .*1\.0+ GiB'
