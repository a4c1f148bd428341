# Turns the lines of tests/vm/bench into its table, and holds it to its limits.

$1 == "release" { release = $2; next }
{
	key = $1 SUBSEP $2
	if (!($1 in rows)) { rows[$1]; order[++n] = $1 }
	if (!(key in low) || $3 < low[key]) low[key] = $3
	if (!(key in high) || $3 > high[key]) high[key] = $3
}

# What a row adds to a call.
function added(row, call) { return low[row, call] - low["nothing", call] }

function cell(row, call) {
	if (row == "nothing") return sprintf("%9.1f         ", low[row, call])
	return sprintf("%9.1f %+8.1f", low[row, call], added(row, call))
}

function limit(row, call, most) {
	if (!((row, call) in low)) {
		printf "bench: %s was not measured on %s\n", row, call
		failed = 1
	}
	if (added(row, call) <= most) return
	printf "bench: %s costs %+.1f instructions on %s; the limit is %+.1f\n",
		row, added(row, call), call, most
	failed = 1
}

END {
	if (n == 0) { print "bench: nothing was measured"; exit 1 }
	printf "Instructions per call and what is added; guest clock under -icount, lowest of three medians.\n"
	printf "kernel %s · %s · %s\n\n", release, machine, date
	printf "%-23s %18s %18s %18s %18s %18s %18s\n", "attached", "marker, 38 B", "other to /dev/null",
		"getppid", "inside a span", "two switches *", "inside spans"
	for (i = 1; i <= n; i++) {
		row = order[i]
		printf "%-23s %s %s %s %s %s %s\n", row, cell(row, "marker"), cell(row, "other_write"),
			cell(row, "getppid"), cell(row, "getppid_inside"), cell(row, "switches"),
			cell(row, "switches_inside")
	}
	printf "* with the four futex calls of two threads that wake each other\n"
	for (key in low)
		if (high[key] - low[key] > spread) { spread = high[key] - low[key]; split(key, widest, SUBSEP) }
	printf "\nThe three medians differ by %.2f at most%s.\n\n", spread,
		spread ? " (" widest[1] ", " widest[2] ")" : ""

	limit("fentry", "marker", 900)
	# A hook that other calls never reach costs them nothing; the half is for averaging.
	limit("fentry", "getppid", 0.5)
	limit("raw_tracepoint", "getppid", 1000)
	limit("raw_tracepoint", "other_write", 1000)
	exit failed
}
