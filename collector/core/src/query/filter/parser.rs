//! Reads a filter: `or` joins what `and` joins, and `not` is before one comparison or a parenthesis.

use std::ops::Range;

use super::check::Checker;
use super::cursor::Cursor;
use super::error::{BadFilter, Note, Why};
use super::limits::{DEPTH_MAX, TEXT_MAX};
use super::literal::Literal;
use super::op::{Function, Op};
use super::test::{Operand, Right, Test};
use super::tree::Expr;
use super::words::Words;
use crate::query::field::{Field, RESERVED, Source, Subject, Type};

/// Reads the whole text.
pub(super) fn read(text: &str, words: &Words<'_>) -> Result<(Expr, Vec<Note>), BadFilter> {
    if text.len() > TEXT_MAX {
        return Err(BadFilter::new(0..0, Why::TooLong));
    }
    let mut parser = Parser {
        text,
        words,
        cursor: Cursor::new(text),
        checker: Checker::default(),
        depth: 0,
    };
    let expr = parser.any()?;
    parser.cursor.skip_space();
    match parser.cursor.rest().is_empty() {
        true => Ok((expr, parser.checker.notes)),
        false => Err(parser.no_end()),
    }
}

struct Parser<'t, 'w> {
    text: &'t str,
    words: &'w Words<'w>,
    cursor: Cursor<'t>,
    checker: Checker,
    depth: usize,
}

/// Operators that sysdig has, and that mean nothing here.
const NOT_HERE: [&str; 3] = ["bcontains", "bstartswith", "pmatch"];

