#!/usr/bin/env bash
# What all services are asked, and more. Run by test.sh under the collector, with $WORK as requests.sh has it.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR
. ../requests.sh
start node server.js
ask
# A client that leaves in the middle of half a gigabyte.
curl --silent --max-time 60 "$url/download?file=4" | head -c 1000000 > /dev/null || :
stop

# A service that is not traced works the same.
NULLTRACE=off start node server.js
random
stop
