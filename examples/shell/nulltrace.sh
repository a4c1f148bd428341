# shellcheck shell=sh
#
# nulltrace.sh: spans from scripts, for sh (dash, busybox), bash, ksh (ksh93, mksh) and zsh.
#
#	. /path/to/nulltrace.sh
#
#	nt_enter checkout customer=ann        begin a span, with arguments
#	nt_span checkout.fetch curl "$url"    a span around a command; its exit says status=N
#	nt_record rows=3                      set arguments of the innermost open span, for its exit
#	nt_exit                               end the innermost span this shell began
#
# nt_enter  [-i ID] [-p ID] [-a NAME VALUE]... PATH [NAME=VALUE]...
# nt_span   [-i ID] [-p ID] [-a NAME VALUE]... PATH COMMAND...
# nt_record [-a NAME VALUE]... [NAME=VALUE]...
# nt_exit   [-a NAME VALUE]... [NAME=VALUE]...
# nt_set_enabled 0|1                      switch off or on
# nt_enabled                              succeeds if spans are on
#
# PATH     Tags with dots between: checkout.fetch. All else stands for itself; what the format needs
#          escaped is escaped here. Where a tag has a dot in it, give -t TAG for each tag instead.
# -a       An argument in two words: for a name that has a `=` in it, and to give nt_span arguments.
# -i ID    A number, "", g, t, p or pp instead of this shell's own id. `--` ends the options.
# -p ID    The parent: the unique number of an open span, as another program may hand on, or "" for none. It
#          is the innermost span otherwise.
#
# COMMAND is anything a shell can run, functions and builtins too, and nt_span returns its status.
# Under `set -e` a function or builtin that fails ends the script where it fails, as it would without
# nt_span: the span then has no exit marker and ends with the process. `return`, `local`, `shift` and
# `set --` act on a function of this file.
#
# nt_record: a name that is set twice, there or at the exit, has the last value.
#
# What makes no marker (an empty tag, 33 tags, an argument without a name or `=`, 65 of them, and
# as the first one at an enter `^`, which names the parent) is not written, nor is the exit of a span
# whose enter was not. Nothing else happens.
#
# nt_enter, nt_record and nt_exit leave $? as it was, but 0 under `set -e`, where any other would end the
# script. So stand them alone: `nt_enter a && make` would ask the command before. A trap on ERR sees
# that status twice.
#
# Ids. `t`, the number of the writing thread, would be another in each subshell. So a shell draws one
# number when it loads this file, and its subshells have it too: `( nt_exit )` ends what the shell
# began, and spans begun in a pipeline or in the background find their parent. But the shell does not
# learn of it: what a subshell began or ended, only the subshell knows.
#
# Costs. Nothing forks but the loading, once. CPU time of one span, in us and in times of two `echo` of the same text to
# /dev/null, which take 8 to 13 us:
#
#	                         bash      dash      busybox   mksh      zsh
#	nt_enter, nt_exit        22 1.7    11 1.3    12 1.5    16 1.8    38 3.8
#	nt_span                  25 2.0    13 1.5    15 1.8    22 2.4    54 5.3
#	nt_enter, 1 argument     26 2.0    15 1.7    16 2.0    24 2.7    69 6.4
#	nt_enter, 2 arguments    27 2.0    15 1.7    17 2.0    25 2.7    69 6.6
#	nt_exit, 1 argument      28 2.1    14 1.6    15 1.9    23 2.6    66 6.2
#	nt_exit, 2 arguments     29 2.2    14 1.6    16 1.9    24 2.7    67 6.3
#	nt_span -a, 1 argument   35 2.7    16 1.9    19 2.3    30 3.4    86 8.2
#	nt_span -a, 2 arguments  39 3.0    17 2.0    20 2.4    33 3.5    86 8.4
#
# That is so for short paths and arguments of ASCII letters, digits, blanks and _./@%+-, where the command before
# succeeded and fewer than ten spans are open; others take 40 to 500 us. In bash, a path that is not that of the span before
# takes 8 us more, in the others up to 5, in zsh 40. A command that is no builtin takes 300 to 1000. ksh93 writes nothing to
# /dev/null by its own commands: there each marker is a process of printf, about 1 ms. (Its `print -s` would write to
# it where HISTFILE says so, but that takes the history of the user, and keeps the descriptor.)
#
# The redirection is most of it. A descriptor kept open would save half of that, but every command
# would inherit it, and the script could close it and get its number for another file, which the markers would then land
# in. To ask each time whether it is still the null device (`[[ /dev/fd/N -ef /dev/null ]]`) takes longer than that.
#
# Long markers. One above 4096 bytes is sent as its first 4097 (the collector says `cut`). bash, ksh and
# busybox cannot write so many at once, nor does printf; there it is sent without its arguments. And a bash that has
# written to a terminal sends what is above 1024 bytes in pieces, which the collector joins.
#
# NULLTRACE=off when this file is loaded (or 0, false, no, in any case): no markers, and next to no cost, until
# nt_set_enabled 1. A span that is open when it is switched off writes its exit; one that was begun while off
# writes nothing, also not later.
#
# Names: nt_* is for callers, _nt_* (functions and variables) for this file.

# The last characters of $1, as many as $2 has.
_nt_last() {
	set -- "$2$1" "$2"
	while [ "${#1}" -gt "${#2}" ]; do set -- "${1#?}" "$2"; done
	_nt_part="$1"
}

