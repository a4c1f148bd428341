//! The options that choose, group and order what is shown.

use clap::Args;
use nulltrace_core::query::Query;
use nulltrace_core::query::asked::{Asked, BadQuery, Part, Viewed, Why};
use nulltrace_core::query::field::{self, Info, KeyKind, Subject, Type};
use nulltrace_core::query::metric::Metric;
use nulltrace_core::query::span_metric::SpanMetric;
use nulltrace_core::view::{VIEWS, View};
use syscalls::Sysno;

use crate::error::{Error, Kind};
use crate::nearest::nearest;
use crate::text::{safe, width};

#[derive(Debug, Args)]
pub(super) struct GroupArgs {
    /// Group system calls by these fields, like fd.name or span.tags,evt.type; with --view, its rows.
    ///
    /// May be given more than once. `nulltrace fields` lists the fields. The rows of a view are grouped by
    /// fields of spans, like proc.name or span.exitarg.status.
    #[arg(long, value_name = "FIELD")]
    by: Vec<String>,
    #[arg(long, value_name = "METRIC", requires = "by", conflicts_with = "view", help = sums(), long_help = each_sum())]
    sum: Vec<String>,
    /// Show only the spans for which this holds, like proc.name=curl or span.arg.cart=7; with --by and
    /// no --view, the system calls, like fd.type=file, evt.type!=futex or fd.name!= (those on any file).
    ///
    /// May be given more than once: all must hold. In --view syscalls, files and sockets, a condition on
    /// a field of system calls chooses among these.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    only: Vec<String>,
    /// Order the rows by this metric, the largest first [default: the first of --sum].
    #[arg(long, value_name = "METRIC", requires = "by", conflicts_with = "view")]
    sort: Option<String>,
    /// Show this many rows; with --by this many groups, and the sum of the others.
    #[arg(long, value_name = "N", value_parser = count)]
    top: Option<usize>,
}

impl GroupArgs {
    /// Whether something is grouped.
    fn has_fields(&self) -> bool {
        !self.by.is_empty()
    }

    /// Whether sums are asked for that are there only where activity is observed.
    pub(super) fn sums_activity(&self) -> bool {
        let mut sums = self.sum.iter().flat_map(|text| text.split(','));
        let of_spans = |text: &str| {
            let metric = text.parse::<SpanMetric>();
            metric.is_ok_and(|metric| !metric.needs_activity())
        };
        self.has_fields() && (self.sum.is_empty() || !sums.all(of_spans))
    }

    /// What they ask for, of a view if one is named or nothing is grouped.
    pub(super) fn query(&self, view: Option<&View>) -> Result<Query, Error> {
        let default = (!self.has_fields()).then_some(&VIEWS[0]);
        let view = view.or(default).map(|view| Viewed {
            name: view.name,
            calls: view.calls,
        });
        let asked = Asked {
            by: &self.by,
            sums: &self.sum,
            only: &self.only,
            view,
            sort: self.sort.as_deref(),
            top: self.top,
        };
        let number = |name: &str| name.parse().ok().map(|call: Sysno| call as u32);
        let query = asked.read(&number).map_err(|bad| wrong(&bad))?;
        Ok(query.unwrap_or_else(|| Query::view(VIEWS[0].name)))
    }
}

/// The names of all metrics.
pub(super) fn metrics() -> impl Iterator<Item = &'static str> {
    let of_calls = Metric::ALL.into_iter().map(Metric::name);
    of_calls.chain(SpanMetric::ALL.into_iter().map(SpanMetric::name))
}

/// The help of `--sum`, short and long.
fn sums() -> String {
    let names: Vec<_> = Metric::ALL.into_iter().map(Metric::name).collect();
    format!(
        "Sum these metrics for each group: {}; or of spans, see --help [default: time]",
        names.join(", ")
    )
}

fn each_sum() -> String {
    let names = |names: Vec<&str>| names.join(", ");
    let calls = names(Metric::ALL.into_iter().map(Metric::name).collect());
    let spans = names(SpanMetric::ALL.into_iter().map(SpanMetric::name).collect());
    format!(
        "Sum these metrics for each group [default: time].\n\nOf system calls: {calls}. Of spans, which are grouped \
         then instead of calls: {spans}. May be given more than once."
    )
}

/// What is wrong, with the whole text of the option, a mark under the wrong part, and what to write instead.
fn wrong(bad: &BadQuery) -> Error {
    let option = match bad.part {
        Part::By => "--by",
        Part::Sum => "--sum",
        Part::Only => "--where",
        Part::Sort => "--sort",
    };
    let (what, remedy) = words(&bad.why, bad.part);
    let columns = |text: &str| width(&safe(text.as_bytes()));
    let before = " ".repeat(columns(&bad.text[..bad.at.start]));
    let mark = "^".repeat(columns(&bad.text[bad.at.clone()]).max(1));
    let text = safe(bad.text.as_bytes());
    let place = format!("{option}\n  {text}\n  {before}{mark}");
    Error::new(Kind::Usage, what, place, remedy)
}

