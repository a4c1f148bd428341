//! String literals: what the quotes and escapes of the source stand for, and whether it is a path.

/// The deepest tag path (`spec/FORMAT.md`, section 4).
const TAGS_MAX: usize = 32;
/// The most arguments of a marker.
pub(crate) const ARGS_MAX: usize = 64;

/// The text a literal stands for; `None` if it is no string literal.
///
/// The compiler has read the literal before, so its escapes are right.
pub(crate) fn unquote(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let inner = raw.trim_matches('#');
        return inner
            .strip_prefix('"')?
            .strip_suffix('"')
            .map(str::to_owned);
    }
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match chars.next()? {
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            '0' => text.push('\0'),
            'x' => {
                let code = [chars.next()?.to_digit(16)?, chars.next()?.to_digit(16)?];
                text.push(char::from_u32(code[0] * 16 + code[1])?);
            }
            'u' => {
                let digits: String = chars.by_ref().take_while(|&char| char != '}').collect();
                let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
                text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
            }
            // The line goes on behind the white space that begins the next one.
            '\n' => while chars.next_if(|char| " \n\r\t".contains(*char)).is_some() {},
            other => text.push(other),
        }
    }
    Some(text)
}

/// Says what is wrong with a path of tags, and what to write instead.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("the tag is empty; leave it out to have the function's name".to_owned());
    }
    if path.split('.').any(str::is_empty) {
        return Err(format!(
            "a tag of the path {path:?} is empty; write one name before and after each dot"
        ));
    }
    let count = path.split('.').count();
    if count > TAGS_MAX {
        return Err(format!("{count} tags; a path has at most {TAGS_MAX}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes() {
        let cases = [
            (r#""db.query""#, "db.query"),
            (r#""""#, ""),
            (r##"r#"a"b"#"##, "a\"b"),
            (r#"r"a\n""#, "a\\n"),
            (r#""a\"b\\c\'d""#, "a\"b\\c'd"),
            (
                r#""\n\r\t\0\x41\u{1F600}\u{00_e9}!""#,
                "\n\r\t\0A\u{1f600}\u{e9}!",
            ),
            ("\"a\\\n   \t b\"", "ab"),
            ("\"é\"", "é"),
        ];
        for (literal, text) in cases {
            assert_eq!(unquote(literal).as_deref(), Some(text), "{literal}");
        }
    }

    #[test]
    fn what_is_no_string() {
        for literal in ["7", "'a'", "b\"a\"", "c\"a\"", "1.5", "br\"a\""] {
            assert_eq!(unquote(literal), None, "{literal}");
        }
    }

    #[test]
    fn paths() {
        let deep = vec!["a"; 32].join(".");
        for path in ["a", "a.b", "a b", "\n", "a:b", &deep] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        let too_deep = format!("{deep}.a");
        for path in ["", ".", "a.", ".a", "a..b", &too_deep] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }
}