# A number no other shell has, nor any thread: from the address of this process's stack, which the
# kernel draws at random, and the time it started. By its text, as some shells calculate with 32 bits.
_nt_unique() {
	_nt_started=0
	read -r _nt_line < /proc/self/stat || return 0
	_nt_line="${_nt_line##*\) }" # the name before may have blanks
	_nt_field=3
	while [ "$_nt_field" -lt 28 ]; do
		_nt_line="${_nt_line#* }"
		_nt_field="$((_nt_field + 1))"
		if [ "$_nt_field" -eq 22 ]; then _nt_started="${_nt_line%% *}"; fi
	done
	_nt_line="${_nt_line%% *}"
	case "$_nt_line$_nt_started" in
	*[!0-9]*) ;;
	*)
		_nt_last "$_nt_line" 000000000000
		_nt_own="1$_nt_part"
		_nt_last "$_nt_started" 000
		_nt_own="$_nt_own$_nt_part"
		_nt_last "$$" 000
		_nt_own="$_nt_own$_nt_part"
		;;
	esac
	unset _nt_line _nt_field _nt_started
}

# Appends $2 to _nt_text, a backslash before each character that separates; $1 says what it is.
_nt_escape() {
	_nt_rest="$2"
	# Here and below, %% where % would do: the shells look for it from the other end, which is quick.
	while :; do
		case "$1" in
		arg) _nt_part="${_nt_rest%%[:=,\\]*}" ;;
		path) _nt_part="${_nt_rest%%[:=,\\\<\>]*}" ;;
		*) _nt_part="${_nt_rest%%[.:=,\\\<\>]*}" ;;
		esac
		_nt_text="$_nt_text$_nt_part"
		# Twice a marker's length, for the JSON form may be half as long.
		if [ "$_nt_part" = "$_nt_rest" ] || [ "${#_nt_text}" -gt 8200 ]; then return 0; fi
		_nt_rest="${_nt_rest#"$_nt_part"}"
		_nt_part="${_nt_rest#?}"
		_nt_text="$_nt_text\\${_nt_rest%%"$_nt_part"}"
		_nt_rest="$_nt_part"
	done
}

# Appends the tags or arguments $2, in the simple form, to _nt_text as the inside of JSON; $1 says
# which. Sets _nt_control if there was a control character.
_nt_json() {
	_nt_rest="$2"
	while :; do
		if [ "$1" = tags ]; then
			_nt_part="${_nt_rest%%[.\\\"[:cntrl:]]*}"
		else
			_nt_part="${_nt_rest%%[=,\\\"[:cntrl:]]*}"
		fi
		_nt_text="$_nt_text$_nt_part"
		if [ "$_nt_part" = "$_nt_rest" ] || [ "${#_nt_text}" -gt 4097 ]; then return 0; fi
		_nt_rest="${_nt_rest#"$_nt_part"}"
		_nt_part="${_nt_rest#?}"
		_nt_char="${_nt_rest%%"$_nt_part"}"
		_nt_rest="$_nt_part"
		case "$_nt_char" in
		.) _nt_text="$_nt_text\",\"" ;;
		"=") _nt_text="$_nt_text\":\"" ;;
		,) _nt_text="$_nt_text\"},{\"" ;;
		\") _nt_text="$_nt_text\\\"" ;;
		\\)
			_nt_part="${_nt_rest#?}"
			_nt_char="${_nt_rest%%"$_nt_part"}"
			_nt_rest="$_nt_part"
			if [ "$_nt_char" = \\ ]; then _nt_char=\\\\; fi
			_nt_text="$_nt_text$_nt_char"
			;;
		*)
			# The table holds each control character at the place of its number.
			_nt_part="${_nt_controls%%"$_nt_char"*}"
			_nt_code="${#_nt_part}"
			case "$_nt_code" in
			8) _nt_char=\\b ;;
			9) _nt_char=\\t ;;
			10) _nt_char=\\n ;;
			12) _nt_char=\\f ;;
			13) _nt_char=\\r ;;
			32) ;; # not in it: DEL, or a control character beyond ASCII
			*)
				_nt_char="\\u00$((_nt_code / 16))"
				case "$((_nt_code % 16))" in
				10) _nt_char="${_nt_char}a" ;;
				11) _nt_char="${_nt_char}b" ;;
				12) _nt_char="${_nt_char}c" ;;
				13) _nt_char="${_nt_char}d" ;;
				14) _nt_char="${_nt_char}e" ;;
				15) _nt_char="${_nt_char}f" ;;
				*) _nt_char="$_nt_char$((_nt_code % 16))" ;;
				esac
				;;
			esac
			if [ "$_nt_code" -lt 32 ]; then _nt_control=1; fi
			_nt_text="$_nt_text$_nt_char"
			;;
		esac
	done
}

# Writes the marker of direction $1 and _nt_id, _nt_tags, _nt_args.
_nt_write() {
	_nt_text="$1:$_nt_id:$_nt_tags:$_nt_args:"
	case "$_nt_text" in
	*[[:cntrl:]]*) _nt_write_json "$1" ;;
	*) _nt_write_text "$1" ;;
	esac
}

