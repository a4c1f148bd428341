#!/usr/bin/env bash
# The cost table of the SDKs: installs and builds all contestants, and measures them.
#
#	tests/bench-sdk/run.sh [--rounds N] [--only REGEX] [--observed]
#
# --observed adds a column: the same while `nulltrace agent` records the contestants (as root).
# Ends with an error if something cannot be measured, not if a limit is missed.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/bench-sdk
built=$PWD/target/bench-sdk
venv=$PWD/.cache/bench-sdk/venv
mkdir -p "$built" .cache/bench-sdk

options=()
for option; do
	if [ "$option" = --observed ]; then
		if [ -z "${NULLTRACE_BIN:-}" ]; then
			cargo build --quiet --release --locked -p nulltrace-collector
			NULLTRACE_BIN=$PWD/target/release/nulltrace
		fi
		option=--observed=$NULLTRACE_BIN
	fi
	options+=("$option")
done

# command or header:Debian package
missing=()
wanted="gcc:gcc make:make node:nodejs npm:npm python3:python3 strace:strace
	lttng:lttng-tools lttng-sessiond:lttng-tools lttng-gen-tp:liblttng-ust-dev"
for pair in $wanted; do
	command -v "${pair%%:*}" > /dev/null || missing+=("${pair#*:}")
done
python3 -c 'import ensurepip, venv' 2> /dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" > /dev/null
fi

echo "bench-sdk: building" >&2
# What is installed already is told by the copy of the list it was installed from.
if ! cmp -s $here/python/requirements.txt "$venv/installed"; then
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check -r $here/python/requirements.txt
	cp $here/python/requirements.txt "$venv/installed"
fi
if ! cmp -s $here/node/package-lock.json $here/node/node_modules/.installed; then
	(cd $here/node && npm ci --loglevel=error --no-audit --no-fund > /dev/null)
	cp $here/node/package-lock.json $here/node/node_modules/.installed
fi

# The SDKs as their users build them.
make --quiet -C sdk-c
make --quiet -C sdk-c install PREFIX="$built/c-prefix"
(
	cd bindings-python
	rm -rf "$built/wheel"
	"$venv/bin/maturin" build --quiet --release --locked --interpreter "$venv/bin/python" --out "$built/wheel" \
		> "$built/maturin.log" 2>&1 || { cat "$built/maturin.log" >&2 && exit 1; }
	"$venv/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps --no-index \
		--find-links "$built/wheel" nulltrace
)
bindings-node/build.sh --release

# `off` is a feature of the library itself, so it takes a second build.
(
	cd $here/rust
	cargo build --quiet --release --locked --target-dir "$built/rust"
	cargo build --quiet --release --locked --features off --bin sdk --target-dir "$built/rust-off"
)
cc="gcc -O2 -Wall -Wextra -Werror"
$cc -o "$built/reference" $here/c/reference.c
$cc -I"$built/c-prefix/include" -o "$built/c-static" $here/c/sdk.c "$built/c-prefix/lib/libnulltrace.a"
$cc -I"$built/c-prefix/include" -o "$built/c-shared" $here/c/sdk.c -L"$built/c-prefix/lib" -lnulltrace \
	-Wl,-rpath,"$built/c-prefix/lib"
$cc -DNULLTRACE_OFF -I"$built/c-prefix/include" -o "$built/c-off" $here/c/sdk.c
$cc -I$here/c -o "$built/lttng" $here/c/lttng.c -llttng-ust -ldl

# A session that keeps the newest events in memory; one that writes to disk would drop events at this
# rate, and a dropped event is cheap.
session=nulltrace-bench-$$
started=
cleanup() {
	lttng --quiet --no-sessiond destroy "$session" > /dev/null 2>&1 || true
	[ -z "$started" ] && return
	kill "$started" 2> /dev/null || true
	for ((i = 0; i < 50; i++)); do
		[ -d "/proc/$started" ] || break
		sleep 0.1
	done
}
trap cleanup EXIT
if ! lttng --no-sessiond list > /dev/null 2>&1; then
	lttng-sessiond --daemonize --no-kernel --pidfile="$built/lttng-sessiond.pid"
	started=$(cat "$built/lttng-sessiond.pid")
fi
lttng --quiet --no-sessiond create "$session" --snapshot --output="$built/lttng-snapshots"
lttng --quiet --no-sessiond enable-event --session "$session" --userspace 'nulltrace_bench:*'
lttng --quiet --no-sessiond start "$session"

python3 $here/driver.py ${options+"${options[@]}"}
