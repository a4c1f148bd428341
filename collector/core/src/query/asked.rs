//! A question in a person's words: the texts of the options, and what is wrong with them.

use std::ops::Range;

use super::field::{Field, Subject, outside_quotes};
use super::filter::{self, Filter, Words};
use super::metric::Metric;
use super::question::Query;
use super::span_metric::SpanMetric;

/// The texts that make a [`Query`], as options or as a file have them.
///
/// ```
/// use nulltrace_core::query::asked::{Asked, Part, Why};
///
/// let by = ["span.arg.cart,evt.type".to_owned()];
/// let asked = Asked { by: &by, sums: &[], only: &[], view: None, sort: None, top: None };
/// let query = asked.read(&|_| Vec::new()).unwrap().unwrap();
/// assert_eq!(query.by()[0].to_string(), "span.arg.cart");
///
/// let by = ["fd.name,fd.typ".to_owned()];
/// let wrong = Asked { by: &by, ..asked }.read(&|_| Vec::new()).unwrap_err();
/// assert_eq!((wrong.part, wrong.text, wrong.at), (Part::By, "fd.name,fd.typ".to_owned(), 8..14));
/// assert_eq!(wrong.why, Why::NoField("fd.typ".to_owned()));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The fields to group by: names, separated by commas.
    pub by: &'a [String],
    /// What to sum: names of metrics, separated by commas, of system calls or of spans; [`Metric::Time`] if there are
    /// none.
    pub sums: &'a [String],
    /// The filters: all must hold.
    pub only: &'a [String],
    /// The view; without one, system calls are grouped.
    pub view: Option<Viewed<'a>>,
    /// What orders the rows.
    pub sort: Option<&'a str>,
    /// How many rows are wanted.
    pub top: Option<usize>,
}

/// A view, as far as a question must know it.
#[derive(Clone, Copy, Debug)]
pub struct Viewed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether its rows are system calls, among which filters may choose.
    pub calls: bool,
}

/// A part of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The fields to group by.
    By,
    /// What is summed.
    Sum,
    /// A filter.
    Only,
    /// What orders the rows.
    Sort,
}

/// What is wrong with a question, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadQuery {
    /// In which part.
    pub part: Part,
    /// The text of that.
    pub text: String,
    /// The place in it, in bytes.
    pub at: Range<usize>,
    /// What is wrong there.
    pub why: Why,
}

/// Why a text is no question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no such field.
    NoField(String),
    /// There is one, and what the question is about does not have it.
    NotOf(Field, Subject),
    /// There is no such metric.
    NoMetric(String),
    /// It is a metric of something else than those of these subjects.
    Mixed(String, Subject),
    /// It is no filter.
    Filter(filter::Why),
}

