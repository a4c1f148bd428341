#!/usr/bin/env bash
# What must be clean before anything is tested.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
git ls-files '*.sh' | grep -v nulltrace.sh | xargs shellcheck -x -S warning
