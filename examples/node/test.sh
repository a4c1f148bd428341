#!/usr/bin/env bash
# Sends the service real requests under `nulltrace run` and compares the spans with expected.txt: each
# line a tag and its hits, children below their parent.
set -euo pipefail
[ -z "${NULLTRACE_BIN-}" ] || NULLTRACE_BIN=$(realpath "$NULLTRACE_BIN")
cd "$(dirname "$0")"
for tool in curl node npm python3; do
	command -v $tool > /dev/null || {
		echo "examples/node: no $tool; run tests/setup.sh" >&2
		exit 1
	}
done
../../bindings-node/build.sh
# a link to ../../bindings-node
[ node_modules/nulltrace/index.js -ef ../../bindings-node/index.js ] || npm ci --offline --loglevel=error --no-audit --no-fund > /dev/null
if [ -z "${NULLTRACE_BIN:-}" ]; then
	cargo build --locked --quiet -p nulltrace-collector
	NULLTRACE_BIN=${CARGO_TARGET_DIR:-../../target}/debug/nulltrace
fi
node --test --test-reporter=spec handlers.test.js > node_modules/.log || {
	cat node_modules/.log >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
WORK=$work "$NULLTRACE_BIN" run --quiet --json "$work/summary.json" -- ./session.sh

python3 ../tree.py "$work/summary.json" > "$work/seen"
diff -u expected.txt "$work/seen" || {
	echo "examples/node: these are not the spans of expected.txt" >&2
	exit 1
}
echo "examples/node: passed"