_nt_write_json() {
	_nt_simple="$_nt_text"
	_nt_control=
	case "$_nt_id" in
	'' | [gtp] | pp) _nt_text="[\"$1\",\"$_nt_id\",[\"" ;;
	*) _nt_text="[\"$1\",$_nt_id,[\"" ;;
	esac
	_nt_json tags "$_nt_tags"
	_nt_text="$_nt_text\"]"
	if [ -n "$_nt_args" ]; then
		_nt_text="$_nt_text,[{\""
		_nt_json args "$_nt_args"
		_nt_text="$_nt_text\"}]"
	fi
	_nt_text="$_nt_text]"
	if [ -z "$_nt_control" ]; then _nt_text="$_nt_simple"; fi
	_nt_write_text "$1"
}

_nt_write_text() {
	if [ "${#_nt_text}" -le 4096 ]; then
		"$_nt_print" "$_nt_how" "$_nt_text" > /dev/null || :
	elif [ -n "$_nt_whole" ]; then
		"$_nt_print" %.4097s "$_nt_text" > /dev/null || :
	elif [ -n "$_nt_args" ]; then
		_nt_args=''
		_nt_write "$1"
	fi
}

# Takes $1 as the id, if it is one.
_nt_set_id() {
	_nt_id="$1"
	case "$1" in
	'' | g | t | p | pp | 0) return 0 ;;
	0* | -0* | - | ?*-* | *[!0-9-]*)
		_nt_bad=1
		return 0
		;;
	esac
	case "${1#-}" in
	????????????????????*) _nt_bad=1 ;;
	???????????????????)
		if [ "$1" != -9223372036854775808 ] && ! _nt_less "${1#-}" 9223372036854775808; then _nt_bad=1; fi
		;;
	esac
}

# Whether the number $1 is less than $2, which has as many digits. Some shells calculate with 32 bits.
_nt_less() {
	while [ -n "$1" ]; do
		set -- "${1#?}" "${2#?}" "${1%"${1#?}"}" "${2%"${2#?}"}"
		if [ "$3" -ne "$4" ]; then
			[ "$3" -lt "$4" ]
			return
		fi
	done
	return 1
}

# Takes $1 as the parent, if it may be one: none, or above 2^32 and below 2^48.
_nt_set_parent() {
	_nt_parent="^=$1"
	case "$1" in
	'') return 0 ;;
	0* | *[!0-9]* | ????????????????*) _nt_bad=1 ;;
	???????????????) if ! _nt_less "$1" 281474976710656; then _nt_bad=1; fi ;;
	???????????*) ;;
	??????????) if ! _nt_less 4294967296 "$1"; then _nt_bad=1; fi ;;
	*) _nt_bad=1 ;;
	esac
}

# Takes $1, one tag, or a path of them if $2 says so.
_nt_tag() {
	case "$1" in '') _nt_bad=1 ;; esac
	_nt_text="${_nt_tags:+$_nt_tags.}"
	_nt_escape "$2" "$1"
	_nt_tags="$_nt_text"
	_nt_depth="$((_nt_depth + 1))"
	if [ "$_nt_depth" -gt 32 ]; then _nt_bad=1; fi
}

# Takes $1, a path: no tag may be empty, and 33 with their dots are 65 characters at least.
_nt_path() {
	case ".$1." in *..*) _nt_bad=1 ;; esac
	_nt_tag "$1" path
	_nt_rest="$1"
	while [ "${#_nt_rest}" -gt 0 ] && [ "$_nt_depth" -le 32 ]; do
		case "$_nt_rest" in
		*.*) _nt_rest="${_nt_rest#*.}" ;;
		*) return 0 ;;
		esac
		_nt_depth="$((_nt_depth + 1))"
	done
	_nt_bad=1
}

# Takes an argument: name, value.
_nt_arg() {
	case "$1" in '') _nt_bad=1 ;; esac
	if [ -n "$_nt_once" ]; then
		_nt_text=''
		_nt_escape arg "$1"
		_nt_without "$_nt_text"
	fi
	_nt_text="${_nt_args:+$_nt_args,}"
	_nt_escape arg "$1"
	_nt_text="$_nt_text="
	_nt_escape arg "$2"
	_nt_args="$_nt_text"
}

# Takes the argument of this name, as it is written in a marker, out of _nt_args.
_nt_without() {
	_nt_rest="$_nt_args"
	_nt_args=''
	while [ -n "$_nt_rest" ]; do
		# One argument: up to a comma that has no backslash before it.
		_nt_text=''
		while :; do
			_nt_part="${_nt_rest%%[,\\]*}"
			_nt_text="$_nt_text$_nt_part"
			_nt_rest="${_nt_rest#"$_nt_part"}"
			case "$_nt_rest" in "\\"*) ;; *) break ;; esac
			_nt_part="${_nt_rest#??}"
			_nt_text="$_nt_text${_nt_rest%"$_nt_part"}"
			_nt_rest="$_nt_part"
		done
		_nt_rest="${_nt_rest#,}"
		case "$_nt_text" in
		"$1="*) _nt_count="$((_nt_count - 1))" ;;
		*) _nt_args="${_nt_args:+$_nt_args,}$_nt_text" ;;
		esac
	done
}

# Takes arguments as callers write them.
_nt_operands() {
	_nt_count="$((_nt_count + $#))"
	while [ "$#" -gt 0 ]; do
		case "$1" in
		"="*) _nt_bad=1 ;;
		*"="*) _nt_arg "${1%%=*}" "${1#*=}" ;;
		*) _nt_bad=1 ;;
		esac
		shift
	done
	if [ "$_nt_count" -gt 64 ]; then _nt_bad=1; fi
}

