#!/usr/bin/env bash
# All tests of the npm package: over both implementations, and of the package as it is packed.
set -euo pipefail
[ -z "${NULLTRACE_BIN-}" ] || NULLTRACE_BIN=$(realpath "$NULLTRACE_BIN")
cd "$(dirname "$0")"
# where `cargo build` puts the collector; what needs it says so if it is not there
export NULLTRACE_BIN=${NULLTRACE_BIN:-$(realpath -m "${CARGO_TARGET_DIR:-../target}/debug/nulltrace")}

# the copy of the lock file says what is installed
if ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --loglevel=error --no-audit --no-fund > /dev/null
	cp package-lock.json node_modules/.installed
fi
# what cannot be installed is skipped below, and said to be
../tests/consumers/install.sh bundlers frameworks || :
./build.sh

log=$(mktemp)
fresh=$(mktemp -d)
trap 'rm -rf "$log" "$fresh"' EXIT
run() {
	node --test --test-reporter=spec "$@" > "$log" 2>&1 || {
		cat "$log" >&2
		exit 1
	}
	# what was skipped, and why
	grep '^﹣' "$log" | sort -u || :
}
run test/*.test.js
# the types are the same
pure=()
for file in test/*.test.js; do
	[ "$file" = test/types.test.js ] || pure+=("$file")
done
NULLTRACE_PURE=1 run "${pure[@]}"

npm pack --loglevel=error --pack-destination "$fresh" > /dev/null
cp test/smoke.cjs test/smoke.mjs "$fresh"
cd "$fresh"
echo '{ "private": true }' > package.json
npm install --loglevel=error --no-audit --no-fund --offline ./nulltrace-*.tgz > /dev/null
for pure in 0 1; do
	for smoke in smoke.cjs smoke.mjs; do
		NULLTRACE_PURE=$pure node "$smoke" > /dev/null
	done
done
# without the addon the package works all the same
rm node_modules/nulltrace/nulltrace.node
node -e 'require("node:assert").strictEqual(require("nulltrace").implementation, "pure")'
echo "bindings-node: passed"
