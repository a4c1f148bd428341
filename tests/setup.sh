#!/usr/bin/env bash
# Installs what the demo and the tests need and this machine lacks; quick when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

# command:Debian package
wanted="cc:gcc g++:g++ pkg-config:pkg-config cmake:cmake curl:curl python3:python3 node:nodejs npm:npm
	collectd:collectd-core unshare:util-linux
	zsh:zsh busybox:busybox ksh:ksh shellcheck:shellcheck strace:strace ss:iproute2 nm:binutils valgrind:valgrind
	clang-14:clang-14 llvm-strip-14:llvm-14 capsh:libcap2-bin setpriv:util-linux"
PATH=$PATH:/usr/sbin
missing=()
for pair in $wanted; do
	command -v "${pair%%:*}" > /dev/null || missing+=("${pair#*:}")
done
[ -e /usr/include/bpf/bpf_helpers.h ] || missing+=(libbpf-dev)

if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
		echo "setup: missing: ${missing[*]}; install these packages (Debian's names) and try again" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" > /dev/null
fi
command -v cargo > /dev/null || {
	echo "setup: no cargo; install Rust 1.88 or newer with rustup and try again" >&2
	exit 1
}
tests/consumers/install.sh
