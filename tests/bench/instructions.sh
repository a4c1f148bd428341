#!/usr/bin/env bash
# Instructions of the collector's core per marker, and per segment with its marker, on a fixed stream of records: the
# same for the same binary, whatever else the machine does. An argument names another checkout to compare with.
set -euo pipefail
cd "$(dirname "$0")/../.."

counted() { # checkout, what, how many
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1/target/release/examples/stream" "$2" "$3" 2>&1 |
		awk '/Collected/ { print $4 }'
}

per_record() { # checkout, what
	local few many
	few=$(counted "$1" "$2" 120000)
	many=$(counted "$1" "$2" 240000)
	echo $(((many - few) / 120000))
}

other=${1:-}
for checkout in . $other; do
	(cd "$checkout" && cargo build --release --locked --quiet -p nulltrace-core --example stream)
done
for what in markers segments; do
	mine=$(per_record . "$what")
	if [ -n "$other" ]; then
		echo "$what: $mine instructions each, $(per_record "$other" "$what") there"
	else
		echo "$what: $mine instructions each"
	fi
done
