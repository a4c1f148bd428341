//! The name that was probably meant.

/// The name most like an unknown one, if any is like it.
///
/// ```
/// use nulltrace_collector::nearest::nearest;
/// assert_eq!(nearest("fd.nam", ["fd.name", "fd.type"]), Some("fd.name"));
/// assert_eq!(nearest("colour", ["fd.name", "fd.type"]), None);
/// ```
pub fn nearest<'a>(unknown: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(2))
        .map(|(_, name)| name)
}
