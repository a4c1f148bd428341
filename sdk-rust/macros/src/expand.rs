//! The function, with its span.

use proc_macro::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};

use crate::function::{Function, Kind};
use crate::options::{Arg, Options, Outcome, Style};
use crate::reader::{Refused, Result, flat, is_sign, is_word};
use crate::template::code;

pub(crate) fn expand(options: &Options, function: Function) -> Result<TokenStream> {
    check(options, &function)?;
    let body = match function.kind {
        Kind::Plain => plain(options, &function),
        Kind::Async => asynchronous(options, &function),
        Kind::Future => future(options, &function),
        Kind::Boxed => fill(
            "::std::boxed::Box::pin({ $0 })",
            &[future(options, &function)],
        ),
    };
    let mut inside: TokenStream = function.inner.into_iter().collect();
    inside.extend(body);
    let mut braces = Group::new(Delimiter::Brace, inside);
    braces.set_span(function.braces.span());
    let mut out: TokenStream = function.head.into_iter().collect();
    out.extend([TokenTree::from(braces)]);
    Ok(out)
}

/// What can be checked without types. The compiler reports the rest, at the option.
fn check(options: &Options, function: &Function) -> Result<()> {
    let recorded = [
        ("ret", &options.ret, "what the function returns"),
        ("err", &options.err, "the error of a `Result`"),
    ];
    for (word, option, what) in recorded {
        let Some(option) = option else {
            continue;
        };
        let fault = match function.returns.is_empty() {
            true => "this one returns nothing",
            false if function.never_returns() => "this one never returns",
            false => continue,
        };
        let message = format!("`{word}` records {what}, and {fault}; take `{word}` away");
        return Err(Refused::at(option.place, message));
    }
    Ok(())
}

fn fill(text: &str, parts: &[TokenStream]) -> TokenStream {
    code(text, Span::call_site(), parts)
}

/// A guard before the body; it drops last of all the body's locals.
fn plain(options: &Options, function: &Function) -> TokenStream {
    let span = enter("call", options, function);
    let body = function.body.clone();
    let Some(note) = note(options) else {
        return fill("let __span = $0; $1", &[span, body]);
    };
    fill(
        "::nulltrace::__private::run($0, move || -> $1 { $2 }, $3)",
        &[span, output(function), body, note],
    )
}

/// A future within the future: it is done, or dropped, with the body.
fn asynchronous(options: &Options, function: &Function) -> TokenStream {
    let span = enter("task", options, function);
    let body = function.body.clone();
    // Says what the block returns, which an `async` block cannot.
    let edge = match function.never_returns() {
        true => TokenStream::new(),
        false => fill(
            "if false { return ::nulltrace::__private::never::<$0>(); }",
            &[output(function)],
        ),
    };
    let parts = [span, edge, body, note(options).unwrap_or_default()];
    let text = match parts[3].is_empty() {
        true => "::nulltrace::__private::follow($0, async move { $1 $2 }).await",
        false => "::nulltrace::__private::follow_noting($0, async move { $1 $2 }, $3).await",
    };
    fill(text, &parts)
}

/// The span begins with the call; the future that comes out of it takes it along.
fn future(options: &Options, function: &Function) -> TokenStream {
    let span = enter("task", options, function);
    let body = function.body.clone();
    let future = fill(
        "::nulltrace::__private::call(&__span, move || -> $0 { $1 })",
        &[output(function), body],
    );
    let parts = [span, future, note(options).unwrap_or_default()];
    let text = match parts[2].is_empty() {
        true => {
            "let __span = $0; let __future = $1; ::nulltrace::__private::follow(__span, __future)"
        }
        false => {
            "let __span = $0; let __future = $1; \
             ::nulltrace::__private::follow_noting(__span, __future, $2)"
        }
    };
    fill(text, &parts)
}

