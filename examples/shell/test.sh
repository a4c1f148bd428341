#!/usr/bin/env bash
# nulltrace.sh in dash, bash, zsh, busybox, ksh93 and, if it is there, mksh: every encode vector and hostile text, read back by
# `nulltrace parse`; what scripts may do; one write for each marker and no fork, seen by strace.
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD/../..
missing=()
for pair in dash:dash bash:bash zsh:zsh busybox:busybox ksh:ksh shellcheck:shellcheck strace:strace python3:python3; do
	command -v "${pair%%:*}" > /dev/null || missing+=("${pair#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
		echo "examples/shell/test.sh: install ${missing[*]} and try again" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" > /dev/null
fi
nulltrace=${NULLTRACE_BIN:-$root/target/debug/nulltrace}
[ -x "$nulltrace" ] || (cd "$root" && cargo build --quiet --locked -p nulltrace-collector)
shellcheck -s sh nulltrace.sh
shellcheck -x backup.sh
shellcheck test.sh nested.sh website-latency.sh
python3 test.py "$root/spec/vectors/encode.jsonl" "$nulltrace"

# The example, in each shell.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! reason=$("$nulltrace" run -q -- true 2>&1); then
	echo "examples/shell: backup.sh skipped, nothing can be traced here: $reason"
	exit 0
fi
mkdir "$work/folder"
touch "$work/folder/a" "$work/folder/b" "$work/folder/c d"
for shell in dash bash zsh 'busybox sh' ksh; do
	# shellcheck disable=SC2086 # two words
	"$nulltrace" run -q --json "$work/summary.json" -- $shell "$PWD/backup.sh" "$work/folder" "$work/archive"
	tar -tzf "$work/archive" | grep -x './c d' >/dev/null
	python3 "$root/examples/tree.py" "$work/summary.json" | diff expected.txt -
done
echo "examples/shell: all passed"
