#!/bin/bash
# Nested tags and arguments. Copies that run at once do not mix: an exit closes the nearest span.
# Usage: nested.sh URL CUSTOMER
set -euo pipefail
exec 9> /dev/null # one open for all markers; any path or descriptor to the device will do

echo ">::checkout:customer=$2:" >&9
for item in apple bread coffee; do
	echo ">::checkout.fetch:item=$item:" >&9
	curl -sS -o /dev/null "$1"
	echo "<::checkout.fetch::" >&9
done
echo '>::checkout.pay::' >&9
sleep 0.05
echo '<::checkout.pay:status=ok:' >&9
echo '<::checkout::' >&9
