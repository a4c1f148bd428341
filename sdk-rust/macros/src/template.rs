//! Code written as text, with places for tokens.

use proc_macro::{Group, Span, TokenStream, TokenTree};

/// The tokens of `text`, `$0`, `$1` … replaced by these parts.
///
/// The text's own names cannot meet those of the program (`Span::mixed_site`), and what the compiler
/// says of it points at `place`. The parts stay as they are.
pub(crate) fn code(text: &str, place: Span, parts: &[TokenStream]) -> TokenStream {
    // Text that does not parse is this crate's mistake; the tests expand all of it.
    let tokens: TokenStream = text.parse().unwrap_or_default();
    fill(tokens, Span::mixed_site().located_at(place), parts)
}

fn fill(tokens: TokenStream, span: Span, parts: &[TokenStream]) -> TokenStream {
    let mut out = TokenStream::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '$' => {
                let index = tokens.next().map(|token| token.to_string());
                let index = index.and_then(|text| text.parse::<usize>().ok());
                out.extend(index.and_then(|index| parts.get(index)).cloned());
            }
            TokenTree::Group(group) => {
                let inner = fill(group.stream(), span, parts);
                let mut group = Group::new(group.delimiter(), inner);
                group.set_span(span);
                out.extend([TokenTree::from(group)]);
            }
            mut token => {
                token.set_span(span);
                out.extend([token]);
            }
        }
    }
    out
}
