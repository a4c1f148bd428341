//! The function below the attribute: its parts that matter here, the rest untouched.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

use crate::reader::{
    Angles, Cursor, Refused, Result, bare, flat, is_joint, is_sign, is_word, name,
};

/// When the function's work is done, and so its span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// When it returns.
    Plain,
    /// `async fn`: when its future is done.
    Async,
    /// `-> impl Future`: when what it returns is done.
    Future,
    /// `-> Pin<Box<dyn Future>>`: the same, in a box.
    Boxed,
}

pub(crate) struct Function {
    /// All before the body.
    pub(crate) head: Vec<TokenTree>,
    /// Inner attributes, which must stay first.
    pub(crate) inner: Vec<TokenTree>,
    pub(crate) body: TokenStream,
    pub(crate) braces: Group,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The type behind `->`; empty if there is none.
    pub(crate) returns: Vec<TokenTree>,
}

impl Function {
    pub(crate) fn read(item: TokenStream) -> Result<Self> {
        let mut head = bare(item);
        let end = head.last().map_or_else(Span::call_site, TokenTree::span);
        let last = head.pop();
        let mut cursor = Cursor::new(&head, end);
        let asynchronous = qualifiers(&mut cursor)?;
        let name = match cursor.next() {
            Some(TokenTree::Ident(ident)) => name(ident),
            other => {
                let place = other.map_or(end, TokenTree::span);
                return Err(Refused::at(place, "a function has a name here"));
            }
        };
        cursor.angles();
        cursor.group(Delimiter::Parenthesis);
        let returns = returns(&mut cursor).to_vec();
        let Some(braces) = last.as_ref().and_then(braces) else {
            return Err(Refused::at(
                end,
                "no body to trace; put the attribute on the implementations, or write a default body",
            ));
        };
        let kind = if asynchronous {
            Kind::Async
        } else {
            kind(&flat(&returns))
        };
        let (inner, body) = inner_attributes(&braces);
        Ok(Self {
            head,
            inner,
            body,
            braces,
            name,
            kind,
            returns,
        })
    }

    /// Whether the function is declared to return `!`.
    pub(crate) fn never_returns(&self) -> bool {
        matches!(&flat(&self.returns)[..], [only] if is_sign(Some(only), '!'))
    }
}

/// Reads up to and with `fn`; says whether the function is `async`.
fn qualifiers(cursor: &mut Cursor<'_>) -> Result<bool> {
    let mut asynchronous = false;
    loop {
        let place = cursor.place();
        match cursor.next() {
            Some(TokenTree::Punct(punct)) if punct.as_char() == '#' => {
                cursor.group(Delimiter::Bracket);
            }
            // `$vis` and the like, of a macro.
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {}
            Some(TokenTree::Ident(ident)) => match ident.to_string().as_str() {
                "pub" => {
                    cursor.group(Delimiter::Parenthesis);
                }
                "extern" => {
                    if matches!(cursor.peek(), Some(TokenTree::Literal(_))) {
                        cursor.next();
                    }
                }
                "default" | "unsafe" | "safe" => {}
                "async" => asynchronous = true,
                "const" if leads_to_fn(cursor) => {
                    return Err(Refused::at(
                        place,
                        "a `const fn` cannot be traced: it may run in the compiler, where nothing can \
                         be written; take `const` away, or trace its caller",
                    ));
                }
                "fn" => return Ok(asynchronous),
                "impl" | "trait" | "mod" => {
                    let what =
                        format!("traces one function; put it on each method, not on `{ident}`");
                    return Err(Refused::at(place, what));
                }
                _ => return Err(no_function(place)),
            },
            _ => return Err(no_function(place)),
        }
    }
}

fn no_function(place: Span) -> Refused {
    Refused::at(
        place,
        "traces a function or a method; for any other code use `nulltrace::span!`",
    )
}

/// `const` of a function, not of an item.
fn leads_to_fn(cursor: &Cursor<'_>) -> bool {
    let words = cursor.rest().iter().map_while(|token| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        TokenTree::Literal(text) => Some(text.to_string()),
        _ => None,
    });
    words
        .take(5)
        .find(|word| !matches!(word.as_str(), "async" | "unsafe" | "extern") && !word.contains('"'))
        .is_some_and(|word| word == "fn")
}

/// The type behind `->`, up to `where` or the body.
fn returns<'t>(cursor: &mut Cursor<'t>) -> &'t [TokenTree] {
    if !(is_sign(cursor.peek(), '-') && is_joint(cursor.peek()) && is_sign(cursor.peek_at(1), '>'))
    {
        return &[];
    }
    cursor.next();
    cursor.next();
    let start = cursor.position();
    let mut angles = Angles::default();
    while let Some(token) = cursor.peek() {
        let is_where = matches!(token, TokenTree::Ident(ident) if is_word(ident, "where"));
        if is_where && angles.is_outside() {
            break;
        }
        angles.see(token);
        cursor.next();
    }
    cursor.since(start)
}

/// Told from how the type is spelt: a macro knows no more.
fn kind(returns: &[TokenTree]) -> Kind {
    let mut cursor = Cursor::new(returns, Span::call_site());
    if cursor.word("impl").is_some() {
        return match has_future(cursor.rest()) {
            true => Kind::Future,
            false => Kind::Plain,
        };
    }
    match path_end(&mut cursor).as_deref() {
        Some("BoxFuture" | "LocalBoxFuture") => Kind::Boxed,
        Some("Pin")
            if cursor.sign('<')
                && path_end(&mut cursor).as_deref() == Some("Box")
                && cursor.sign('<')
                && cursor.word("dyn").is_some()
                && has_future(cursor.rest()) =>
        {
            Kind::Boxed
        }
        _ => Kind::Plain,
    }
}

/// The last name of a path such as `::std::pin::Pin`.
fn path_end(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut end = None;
    loop {
        while cursor.sign(':') {}
        match cursor.peek() {
            Some(TokenTree::Ident(ident)) => {
                end = Some(ident.to_string());
                cursor.next();
                if !is_sign(cursor.peek(), ':') {
                    return end;
                }
            }
            _ => return end,
        }
    }
}

/// Whether `Future` is one of these bounds itself, and not only named within one.
fn has_future(bounds: &[TokenTree]) -> bool {
    let mut angles = Angles::default();
    let mut arrow = false;
    bounds.iter().any(|token| {
        let outside = angles.is_outside();
        angles.see(token);
        // In `impl Fn() -> Future` it is what a bound returns.
        arrow |= is_sign(Some(token), '-');
        outside && !arrow && matches!(token, TokenTree::Ident(ident) if is_word(ident, "Future"))
    })
}

/// The body, also as a macro's `$body:block`.
fn braces(token: &TokenTree) -> Option<Group> {
    let TokenTree::Group(group) = token else {
        return None;
    };
    match group.delimiter() {
        Delimiter::Brace => Some(group.clone()),
        Delimiter::None => match &bare(group.stream())[..] {
            [only] => braces(only),
            _ => None,
        },
        _ => None,
    }
}

fn inner_attributes(body: &Group) -> (Vec<TokenTree>, TokenStream) {
    let tokens: Vec<_> = body.stream().into_iter().collect();
    let mut cursor = Cursor::new(&tokens, body.span_close());
    while is_sign(cursor.peek(), '#') && is_sign(cursor.peek_at(1), '!') {
        cursor.next();
        cursor.next();
        cursor.group(Delimiter::Bracket);
    }
    let inner = cursor.since(0).to_vec();
    (inner, cursor.rest().iter().cloned().collect())
}
