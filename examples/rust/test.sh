#!/usr/bin/env bash
# Sends the service real requests under `nulltrace run` and compares the spans with expected.txt:
# each line a tag and its hits, children below their parent.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in curl python3; do
	command -v $tool > /dev/null || {
		echo "examples/rust: no $tool; run tests/setup.sh" >&2
		exit 1
	}
done
cargo build --locked --quiet -p nulltrace-example
[ -n "${NULLTRACE_BIN:-}" ] || cargo build --locked --quiet -p nulltrace-collector
target=${CARGO_TARGET_DIR:-$PWD/target}
nulltrace=${NULLTRACE_BIN:-$target/debug/nulltrace}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/session" <<'SESSION'
set -euo pipefail
"$SERVICE" --port 0 --dir "$WORK/files" > "$WORK/url" &
service=$!
trap 'kill $service 2>&- || :' EXIT
for _ in $(seq 100); do
	[ ! -s "$WORK/url" ] || break
	sleep 0.1
done
read -r url < "$WORK/url"
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
# Any of the four.
curl --silent --show-error --max-time 60 "$url/download" | wc -c > "$WORK/size"
grep -qxE '1024|65536|1048576|536870912' "$WORK/size"
get /nowhere 404 13
trap - EXIT
kill -TERM $service
wait $service
SESSION
SERVICE=$target/debug/nulltrace-example WORK=$work \
	"$nulltrace" run --quiet --json "$work/summary.json" -- bash "$work/session"

python3 examples/tree.py "$work/summary.json" > "$work/seen"
diff -u examples/rust/expected.txt "$work/seen" || {
	echo "examples/rust: these are not the spans of expected.txt" >&2
	exit 1
}
