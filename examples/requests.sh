#!/usr/bin/env bash
# What the example services are asked, which all do the same: requests.sh COMMAND... starts one, asks it all
# there is, and ends it. Run by their test.sh under the collector; $WORK is a directory to write to. Without
# a command there are only the functions, for one that is asked more.
set -euo pipefail

start() { # COMMAND...
	: > "$WORK/url"
	"$@" --port 0 --dir "$WORK/files" > "$WORK/url" &
	service=$!
	trap 'kill $service 2>&- || :' EXIT
	for _ in $(seq 200); do
		[ ! -s "$WORK/url" ] || break
		sleep 0.05
	done
	read -r url < "$WORK/url"
}

stop() {
	trap - EXIT
	kill -TERM $service
	wait $service
}

fetch() { curl --silent --show-error --max-time 60 "$@"; }

get() { # PATH STATUS [BYTES]
	got=$(fetch --output "$WORK/body" --write-out '%{http_code} %{size_download}' "$url$1")
	[[ $got = "$2 "${3:-*} ]] || {
		echo "$1 gave $got, not $2 ${3-}" >&2
		exit 1
	}
}

# Any of the four files.
random() {
	fetch "$url/download" | wc -c > "$WORK/size"
	grep -qxE '1024|65536|1048576|536870912' "$WORK/size"
}

ask() {
	get /empty 200 0
	get '/empty?again' 200 0
	get /fib/10 200 3
	[ "$(cat "$WORK/body")" = 55 ]
	get /fib/20 200 5
	get /fib/many 400
	get '/download?file=1' 200 1024
	get '/download?file=2' 200 65536
	get '/download?file=3' 200 1048576
	# Half a gigabyte: counted, not kept.
	[ "$(fetch "$url/download?file=4" | wc -c)" = 536870912 ]
	get '/download?file=5' 400
	random
	get /nowhere 404
}

[ $# -eq 0 ] || {
	start "$@"
	ask
	stop
}
