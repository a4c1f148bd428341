#!/usr/bin/env bash
# Starts the service, asks it all it can, and ends it. Run by test.sh under the collector; $WORK is a
# directory to write to.
set -euo pipefail
cd "$(dirname "$0")"
trap 'kill ${service-} 2>&- || :' EXIT
start() {
	: > "$WORK/url"
	node server.js --port 0 --dir "$WORK/files" > "$WORK/url" &
	service=$!
	for _ in $(seq 200); do
		[ ! -s "$WORK/url" ] || break
		sleep 0.05
	done
	read -r url < "$WORK/url"
}
stop() {
	kill -TERM $service
	wait $service
}
start
get() { # PATH STATUS BYTES
	got=$(curl --silent --show-error --max-time 60 --output "$WORK/body" --write-out '%{http_code} %{size_download}' "$url$1")
	[ "$got" = "$2 $3" ] || {
		echo "$1 gave $got, not $2 $3" >&2
		exit 1
	}
}
get /empty 200 0
get '/empty?again' 200 0
get /fib/10 200 3
[ "$(cat "$WORK/body")" = 55 ]
get /fib/20 200 5
get /fib/many 400 27
get '/download?file=1' 200 1024
get '/download?file=2' 200 65536
get '/download?file=3' 200 1048576
# Half a gigabyte: counted, not kept.
[ "$(curl --silent --show-error --max-time 60 "$url/download?file=4" | wc -c)" = 536870912 ]
# A client that leaves in the middle of it.
curl --silent --max-time 60 "$url/download?file=4" | head -c 1000000 > /dev/null || :
get '/download?file=5' 400 29
get /nowhere 404 13
stop

# Any of the four; and a service that is not traced works the same.
NULLTRACE=off start
curl --silent --show-error --max-time 60 "$url/download" | wc -c > "$WORK/size"
grep -qxE '1024|65536|1048576|536870912' "$WORK/size"
stop
trap - EXIT
