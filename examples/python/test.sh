#!/usr/bin/env bash
# Real requests to the service under the collector, and its span tree beside expected.txt.
set -euo pipefail
cd "$(dirname "$0")"
nulltrace=${NULLTRACE_BIN:-$PWD/../../target/debug/nulltrace}
package=$PWD/../../bindings-python/python

work=$(mktemp -d)
collector=
server=
# The service is a child of the collector, which takes no signal for it.
trap 'kill $server $collector 2> /dev/null || true; rm -rf "$work"' EXIT

# Without a wheel: the implementation in Python, unless NULLTRACE_PYTHON has the native one.
python=${NULLTRACE_PYTHON:-python3}
"$python" -c 'import nulltrace' 2> /dev/null || export PYTHONPATH=$package
# The inner shell tells the service's process.
# shellcheck disable=SC2016
"$nulltrace" run --quiet --json "$work/spans.json" -- \
	sh -c 'echo $$ > "$1/pid"; exec "$2" server.py --port 0 --dir "$1/files"' sh "$work" "$python" > "$work/port" &
collector=$!
for _ in $(seq 200); do
	[ -s "$work/port" ] && break
	kill -0 $collector || exit 1
	sleep 0.05
done
server=$(cat "$work/pid")
url=http://127.0.0.1:$(cat "$work/port")

get() { curl -sS --max-time 30 "$url$1"; }
[ "$(get /fib/10)" = 55 ] && [ "$(get /fib/90)" = 2880067194370816120 ] && [ "$(get /fib/0)" = 0 ]
[ -z "$(get /empty)" ] && [ -z "$(get /empty)" ]
for pair in 1:1024 2:65536 3:1048576 4:536870912; do
	[ "$(get "/download?file=${pair%:*}" | wc -c)" = "${pair#*:}" ]
done
[ "$(curl -sS -o /dev/null -w '%{http_code}' "$url/nothing")" = 404 ]
kill "$server"
wait $collector

python3 ../tree.py "$work/spans.json" | diff expected.txt -
echo "examples/python: passed"