impl Asked<'_> {
    /// Reads the texts; nothing if nothing is asked. `call` gives the numbers of the system calls that a
    /// name stands for.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(&self, call: &dyn Fn(&str) -> Vec<u32>) -> Result<Option<Query>, BadQuery> {
        let (mut query, subjects): (_, &[Subject]) = match (self.by, self.view) {
            ([], None) => return Ok(None),
            (by, Some(view)) => {
                let by = each(Part::By, by, &|text| key(text, Subject::Span))?;
                let subjects = match view.calls {
                    true => &[Subject::Span, Subject::Call][..],
                    false => &[Subject::Span],
                };
                (Query::view(view.name).with_by(by), subjects)
            }
            (by, None) => {
                if let Some(sums) = self.of_spans()? {
                    let by = each(Part::By, by, &|text| key(text, Subject::Span))?;
                    let sort = self.sort_by(&span_metric)?;
                    return self.with_filters(Query::spans(by, sums, sort), &[Subject::Span], call);
                }
                let by = each(Part::By, by, &|text| key(text, Subject::Call))?;
                let sums = each(Part::Sum, self.sums, &metric)?;
                let default = || vec![Metric::Time];
                let sums = if sums.is_empty() { default() } else { sums };
                (Query::groups(by, sums), &[Subject::Call])
            }
        };
        query = query.with_sort(self.sort_by(&metric)?);
        self.with_filters(query, subjects, call)
    }

    /// The sums, if they are of spans.
    fn of_spans(&self) -> Result<Option<Vec<SpanMetric>>, BadQuery> {
        let first = self.sums.iter().flat_map(|text| text.split(',')).next();
        match first.map(str::parse::<SpanMetric>) {
            Some(Ok(_)) => each(Part::Sum, self.sums, &span_metric).map(Some),
            _ => Ok(None),
        }
    }

    fn sort_by<M>(&self, read: &dyn Fn(&str) -> Result<M, Why>) -> Result<Option<M>, BadQuery> {
        let bad = |text: &str, why| BadQuery {
            part: Part::Sort,
            text: text.to_owned(),
            at: 0..text.len(),
            why,
        };
        let sort = self
            .sort
            .map(|text| read(text).map_err(|why| bad(text, why)));
        sort.transpose()
    }

    fn with_filters(
        &self,
        query: Query,
        subjects: &[Subject],
        call: &dyn Fn(&str) -> Vec<u32>,
    ) -> Result<Option<Query>, BadQuery> {
        let words = Words { subjects, call };
        let mut all: Option<Filter> = None;
        for text in self.only {
            let bad = |at, why| BadQuery {
                part: Part::Only,
                text: text.clone(),
                at,
                why: Why::of_filter(why),
            };
            let one = Filter::parse(text, &words).map_err(|wrong| bad(wrong.at, wrong.why))?;
            let both = match all {
                Some(all) => all.and(one),
                None => one,
            };
            if subjects.len() > 1 && both.is_too_mixed() {
                return Err(bad(0..text.len(), filter::Why::TooMixed));
            }
            all = Some(both);
        }
        Ok(Some(query.with_filter(all).with_top(self.top)))
    }
}

impl Why {
    /// That a field is not there is the same wherever it is named.
    fn of_filter(why: filter::Why) -> Self {
        match why {
            filter::Why::NoField(name) => Self::NoField(name),
            filter::Why::NotOf(field, subject) => Self::NotOf(field, subject),
            why => Self::Filter(why),
        }
    }
}

/// The values of a part that is repeated or has commas, each once.
fn each<T: PartialEq>(
    part: Part,
    texts: &[String],
    read: &dyn Fn(&str) -> Result<T, Why>,
) -> Result<Vec<T>, BadQuery> {
    let mut found = Vec::new();
    for text in texts {
        for at in between_commas(text) {
            let value = read(&text[at.clone()]).map_err(|why| BadQuery {
                part,
                text: text.clone(),
                at,
                why,
            })?;
            if !found.contains(&value) {
                found.push(value);
            }
        }
    }
    Ok(found)
}

/// The places between commas, but for those in the quotes of a key.
fn between_commas(text: &str) -> impl Iterator<Item = Range<usize>> {
    let commas = outside_quotes(text).filter(|&(_, c)| c == ',');
    let ends = commas.map(|(at, _)| at).chain([text.len()]);
    ends.scan(0, |from, end| {
        let at = *from..end;
        *from = end + 1;
        Some(at)
    })
}

fn key(text: &str, subject: Subject) -> Result<Field, Why> {
    let field = text.parse().map_err(|_| Why::NoField(text.to_owned()))?;
    of(field, &[subject])
}

/// The field, if one of `subjects` has it; if not it is named with the first of them.
fn of(field: Field, subjects: &[Subject]) -> Result<Field, Why> {
    let mut has = subjects.iter().filter(|of| field.info().is_of(**of));
    match (has.next(), subjects) {
        (None, [first, ..]) => Err(Why::NotOf(field, *first)),
        _ => Ok(field),
    }
}

fn metric(text: &str) -> Result<Metric, Why> {
    text.parse().map_err(|_| match text.parse::<SpanMetric>() {
        Ok(_) => Why::Mixed(text.to_owned(), Subject::Call),
        Err(_) => Why::NoMetric(text.to_owned()),
    })
}

