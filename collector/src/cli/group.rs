//! The options that ask for sums of calls by fields.

use clap::Args;
use nulltrace_core::query::Query;
use nulltrace_core::query::asked::{Asked, BadQuery, Part, Why};
use nulltrace_core::query::field::{self, Info, KeyKind, Subject, Type};
use nulltrace_core::query::metric::Metric;
use syscalls::Sysno;

use crate::error::{Error, Kind};
use crate::nearest::nearest;
use crate::text::{safe, width};

#[derive(Debug, Args)]
pub(super) struct GroupArgs {
    /// Group system calls by these fields, like fd.name or span.tags,evt.type.
    ///
    /// May be given more than once. `nulltrace fields` lists the fields.
    #[arg(long, value_name = "FIELD", conflicts_with = "view")]
    by: Vec<String>,
    /// Sum these metrics for each group: time, blocked, runnable, count, errors, bytes, bytes.in or
    /// bytes.out [default: time].
    ///
    /// May be given more than once.
    #[arg(long, value_name = "METRIC", requires = "by")]
    sum: Vec<String>,
    /// Group only the calls for which this holds, like fd.type=file, evt.type!=futex or fd.name!=
    /// (those on any file).
    ///
    /// May be given more than once: all must hold.
    #[arg(long = "where", value_name = "FIELD=VALUE", requires = "by")]
    only: Vec<String>,
    /// Order the rows by this metric, the largest first [default: the first of --sum].
    #[arg(long, value_name = "METRIC", requires = "by")]
    sort: Option<String>,
    /// Show this many rows and the sum of the others.
    #[arg(long, value_name = "N", requires = "by")]
    top: Option<usize>,
}

impl GroupArgs {
    /// Whether groups are asked for.
    pub(super) fn is_asked(&self) -> bool {
        !self.by.is_empty()
    }

    /// What they ask for; `None` if nothing.
    pub(super) fn query(&self) -> Result<Option<Query>, Error> {
        let asked = Asked {
            by: &self.by,
            sums: &self.sum,
            only: &self.only,
            view: None,
            sort: self.sort.as_deref(),
            top: self.top,
        };
        let number = |name: &str| name.parse().ok().map(|call: Sysno| call as u32);
        asked.read(&number).map_err(|bad| wrong(&bad))
    }
}

/// What is wrong, with the whole text of the option, a mark under the wrong part, and what to write instead.
fn wrong(bad: &BadQuery) -> Error {
    let option = match bad.part {
        Part::By => "--by",
        Part::Sum => "--sum",
        Part::Only => "--where",
        Part::Sort => "--sort",
    };
    let (what, remedy) = words(&bad.why);
    let columns = |text: &str| width(&safe(text.as_bytes()));
    let before = " ".repeat(columns(&bad.text[..bad.at.start]));
    let mark = "^".repeat(columns(&bad.text[bad.at.clone()]).max(1));
    let text = safe(bad.text.as_bytes());
    let place = format!("{option}\n  {text}\n  {before}{mark}");
    Error::new(Kind::Usage, what, place, remedy)
}

/// What is wrong, and what to do about it.
fn words(why: &Why) -> (String, String) {
    let no = |what: &str, text: &str| format!("no {what} \"{}\"", safe(text.as_bytes()));
    match why {
        Why::NoField(name) => (no("field", name), meant_field(name)),
        Why::NotOf(field, subject) => {
            let has = field.info().source.subjects().iter();
            let has: Vec<_> = has.map(|of| of.plural()).collect();
            let (of, other) = (has.join(" and "), subject.plural());
            (
                format!(
                    "{} is a field of {of}, not of {other}",
                    safe(field.to_string().as_bytes())
                ),
                format!("`nulltrace fields` lists the fields of {other}"),
            )
        }
        Why::NoMetric(name) => {
            let names = Metric::ALL.iter().map(|metric| metric.name());
            (no("metric", name), meant(name, names))
        }
        Why::NoCondition(text) => {
            let remedy = "write FIELD=VALUE or FIELD!=VALUE".to_owned();
            (no("condition", text), remedy)
        }
        Why::NoValue(type_, value) => {
            let remedy = match type_ {
                Type::Address => "write an address like 127.0.0.1 or ::1".to_owned(),
                Type::Call => meant(value, Sysno::iter().map(|call| call.name())),
                Type::Duration => "write a duration like 250us or 1.5s".to_owned(),
                Type::Boolean => "write true or false".to_owned(),
                Type::Number | Type::Time | Type::Text => "write a whole number".to_owned(),
            };
            (no(type_.name(), value), remedy)
        }
    }
}

