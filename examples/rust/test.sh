#!/usr/bin/env bash
# Sends the service real requests under `nulltrace run` and compares the spans with expected.txt:
# each line a tag and its hits, children below their parent.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in curl python3; do
	command -v $tool > /dev/null || {
		echo "examples/rust: no $tool; run tests/setup.sh" >&2
		exit 1
	}
done
cargo build --locked --quiet -p nulltrace-example
[ -n "${NULLTRACE_BIN:-}" ] || cargo build --locked --quiet -p nulltrace-collector
target=${CARGO_TARGET_DIR:-$PWD/target}
nulltrace=${NULLTRACE_BIN:-$target/debug/nulltrace}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

WORK=$work "$nulltrace" run --quiet --json "$work/summary.json" -- \
	examples/requests.sh "$target/debug/nulltrace-example"

python3 examples/tree.py "$work/summary.json" > "$work/seen"
diff -u examples/rust/expected.txt "$work/seen" || {
	echo "examples/rust: these are not the spans of expected.txt" >&2
	exit 1
}
