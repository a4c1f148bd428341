#!/usr/bin/env bash
# The Rust SDK under Miri, which finds undefined behaviour: encoder, guards, futures, the mock, and the way
# to the descriptor by the C library's calls (Miri knows no bare system call). Miri is no part of stable
# Rust, so this is skipped where it is not.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo +nightly miri --version > /dev/null 2>&1; then
	echo "skipped: no miri (rustup component add miri --toolchain nightly)"
	exit 0
fi
# Not isolated: it opens the null device. No short writes: Linux makes none to a device or an empty pipe.
# Few cases: what takes a microsecond takes Miri a second.
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-no-short-fd-operations" PROPTEST_CASES=${PROPTEST_CASES:-2}
export RUSTFLAGS="--cfg nulltrace_libc"
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
cargo +nightly miri setup > "$log/setup" 2>&1 || { cat "$log/setup"; exit 1; }

# Miri interprets on one processor: two at a time. Each prints what it said only if it failed.
under_miri() {
	local name=$1
	shift
	cargo +nightly miri test --locked -q "$@" > "$log/$name" 2>&1 ||
		{ cat "$log/$name"; echo "failed: cargo +nightly miri test $*" >&2; return 1; }
	grep '^test result: ' "$log/$name" | grep -v ' 0 passed' | sed "s/^test result/$name/"
}
under_miri guards -p nulltrace --features mock --test mock --test heap --test device &
guards=$!
failed=0
under_miri encoder -p nulltrace --features mock --lib --test encode --test traced --test traced_hygiene --test traced_async --test context || failed=1
under_miri codec -p nulltrace-spec --lib || failed=1
wait "$guards" || failed=1
exit "$failed"