# Takes the options, and after them, if $1 is `path` and no -t was given, the path. _nt_used is the
# number of words after $1 that this was.
_nt_options() {
	_nt_kind="$1"
	shift
	_nt_all="$#"
	while [ "$#" -gt 0 ]; do
		case "$1" in
		-i)
			_nt_set_id "${2-}"
			shift
			;;
		-p)
			_nt_set_parent "${2-}"
			if [ "$_nt_kind" = exit ]; then _nt_bad=1; fi
			shift
			;;
		-t)
			_nt_tag "${2-}" tag
			shift
			;;
		-a)
			_nt_arg "${2-}" "${3-}"
			_nt_count="$((_nt_count + 1))"
			if [ "$_nt_count" -gt 64 ]; then _nt_bad=1; fi
			shift
			if [ "$#" -gt 1 ]; then shift; fi
			;;
		--)
			shift
			break
			;;
		-?*)
			_nt_bad=1
			;;
		*) break ;;
		esac
		if [ "$#" -gt 0 ]; then shift; fi
	done
	if [ "$_nt_kind" = path ] && [ "$_nt_depth" -eq 0 ]; then
		if [ "$#" -gt 0 ]; then
			_nt_path "$1"
			shift
		else
			_nt_bad=1
		fi
	fi
	_nt_used="$((_nt_all - $#))"
}

# Notes the span for its exit and writes the marker. _nt_top is the innermost open span, _nt_stack has the others, each
# with a colon behind it: the tags, if the enter was a usual one (below); `=` and N for _nt_id_N and _nt_tags_N, which are
# empty if it is not written; and `!` for one that was begun while off. bash has an array instead.
_nt_push() {
	_nt_put "=$((_nt_open + 1))"
	if [ "$_nt_open" -gt 4096 ]; then return 0; fi
	if [ -n "$_nt_bad" ] || [ "$_nt_on" = 0 ]; then _nt_tags=''; fi
	eval "_nt_id_$_nt_open=\$_nt_id _nt_tags_$_nt_open=\$_nt_tags"
	if [ -n "$_nt_tags" ]; then _nt_write '>'; fi
}

# Takes the innermost span out, into _nt_id and _nt_tags; those are empty if it is not written.
_nt_pop() {
	_nt_take
	if [ "$_nt_open" -le 4096 ]; then
		_nt_id="$_nt_own"
		case "$_nt_tags" in
		!) _nt_tags='' ;;
		"="*)
			eval "_nt_id=\$_nt_id_$_nt_open _nt_tags=\$_nt_tags_$_nt_open"
			unset "_nt_id_$_nt_open" "_nt_tags_$_nt_open"
			;;
		esac
		if [ "$_nt_said" -gt 0 ]; then _nt_forget; fi
	fi
	_nt_open="$((_nt_open - 1))"
}

# Makes $1 the innermost span.
_nt_put() {
	_nt_open="$((_nt_open + 1))"
	# That many were begun in a loop and never ended, it seems: they must not fill the memory.
	if [ "$_nt_open" -gt 4096 ]; then return 0; fi
	# Some shells are slow with long text.
	if [ "$_nt_open" -gt 100 ]; then
		eval "_nt_below_$_nt_open=\$_nt_top"
	else
		_nt_stack="$_nt_top:$_nt_stack"
	fi
	_nt_top="$1"
}

# Sets _nt_tags to the innermost span, and _nt_top to the one around it.
_nt_take() {
	_nt_tags=''
	if [ "$_nt_open" -gt 4096 ]; then return 0; fi
	_nt_tags="$_nt_top"
	if [ "$_nt_open" -gt 100 ]; then
		eval "_nt_top=\$_nt_below_$_nt_open"
		unset "_nt_below_$_nt_open"
	else
		_nt_top="${_nt_stack%%:*}"
		_nt_stack="${_nt_stack#*:}"
	fi
}

# Takes out what was recorded for the innermost span.
_nt_forget() {
	eval "_nt_part=\${_nt_said_$_nt_open-}"
	if [ -n "$_nt_part" ]; then
		unset "_nt_said_$_nt_open"
		_nt_said="$((_nt_said - 1))" _nt_odd="$((_nt_odd - 1))"
	fi
}

# Begins what is there from before: arguments that were recorded, of which each name stands once.
_nt_recorded() {
	eval "_nt_args=\${_nt_said_$_nt_open-}"
	_nt_once="$_nt_args"
	# Each is above the limit already if there are so many.
	set -- "$_nt_args"
	while [ -n "$1" ]; do
		_nt_count="$((_nt_count + 1))"
		case "$1" in *,*) set -- "${1#*,}" ;; *) break ;; esac
	done
}

# What follows is called with the status to keep, and the words of nt_enter and the others.

_nt_do_enter() {
	shift
	_nt_options path "$@"
	shift "$_nt_used"
	_nt_operands "$@"
	_nt_begin
}

# The command is left out; _nt_words is the number of words before it.
_nt_do_span() {
	shift
	_nt_options path "$@"
	_nt_words="$_nt_used"
	_nt_begin
}

_nt_begin() {
	case "$_nt_args" in "^="*) _nt_bad=1 ;; esac
	if [ -n "$_nt_parent" ]; then
		_nt_args="$_nt_parent${_nt_args:+,$_nt_args}"
		if [ "$_nt_count" -gt 63 ]; then _nt_bad=1; fi
	fi
	_nt_push
}