fn count(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "not a number of rows: write a whole number like 10".to_owned())
}

/// What is wrong, and what to do about it.
fn words(why: &Why, part: Part) -> (String, String) {
    let unknown = |what: &str, text: &str| format!("unknown {what} \"{}\"", safe(text.as_bytes()));
    let no = |what: &str, text: &str| format!("not {what}: \"{}\"", safe(text.as_bytes()));
    match why {
        Why::NoField(name) => (unknown("field", name), meant_field(name)),
        Why::NotOf(field, subject) => {
            let is_of_calls = *subject == Subject::Span && field.info().is_of(Subject::Call);
            let remedy = match (is_of_calls, part) {
                (true, Part::By) => {
                    "leave out --view and sums of spans to group system calls by it".to_owned()
                }
                (true, _) => {
                    "ask for --view syscalls, files or sockets, or for --by without --view"
                        .to_owned()
                }
                (false, Part::By) if field.info().is_of(Subject::Span) => {
                    "add --sum span.hits, or a --view, to group spans".to_owned()
                }
                (false, _) => format!(
                    "`nulltrace fields` lists the fields of {}",
                    subject.plural()
                ),
            };
            let has = field.info().source.subjects().iter();
            let has: Vec<_> = has.map(|of| of.plural()).collect();
            let (of, other) = (has.join(" and "), subject.plural());
            (
                format!(
                    "{} is a field of {of}, not of {other}",
                    safe(field.to_string().as_bytes())
                ),
                remedy,
            )
        }
        Why::NoMetric(name) => (unknown("metric", name), meant(name, metrics())),
        Why::Mixed(name, subject) => {
            let (one, other) = match subject {
                Subject::Span => ("system calls", "spans"),
                _ => ("spans", "system calls"),
            };
            (
                format!("{name} is a metric of {one}, and the others are of {other}"),
                "sum one kind: metrics of spans begin with `span.`".to_owned(),
            )
        }
        Why::NoCondition(text) => {
            let remedy = "write FIELD=VALUE or FIELD!=VALUE".to_owned();
            (no("a condition", text), remedy)
        }
        Why::Another(text) => {
            let what = format!("a second condition \"{}\"", safe(text.as_bytes()));
            (what, "repeat --where for each condition".to_owned())
        }
        Why::NoValue(type_, value) => {
            let remedy = match type_ {
                Type::Address => "write an address like 127.0.0.1 or ::1".to_owned(),
                Type::Call => meant(value, Sysno::iter().map(|call| call.name())),
                Type::Duration => "write a duration like 250us or 1.5s".to_owned(),
                Type::Boolean => "write true or false".to_owned(),
                Type::Number | Type::Time | Type::Text => "write a whole number".to_owned(),
            };
            let kind = format!("a value of type {}", type_.name());
            (no(&kind, value), remedy)
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
    let of_calls = || {
        let subjects = [Subject::Call, Subject::Span];
        field::all().filter(move |info| subjects.iter().any(|of| info.is_of(*of)))
    };
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

    fn query(by: &[&str], sum: &[&str], only: &[&str], sort: Option<&str>) -> Result<Query, Error> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let args = GroupArgs {
            by: owned(by),
            sum: owned(sum),
            only: owned(only),
            sort: sort.map(str::to_owned),
            top: Some(7),
        };
        args.query(None)
    }

    #[test]
    fn options_are_a_query() {
        let default = query(&[], &[], &[], None).unwrap();
        assert_eq!(default, Query::view("summary").with_top(Some(7)));
        let of = query(
            &["fd.name,evt.type", "span.arg.cart"],
            &["bytes"],
            &["evt.type=read"],
            Some("errors"),
        );
        let of = of.unwrap();
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
            ("proc.name", "span.hits,time", ""),
            ("proc.name", "time,span.hits", ""),
            ("fd.name", "span.hits", ""),
            ("fd.name", "byte", ""),
            ("fd.name", "time,money", ""),
            ("fd.name", "time", "fd.type"),
            ("fd.name", "time", "fd.typ=file"),
            ("fd.name", "time", "proc.name=s\x1b[1mh,fd.type!=file"),
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
        // With a view, of which only some show system calls.
        for (view, by, only) in [
            ("time", "fd.name", ""),
            ("time", "", "fd.type=file"),
            ("files", "", "marker.dir=enter"),
            ("files", "span.tag[0],evt.type", ""),
        ] {
            let texts = |text: &str| match text {
                "" => vec![],
                text => vec![text.to_owned()],
            };
            let args = GroupArgs {
                by: texts(by),
                only: texts(only),
                sum: vec![],
                sort: None,
                top: None,
            };
            let error = args.query(Some(nulltrace_core::view::find(view).unwrap()));
            text += &format!("{}\n\n", error.unwrap_err());
        }
        let error = query(&["fd.name"], &[], &[], Some("bites")).unwrap_err();
        text += &format!("{error}\n\n");
        insta::assert_snapshot!(text);
    }
}