/// The macro call that enters: `__call!` for one that stays on its thread, `__task!` for one that may not.
fn enter(kind: &str, options: &Options, function: &Function) -> TokenStream {
    let tag = match &options.tag {
        Some(tag) => tag.clone(),
        None => Literal::string(&function.name).into(),
    };
    let mut args = TokenStream::new();
    for arg in &options.args {
        let name = TokenTree::from(arg.name.clone());
        args.extend(fill(", $0 = $1", &[name.into(), arg.value.clone()]));
    }
    let text = match kind {
        "task" => "::nulltrace::__task!($0 $1)",
        _ => "::nulltrace::__call!($0 $1)",
    };
    fill(text, &[tag.into(), args])
}

/// What is to be recorded of the outcome: a function of the exit's arguments and the outcome.
fn note(options: &Options) -> Option<TokenStream> {
    let ret = options.ret.as_ref().map(|ret| outcome("ret", ret));
    let Some(err) = &options.err else {
        return ret;
    };
    let ret = ret.unwrap_or_else(|| code("::nulltrace::__private::ret_nothing", err.place, &[]));
    Some(code(
        "|__args, __out| ::nulltrace::__private::outcome(__args, __out, $0, $1)",
        err.place,
        &[ret, outcome("err", err)],
    ))
}

/// The same, of one option. What the compiler has to say of the types, it says there.
fn outcome(word: &str, option: &Outcome) -> TokenStream {
    let style = match &option.style {
        Style::Value => "value",
        Style::Display => "display",
        Style::Debug => "debug",
        Style::Named(args) => return named(args, option.place),
    };
    // In a closure, because of the bare function the compiler would complain twice.
    let text = format!("|__args, __out| ::nulltrace::__private::{word}_{style}(__args, __out)");
    code(&text, option.place, &[])
}

/// `ret(name = value)`: the values see what is returned as `ret`.
fn named(args: &[Arg], place: Span) -> TokenStream {
    let ret = TokenStream::from(TokenTree::from(Ident::new("ret", place)));
    let each = args.iter().map(|arg| {
        let mut value: Vec<_> = arg.value.clone().into_iter().collect();
        // `?` and `%` mean what they mean in `span!`.
        let text = match value.first() {
            Some(first) if is_sign(Some(first), '?') => "::nulltrace::debug(&($1))",
            Some(first) if is_sign(Some(first), '%') => "::nulltrace::display(&($1))",
            _ => "&($1)",
        };
        if text.starts_with(':') {
            value.remove(0);
        }
        let parts = [
            TokenTree::from(arg.name.clone()).into(),
            value.into_iter().collect(),
        ];
        fill(&format!("__args.arg($0, {text});"), &parts)
    });
    fill("|__args, $0| { let _ = $0; $1 }", &[ret, each.collect()])
}

/// The type of the outcome, as a place within the function can say it.
fn output(function: &Function) -> TokenStream {
    if function.returns.is_empty() {
        return fill("()", &[]);
    }
    without_impl(&function.returns)
}

/// `impl Trait` as `_`.
fn without_impl(tokens: &[TokenTree]) -> TokenStream {
    let mut out = TokenStream::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Ident(ident) if is_word(ident, "impl") => {
                out.extend(code("_", ident.span(), &[]));
                at += bounds(&tokens[at..]);
            }
            TokenTree::Group(group) => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                let has_impl = flat(&inner).iter().any(
                    |token| matches!(token, TokenTree::Ident(ident) if is_word(ident, "impl")),
                );
                let inner = match has_impl {
                    true => without_impl(&inner),
                    false => group.stream(),
                };
                let mut copy = Group::new(group.delimiter(), inner);
                copy.set_span(group.span());
                out.extend([TokenTree::from(copy)]);
            }
            token => out.extend([token.clone()]),
        }
    }
    out
}

/// How many tokens are the bounds of an `impl`.
fn bounds(tokens: &[TokenTree]) -> usize {
    let mut depth = 0_usize;
    let mut arrow = false;
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Punct(punct) = token else {
            arrow = false;
            continue;
        };
        match punct.as_char() {
            '<' => depth += 1,
            '>' if arrow => {}
            ',' | '>' | ';' if depth == 0 => return at,
            '>' => depth -= 1,
            _ => {}
        }
        arrow = punct.as_char() == '-';
    }
    tokens.len()
}
