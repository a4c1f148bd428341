#!/usr/bin/env bash
# All tests of this machine's kernel. What cannot run here says so and why.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/lint.sh
cargo build --locked -p nulltrace-collector
tests/programs/build.sh
export NULLTRACE_BIN=$PWD/target/debug/nulltrace NULLTRACE_REQUIRE_CONSUMERS=1
# First what the five-language test finds built: the wheel, the addon and the C library.
bindings-python/test.sh
bindings-node/test.sh
sdk-c/test.sh --no-cargo
cargo test --workspace --locked
sdk-rust/test.sh
for example in c node python rust shell; do
	examples/$example/test.sh
done