_nt_do_exit() {
	if [ "$_nt_open" -eq 0 ]; then return 0; fi
	shift
	if [ "$_nt_said" -gt 0 ]; then _nt_recorded; fi
	_nt_options exit "$@"
	shift "$_nt_used"
	_nt_operands "$@"
	_nt_pop
	if [ -z "$_nt_bad" ] && [ -n "$_nt_tags" ]; then _nt_write '<'; fi
}

_nt_do_record() {
	if [ "$_nt_open" -eq 0 ] || [ "$_nt_open" -gt 4096 ]; then return 0; fi
	shift
	_nt_recorded
	_nt_once=1
	_nt_had="$_nt_args"
	_nt_options exit "$@"
	shift "$_nt_used"
	_nt_operands "$@"
	if [ -n "$_nt_bad" ] || [ -z "$_nt_args" ]; then return 0; fi
	if [ -z "$_nt_had" ]; then _nt_said="$((_nt_said + 1))" _nt_odd="$((_nt_odd + 1))"; fi
	eval "_nt_said_$_nt_open=\$_nt_args"
}

# Calls $1, one of those above. A handler of `trap` may come in the middle of it and do the same, so what the
# variables were is kept, as the arguments of the next one: `local` is not in every shell. Text is taken as bytes, and
# bash 5.2 garbles what is not UTF-8.
_nt_any() {
	_nt_kept "${LC_ALL+set}" "${LC_ALL-}" "$_nt_id" "$_nt_tags" "$_nt_args" "$_nt_bad" "$_nt_count" "$_nt_depth" \
		"$_nt_parent" "$_nt_used" "$_nt_text" "$_nt_rest" "$_nt_part" "$_nt_char" "$_nt_code" "$_nt_control" \
		"$_nt_simple" "$_nt_kind" "$_nt_all" "$_nt_once" "$_nt_had" "$@"
	case "$-" in *e*) return 0 ;; esac
	return "$2"
}

_nt_kept() {
	LC_ALL=C
	_nt_id="$_nt_own" _nt_tags='' _nt_args='' _nt_bad='' _nt_count=0 _nt_depth=0 _nt_parent='' _nt_once='' _nt_control=''
	_nt_call 21 "$@"
	_nt_id="$3" _nt_tags="$4" _nt_args="$5" _nt_bad="$6" _nt_count="$7" _nt_depth="$8" _nt_parent="$9" _nt_used="${10}"
	_nt_text="${11}" _nt_rest="${12}" _nt_part="${13}" _nt_char="${14}" _nt_code="${15}" _nt_control="${16}"
	_nt_simple="${17}" _nt_kind="${18}" _nt_all="${19}" _nt_once="${20}" _nt_had="${21}"
	if [ -n "$1" ]; then LC_ALL="$2"; else unset LC_ALL; fi
}

# Runs what stands behind $1 words.
_nt_call() {
	shift "$(($1 + 1))"
	"$@"
}

# The usual is written here and now: the path is the one that was checked last, there are no arguments, few spans are
# open, and the command before succeeded. bash copies a function for each call, so what is rarer stands elsewhere.

nt_enter() {
	case "$?:$#:$_nt_on:$_nt_open:${1-}" in
	0:1:1:?:"$_nt_good")
		_nt_open=$((_nt_open + 1)) _nt_stack="$_nt_top:$_nt_stack" _nt_top="$1"
		"$_nt_print" "$_nt_how" ">:$_nt_own:$1::" > /dev/null || :
		;;
	*) _nt_enter "$?" "$@" ;;
	esac
}

# The same of another path, with one argument or two, or while off. $1 is the status to keep.
_nt_enter() {
	case "$1:$#:$_nt_on:$_nt_open" in
	0:[234]:1:? | 0:[234]:1:??)
		if _nt_is_plain "${3-k=}" "${4-k=}" && { [ "$2" = "$_nt_good" ] || _nt_is_good "$2"; }; then
			_nt_open=$((_nt_open + 1)) _nt_stack="$_nt_top:$_nt_stack" _nt_top="$2"
			"$_nt_print" "$_nt_how" ">:$_nt_own:$2:${3-}${4+,$4}:" > /dev/null || :
			return 0
		fi
		;;
	0:*:0:? | 0:*:0:??)
		_nt_open=$((_nt_open + 1)) _nt_stack="$_nt_top:$_nt_stack" _nt_top=!
		return 0
		;;
	esac
	_nt_any _nt_do_enter "$@"
}

# Whether a path is short and needs no escape.
_nt_is_good() {
	if [ "$1" = "$_nt_good" ]; then return 0; fi
	case "${#1}:.$1." in
	*..* | *:.-* | ???:* | ????*:* | *[!A-Za-z0-9_./@%+:\ -]* | *:*:*) return 1 ;;
	esac
	_nt_good="$1"
}

# Whether two arguments are, a name and a value each.
_nt_is_plain() {
	case "$1,$2" in
	*,*,* | *"="*"="*"="* | *[!A-Za-z0-9_./@%+=,\ -]*) return 1 ;;
	?*"="*,?*"="*) [ "$((${#1} + ${#2}))" -le 512 ] ;;
	*) return 1 ;;
	esac
}

nt_exit() {
	case "$?:$#:$_nt_said:$_nt_top" in
	0:0:0:[!=!]*)
		"$_nt_print" "$_nt_how" "<:$_nt_own:$_nt_top::" > /dev/null || :
		_nt_open=$((_nt_open - 1)) _nt_top="${_nt_stack%%:*}" _nt_stack="${_nt_stack#*:}"
		;;
	0:*:0:!) _nt_open=$((_nt_open - 1)) _nt_top="${_nt_stack%%:*}" _nt_stack="${_nt_stack#*:}" ;;
	*) _nt_exit "$?" "$@" ;;
	esac
}

