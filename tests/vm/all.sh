#!/usr/bin/env bash
# The end-to-end tests in both guest kernels, with the programs they call.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/programs/build.sh
with=(--with "$PWD/target/programs")
for program in bash setpriv unshare; do
	with+=(--with "$(command -v "$program")")
done
exec tests/vm/test --test run --test faults --test agent --test activity --test files \
	--test group --test inside --test activity_known --test activity_faults \
	--test activity_going "${with[@]}" "$@"
