#!/bin/sh
# The latency of a web site: one span around one fetch. Usage: website-latency.sh URL
set -eu
echo '>::website-latency::' > /dev/null
curl -sS -o /dev/null "$1"
echo '<::website-latency::' > /dev/null
