#!/usr/bin/env bash
# Why is a service slow? Asked of examples/python/server.py under a real load, and the answers checked
# against what its client got. NULLTRACE_BIN is the collector.
set -euo pipefail
cd "$(dirname "$0")/.."
nulltrace=${NULLTRACE_BIN:-$PWD/target/release/nulltrace}

work=$(mktemp -d)
trace=
trap 'kill $trace 2> /dev/null || true; wait; rm -rf "$work"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Each file, so the slow one is among them, and random ones; a line for each answer.
client() {
	local path get=()
	for path in /{fib/{30,9000},empty,download{,'?file='{1..4}}}{,}; do
		get+=(-o /dev/null "$1$path")
	done
	curl -sS --fail --max-time 60 -w '%{url_effective} %{size_header} %{size_download}\n' "${get[@]}"
}

# The service under the collector with these options, until a client has been answered. A person would need
# neither a free port nor the summary as JSON.
ask() {
	rm -f "$work"/{url,summary,answers}
	say "$ nulltrace run ${*:+$* }-- python3 examples/python/server.py --dir $work"
	"$nulltrace" run --json "$work/summary" "$@" -- \
		python3 examples/python/server.py --port 0 --dir "$work" > "$work/url" &
	trace=$!
	until [ -s "$work/url" ]; do
		kill -0 $trace
		sleep 0.05
	done
	client "$(cat "$work/url")" > "$work/answers"
	# Passed on to the service, which ends; then the summary comes.
	kill $trace
	wait $trace
	trace=
}

check() { python3 examples/story.py "$1" "$work/summary" "$work/answers"; }

case $("$nulltrace" doctor | grep '^hook .*, used by run$') in
hook*ebpf:*) ;;
*)
	say 'Why is this service slow? Left out: what spans do inside is seen by eBPF alone, see nulltrace doctor.'
	exit
	;;
esac

say 'Why is this service slow? (It does fib, empty and download.)'
python3 -c 'import nulltrace' 2> /dev/null || {
	say "$ export PYTHONPATH=bindings-python/python"
	export PYTHONPATH=$PWD/bindings-python/python
}

say '1. Which handler is it?'
ask
check handler

say '2. What does it do all the time?'
ask --view time
check io

say '3. With which file?'
ask --by fd.name --sum bytes --where fd.type=file
check file

say 'And the network, apart from the files:'
ask --by evtin.span.tags,fd.l4proto --sum bytes.out --where fd.l4proto=tcp
check network