# The same with one argument or two. $1 is the status to keep.
_nt_exit() {
	case "$1:$#:$_nt_said:$_nt_top" in
	0:[23]:0:[!=!]*)
		if _nt_is_plain "$2" "${3-k=}"; then
			"$_nt_print" "$_nt_how" "<:$_nt_own:$_nt_top:$2${3+,$3}:" > /dev/null || :
			_nt_open=$((_nt_open - 1)) _nt_top="${_nt_stack%%:*}" _nt_stack="${_nt_stack#*:}"
			return 0
		fi
		;;
	esac
	_nt_any _nt_do_exit "$@"
}

nt_record() {
	_nt_any _nt_do_record "$?" "$@"
}

nt_span() {
	case "$_nt_on:$_nt_open:$-:${1-}" in
	0:?:*:[!-]*) _nt_span_off "$@" ;;
	*:*e*:"$_nt_good") _nt_span_other "$@" ;;
	1:?:*:"$_nt_good")
		_nt_open=$((_nt_open + 1)) _nt_stack="$_nt_top:$_nt_stack" _nt_top="$1"
		"$_nt_print" "$_nt_how" ">:$_nt_own:$1::" > /dev/null || :
		set -- "$_nt_open" "$@"
		_nt_call 2 "$@"
		_nt_end_span "$?" "$1"
		;;
	1:?:*:-a) _nt_span_arg "$@" ;;
	*) _nt_span_other "$@" ;;
	esac
}

# The same with one argument or two.
_nt_span_arg() {
	case "$-:$#:${4-}" in
	*e*:*:* | *:[123]:* | *:[456]:-a) ;;
	*:-a)
		if _nt_is_plain "$2=$3" "$5=$6" && { [ "$7" = "$_nt_good" ] || _nt_is_good "$7"; }; then
			_nt_open=$((_nt_open + 1)) _nt_stack="$_nt_top:$_nt_stack" _nt_top="$7"
			"$_nt_print" "$_nt_how" ">:$_nt_own:$7:$2=$3,$5=$6:" > /dev/null || :
			set -- "$_nt_open" "$@"
			_nt_call 8 "$@"
			_nt_end_span "$?" "$1"
			return
		fi
		;;
	*)
		if _nt_is_plain "$2=$3" k= && { [ "$4" = "$_nt_good" ] || _nt_is_good "$4"; }; then
			_nt_open=$((_nt_open + 1)) _nt_stack="$_nt_top:$_nt_stack" _nt_top="$4"
			"$_nt_print" "$_nt_how" ">:$_nt_own:$4:$2=$3:" > /dev/null || :
			set -- "$_nt_open" "$@"
			_nt_call 5 "$@"
			_nt_end_span "$?" "$1"
			return
		fi
		;;
	esac
	_nt_span_other "$@"
}

# There is no exit to write, so under `set -e` the command may end the script here.
_nt_span_off() {
	_nt_put !
	set -- "$_nt_open" "$@"
	_nt_call 2 "$@"
	_nt_end_span "$?" "$1"
}

_nt_span_other() {
	case "${1-}" in
	-*)
		_nt_any _nt_do_span 0 "$@"
		shift "$_nt_words"
		set -- "" "$@"
		;;
	*) _nt_enter 0 "${1-}" ;;
	esac
	if [ "$#" -eq 0 ]; then set -- ""; fi
	_nt_ran "$_nt_open" "$@"
}

# Runs the command behind two words, and ends the span: $1 is how many are open with it, $2 its path.
_nt_ran() {
	case "$-" in
	*e*) _nt_ran_errexit "$@" ;;
	*)
		_nt_call 2 "$@"
		_nt_end_span "$?" "$1"
		;;
	esac
}

