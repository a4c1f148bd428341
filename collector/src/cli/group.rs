//! The options that ask for sums of calls by fields.

use std::ops::Range;

use clap::Args;
use nulltrace_core::query::condition::{BadCondition, Condition};
use nulltrace_core::query::field::{FIELDS, Field, Source, Type};
use nulltrace_core::query::metric::Metric;
use nulltrace_core::query::plan::Plan;
use syscalls::Sysno;

use crate::error::{Error, Kind};
use crate::nearest::nearest;
use crate::text::{safe, width};

#[derive(Debug, Args)]
pub(super) struct GroupArgs {
    /// Group system calls by these fields, like fd.name or span.tags,evt.type.
    ///
    /// May be given more than once. A field that does not exist is answered with those that do.
    #[arg(long, value_name = "FIELD", conflicts_with = "view")]
    by: Vec<String>,
    /// Sum these metrics for each group: time, blocked, runnable, count, errors, bytes, bytes.in or
    /// bytes.out [default: time].
    ///
    /// May be given more than once. Groups are sorted by the first.
    #[arg(long, value_name = "METRIC", requires = "by")]
    sum: Vec<String>,
    /// Group only the calls for which this holds, like fd.type=file, evt.type!=futex or fd.name!=
    /// (those on any file).
    ///
    /// May be given more than once: all must hold.
    #[arg(long = "where", value_name = "FIELD=VALUE", requires = "by")]
    only: Vec<String>,
}

impl GroupArgs {
    /// Whether groups are asked for.
    pub(super) fn is_asked(&self) -> bool {
        !self.by.is_empty()
    }

    /// What they ask for; `None` if nothing.
    pub(super) fn plan(&self) -> Result<Option<Plan>, Error> {
        if !self.is_asked() {
            return Ok(None);
        }
        let by = each("--by", &self.by, key)?;
        let mut sums = each("--sum", &self.sum, metric)?;
        if sums.is_empty() {
            sums.push(Metric::Time);
        }
        let only: Result<Vec<_>, _> = self.only.iter().map(|text| condition(text)).collect();
        Ok(Some(Plan::new(by, only?, sums)))
    }
}

/// What is wrong with a text, and what to do about it.
struct Mistake {
    what: String,
    remedy: String,
}

impl Mistake {
    fn new(what: &str, text: &str, remedy: String) -> Self {
        Self {
            what: format!("no {what} \"{}\"", safe(text.as_bytes())),
            remedy,
        }
    }

    /// An error with the whole text of the option and a mark under the wrong part.
    fn under(self, option: &str, text: &str, part: Range<usize>) -> Error {
        let columns = |text: &str| width(&safe(text.as_bytes()));
        let before = " ".repeat(columns(&text[..part.start]));
        let mark = "^".repeat(columns(&text[part]).max(1));
        let text = safe(text.as_bytes());
        let place = format!("{option}\n  {text}\n  {before}{mark}");
        Error::new(Kind::Usage, self.what, place, self.remedy)
    }
}

/// The values of an option that is repeated or has commas, each once.
fn each<T: PartialEq>(
    option: &str,
    texts: &[String],
    read: fn(&str) -> Result<T, Mistake>,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    for text in texts {
        let mut at = 0;
        for part in text.split(',') {
            let value =
                read(part).map_err(|mistake| mistake.under(option, text, at..at + part.len()))?;
            if !found.contains(&value) {
                found.push(value);
            }
            at += part.len() + 1;
        }
    }
    Ok(found)
}

fn field(text: &str) -> Result<Field, Mistake> {
    text.parse().map_err(|_| {
        let names = FIELDS.iter().map(|info| info.name);
        Mistake::new("field", text, meant(text, names))
    })
}

