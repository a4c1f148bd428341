#!/usr/bin/env bash
# What `cargo test --workspace` leaves out: the feature combinations, and memory under valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
quietly() {
	local out
	out=$("$@" 2>&1) || { echo "$out"; echo "failed: $*" >&2; exit 1; }
	grep '^skipped: ' <<< "$out" || true
}

quietly cargo test --locked -q -p nulltrace --features mock --lib --test mock --test context --test heap -- --show-output
quietly cargo test --locked -q -p nulltrace --features mock --doc
quietly cargo test --locked -q -p nulltrace --features off --test off --test heap -- --show-output
quietly cargo clippy --locked -q -p nulltrace --features mock --lib --test mock --test context -- -D warnings
quietly cargo clippy --locked -q -p nulltrace --features off --lib --test off -- -D warnings
quietly cargo clippy --locked -q -p nulltrace --features off,mock --lib -- -D warnings
RUSTDOCFLAGS="-D warnings" quietly cargo doc --locked -q -p nulltrace --no-deps --features mock

# A debug build of a program, and a release: the profiles of the project are not those of its users.
stack=sdk-rust/tests/stack
build() { quietly cargo run --locked -q --manifest-path $stack/Cargo.toml --target-dir target/stack "$@"; }
build --bin stack -- 3072
build --bin stack --release -- 256
# Instructions, which do not depend on what else the machine does.
build --bin steps --release -- limits

# The other machine whose system calls are written here: the compiler at least, where its target is there.
if [[ -d $(rustc --print sysroot)/lib/rustlib/aarch64-unknown-linux-gnu/lib ]]; then
	quietly cargo check --locked -q --target aarch64-unknown-linux-gnu -p nulltrace -p nulltrace-c
else
	echo "skipped: no Rust for aarch64 (rustup target add aarch64-unknown-linux-gnu)"
fi

# The oldest compiler that is promised.
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if rustup toolchain list 2> /dev/null | grep "^$oldest" > /dev/null; then
	CARGO_TARGET_DIR=target/oldest quietly cargo "+$oldest" check --locked -q -p nulltrace -p nulltrace-tracing
else
	echo "skipped: no Rust $oldest here (rustup toolchain install $oldest)"
fi

# Bytes that were never written must not reach the kernel. Miri, which `miri.sh` runs where it is, knows no
# bare system call, so valgrind looks at those.
if command -v valgrind > /dev/null; then
	host=$(rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)
	export "CARGO_TARGET_${host}_RUNNER=valgrind -q --error-exitcode=9"
	quietly cargo test --locked -q -p nulltrace --features mock --test mock --test context --test heap
	quietly cargo test --locked -q -p nulltrace --features mock --lib -- both
else
	echo "skipped: no valgrind"
fi