# Where its status is tested a function would no longer stop at its failures. What is not found without a path, or has a
# slash, is a program, and has none to stop at.
_nt_ran_errexit() {
	case "${3-}" in
	*/*) ;;
	*)
		if PATH=/dev/null/. command -v "${3-}" > /dev/null 2>&1; then
			_nt_call 2 "$@"
			_nt_end_span "$?" "$1"
			return
		fi
		;;
	esac
	if _nt_call 2 "$@"; then
		_nt_end_span 0 "$1"
	else
		_nt_end_span "$?" "$1"
	fi
}

# Ends the span of a command: $1 is its status, $2 how many were open with it. Gives that status.
_nt_end_span() {
	case "$_nt_open:$_nt_said:$_nt_top" in
	"$2":0:[!=!]*)
		"$_nt_print" "$_nt_how" "<:$_nt_own:${_nt_top}:status=$1:" > /dev/null || :
		_nt_open=$((_nt_open - 1)) _nt_top="${_nt_stack%%:*}" _nt_stack="${_nt_stack#*:}"
		;;
	"$2":0:!) _nt_open=$((_nt_open - 1)) _nt_top="${_nt_stack%%:*}" _nt_stack="${_nt_stack#*:}" ;;
	*) _nt_end_other "$@" ;;
	esac
	return "$1"
}

# It may have begun spans that it did not end, or have ended this one.
_nt_end_other() {
	while [ "$_nt_open" -gt "$2" ]; do _nt_any _nt_drop 0; done
	if [ "$_nt_open" -eq "$2" ]; then _nt_any _nt_do_exit 0 "status=$1"; fi
}

_nt_drop() {
	_nt_pop
}

nt_enabled() {
	[ "$_nt_on" = 1 ]
}

nt_set_enabled() {
	case "$1" in
	0) _nt_on=0 ;;
	*) _nt_on="$_nt_usable" ;;
	esac
}

# bash copies a function for each call, and its opening of the null device alone is half of what a span may cost. So what
# is usual is done here in one function, in few words, and the spans are in an array: _nt_stack holds at N what _nt_top is
# elsewhere while N spans are open. _nt_odd counts the open spans of the kinds `=` and `!`, those above the limit, and those
# with recorded arguments: a usual span may be ended without a look at it while there is none. In quotes, because other
# shells cannot read it. A pattern without quotes is a path in which nothing is special.
if [ -n "${BASH_VERSION-}" ]; then
	eval '
nt_enter() {
	case $?$#$_nt_on$_nt_open:${1-} in
	011?:$_nt_good)
		_nt_stack[++_nt_open]=$1
		printf %s ">:$_nt_own:$1::" > /dev/null || :
		;;
	0[23]1?:$_nt_good)
		case $#${#2}${3+${#3}}/$2,${3-k=} in
		2[0-9][0-9][0-9][0-9]* | 3[0-9][0-9][0-9][0-9][0-9]* | *[!A-Za-z0-9_./@%+=,\ -]* | *=*=*=* | *,*,*) _nt_enter_any "$@" ;;
		*/?*=*,?*=*)
			_nt_stack[++_nt_open]=$1
			printf %s ">:$_nt_own:$1:$2${3+,$3}:" > /dev/null || :
			;;
		*) _nt_enter_any "$@" ;;
		esac
		;;
	*) _nt_enter "$?" "$@" ;;
	esac
}

_nt_enter_any() {
	_nt_any _nt_do_enter 0 "$@"
}

# The same of another path, or with many open.
_nt_enter() {
	case $1$_nt_on$#:${2+${#2}}:$_nt_open:.${2-}. in
	00?:?:?:.* | 00?:??:?:.*) _nt_stack[++_nt_open]=! _nt_odd=$((_nt_odd + 1)) ;;
	00*) _nt_put ! ;;
	01?:[0-9][0-9][0-9][0-9]* | *:[0-9][0-9][0-9][0-9]:.* | *[!A-Za-z0-9_./@%+:\ -]* | *..* | *:.-* | *:*:*:*:*) _nt_any _nt_do_enter "$@" ;;
	012:*)
		_nt_good=$2
		_nt_stack[++_nt_open]=$2
		printf %s ">:$_nt_own:$2::" > /dev/null || :
		;;
	01[34]:*:?:*)
		_nt_good=$2
		shift
		nt_enter "$@"
		;;
	*) _nt_any _nt_do_enter "$@" ;;
	esac
}

nt_exit() {
	case $?$#$_nt_odd$_nt_open in
	000[1-9]*)
		printf %s "<:$_nt_own:${_nt_stack[_nt_open--]}::" > /dev/null || :
		;;
	0[12]0[1-9]*) _nt_exit_arg "$@" ;;
	*) _nt_exit "$?" "$@" ;;
	esac
}

# The same with one argument or two.
_nt_exit_arg() {
	case $#${#1}${2+${#2}}/$1,${2-k=} in
	1[0-9][0-9][0-9][0-9]* | 2[0-9][0-9][0-9][0-9][0-9]* | *[!A-Za-z0-9_./@%+=,\ -]* | *=*=*=* | *,*,*) _nt_any _nt_do_exit 0 "$@" ;;
	*/?*=*,?*=*)
		printf %s "<:$_nt_own:${_nt_stack[_nt_open--]}:$1${2+,$2}:" > /dev/null || :
		;;
	*) _nt_any _nt_do_exit 0 "$@" ;;
	esac
}

# The same where not all open spans are usual ones.
_nt_exit() {
	case $1$_nt_said$#:${_nt_stack[_nt_open]-=} in
	00?:!) _nt_open=$((_nt_open - 1)) _nt_odd=$((_nt_odd - 1)) ;;
	001:[!=]*)
		printf %s "<:$_nt_own:${_nt_stack[_nt_open--]}::" > /dev/null || :
		;;
	00[23]:[!=]*)
		shift
		_nt_exit_arg "$@"
		;;
	*) _nt_any _nt_do_exit "$@" ;;
	esac
}

nt_span() {
	case $_nt_on$_nt_open:$-:${1-} in
	0?:*:[!-]*) _nt_span_off "$@" ;;
	*:*e*:*) _nt_span_other "$@" ;;
	1?:*:$_nt_good)
		_nt_stack[++_nt_open]=$1
		printf %s ">:$_nt_own:$1::" > /dev/null || :
		local _nt_at=$_nt_open
		_nt_run "$@"
		case $?$_nt_odd$_nt_open in
		00$_nt_at)
			printf %s "<:$_nt_own:${_nt_stack[_nt_open--]}:status=0:" > /dev/null || :
			;;
		*) _nt_end_span "$?" "$_nt_at" ;;
		esac
		;;
	1?:*:-a) _nt_span_arg "$@" ;;
	*) _nt_span_other "$@" ;;
	esac
}

