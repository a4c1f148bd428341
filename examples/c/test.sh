#!/usr/bin/env bash
# The worker pool under the collector: its spans are those of expected.txt, whichever thread ends them.
# NULLTRACE_BIN is the collector (default: target/debug/nulltrace).
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
nulltrace=${NULLTRACE_BIN:-$root/target/debug/nulltrace}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ -x "$nulltrace" ] || {
	echo "examples/c: no collector at $nulltrace: cargo build -p nulltrace-collector" >&2
	exit 1
}
command -v pkg-config > /dev/null || "$root/tests/setup.sh"
make --quiet -C "$root/sdk-c" install PREFIX="$work/prefix"
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig LD_LIBRARY_PATH=$work/prefix/lib
# Not into the tree, which others may be reading.
make --quiet --directory "$work" --file "$PWD/Makefile" VPATH="$PWD" CFLAGS="-O2 -Wall -Wextra -Werror"

if ! reason=$("$nulltrace" run -q -- true 2>&1); then
	echo "examples/c: skipped, nothing can be traced here: $reason"
	exit 0
fi
"$nulltrace" run -q --json "$work/summary.json" -- "$work/pool" > "$work/out"
[ "$(cat "$work/out")" = "40 jobs, sum 43428" ]
python3 "$root/examples/tree.py" "$work/summary.json" | diff expected.txt -
echo "examples/c: all passed"
