#!/bin/sh
# Installs the real programs the end-to-end tests use, or those that are named; quick when they are there already.
# What cannot be installed is reported, and the tests that need it say that they are skipped.
#
#	tests/consumers/install.sh [statsd] [bundlers] [frameworks]
set -u
cd "$(dirname "$0")" || exit 1
failed=0

[ $# -gt 0 ] || set -- statsd bundlers frameworks
if ! command -v npm >/dev/null; then
    echo "install.sh: no npm, so none of $*: install Node.js 18 or later" >&2
    exit 1
fi
for name; do
    # the copy of the lock file says what is installed
    if cmp -s "$name/package-lock.json" "$name/node_modules/.installed"; then continue; fi
    if (cd "$name" && npm ci --loglevel=error --no-audit --no-fund >/dev/null); then
        cp "$name/package-lock.json" "$name/node_modules/.installed"
    else
        echo "install.sh: npm ci failed in tests/consumers/$name" >&2
        failed=1
    fi
done

exit $failed
