
# Fields joined by commas, and conditions: what follows is the person's to say, so no space is put behind them.
_nulltrace_fields() {
    compset -P '*,'
    local -a fields=(
FIELDS
    )
    _describe field fields -S ''
}

_nulltrace_conditions() {
    local -a conditions=(
CONDITIONS
    )
    _describe condition conditions -S ''
}

