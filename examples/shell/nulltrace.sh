# shellcheck shell=sh
# `local` is not in POSIX, but in every shell named below, and a handler of `trap` may come between.
# shellcheck disable=SC3043
#
# nulltrace.sh: spans from scripts, for sh (dash, busybox), bash and zsh.
#
#	. /path/to/nulltrace.sh
#
#	nt_enter checkout customer=ann        begin a span, with arguments
#	nt_span checkout.fetch curl "$url"    a span around a command; its exit says status=N
#	nt_exit rows=3                        end the innermost span this shell began
#
# nt_enter [-i ID] [-p ID] [-a NAME VALUE]... PATH [NAME=VALUE]...
# nt_span  [-i ID] [-p ID] [-a NAME VALUE]... PATH COMMAND...
# nt_exit  [-a NAME VALUE]... [NAME=VALUE]...
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
# `set --` act on nt_span itself.
#
# What no marker can say (an empty tag, 33 tags, an argument without a name or `=`, 65 of them, and
# as the first one at an enter `^`, which names the parent) is not written, nor is the exit of a span
# whose enter was not. Nothing else happens.
#
# nt_enter and nt_exit leave $? as it was, but 0 under `set -e`, where any other would end the
# script. So stand them alone: `nt_enter a && make` would ask the command before. A trap on ERR sees
# that status twice.
#
# Ids. `t`, the number of the writing thread, would be another in each subshell. So a shell draws one
# number when it loads this file, and its subshells have it too: `( nt_exit )` ends what the shell
# began, and spans begun in a pipeline or in the background find their parent. But the shell does not
# learn of it: what a subshell began or ended, only the subshell knows.
#
# Costs. Nothing forks but the loading, once. A span is some 40 us in dash and busybox, 140 in bash,
# 170 in zsh; a command that is no builtin is 300 to 1000. Each marker opens /dev/null anew, 4 us of
# it: a descriptor kept open would be inherited by every command, and the script could close it and
# get its number for another file, which the markers would then land in.
#
# Long markers. One above 4096 bytes is sent as its first 4097 (the collector says `cut`). bash and
# busybox cannot write so many at once; there it is sent without its arguments. And a bash that has
# written to a terminal sends what is above 1024 bytes in pieces, which the collector joins.
#
# NULLTRACE=off, when this file is loaded: no markers, and next to no cost.
#
# Names: nt_* is for callers, _nt_* (functions and variables) for this file.

# A number no other shell has, nor any thread: from the address of this process's stack, which the
# kernel draws at random, and the time it started.
_nt_unique() {
	local _nt_line _nt_field _nt_started
	_nt_started=0
	read -r _nt_line < /proc/self/stat || return 0
	_nt_line="${_nt_line##*) }" # the name before may have blanks
	_nt_field=3
	while [ "$_nt_field" -lt 28 ]; do
		_nt_line="${_nt_line#* }"
		_nt_field="$((_nt_field + 1))"
		if [ "$_nt_field" -eq 22 ]; then _nt_started="${_nt_line%% *}"; fi
	done
	_nt_line="${_nt_line%% *}"
	case "$_nt_line$_nt_started" in
	*[!0-9]*) ;;
	*) _nt_own="$(((_nt_line / 16 % 4398046511104 + 4294967296) * 65536 + (_nt_started + $$) % 65536))" ;;
	esac
}

# Appends $2 to _nt_text, a backslash before each character that separates; $1 says what it is.
_nt_escape() {
	local LC_ALL=C _nt_rest _nt_part # as bytes: bash 5.2 garbles text that is not UTF-8
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
	local LC_ALL=C _nt_rest _nt_part _nt_char _nt_code
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
	local _nt_text
	_nt_text="$1:$_nt_id:$_nt_tags:$_nt_args:"
	case "$_nt_text" in
	*[[:cntrl:]]*) _nt_write_json "$1" ;;
	*)
		# Characters may have four bytes.
		if [ "${#_nt_text}" -gt 1024 ]; then
			_nt_write_long "$1"
		else
			printf %s "$_nt_text" > /dev/null || :
		fi
		;;
	esac
}

_nt_write_json() {
	local _nt_simple _nt_control
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
	_nt_write_long "$1"
}

_nt_write_long() {
	local LC_ALL=C # bytes are counted here, not characters
	# Of these shells bash and busybox have RANDOM and are not zsh.
	# shellcheck disable=SC3028
	if [ "${#_nt_text}" -le 4096 ]; then
		printf %s "$_nt_text" > /dev/null || :
	elif [ -n "${ZSH_VERSION-}" ] || [ -z "${RANDOM-}" ]; then
		printf %.4097s "$_nt_text" > /dev/null || :
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
	set -- "$1" "${1#-}"
	case "$2" in
	????????????????????*) _nt_bad=1 ;;
	???????????????????)
		# The two halves fit the arithmetic of any shell; the 1 keeps zeros from leading.
		set -- "${1%"$2"}" "${2%?????????}" "1${2#??????????}"
		if [ "$2" -gt 9223372036 ]; then _nt_bad=1; fi
		if [ "$2" -eq 9223372036 ] && [ "$3" -gt 1854775807 ]; then
			if [ "$1$3" != -1854775808 ]; then _nt_bad=1; fi
		fi
		;;
	esac
}

