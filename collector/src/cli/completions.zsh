
# Fields joined by commas, and filters, which begin with a field: what follows is the person's to say, so no space is
# put behind them.
_nulltrace_fields() {
    compset -P '*,'
    local -a fields=(
FIELDS
    )
    _describe field fields -S ''
}

_nulltrace_filters() {
    local -a comparisons=(
COMPARISONS
    )
    _describe comparison comparisons -S ''
}

