//! What the other rooms read tokens with: a cursor, and a refusal that knows its place.

use std::iter::once;

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// Why the attribute is refused, and where.
pub(crate) struct Refused {
    message: String,
    start: Span,
    end: Span,
}

pub(crate) type Result<T> = core::result::Result<T, Refused>;

impl Refused {
    pub(crate) fn at(place: Span, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            start: place,
            end: place,
        }
    }

    /// At all of these tokens; where there are none, at `else_at`.
    pub(crate) fn over(tokens: &[TokenTree], else_at: Span, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            start: tokens.first().map_or(else_at, TokenTree::span),
            end: tokens.last().map_or(else_at, TokenTree::span),
        }
    }

    /// `::core::compile_error! { "…" }`, its first token where the mistake begins and its last where
    /// it ends: the compiler underlines what lies between.
    pub(crate) fn tokens(self) -> TokenStream {
        let (start, end) = (self.start, self.end);
        let mut text = Literal::string(&format!("#[traced]: {}", self.message));
        text.set_span(end);
        let mut text = Group::new(Delimiter::Brace, once(TokenTree::from(text)).collect());
        text.set_span(end);
        let punct = |sign, spacing| {
            let mut punct = Punct::new(sign, spacing);
            punct.set_span(start);
            TokenTree::from(punct)
        };
        TokenStream::from_iter([
            punct(':', Spacing::Joint),
            punct(':', Spacing::Alone),
            Ident::new("core", start).into(),
            punct(':', Spacing::Joint),
            punct(':', Spacing::Alone),
            Ident::new("compile_error", start).into(),
            punct('!', Spacing::Alone),
            text.into(),
        ])
    }
}

/// A place in a list of tokens.
pub(crate) struct Cursor<'t> {
    tokens: &'t [TokenTree],
    at: usize,
    /// Stands for the place behind the last token.
    end: Span,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(tokens: &'t [TokenTree], end: Span) -> Self {
        Self { tokens, at: 0, end }
    }

    pub(crate) fn peek(&self) -> Option<&'t TokenTree> {
        self.peek_at(0)
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> Option<&'t TokenTree> {
        self.tokens.get(self.at + ahead)
    }

    pub(crate) fn next(&mut self) -> Option<&'t TokenTree> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    pub(crate) fn place(&self) -> Span {
        self.peek().map_or(self.end, TokenTree::span)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.peek().is_none()
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn since(&self, start: usize) -> &'t [TokenTree] {
        &self.tokens[start..self.at]
    }

    pub(crate) fn rest(&self) -> &'t [TokenTree] {
        &self.tokens[self.at..]
    }

    /// Takes this sign if it is next.
    pub(crate) fn sign(&mut self, sign: char) -> bool {
        let found = is_sign(self.peek(), sign);
        self.at += usize::from(found);
        found
    }

    /// Takes the group of this kind if it is next.
    pub(crate) fn group(&mut self, kind: Delimiter) -> Option<&'t Group> {
        match self.peek()? {
            TokenTree::Group(group) if group.delimiter() == kind => {
                self.at += 1;
                Some(group)
            }
            _ => None,
        }
    }

    /// Takes this word if it is next.
    pub(crate) fn word(&mut self, word: &str) -> Option<&'t Ident> {
        match self.peek()? {
            TokenTree::Ident(ident) if is_word(ident, word) => {
                self.at += 1;
                Some(ident)
            }
            _ => None,
        }
    }

    /// Takes an opening `<` and all up to its `>`, if one is next.
    pub(crate) fn angles(&mut self) -> bool {
        if !is_sign(self.peek(), '<') {
            return false;
        }
        let mut depth = Angles::default();
        while let Some(token) = self.next() {
            depth.see(token);
            if depth.is_outside() {
                break;
            }
        }
        true
    }
}

/// Whether a token stands within `<…>`, as types have them.
#[derive(Default)]
pub(crate) struct Angles {
    depth: usize,
    /// The `-` or `=` of an arrow was just seen: its `>` closes nothing.
    arrow: bool,
}

impl Angles {
    pub(crate) fn see(&mut self, token: &TokenTree) {
        let arrow = core::mem::take(&mut self.arrow);
        let TokenTree::Punct(punct) = token else {
            return;
        };
        match punct.as_char() {
            '-' | '=' => self.arrow = punct.spacing() == Spacing::Joint,
            '<' => self.depth += 1,
            '>' if !arrow => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    pub(crate) fn is_outside(&self) -> bool {
        self.depth == 0
    }
}

pub(crate) fn is_sign(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// `==`, `=>`: the first of two signs that belong together.
pub(crate) fn is_joint(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint)
}

pub(crate) fn is_word(ident: &Ident, word: &str) -> bool {
    ident.to_string() == word
}

/// What an identifier is called, without the `r#` of one that is spelt as a keyword.
pub(crate) fn name(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}

/// The tokens, out of the invisible brackets a `macro_rules` parameter comes in.
pub(crate) fn bare(stream: TokenStream) -> Vec<TokenTree> {
    let tokens: Vec<_> = stream.into_iter().collect();
    match &tokens[..] {
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => bare(group.stream()),
        _ => tokens,
    }
}

/// The tokens, with every such pair of brackets dissolved: to read, not to give back.
pub(crate) fn flat(tokens: &[TokenTree]) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                flat.extend(self::flat(&inner));
            }
            token => flat.push(token.clone()),
        }
    }
    flat
}