# Takes $1 as the parent, if it may be one: none, or above 2^32 and below 2^48.
_nt_set_parent() {
	_nt_parent="^=$1"
	case "$1" in
	'') return 0 ;;
	0* | *[!0-9]* | ????????????????*) _nt_bad=1 ;;
	*) if [ "$1" -le 4294967296 ] || [ "$1" -ge 281474976710656 ]; then _nt_bad=1; fi ;;
	esac
}

# Takes $1, one tag, or a path of them if $2 says so.
_nt_tag() {
	local _nt_text
	case "$1" in '') _nt_bad=1 ;; esac
	_nt_text="${_nt_tags:+$_nt_tags.}"
	_nt_escape "$2" "$1"
	_nt_tags="$_nt_text"
	_nt_depth="$((_nt_depth + 1))"
	if [ "$_nt_depth" -gt 32 ]; then _nt_bad=1; fi
}

# Takes $1, a path: no tag may be empty, and 33 with their dots are 65 characters at least.
_nt_path() {
	local LC_ALL=C _nt_rest
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
	local _nt_text
	case "$1" in '') _nt_bad=1 ;; esac
	_nt_text="${_nt_args:+$_nt_args,}"
	_nt_escape arg "$1"
	_nt_text="$_nt_text="
	_nt_escape arg "$2"
	_nt_args="$_nt_text"
}

# Takes one argument as callers write it.
_nt_operand() {
	local LC_ALL=C
	_nt_arg "${1%%=*}" "${1#*=}"
}

# Takes arguments as callers write them.
_nt_operands() {
	_nt_count="$((_nt_count + $#))"
	while [ "$#" -gt 0 ]; do
		case "$1" in
		"="*) _nt_bad=1 ;;
		*[:,\\]* | *"="*"="*) _nt_operand "$1" ;;
		*"="*) _nt_args="${_nt_args:+$_nt_args,}$1" ;;
		*) _nt_bad=1 ;;
		esac
		shift
	done
	if [ "$_nt_count" -gt 64 ]; then _nt_bad=1; fi
}

# Takes the options, and after them, if $1 is `path` and no -t was given, the path. _nt_used is the
# number of words after $1 that this was.
_nt_options() {
	local _nt_kind _nt_all
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

# Notes the span for its exit and writes the marker. Open span N is _nt_usual_N, its tags, if its
# enter was a usual one (below), else _nt_id_N and _nt_tags_N; one that was refused has no tags.
_nt_push() {
	_nt_open="$((_nt_open + 1))"
	# That many were begun in a loop and never ended, it seems: they must not fill the memory.
	if [ "$_nt_open" -gt 4096 ]; then return 0; fi
	if [ -n "$_nt_bad" ]; then _nt_tags=''; fi
	eval "_nt_usual_$_nt_open='' _nt_id_$_nt_open=\$_nt_id _nt_tags_$_nt_open=\$_nt_tags"
	if [ -n "$_nt_tags" ]; then _nt_write '>'; fi
}

# Ends the innermost span.
_nt_pop() {
	if [ "$_nt_open" -le 4096 ]; then
		eval "_nt_tags=\${_nt_usual_$_nt_open-}"
		if [ -n "$_nt_tags" ]; then
			_nt_id="$_nt_own"
		else
			eval "_nt_id=\${_nt_id_$_nt_open-} _nt_tags=\${_nt_tags_$_nt_open-}"
		fi
		if [ -z "$_nt_bad" ] && [ -n "$_nt_tags" ]; then _nt_write '<'; fi
		unset "_nt_usual_$_nt_open" "_nt_id_$_nt_open" "_nt_tags_$_nt_open"
	fi
	_nt_open="$((_nt_open - 1))"
}

# Enters; the words are those of nt_enter or nt_span, as $1 says. Of nt_span the command is left out.
_nt_enter() {
	local _nt_id="$_nt_own" _nt_tags='' _nt_args='' _nt_bad='' _nt_count=0 _nt_depth=0 _nt_parent='' _nt_of="$1"
	shift
	_nt_options path "$@"
	if [ "$_nt_of" = enter ]; then
		shift "$_nt_used"
		_nt_operands "$@"
	fi
	case "$_nt_args" in "^="*) _nt_bad=1 ;; esac
	if [ -n "$_nt_parent" ]; then
		_nt_args="$_nt_parent${_nt_args:+,$_nt_args}"
		if [ "$_nt_count" -gt 63 ]; then _nt_bad=1; fi
	fi
	if [ -n "$_nt_on" ]; then _nt_push; fi
}