/// The field that was probably meant; all that there are would be too many to read here.
fn meant_field(unknown: &str) -> String {
    // The name that a person chooses is no part of a likeness.
    let text = |info: &Info| match info.key {
        KeyKind::Name => info.name.to_owned(),
        _ => info.to_string(),
    };
    let of_calls = || field::all().filter(|info| info.is_of(Subject::Call));
    let names: Vec<_> = of_calls().map(text).collect();
    let name = nearest(unknown, names.iter().map(String::as_str));
    match name.and_then(|name| of_calls().find(|info| text(info) == name)) {
        Some(info) => format!("did you mean `{info}`?"),
        None => "`nulltrace fields` lists those that exist".to_owned(),
    }
}

/// Which was probably meant; which there are, unless they are too many to read.
fn meant<'n>(unknown: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    match nearest(unknown, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.len() > NAMES_MAX => "write a name that exists".to_owned(),
        None => format!("write one of {}", names.join(", ")),
    }
}

const NAMES_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn query(
        by: &[&str],
        sum: &[&str],
        only: &[&str],
        sort: Option<&str>,
    ) -> Result<Option<Query>, Error> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let args = GroupArgs {
            by: owned(by),
            sum: owned(sum),
            only: owned(only),
            sort: sort.map(str::to_owned),
            top: Some(7),
        };
        args.query()
    }

    #[test]
    fn options_are_a_query() {
        assert!(query(&[], &[], &[], None).unwrap().is_none());
        let of = query(
            &["fd.name,evt.type", "span.arg.cart"],
            &["bytes"],
            &["evt.type=read"],
            Some("errors"),
        );
        let of = of.unwrap().unwrap();
        let names: Vec<_> = of.by().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["fd.name", "evt.type", "span.arg.cart"]);
        assert_eq!((of.sums(), of.top()), (&[Metric::Bytes][..], Some(7)));
        assert_eq!(of.order().next(), Some(Metric::Errors));
        assert_eq!(of.only().len(), 1);
    }

    #[test]
    fn mistakes() {
        let mut text = String::new();
        for (by, sum, only) in [
            ("fd.nam", "time", ""),
            ("fd.name,", "time", ""),
            ("proc.name,ünknown\x1b[31m,fd.name", "time", ""),
            ("span.tag", "time", ""),
            ("proc.aname[-1]", "time", ""),
            ("span.arg", "time", ""),
            ("fd.name,span.arg[\"a,b\"\x07],evt.type", "time", ""),
            ("fd.name,marker.dir", "time", ""),
            ("span.duration", "time", ""),
            ("fd.name", "byte", ""),
            ("fd.name", "time,money", ""),
            ("fd.name", "time", "fd.type"),
            ("fd.name", "time", "fd.typ=file"),
            ("fd.name", "time", "fd.lport=http"),
            ("fd.name", "time", "fd.rip!=localhost"),
            ("fd.name", "time", "evt.type=opennat"),
            ("fd.name", "time", "marker.cut=yes"),
            ("fd.name", "time", "span.end=exit"),
            ("fd.name", "time", "span.arg[\"a=b\"=7"),
        ] {
            let only = if only.is_empty() { vec![] } else { vec![only] };
            let error = query(&[by], &[sum], &only, None).unwrap_err();
            assert_eq!(error.status(), 2);
            text += &format!("{error}\n\n");
        }
        let error = query(&["fd.name"], &[], &[], Some("bites")).unwrap_err();
        text += &format!("{error}\n\n");
        insta::assert_snapshot!(text);
    }
}
