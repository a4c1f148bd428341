#!/usr/bin/env bash
# The cost table of this machine, as root; with `markers`, `activity` or `server`, that part of it.
# NULLTRACE_BIN is the collector to measure.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/bench/setup.sh
cargo build --release --locked -p nulltrace-tests -p nulltrace-example
if [ -z "${NULLTRACE_BIN:-}" ]; then
	cargo build --release --locked -p nulltrace-collector
	NULLTRACE_BIN=$PWD/target/release/nulltrace
fi
export NULLTRACE_BIN
exec target/release/bench "$@"
