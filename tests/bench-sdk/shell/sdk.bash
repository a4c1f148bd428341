#!/usr/bin/env bash
# The shell SDK as a script uses it. bash has no clock of CPU time: the driver reads the process's.
# shellcheck source=/dev/null
. "${0%/*}/../../../examples/shell/nulltrace.sh"

bare() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo '>:t:checkout.cart.tax.amount::' > /dev/null
		echo '<:t:checkout.cart.tax.amount::' > /dev/null
	done
}

pair() {
	local i
	for ((i = 0; i < $1; i++)); do
		nt_enter checkout.cart.tax.amount
		nt_exit
	done
}

span() {
	local i
	for ((i = 0; i < $1; i++)); do nt_span checkout.cart.tax.amount :; done
}

arg() {
	local i
	for ((i = 0; i < $1; i++)); do
		nt_enter checkout.cart.tax cart="$i"
		nt_exit
	done
}

arg2() {
	local i
	for ((i = 0; i < $1; i++)); do
		nt_enter checkout.cart.tax cart="$i" user=ann
		nt_exit
	done
}

loop() {
	local i
	for ((i = 0; i < $1; i++)); do :; done
}

while read -r row spans _; do
	case $row in
	bare | pair | span | arg | arg2 | loop) "$row" "$spans" && echo 0 ;;
	*) echo "! no such row" ;;
	esac
done
