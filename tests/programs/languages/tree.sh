#!/bin/sh
# The spans of tests/tests/languages.rs, in any shell. Usage: tree.sh NULLTRACE.SH
set -eu
# shellcheck source=/dev/null
. "$1"

nt_enter tree run=1
for n in 0 1 2; do
	nt_enter tree.step "n=$n"
	if [ "$n" -eq 1 ]; then
		nt_enter tree.step.leaf
		nt_exit
	fi
	nt_exit "rows=$((n * 10))"
done
# shellcheck disable=SC1003 # a backslash, as it is
nt_enter -a ':=,\' ':=,\<>[]{}'"'"'"' -t '.:=,\<>' -t 'a b ü' 'text=früh 日本'
nt_exit
control=$(printf '\t"\\\001\037\177')
value=$(printf 'v\r\013')
nt_enter -t 'line
break' -t "$control" 'n
'"=$value" empty=
nt_exit 'status=a:b,c=d'
nt_exit status=ok

# The nearest thing to a thread.
(
	nt_enter worker
	nt_enter worker.inner
	nt_exit
	nt_exit
)
