#!/usr/bin/env bash
# All tests of this machine's kernel. What cannot run here says so and why.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/lint.sh
cargo build --locked -p nulltrace-collector
tests/programs/build.sh
NULLTRACE_BIN=$PWD/target/debug/nulltrace NULLTRACE_REQUIRE_CONSUMERS=1 cargo test --workspace --locked