/// A field to group by.
fn key(text: &str) -> Result<Field, Mistake> {
    let field = field(text)?;
    let (each, remedy) = match field.info().source {
        Source::Ancestors => {
            let remedy = format!("write {field}[1] for the parent, {field}[2] for its parent");
            ("ancestor's", remedy)
        }
        Source::Ends => {
            let name = |end| field.to_string().replacen('.', end, 1);
            let remedy = format!(
                "write {} for this end, {} for the other",
                name(".l"),
                name(".r")
            );
            ("end's", remedy)
        }
        _ => return Ok(field),
    };
    Err(Mistake {
        what: format!("{field} is each {each}"),
        remedy: format!("{remedy}; or ask --where"),
    })
}

fn metric(text: &str) -> Result<Metric, Mistake> {
    text.parse().map_err(|_| {
        let names = Metric::ALL.iter().map(|metric| metric.name());
        Mistake::new("metric", text, meant(text, names))
    })
}

fn condition(text: &str) -> Result<Condition, Error> {
    let number = |name: &str| name.parse().ok().map(|call: Sysno| call as u32);
    Condition::parse(text, &number).map_err(|bad| {
        // Without an operator all of it is the field.
        let (name, _, value) = Condition::split(text).unwrap_or((text, true, ""));
        let (mistake, part) = match bad {
            BadCondition::Operator => {
                let remedy = "write FIELD=VALUE or FIELD!=VALUE".to_owned();
                (Mistake::new("condition", text, remedy), 0..text.len())
            }
            BadCondition::Field => {
                let names = FIELDS.iter().map(|info| info.name);
                let mistake = Mistake::new("field", name, meant(name, names));
                (mistake, 0..name.len())
            }
            BadCondition::Value(type_) => {
                let remedy = match type_ {
                    Type::Address => "write an address like 127.0.0.1 or ::1".to_owned(),
                    Type::Call => meant(value, Sysno::iter().map(|call| call.name())),
                    Type::Number | Type::Text => "write a whole number".to_owned(),
                };
                let part = text.len() - value.len()..text.len();
                (Mistake::new(type_.name(), value, remedy), part)
            }
        };
        mistake.under("--where", text, part)
    })
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

    fn plan(by: &[&str], sum: &[&str], only: &[&str]) -> Result<Option<Plan>, Error> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let args = GroupArgs {
            by: owned(by),
            sum: owned(sum),
            only: owned(only),
        };
        args.plan()
    }

    #[test]
    fn lists_and_repetitions() {
        assert!(plan(&[], &[], &[]).unwrap().is_none());
        let names = |plan: &Plan| -> Vec<_> { plan.by().iter().map(Field::to_string).collect() };
        let of = plan(&["fd.name,evt.type", "fd.name", "span.tag[0]"], &[], &[])
            .unwrap()
            .unwrap();
        assert_eq!(names(&of), ["fd.name", "evt.type", "span.tag[0]"]);
        assert_eq!(of.sums(), [Metric::Time]);
        let of = plan(
            &["evt.type"],
            &["bytes,count", "errors"],
            &["evt.type=read"],
        )
        .unwrap()
        .unwrap();
        assert_eq!(of.sums(), [Metric::Bytes, Metric::Count, Metric::Errors]);
    }

    #[test]
    fn mistakes() {
        let mut text = String::new();
        for (by, sum, only) in [
            ("fd.nam", "time", ""),
            ("fd.name,", "time", ""),
            ("proc.name,ünknown\x1b[31m,fd.name", "time", ""),
            ("span.tag", "time", ""),
            ("fd.name,proc.aname", "time", ""),
            ("proc.aname[-1]", "time", ""),
            ("fd.port", "time", ""),
            ("fd.name", "byte", ""),
            ("fd.name", "time,money", ""),
            ("fd.name", "time", "fd.type"),
            ("fd.name", "time", "fd.typ=file"),
            ("fd.name", "time", "fd.lport=http"),
            ("fd.name", "time", "fd.rip!=localhost"),
            ("fd.name", "time", "evt.type=opennat"),
        ] {
            let only = if only.is_empty() { vec![] } else { vec![only] };
            let error = plan(&[by], &[sum], &only).unwrap_err();
            assert_eq!(error.status(), 2);
            text += &format!("{error}\n\n");
        }
        insta::assert_snapshot!(text);
    }
}
