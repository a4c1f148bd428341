#!/usr/bin/env bash
# Builds the addon and puts it where the package loads it; `./build.sh --release` for use.
set -euo pipefail
cd "$(dirname "$0")"
cargo build --quiet --locked -p nulltrace-node "$@"
kind=debug
[ "${1-}" != --release ] || kind=release
target=${CARGO_TARGET_DIR:-../target}
# A new file: the old one may be mapped by a program that runs.
cp "$target/$kind/libnulltrace_node.so" nulltrace.node.new
mv nulltrace.node.new nulltrace.node
