#!/usr/bin/env bash
# The cost table of this machine, as root.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --locked -p nulltrace-collector -p nulltrace-tests
NULLTRACE_BIN=$PWD/target/release/nulltrace exec target/release/bench "$@"
