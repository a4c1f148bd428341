
# Values joined by commas are completed one by one, nothing is put behind a value that goes on, and what a field is to
# be compared with is the person's to say.
_nulltrace_values() {
    local before='' at
    if [[ $2 == = || $3 == = ]]; then
        COMPREPLY=()
        return
    fi
    if [[ $3 == --by || $3 == --sum ]] && [[ $2 == *,* ]]; then
        before=${2%,*},
    fi
    _nulltrace "$1" "${2#"$before"}" "$3"
    for at in "${!COMPREPLY[@]}"; do
        COMPREPLY[at]=$before${COMPREPLY[at]}
    done
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=.] ]]; then
        compopt -o nospace
    fi
}
complete -F _nulltrace_values -o bashdefault -o default nulltrace