# The same with one argument, or two.
_nt_span_arg() {
	# The lengths stand in front, as above.
	case ${2+${#2}}${3+${#3}}:${4-}:${2-}=${3-} in
	[0-9][0-9][0-9][0-9][0-9]* | *[!A-Za-z0-9_./@%+:=\ -]* | *=*=* | *:*:*:*)
		_nt_span_other "$@"
		return
		;;
	*:$_nt_good:?*=*)
		_nt_stack[++_nt_open]=$4
		printf %s ">:$_nt_own:$4:$2=$3:" > /dev/null || :
		shift 3
		;;
	*:-a:?*=*)
		case ${5+${#5}}${6+${#6}}:${7-}:${5-}=${6-} in
		[0-9][0-9][0-9][0-9][0-9]* | *[!A-Za-z0-9_./@%+:=\ -]* | *=*=* | *:*:*:*)
			_nt_span_other "$@"
			return
			;;
		*:$_nt_good:?*=*)
			_nt_stack[++_nt_open]=$7
			printf %s ">:$_nt_own:$7:$2=$3,$5=$6:" > /dev/null || :
			shift 6
			;;
		*)
			_nt_span_again "${7-}" "$@"
			return
			;;
		esac
		;;
	*)
		_nt_span_again "${4-}" "$@"
		return
		;;
	esac
	local _nt_at=$_nt_open
	_nt_run "$@"
	case $?$_nt_odd$_nt_open in
	00$_nt_at)
		printf %s "<:$_nt_own:${_nt_stack[_nt_open--]}:status=0:" > /dev/null || :
		;;
	*) _nt_end_span "$?" "$_nt_at" ;;
	esac
}

# $1 is the path of the words after it, perhaps another than the last.
_nt_span_again() {
	if [ "$1" != "$_nt_good" ] && _nt_is_good "$1"; then
		shift
		_nt_span_arg "$@"
	else
		shift
		_nt_span_other "$@"
	fi
}

_nt_span_off() {
	_nt_stack[++_nt_open]=! _nt_odd=$((_nt_odd + 1))
	local _nt_at=$_nt_open
	_nt_run "$@"
	_nt_end_span "$?" "$_nt_at"
}

_nt_run() {
	shift
	"$@"
}

_nt_end_span() {
	case $_nt_open:$_nt_said:${_nt_stack[_nt_open]-=} in
	$2:0:!) _nt_open=$((_nt_open - 1)) _nt_odd=$((_nt_odd - 1)) ;;
	$2:0:[!=]*)
		printf %s "<:$_nt_own:${_nt_stack[_nt_open--]}:status=$1:" > /dev/null || :
		;;
	*) _nt_end_other "$@" ;;
	esac
	return "$1"
}

_nt_put() {
	_nt_open=$((_nt_open + 1)) _nt_odd=$((_nt_odd + 1))
	if [ "$_nt_open" -le 4096 ]; then _nt_stack[_nt_open]=$1; fi
}

_nt_take() {
	_nt_tags=${_nt_stack[_nt_open]-}
	case $_nt_tags in
	"" | [=!]*)
		_nt_odd=$((_nt_odd - 1))
		unset "_nt_stack[_nt_open]"
		;;
	esac
}
'
fi

# Loading it again keeps what is open; a child that was given our variables starts anew.
if [ "${_nt_shell-}${_nt_stack+.}" != "$$${BASH_VERSION:+bash}." ]; then
	_nt_shell="$$${BASH_VERSION:+bash}"
	_nt_open=0
	_nt_top='' _nt_stack=''
	_nt_good=' '
	_nt_said=0 _nt_odd=0
	_nt_own="$$"
	_nt_usable=0
	# For `set -u`.
	_nt_id='' _nt_tags='' _nt_args='' _nt_bad='' _nt_count=0 _nt_depth=0 _nt_parent='' _nt_used=0 _nt_text='' _nt_rest='' _nt_part=''
	_nt_char='' _nt_code=0 _nt_control='' _nt_simple='' _nt_kind='' _nt_all=0 _nt_once='' _nt_had='' _nt_words=0
	if [ -c /dev/null ] && [ -w /dev/null ]; then
		_nt_usable=1
		_nt_unique
		_nt_print="printf"
		_nt_how=%s
		_nt_whole=''
		# Whether the shell writes more than 4096 bytes at once. Of those that do not, bash, ksh and busybox have RANDOM.
		# shellcheck disable=SC3028
		if [ -z "${BASH_VERSION-}" ]; then
			if [ -n "${ZSH_VERSION-}" ] || [ -z "${RANDOM-}" ]; then _nt_whole=1; fi
		fi
		case "${ZSH_VERSION:+zsh}${KSH_VERSION-}" in
		zsh* | '') ;;
		*93*)
			# Its own commands write nothing to the null device: it takes that for a waste.
			_nt_print="$(PATH=/usr/bin:/bin whence -p printf)" || _nt_usable=0
			;;
		*)
			_nt_print="print"
			_nt_how=-nr
			;;
		esac
		# Each control character at the place of its number. Only zsh can hold NUL.
		if [ -n "${ZSH_VERSION-}" ]; then _nt_controls='\000'; else _nt_controls=x; fi
		_nt_controls="$(printf %b. "$_nt_controls\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037")"
		_nt_controls="${_nt_controls%.}"
	fi
	case "${NULLTRACE-}" in
	0 | [Oo][Ff][Ff] | [Ff][Aa][Ll][Ss][Ee] | [Nn][Oo]) _nt_on=0 ;;
	*) _nt_on="$_nt_usable" ;;
	esac
fi
