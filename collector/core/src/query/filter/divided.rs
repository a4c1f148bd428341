//! A filter in two parts: what is known of a call when it is made, and what is known of a span when it ends.
//!
//! What is compared of calls only is decided with the call. Where `or` or `not` mixes it with what is compared of
//! spans, a call keeps which of these parts hold for it, until its span ends.

use super::test::Test;
use super::tree::{Expr, all, any};
use super::truth::{Truth, Verdict};
use crate::query::field::{At, Field, Subject};

/// A filter of the calls in spans.
#[derive(Clone, Debug)]
pub(crate) struct Divided {
    /// Must hold for a call, whatever its span is.
    calls: Option<Expr>,
    /// What is compared of calls in the other parts; none of them twice.
    mixed: Vec<Expr>,
    spans: Part,
}

/// A part of a filter without `not`, but for those in what is of calls or of spans only.
#[derive(Clone, Debug)]
enum Part {
    All(Vec<Self>),
    Any(Vec<Self>),
    Spans(Expr),
    /// What one of spans says of a certain one.
    Known(Truth),
    /// One of [`Divided::mixed`].
    Calls(usize),
}

/// Which of the mixed parts hold for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Holds {
    yes: u16,
    /// It is not known, and may be.
    maybe: u16,
}

/// What a filter says of the calls of a span that has not ended, as far as that is known.
#[derive(Clone, Debug)]
pub(crate) struct SoFar(Part);

impl SoFar {
    /// Whether a call is chosen for which this holds.
    pub(crate) fn is_chosen(&self, call: Holds) -> Option<bool> {
        let truth = |holds: Holds| self.0.truth(None, &|part| holds.truth(part)).is_yes();
        match truth(call.at_least()) {
            Some(true) => Some(true),
            _ => truth(call).filter(|is| !is),
        }
    }
}

/// What a filter says of a call when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfCall {
    /// So much: the rest is known when its span ends.
    Open(Holds),
    /// It counts for no span.
    Decided(Verdict),
}

impl Holds {
    /// As many as have a place.
    const MOST: usize = u16::BITS as usize;

    fn truth(self, part: usize) -> Truth {
        let has = |set: u16| part < Self::MOST && set >> part & 1 == 1;
        match (has(self.yes), has(self.maybe) || part >= Self::MOST) {
            (true, _) => Truth::YES,
            (false, true) => Truth::ANY,
            (false, false) => Truth::NOT_YES,
        }
    }

    /// Whether it is chosen wherever the other is.
    pub(crate) const fn covers(self, other: Self) -> bool {
        let (own, others) = (self.yes | self.maybe, other.yes | other.maybe);
        other.yes & !self.yes == 0 && others & !own == 0
    }

    /// With what may be taken for what is not.
    const fn at_least(self) -> Self {
        Self { maybe: 0, ..self }
    }
}

impl Divided {
    pub(super) fn new(expr: &Expr) -> Self {
        let mut divided = Self {
            calls: None,
            mixed: Vec::new(),
            spans: Part::All(Vec::new()),
        };
        let parts = match flat(expr, false) {
            (true, parts) => parts,
            (false, _) => vec![(expr, false)],
        };
        let mut sides = Sides::new(parts);
        divided.calls = Expr::all(std::mem::take(&mut sides.calls));
        divided.spans = Part::All(divided.parts(sides, Expr::all));
        divided
    }

    /// How many comparisons of calls are mixed with those of spans.
    pub(super) const fn mixed(&self) -> usize {
        self.mixed.len()
    }

    fn parts(&mut self, sides: Sides<'_>, join: fn(Vec<Expr>) -> Option<Expr>) -> Vec<Part> {
        let mut parts: Vec<_> = join(sides.spans).map(Part::Spans).into_iter().collect();
        if let Some(calls) = join(sides.calls) {
            let known = self.mixed.iter().position(|of| *of == calls);
            parts.push(Part::Calls(known.unwrap_or(self.mixed.len())));
            if known.is_none() {
                self.mixed.push(calls);
            }
        }
        for (expr, negated) in sides.mixed {
            let part = match flat(expr, negated) {
                (true, inner) => Part::All(self.parts(Sides::new(inner), Expr::all)),
                (false, inner) => Part::Any(self.parts(Sides::new(inner), Expr::any)),
            };
            parts.push(part);
        }
        parts
    }

    /// Whether anything is compared of calls.
    pub(crate) fn is_of_calls(&self) -> bool {
        self.calls.is_some() || !self.mixed.is_empty()
    }

    /// Whether what it says of a call is known only when its span ends.
    pub(crate) fn is_mixed(&self) -> bool {
        !self.mixed.is_empty()
    }

