#!/usr/bin/env bash
# The end-to-end tests in both guest kernels, with the programs they call.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/programs/build.sh
with=(--with "$PWD/target/programs")
PATH=$PATH:/usr/sbin
for program in bash setpriv unshare setcap capsh timeout; do
	with+=(--with "$(command -v "$program")")
done
exec tests/vm/test --test run --test faults --test agent --test activity --test files \
	--test group --test inside --test activity_known --test activity_faults \
	--test activity_going --test log --test rights --test lent_rights --test parents "${with[@]}" "$@"
