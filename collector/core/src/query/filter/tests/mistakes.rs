//! Texts that are no filters.

use super::*;
use crate::query::field::Type;

fn wrong(text: &str) -> (&str, Why) {
    let bad = Filter::parse(text, &WORDS).unwrap_err();
    (&text[bad.at], bad.why)
}

#[test]
fn what_stands_in_the_wrong_place() {
    for (text, place, why) in [
        ("", "", Why::ExpectedField),
        ("  ", "", Why::ExpectedField),
        ("=x", "=x", Why::ExpectedField),
        ("fd.type=file and", "", Why::ExpectedField),
        ("fd.type=file and and", "and", Why::ExpectedField),
        ("fd.type=file or )", ")", Why::ExpectedField),
        ("()", ")", Why::ExpectedField),
        ("exists", "exists", Why::ExpectedField),
        ("'fd.type'=file", "'fd.type'=file", Why::ExpectedField),
        ("fd.type=file proc.pid=1", "proc.pid=1", Why::ExpectedAnd),
        ("fd.type=file && proc.pid=1", "&&", Why::ExpectedAnd),
        ("fd.type=file AND proc.pid=1", "AND", Why::ExpectedAnd),
        ("fd.type=a=b", "=b", Why::ExpectedAnd),
        ("fd.type=it's", "'s", Why::ExpectedAnd),
        ("fd.type=file)", ")", Why::ExpectedAnd),
        ("fd.type=a,fd.name=b", ",", Why::Comma),
        ("(fd.type=a, fd.name=b)", ",", Why::Comma),
        ("proc.cmdline=a,b", ",", Why::Comma),
        ("(fd.type=a", "(", Why::OpenParenthesis),
        ("fd.type in (a, b", "(", Why::OpenParenthesis),
        ("len(fd.name", "(", Why::OpenParenthesis),
        ("fd.name=val(fd.name", "(", Why::OpenParenthesis),
        ("fd.type in a", "a", Why::ExpectedList),
        ("fd.type in (a b)", "b", Why::ExpectedList),
        ("fd.type in ()", "", Why::NoValue),
        ("fd.type in (a,)", "", Why::NoValue),
        ("fd.type=", "", Why::NoValue),
        ("fd.type!=", "", Why::NoValue),
        ("fd.type= and fd.name=b", "", Why::NoValue),
        ("fd.type=\"\"", "\"\"", Why::NoValue),
        ("fd.name regex (a|b)", "", Why::NoValue),
        ("fd.type='a", "'a", Why::OpenQuote),
        (r"fd.type='\xg'", r"\x", Why::BadEscape),
        ("span.tag[0=a", "[0=a", Why::OpenKey),
        ("fd.type", "", Why::ExpectedOperator(String::new())),
        ("fd.type file", "file", Why::ExpectedOperator("file".into())),
        ("fd.type ~ x", "~", Why::ExpectedOperator("~".into())),
        (
            "fd.name pmatch (/tmp)",
            "pmatch",
            Why::NoSuchOperator("pmatch"),
        ),
        ("fd.typ=file", "fd.typ", Why::NoField("fd.typ".into())),
        ("not fd=file", "fd", Why::NoField("fd".into())),
        ("span.arg=7", "span.arg", Why::NoField("span.arg".into())),
        ("b64(fd.name)=x", "b64", Why::NoFunction("b64".into())),
        ("val(fd.name)=x", "val", Why::NoFunction("val".into())),
        ("len()=1", ")", Why::ExpectedField),
    ] {
        assert_eq!(wrong(text), (place, why), "{text}");
    }
}

