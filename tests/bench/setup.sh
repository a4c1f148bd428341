#!/usr/bin/env bash
# Installs whom the bench measures nulltrace beside, and with. What cannot be had is a row that says so.
set -euo pipefail

# command:Debian package
wanted="wrk:wrk strace:strace perf:linux-perf bpftrace:bpftrace python3:python3 taskset:util-linux"
missing=()
for pair in $wanted; do
	command -v "${pair%%:*}" > /dev/null || missing+=("${pair#*:}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
	echo "bench: missing: ${missing[*]}; install these packages (Debian's names) for all rows" >&2
	exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
for package in "${missing[@]}"; do
	apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$package" > /dev/null ||
		echo "bench: $package cannot be installed; its rows will say so" >&2
done