_nt_exit() {
	local _nt_id='' _nt_tags='' _nt_args='' _nt_bad='' _nt_used=0 _nt_count=0 _nt_depth=0 _nt_parent=''
	_nt_options exit "$@"
	shift "$_nt_used"
	_nt_operands "$@"
	_nt_pop
}

# The usual: path $1 and argument $2 need no escape, and are short. What is so is written without
# `local`, which is dear in bash and zsh.
_nt_is_usual() {
	case "$1" in
	'' | -* | .* | *. | *..* | *[:=,\\\<\>[:cntrl:]]*) return 1 ;;
	esac
	case "$2" in
	"="* | "^="* | *[:,\\[:cntrl:]]* | *"="*"="*) return 1 ;;
	*"="*) [ "${#1}" -le 64 ] && [ "${#2}" -le 512 ] && [ "$_nt_open" -lt 4096 ] ;;
	*) return 1 ;;
	esac
}

nt_enter() {
	set -- "$?" "$@"
	if [ -z "$_nt_on" ]; then
		:
	elif [ "$#" -le 3 ] && _nt_is_usual "${2-}" "${3-k=}"; then
		_nt_open="$((_nt_open + 1))"
		eval "_nt_usual_$_nt_open=\$2"
		printf %s ">:$_nt_own:$2:${3-}:" > /dev/null || :
	else
		local _nt_status="$1" _nt_used=0
		shift
		_nt_enter enter "$@"
		set -- "$_nt_status"
	fi
	case "$-" in *e*) return 0 ;; esac
	return "$1"
}

nt_exit() {
	# shellcheck disable=SC2319 # the status of what the caller ran
	set -- "$?" "$@"
	if [ "$_nt_open" -gt 0 ]; then
		if [ "$#" -le 2 ] && _nt_is_usual k "${2-k=}" && eval "[ -n \"\${_nt_usual_$_nt_open-}\" ]"; then
			eval "set -- \"\$1\" \"\${2-}\" \"\$_nt_usual_$_nt_open\""
			unset "_nt_usual_$_nt_open"
			_nt_open="$((_nt_open - 1))"
			printf %s "<:$_nt_own:$3:$2:" > /dev/null || :
		else
			local _nt_status="$1"
			shift
			_nt_exit "$@"
			set -- "$_nt_status"
		fi
	fi
	case "$-" in *e*) return 0 ;; esac
	return "$1"
}

nt_span() {
	local _nt_status=0 _nt_mine _nt_used=1
	case "${1-}" in
	-*) _nt_enter span "$@" ;;
	*) nt_enter "${1-}" ;;
	esac
	if [ "$#" -gt 0 ]; then shift "$_nt_used"; fi
	if [ -z "$_nt_on" ]; then
		"$@"
		return
	fi
	_nt_mine="$_nt_open"
	case "$-" in
	*e*)
		# Behind `||` a function would no longer stop at its failures. What is not found without a
		# path, or has a slash, is a program, and has none to stop at.
		case "${1-}" in
		*/*) "$@" || _nt_status="$?" ;;
		*)
			if PATH=/dev/null/. command -v "${1-}" > /dev/null 2>&1; then
				"$@"
				_nt_status="$?"
			else
				"$@" || _nt_status="$?"
			fi
			;;
		esac
		;;
	*)
		"$@"
		_nt_status="$?"
		;;
	esac
	# It may have begun spans that it did not end.
	while [ "$_nt_open" -gt "$_nt_mine" ]; do
		unset "_nt_usual_$_nt_open" "_nt_id_$_nt_open" "_nt_tags_$_nt_open"
		_nt_open="$((_nt_open - 1))"
	done
	if [ "$_nt_open" -eq "$_nt_mine" ]; then nt_exit "status=$_nt_status"; fi
	return "$_nt_status"
}

# Loading it again keeps what is open; a child that was given our variables starts anew.
if [ "${_nt_shell-}" != "$$" ]; then
	_nt_shell="$$"
	_nt_open=0
	_nt_own="$$"
	_nt_on=''
	if [ "${NULLTRACE-}" != off ] && [ -c /dev/null ] && [ -w /dev/null ]; then
		_nt_on=1
		_nt_unique
		# Each control character at the place of its number. Only zsh can hold NUL.
		if [ -n "${ZSH_VERSION-}" ]; then _nt_controls='\000'; else _nt_controls=x; fi
		_nt_controls="$(printf %b. "$_nt_controls\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037")"
		_nt_controls="${_nt_controls%.}"
	fi
fi