fn span_metric(text: &str) -> Result<SpanMetric, Why> {
    text.parse().map_err(|_| match text.parse::<Metric>() {
        Ok(_) => Why::Mixed(text.to_owned(), Subject::Span),
        Err(_) => Why::NoMetric(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Show;
    use crate::query::field::{Many, Source};

    fn read(by: &[&str], sums: &[&str], only: &[&str]) -> Result<Option<Query>, BadQuery> {
        let owned =
            |texts: &[&str]| -> Vec<_> { texts.iter().map(|&text| text.to_owned()).collect() };
        Asked {
            by: &owned(by),
            sums: &owned(sums),
            only: &owned(only),
            view: None,
            sort: None,
            top: None,
        }
        .read(&|name| (name == "read").then_some(0).into_iter().collect())
    }

    fn names(query: &Query) -> Vec<String> {
        query.by().iter().map(Field::to_string).collect()
    }

    #[test]
    fn lists_and_repetitions() {
        assert_eq!(read(&[], &[], &[]), Ok(None));
        let by = ["fd.name,evt.type", "fd.name", "span.tag[0]"];
        let query = read(&by, &[], &[]).unwrap().unwrap();
        assert_eq!(names(&query), ["fd.name", "evt.type", "span.tag[0]"]);
        assert_eq!(query.sums(), [Metric::Time]);
        assert!(query.is_of_files() && !query.needs(Source::Ancestor));
        let sums = ["bytes,count", "errors"];
        let query = read(&["evt.type"], &sums, &["evt.type=read"])
            .unwrap()
            .unwrap();
        assert_eq!(query.sums(), [Metric::Bytes, Metric::Count, Metric::Errors]);
        assert!(!query.is_of_files());
        let filter = query.filter().map(ToString::to_string);
        assert_eq!(filter.as_deref(), Some("evt.type = read"));
        let twice = read(
            &["evt.type"],
            &[],
            &["proc.pid=1 or proc.pid=2", "fd.name exists"],
        );
        let filter = twice.unwrap().unwrap().filter().map(ToString::to_string);
        let both = "(proc.pid = 1 or proc.pid = 2) and fd.name exists";
        assert_eq!(filter.as_deref(), Some(both));
    }

    #[test]
    fn commas_and_equals_signs_in_quotes_separate_nothing() {
        let by = [r#"span.arg["a,b"],span.arg["a=b"],fd.name"#];
        let query = read(&by, &[], &[r#"span.arg["a=b"]!="c=d""#])
            .unwrap()
            .unwrap();
        assert_eq!(
            names(&query),
            [r#"span.arg["a,b"]"#, r#"span.arg["a=b"]"#, "fd.name"]
        );
        assert_eq!(query.filter().unwrap().fields(), [&query.by()[1]]);
        let wrong = read(&[r#"span.arg["a,b"],x"#], &[], &[]).unwrap_err();
        assert_eq!(
            (wrong.at, wrong.why),
            (16..17, Why::NoField("x".to_owned()))
        );
    }

    #[test]
    fn a_comma_joins_nothing() {
        for (only, at) in [
            ("proc.name=sh,evt.type=read", 12),
            ("proc.name!=sh, evt.type!=read", 13),
            (r#"span.arg["a,b"]=c,span.arg["d=e"]=f"#, 17),
        ] {
            let wrong = read(&["fd.name"], &[], &["proc.pid=1", only]).unwrap_err();
            assert_eq!(
                (wrong.part, wrong.at, wrong.text.as_str()),
                (Part::Only, at..at + 1, only)
            );
            assert_eq!(wrong.why, Why::Filter(filter::Why::Comma), "{only}");
        }
    }

    #[test]
    fn only_so_much_of_calls_is_mixed_with_spans() {
        let view = |only: &[String], calls| {
            let view = Some(Viewed {
                name: "files",
                calls,
            });
            let asked = Asked {
                by: &[],
                sums: &[],
                only,
                view,
                sort: None,
                top: None,
            };
            asked.read(&|_| Vec::new()).map_err(|wrong| wrong.why)
        };
        let mixed = |n: u32| format!("span.open exists or evt.type={n}");
        let some: Vec<_> = (0..5).map(mixed).collect();
        assert!(view(&some[..4], true).is_ok());
        // All together are one filter.
        let too_mixed = Err(Why::Filter(filter::Why::TooMixed));
        assert_eq!(view(&some, true), too_mixed);
        // Of calls alone nothing is mixed.
        let by = ["fd.name".to_owned()];
        let of_calls: Vec<_> = (0..9)
            .map(|n| format!("span.seq={n} or evt.type={n}"))
            .collect();
        let asked = Asked {
            by: &by,
            sums: &[],
            only: &of_calls,
            view: None,
            sort: None,
            top: None,
        };
        assert!(asked.read(&|_| Vec::new()).is_ok());
    }

    #[test]
    fn a_view_has_fields_and_filters_too() {
        let read = |by: &str, only: &str, calls| {
            let (by, only) = ([by.to_owned()], [only.to_owned()]);
            let view = Some(Viewed {
                name: "files",
                calls,
            });
            Asked {
                by: if by[0].is_empty() { &[] } else { &by },
                sums: &[],
                only: &only,
                view,
                sort: None,
                top: Some(3),
            }
            .read(&|_| Vec::new())
        };
        let query = read("proc.name,span.exitarg.status", "fd.type=file", true);
        let query = query.unwrap().unwrap();
        let by = query.by().to_vec();
        let name = "files".to_owned();
        assert_eq!(query.show(), &Show::View { name, by });
        assert_eq!(names(&query), ["proc.name", "span.exitarg.status"]);
        assert_eq!(
            (query.sums().len(), query.filter().is_some(), query.top()),
            (0, true, Some(3))
        );
        let wrong = |by, only, calls| read(by, only, calls).unwrap_err();
        for (wrong, part) in [
            (wrong("", "fd.type=file", false), Part::Only),
            (wrong("fd.type", "proc.pid=1", true), Part::By),
        ] {
            let field = "fd.type".parse().unwrap();
            assert_eq!(
                (wrong.part, wrong.why),
                (part, Why::NotOf(field, Subject::Span))
            );
        }
        assert!(read("", "span.duration=1s", false).is_ok());
    }

    #[test]
    fn what_orders_the_rows() {
        let by = ["fd.name".to_owned()];
        let sums = ["bytes,errors".to_owned()];
        let asked = |sort| Asked {
            by: &by,
            sums: &sums,
            only: &[],
            view: None,
            sort,
            top: None,
        };
        let order = |sort| -> Vec<_> {
            let query = asked(sort).read(&|_| Vec::new()).unwrap().unwrap();
            query.order().collect()
        };
        assert_eq!(order(None), [Metric::Bytes, Metric::Errors, Metric::Count]);
        assert_eq!(
            order(Some("blocked"))[..2],
            [Metric::Blocked, Metric::Bytes]
        );
        let wrong = asked(Some("blockd")).read(&|_| Vec::new()).unwrap_err();
        assert_eq!((wrong.part, wrong.at), (Part::Sort, 0..6));
    }

    #[test]
    fn fields_of_something_else() {
        for (by, only, part, at) in [
            ("fd.name,marker.dir", "", Part::By, 8..18),
            ("span.duration", "", Part::By, 0..13),
            ("fd.name", "span.end!=exit", Part::Only, 0..8),
            ("fd.name", "marker.cut=perhaps", Part::Only, 0..10),
        ] {
            let only = if only.is_empty() { vec![] } else { vec![only] };
            let wrong = read(&[by], &[], &only).unwrap_err();
            assert_eq!((wrong.part, wrong.at), (part, at), "{by}");
            assert!(matches!(wrong.why, Why::NotOf(_, Subject::Call)), "{by}");
        }
    }

    /// What is read from the same thing goes together; where spans are counted separately, their paths are theirs.
    #[test]
    fn what_there_are_several_of() {
        let many = |by: &str| read(&[by], &[], &[]).unwrap().unwrap().many().to_vec();
        assert_eq!(many("span.tags,evt.type"), []);
        assert_eq!(many("evtin.span.tags,evtin.span.tag[0]"), [Many::Paths]);
        assert_eq!(many("evtin.span.tags,evtin.span.arg.x"), [Many::Spans]);
        assert_eq!(
            many("fd.ip,proc.aname,fd.port"),
            [Many::Ancestors, Many::Ends]
        );
    }
}
