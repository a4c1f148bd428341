#!/bin/sh
# Installs the real programs the end-to-end tests send to; quick when they are there already.
# What cannot be installed is told, and the tests that need it say that they are skipped.
set -u
cd "$(dirname "$0")" || exit 1
failed=0

if ! command -v npm >/dev/null; then
    echo "install.sh: no npm, so no statsd server: install Node.js 18 or later" >&2
    failed=1
elif ! cmp -s statsd/package-lock.json statsd/node_modules/.installed; then
    # the copy of the lock file says what is installed
    if (cd statsd && npm ci --loglevel=error); then
        cp statsd/package-lock.json statsd/node_modules/.installed
    else
        echo "install.sh: npm ci failed in tests/consumers/statsd" >&2
        failed=1
    fi
fi

exit $failed
