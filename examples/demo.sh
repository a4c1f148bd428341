#!/usr/bin/env bash
# The main job on real input: shell scripts mark spans around real HTTP fetches; nulltrace shows them
# in a table and sends them to a real statsd server, from which they are read back. Then, of a real
# service, why it is slow; and of a recording of it, what it did.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked -p nulltrace-collector
nulltrace=$PWD/target/release/nulltrace
scripts=$PWD/examples/shell

work=$(mktemp -d)
server=
trap 'kill $server 2> /dev/null || true; rm -rf "$work"' EXIT

# A server on loopback with a page to fetch.
head -c 1000000 /dev/urandom > "$work/page"
python3 -u -m http.server --bind 127.0.0.1 --directory "$work" 0 > "$work/log" 2>&1 &
server=$!
until port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/log") && [ -n "$port" ]; do sleep 0.05; done
url=http://127.0.0.1:$port/page

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say '$ nulltrace run -- website-latency.sh URL'
"$nulltrace" run -- "$scripts/website-latency.sh" "$url"

say '$ nulltrace run -- two copies of nested.sh at once'
# The quotes are for the inner shell.
# shellcheck disable=SC2016
both='"$1" "$2" alice & "$1" "$2" bob & wait'
"$nulltrace" run -- bash -c "$both" both "$scripts/nested.sh" "$url"

say '$ the same with --statsd, read back from a statsd server'
node tests/consumers/statsd/readback.js -- \
	"$nulltrace" run --quiet --statsd '{}' -- bash -c "$both" both "$scripts/nested.sh" "$url"

say '$ nulltrace record -o nested.ntc -- nested.sh; then any view of it'
"$nulltrace" record -o "$work/nested.ntc" -- "$scripts/nested.sh" "$url" alice
"$nulltrace" report "$work/nested.ntc"
"$nulltrace" report "$work/nested.ntc" --by span.tags --sum span.hits,span.max

NULLTRACE_BIN=$nulltrace ./examples/story.sh
NULLTRACE_BIN=$nulltrace ./examples/recorded.sh