impl<'t> Parser<'t, '_> {
    fn any(&mut self) -> Result<Expr, BadFilter> {
        self.joined("or", Self::all, Expr::any)
    }

    fn all(&mut self) -> Result<Expr, BadFilter> {
        self.joined("and", Self::not, Expr::all)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Expr, BadFilter>,
        join: fn(Vec<Expr>) -> Option<Expr>,
    ) -> Result<Expr, BadFilter> {
        let mut parts = vec![part(self)?];
        while self.word(word) {
            parts.push(part(self)?);
        }
        let end = self.cursor.at();
        join(parts).ok_or(BadFilter::new(end..end, Why::ExpectedField))
    }

    fn not(&mut self) -> Result<Expr, BadFilter> {
        if self.word("not") {
            let part = self.deeper(Self::not)?;
            return Ok(Expr::Not(Box::new(part)));
        }
        let open = self.cursor.at();
        if !self.cursor.eat("(") {
            return self.test();
        }
        let part = self.deeper(Self::any)?;
        self.close(open)?;
        Ok(part)
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, BadFilter>,
    ) -> Result<T, BadFilter> {
        if self.depth == DEPTH_MAX {
            return Err(BadFilter::new(self.cursor.found(), Why::TooDeep));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// The end of what was opened at `open`.
    fn close(&mut self, open: usize) -> Result<(), BadFilter> {
        self.cursor.skip_space();
        match self.cursor.eat(")") {
            true => Ok(()),
            false if self.cursor.rest().is_empty() => {
                Err(BadFilter::new(open..open + 1, Why::OpenParenthesis))
            }
            false => Err(self.no_end()),
        }
    }

    /// Goes over a word between comparisons, if it is the next.
    fn word(&mut self, word: &str) -> bool {
        self.cursor.skip_space();
        self.cursor.eat_word(word)
    }

    /// What stands behind a comparison and joins nothing to it.
    fn no_end(&self) -> BadFilter {
        let at = self.cursor.found();
        match self.cursor.next_is(',') {
            true => BadFilter::new(at, Why::Comma),
            false => BadFilter::new(at, Why::ExpectedAnd),
        }
    }

    fn test(&mut self) -> Result<Expr, BadFilter> {
        let (left, place) = self.operand()?;
        let op = self.operator()?;
        let type_ = left.type_();
        if !op.0.is_for(type_) {
            return Err(BadFilter::new(op.1, Why::NotFor(op.0, type_)));
        }
        let op = op.0;
        self.cursor.skip_space();
        let (right, matcher) = if op == Op::Exists {
            (Right::Nothing, None)
        } else if self.is_operand() {
            (Right::Field(self.compared(op, &left, &place)?), None)
        } else {
            let values = match op.takes_list() {
                true => self.list()?,
                false => vec![self.value()?],
            };
            let matcher = self.checker.matcher(op, type_, &values, self.words)?;
            let mut values = values.into_iter().map(|(value, _)| value);
            let right = match op.takes_list() {
                true => Right::List(values.collect()),
                false => values.next().map_or(Right::Nothing, Right::One),
            };
            (right, Some(matcher))
        };
        Ok(Expr::Test(Box::new(Test {
            left,
            op,
            right,
            matcher,
        })))
    }

    /// A field, or a function of one, and its place.
    fn operand(&mut self) -> Result<(Operand, Range<usize>), BadFilter> {
        self.cursor.skip_space();
        let place = self.cursor.name()?;
        let name = &self.text[place.clone()];
        if self.cursor.next_is('(') {
            return self.function(name, place);
        }
        if name.is_empty() || RESERVED.contains(&name) {
            let found = match name.is_empty() {
                true => self.cursor.found(),
                false => place,
            };
            return Err(BadFilter::new(found, Why::ExpectedField));
        }
        let field: Field = match name.parse() {
            Ok(field) => field,
            Err(_) => return Err(BadFilter::new(place, Why::NoField(name.to_owned()))),
        };
        let subjects = self.words.subjects;
        if let [first, ..] = subjects
            && !subjects.iter().any(|of| field.info().is_of(*of))
        {
            return Err(BadFilter::new(place, Why::NotOf(field, *first)));
        }
        let functions = Vec::new();
        Ok((Operand { field, functions }, place))
    }

    /// What is in the parentheses of a function.
    fn function(
        &mut self,
        name: &str,
        place: Range<usize>,
    ) -> Result<(Operand, Range<usize>), BadFilter> {
        let function = Function::of(name);
        let no = || BadFilter::new(place.clone(), Why::NoFunction(name.to_owned()));
        let function = function.ok_or_else(no)?;
        let open = self.cursor.at();
        self.cursor.eat("(");
        let (mut operand, of) = self.deeper(Self::operand)?;
        let type_ = operand.type_();
        if type_ != Type::Text {
            return Err(BadFilter::new(of, Why::FunctionNotFor(function, type_)));
        }
        operand.functions.push(function);
        self.close(open)?;
        Ok((operand, place.start..self.cursor.at()))
    }

    fn operator(&mut self) -> Result<(Op, Range<usize>), BadFilter> {
        self.cursor.skip_space();
        let start = self.cursor.at();
        // `==` is another way to write `=`.
        if self.cursor.eat("==") {
            return Ok((Op::Equal, start..start + 2));
        }
        let rest = self.cursor.rest();
        let symbols = Op::ALL.into_iter().filter(|op| op.is_symbol());
        let here = symbols.filter(|op| rest.starts_with(op.text()));
        // `<=` is not `<`.
        if let Some(op) = here.max_by_key(|op| op.text().len()) {
            self.cursor.eat(op.text());
            return Ok((op, start..self.cursor.at()));
        }
        let word = self.cursor.plain_word();
        let place = start..start + word.len();
        if let Some(op) = Op::of_word(word) {
            self.cursor.eat_word(word);
            return Ok((op, place));
        }
        if let Some(name) = NOT_HERE.into_iter().find(|name| *name == word) {
            return Err(BadFilter::new(place, Why::NoSuchOperator(name)));
        }
        let found = self.cursor.found();
        let word = self.text[found.clone()].to_owned();
        Err(BadFilter::new(found, Why::ExpectedOperator(word)))
    }

    /// Whether a field stands here in place of a value.
    fn is_operand(&self) -> bool {
        let word = self.cursor.plain_word();
        let is_function = word == "val" || Function::of(word).is_some();
        is_function && self.cursor.rest()[word.len()..].starts_with('(')
    }

    /// The field that another one is compared with.
    fn compared(
        &mut self,
        op: Op,
        left: &Operand,
        left_place: &Range<usize>,
    ) -> Result<Operand, BadFilter> {
        let open = self.cursor.at() + "val".len();
        let (right, place) = if self.cursor.eat_word("val") {
            self.cursor.eat("(");
            let found = self.deeper(Self::operand)?;
            self.close(open)?;
            found
        } else {
            self.operand()?
        };
        if op.is_pattern() {
            return Err(BadFilter::new(place, Why::PatternOfField(op)));
        }
        let types = [left, &right].map(Operand::type_);
        let as_numbers = |type_| matches!(type_, Type::Number | Type::Size);
        if types[0] != types[1] && !types.into_iter().all(as_numbers) {
            return Err(BadFilter::new(place, Why::Differ(types[0], types[1])));
        }
        self.together(&left.field, &right.field, left_place.start..place.end)?;
        Ok(right)
    }

    /// Two fields are compared where both are known: when a call is made, or when a span ends.
    fn together(&self, left: &Field, right: &Field, place: Range<usize>) -> Result<(), BadFilter> {
        let both = [left, right];
        let of = |subject: &Subject| {
            let mut infos = both.iter().map(|field| field.info());
            // When a call is made inside a span, names have not been looked up.
            let named = |source| {
                use Source::{Ancestor, Ancestors, Cgroup, Container, User};
                matches!(source, User | Ancestor | Ancestors | Cgroup | Container)
            };
            let early = *subject == Subject::Call && self.words.subjects.len() > 1;
            infos.all(|info| info.is_of(*subject) && !(early && named(info.source)))
        };
        let subjects = self.words.subjects;
        match subjects.is_empty() || subjects.iter().any(of) {
            true => Ok(()),
            false => Err(BadFilter::new(
                place,
                Why::Apart(left.clone(), right.clone()),
            )),
        }
    }

    fn value(&mut self) -> Result<(Literal, Range<usize>), BadFilter> {
        self.cursor.skip_space();
        let (bytes, place) = self.cursor.value()?;
        match bytes.is_empty() {
            true => Err(BadFilter::new(place, Why::NoValue)),
            false => Ok((Literal(bytes.into()), place)),
        }
    }

    /// Values in parentheses.
    fn list(&mut self) -> Result<Vec<(Literal, Range<usize>)>, BadFilter> {
        let open = self.cursor.at();
        if !self.cursor.eat("(") {
            return Err(BadFilter::new(self.cursor.found(), Why::ExpectedList));
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            self.cursor.skip_space();
            if !self.cursor.eat(",") {
                self.list_end(open)?;
                return Ok(values);
            }
        }
    }

    fn list_end(&mut self, open: usize) -> Result<(), BadFilter> {
        match self.cursor.eat(")") {
            true => Ok(()),
            false if self.cursor.rest().is_empty() => {
                Err(BadFilter::new(open..open + 1, Why::OpenParenthesis))
            }
            false => Err(BadFilter::new(self.cursor.found(), Why::ExpectedList)),
        }
    }
}
