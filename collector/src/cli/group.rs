//! The options that choose, group and order what is shown.

use clap::Args;
use nulltrace_core::query::Query;
use nulltrace_core::query::asked::{Asked, BadQuery, Part, Viewed, Why};
use nulltrace_core::query::field::Subject;
use nulltrace_core::query::filter::Filter;
use nulltrace_core::query::metric::Metric;
use nulltrace_core::query::span_metric::SpanMetric;
use nulltrace_core::view::{VIEWS, View};

use super::meant::{meant, meant_field};
use super::no_filter::no_filter;
use crate::error::{Error, Kind};
use crate::names;
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
    /// Show only the spans for which this holds, like proc.name=curl or "span.duration>5ms and span.arg.cart in
    /// (7, 8)"; with --by and no --view, the system calls, like fd.type=file or "evt.type!=futex and fd.name exists".
    ///
    /// May be given more than once: all must hold. In --view syscalls, files and sockets, comparisons of fields of
    /// system calls choose among these. Operators: = != < <= > >= contains icontains startswith endswith glob iglob
    /// regex in intersects exists; and, or, not and parentheses join comparisons. docs/filter.md explains them all.
    #[arg(long = "where", value_name = "FILTER")]
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

    /// What they ask for, of a view if one is named or nothing is grouped. The filters that are `given` elsewhere, under
    /// that name, count where no option is one.
    pub(super) fn query(
        &self,
        view: Option<&View>,
        given: (&[String], &str),
    ) -> Result<Query, Error> {
        let (only, option) = match self.only.is_empty() {
            true => given,
            false => (&self.only[..], "--where"),
        };
        self.asked(view, only).map_err(|bad| wrong(&bad, option))
    }

    /// The same of a stream of which only that was kept. `None` if the view cannot be filtered so.
    pub(super) fn query_of(
        &self,
        view: Option<&View>,
        given: &[String],
        kept: &str,
    ) -> Option<Query> {
        let only = match self.only.is_empty() {
            true => given,
            false => &self.only[..],
        };
        let only = [only, &[kept.to_owned()]].concat();
        self.asked(view, &only).ok()
    }

    fn asked(&self, view: Option<&View>, only: &[String]) -> Result<Query, BadQuery> {
        let default = (!self.has_fields()).then_some(&VIEWS[0]);
        let view = view.or(default).map(|view| Viewed {
            name: view.name,
            calls: view.calls,
        });
        let asked = Asked {
            by: &self.by,
            sums: &self.sum,
            only,
            view,
            sort: self.sort.as_deref(),
            top: self.top,
        };
        let query = asked.read(&names::calls)?;
        Ok(query.unwrap_or_else(|| Query::view(VIEWS[0].name)))
    }
}

/// A filter of all that is recorded: fields of spans and of system calls may be mixed.
pub(super) fn of_records(text: &str) -> Result<Filter, Error> {
    let asked = Asked {
        by: &[],
        sums: &[],
        only: &[text.to_owned()],
        view: Some(Viewed {
            name: "files",
            calls: true,
        }),
        sort: None,
        top: None,
    };
    let query = asked
        .read(&names::calls)
        .map_err(|bad| wrong(&bad, "FILTER"))?;
    let filter = query.and_then(|query| query.filter().cloned());
    filter.ok_or_else(|| {
        Error::new(
            Kind::Usage,
            "no filter",
            "FILTER",
            "write one like span.tag[0]=checkout",
        )
    })
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
fn wrong(bad: &BadQuery, filter: &str) -> Error {
    let option = match bad.part {
        Part::By => "--by",
        Part::Sum => "--sum",
        Part::Only => filter,
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
        Why::Filter(why) => no_filter(why),
    }
}

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
        args.query(None, (&[], "where"))
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
        assert_eq!(of.filter().unwrap().to_string(), "evt.type = read");
        let of = query(&[], &[], &["proc.pid=1", "proc.pid=2 or proc.pid=3"], None).unwrap();
        let both = "proc.pid = 1 and (proc.pid = 2 or proc.pid = 3)";
        assert_eq!(of.filter().unwrap().to_string(), both);
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
            ("fd.name", "time", "fd.name="),
            ("fd.name", "time", "fd.type=file and fd.name!="),
            ("fd.name", "time", "proc.name=größe,fd.type=file"),
            ("fd.name", "time", "fd.type=file and fd.nam exists"),
            ("fd.name", "time", "fd.type=file && evt.type=read"),
            ("fd.name", "time", "fd.type fil"),
            ("fd.name", "time", "fd.name contain x"),
            ("fd.name", "time", "fd.name pmatch (/tmp)"),
            ("fd.name", "time", "fd.name>a"),
            ("fd.name", "time", "fd.lport contains 8"),
            ("fd.name", "time", "fd.rip<1.2.3.4"),
            ("fd.name", "time", "evt.type>read"),
            ("fd.name", "time", "(fd.type=file or evt.type=read"),
            ("fd.name", "time", "fd.type in file"),
            ("fd.name", "time", "fd.name regex 'a(b'"),
            ("fd.name", "time", "fd.name = 'it"),
            ("fd.name", "time", "fd.name = \"\\xzz\""),
            ("fd.name", "time", "fd.name = val(proc.pid)"),
            ("fd.name", "time", "fd.name glob val(proc.name)"),
            ("fd.name", "time", "length(fd.name)>3"),
            ("fd.name", "time", "len(fd.lport)>3"),
            ("fd.name", "time", "len(fd.name)>1mib"),
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
            ("files", "", "span.duration>5x or fd.type=file"),
            ("files", "", "fd.name=val(span.exitarg.file)"),
            (
                "files",
                "",
                "span.open exists or evt.type=1 or (span.end exists and evt.type=2) or (span.end exists and \
                 evt.type=3) or (span.end exists and evt.type=4) or (span.end exists and evt.type=5)",
            ),
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
            let error = args.query(
                Some(nulltrace_core::view::find(view).unwrap()),
                (&[], "where"),
            );
            text += &format!("{}\n\n", error.unwrap_err());
        }
        let error = query(&["fd.name"], &[], &[], Some("bites")).unwrap_err();
        text += &format!("{error}\n\n");
        insta::assert_snapshot!(text);
    }
}