#[test]
fn what_is_of_the_wrong_type() {
    let value = |type_, text: &str| Why::BadValue(type_, text.to_owned());
    for (text, place, why) in [
        ("fd.lport=x", "x", value(Type::Number, "x")),
        ("fd.lport in (1, -1)", "-1", value(Type::Number, "-1")),
        (
            "fd.rip=localhost",
            "localhost",
            value(Type::Address, "localhost"),
        ),
        (
            "fd.rip=1.2.3.4/33",
            "1.2.3.4/33",
            value(Type::Address, "1.2.3.4/33"),
        ),
        ("evt.type=wrote", "wrote", value(Type::Call, "wrote")),
        ("span.duration='1 s'", "'1 s'", value(Type::Duration, "1 s")),
        ("span.duration>1MiB", "1MiB", value(Type::Duration, "1MiB")),
        ("span.time>1s", "1s", value(Type::Time, "1s")),
        ("len(fd.name)>1s", "1s", value(Type::Size, "1s")),
        ("marker.cut=1", "1", value(Type::Boolean, "1")),
        ("fd.name>a", ">", Why::NotFor(Op::Greater, Type::Text)),
        (
            "evt.type<=read",
            "<=",
            Why::NotFor(Op::LessOrEqual, Type::Call),
        ),
        ("marker.cut<true", "<", Why::NotFor(Op::Less, Type::Boolean)),
        (
            "fd.ip>1.1.1.1",
            ">",
            Why::NotFor(Op::Greater, Type::Address),
        ),
        (
            "proc.pid contains 1",
            "contains",
            Why::NotFor(Op::Contains, Type::Number),
        ),
        (
            "span.duration glob *",
            "glob",
            Why::NotFor(Op::Glob, Type::Duration),
        ),
        (
            "fd.ip startswith 1",
            "startswith",
            Why::NotFor(Op::StartsWith, Type::Address),
        ),
        (
            "len(proc.pid)=1",
            "proc.pid",
            Why::FunctionNotFor(Function::Len, Type::Number),
        ),
        (
            "tolower(len(fd.name))=1",
            "len(fd.name)",
            Why::FunctionNotFor(Function::ToLower, Type::Size),
        ),
        (
            "proc.name=val(proc.pid)",
            "proc.pid",
            Why::Differ(Type::Text, Type::Number),
        ),
        (
            "fd.name regex val(proc.name)",
            "proc.name",
            Why::PatternOfField(Op::Regex),
        ),
    ] {
        assert_eq!(wrong(text), (place, why), "{text}");
    }
    let (place, why) = wrong("fd.name regex 'a(b'");
    assert!(
        matches!(&why, Why::BadRegex(said) if said == "unclosed group"),
        "{why:?}"
    );
    assert_eq!(place, "'a(b'");
    // What would be one only with what is put around it.
    assert!(matches!(wrong("fd.name regex 'a)|(b'").1, Why::BadRegex(_)));
    assert!(matches!(wrong(r"fd.name regex '\xff'").1, Why::BadRegex(_)));
    assert!(parsed(r"fd.name regex '(?-u:\\xff)'").notes().is_empty());
}

#[test]
fn what_is_of_something_else() {
    let read = |text: &str, subjects| {
        let words = Words { subjects, ..WORDS };
        Filter::parse(text, &words).map_err(|bad| bad.why)
    };
    let field = |name: &str| name.parse::<Field>().unwrap();
    let both = &[Subject::Span, Subject::Call][..];
    assert_eq!(
        read("proc.pid=1 or span.end=exit", &[Subject::Call]),
        Err(Why::NotOf(field("span.end"), Subject::Call))
    );
    assert!(read("fd.type=file or span.duration>1s", both).is_ok());
    assert!(read("fd.name=val(span.arg.file)", both).is_ok());
    for (left, right) in [
        ("fd.name", "span.exitarg.file"),
        ("span.exitarg.file", "fd.name"),
        ("fd.name", "user.name"),
    ] {
        assert_eq!(
            read(&format!("{left}=val({right})"), both),
            Err(Why::Apart(field(left), field(right)))
        );
    }
    assert!(read("fd.name=val(user.name)", &[Subject::Call]).is_ok());
}

#[test]
fn what_is_too_much() {
    let deep = |n: usize| format!("{}proc.pid=1{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(parsed(&deep(DEPTH_MAX)), parsed("proc.pid=1"));
    assert_eq!(wrong(&deep(DEPTH_MAX + 1)), ("proc.pid=1", Why::TooDeep));
    let not = |n: usize| format!("{}proc.pid=1", "not ".repeat(n));
    assert_eq!(
        parsed(&not(DEPTH_MAX)).to_string(),
        "not ".repeat(DEPTH_MAX) + "proc.pid = 1"
    );
    assert_eq!(wrong(&not(DEPTH_MAX + 1)).1, Why::TooDeep);
    assert_eq!(wrong(&"(".repeat(TEXT_MAX)).1, Why::TooDeep);
    let many = |n: usize| vec!["proc.pid=1"; n].join(" or ");
    let most = (TEXT_MAX + 4) / 14;
    parsed(&many(most));
    assert_eq!(wrong(&many(most + 1)), ("", Why::TooLong));
    let regexes = |n: usize| vec!["proc.name regex a.c"; n].join(" or ");
    parsed(&regexes(REGEXES_MAX));
    assert_eq!(
        wrong(&regexes(REGEXES_MAX + 1)),
        ("a.c", Why::TooManyRegexes)
    );
    let glob = |n: usize| format!("fd.name glob {}", "*a".repeat(n / 2));
    parsed(&glob(PATTERN_MAX));
    assert_eq!(wrong(&glob(PATTERN_MAX + 2)).1, Why::PatternTooLong);
    let big = wrong(r"fd.name regex '(\w{50}){50}'").1;
    assert_eq!(big, Why::BadRegex("it takes more than 1 MiB".to_owned()));
}
