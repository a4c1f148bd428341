//! The paths in what is given to a macro, or in the body of one: tokens that are not parsed.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;

/// Calls `found` with each path in `tokens`, `a::b` or longer, and with each single name that may be an
/// item's: a type by its capital, a function by its call. The first of one that begins with `::` has that in
/// front.
pub(crate) fn paths(tokens: TokenStream, found: &mut impl FnMut(Vec<String>, Span)) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) => paths(group.stream(), found),
            TokenTree::Ident(first) => {
                let behind_colons = is_colons(&tokens, at.wrapping_sub(2));
                let is_part = is_dot(&tokens, at) || behind_colons && is_segment(&tokens, at);
                let mut segments = vec![text(first)];
                if behind_colons {
                    segments[0].insert_str(0, "::");
                }
                while is_colons(&tokens, at + 1)
                    && let Some(TokenTree::Ident(next)) = tokens.get(at + 3)
                {
                    segments.push(text(next));
                    at += 3;
                }
                let is_call = matches!(tokens.get(at + 1), Some(TokenTree::Group(_)));
                let is_type = segments[0].starts_with(char::is_uppercase);
                if !is_part && (segments.len() > 1 || is_call || is_type) {
                    found(segments, first.span());
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn text(ident: &Ident) -> String {
    ident.unraw().to_string()
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(at) && is_colon(at.wrapping_add(1))
}

/// Behind the colons of a longer path, as what follows `<T as A>::`; not of one behind an arrow.
fn is_segment(tokens: &[TokenTree], at: usize) -> bool {
    let sign = |back: usize| match at.checked_sub(back).and_then(|at| tokens.get(at)) {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    };
    sign(3) == Some('>') && !matches!(sign(4), Some('=' | '-'))
}

/// Behind one dot: a field or a method. Behind two it is a range's end.
fn is_dot(tokens: &[TokenTree], at: usize) -> bool {
    let dot = |back: usize| {
        let before = at.checked_sub(back).and_then(|at| tokens.get(at));
        matches!(before, Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
    };
    dot(1) && !dot(2)
}