    /// What it says of a call when it is made.
    pub(crate) fn of_call(&self, at: &At<'_>) -> OfCall {
        let must = self.calls.as_ref();
        let must = must.map_or(Truth::YES, |calls| calls.truth(at));
        if must != Truth::YES {
            return OfCall::Decided(must.verdict());
        }
        let mut holds = Holds::default();
        for (part, expr) in self.mixed.iter().take(Holds::MOST).enumerate() {
            let truth = expr.truth(at);
            if truth == Truth::YES {
                holds.yes |= 1 << part;
            } else if truth.may_be_yes() {
                holds.maybe |= 1 << part;
            }
        }
        let rest = self.spans.truth(None, &|part| holds.truth(part));
        match rest.may_be_yes() {
            true => OfCall::Open(holds),
            false => OfCall::Decided(rest.verdict()),
        }
    }

    /// What it says of a span, whatever its calls are: yes if it holds for some call there could be.
    pub(crate) fn of_span(&self, at: &At<'_>) -> Verdict {
        let truth = self.spans.truth(Some(at), &|_| Truth::ANY);
        match truth.may_be_yes() {
            true => Verdict::Yes,
            false => truth.verdict(),
        }
    }

    /// What it says of the calls of a span of which these fields may have other values later.
    pub(crate) fn so_far(&self, span: &At<'_>, later: &dyn Fn(&Field) -> bool) -> SoFar {
        SoFar(self.spans.so_far(span, later))
    }

    /// What it says of a call in a span.
    pub(crate) fn of_both(&self, span: &At<'_>, call: Holds) -> Verdict {
        let truth = |holds: Holds| self.spans.truth(Some(span), &|part| holds.truth(part));
        if truth(call.at_least()).may_be_yes() {
            return Verdict::Yes;
        }
        match truth(call).may_be_yes() {
            true => Verdict::Undecided,
            false => Verdict::No,
        }
    }
}

impl Part {
    /// What it says of a span; without one, what it may.
    fn truth(&self, span: Option<&At<'_>>, call: &dyn Fn(usize) -> Truth) -> Truth {
        match self {
            Self::All(parts) => all(parts, |part| part.truth(span, call)),
            Self::Any(parts) => any(parts, |part| part.truth(span, call)),
            Self::Spans(expr) => span.map_or(Truth::ANY, |at| expr.truth(at)),
            Self::Known(truth) => *truth,
            Self::Calls(part) => call(*part),
        }
    }
}

impl Part {
    fn so_far(&self, span: &At<'_>, later: &dyn Fn(&Field) -> bool) -> Self {
        let each = |parts: &[Self]| parts.iter().map(|part| part.so_far(span, later)).collect();
        match self {
            Self::All(parts) => Self::All(each(parts)),
            Self::Any(parts) => Self::Any(each(parts)),
            Self::Spans(expr) => Self::Known(expr.truth_so_far(span, later)),
            Self::Known(truth) => Self::Known(*truth),
            Self::Calls(part) => Self::Calls(*part),
        }
    }
}

/// A part and whether `not` is before it.
type Signed<'e> = (&'e Expr, bool);

/// The parts that are joined, by `and` or else by `or`: `not` goes to each, and turns the one into the other.
fn flat(expr: &Expr, negated: bool) -> (bool, Vec<Signed<'_>>) {
    match expr {
        Expr::Not(part) => flat(part, !negated),
        Expr::All(parts) => (!negated, signed(parts, negated)),
        Expr::Any(parts) => (negated, signed(parts, negated)),
        Expr::Test(_) => (true, vec![(expr, negated)]),
    }
}

fn signed(parts: &[Expr], negated: bool) -> Vec<Signed<'_>> {
    parts.iter().map(|part| (part, negated)).collect()
}

/// Parts by what they compare.
#[derive(Default)]
struct Sides<'e> {
    calls: Vec<Expr>,
    spans: Vec<Expr>,
    mixed: Vec<Signed<'e>>,
}

impl<'e> Sides<'e> {
    fn new(parts: Vec<Signed<'e>>) -> Self {
        let mut sides = Self::default();
        for (expr, negated) in parts {
            let (mut calls, mut spans) = (false, false);
            expr.each(&mut |test| match is_of_calls(test) {
                true => calls = true,
                false => spans = true,
            });
            let own = || match negated {
                true => Expr::Not(Box::new(expr.clone())),
                false => expr.clone(),
            };
            match (calls, spans) {
                (true, true) => sides.mixed.push((expr, negated)),
                (true, false) => sides.calls.push(own()),
                (false, _) => sides.spans.push(own()),
            }
        }
        sides
    }
}

fn is_of_calls(test: &Test) -> bool {
    test.fields()
        .any(|field| !field.info().is_of(Subject::Span))
}
