# Sourced by the scripts beside it: where things are, and how to fail.
# shellcheck shell=bash

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck disable=SC2034 # those who source it use it
cache=${NULLTRACE_CACHE:-$root/.cache}/vm

# die WHAT: WHERE; REMEDY
die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# need COMMAND…: every command is there.
need() {
	local command
	for command; do
		command -v "$command" >/dev/null ||
			die "$command is missing; run tests/vm/install as root"
	done
}
