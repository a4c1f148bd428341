//! What stands in the brackets of the attribute.

use proc_macro::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};

use crate::reader::{Angles, Cursor, Refused, Result, bare, flat, is_joint, is_sign, name};
use crate::text::{ARGS_MAX, check_path, unquote};

const USAGE: &str = "write `#[traced(\"tag\", args(name = value), ret, err)]`, each part if wanted";

/// How a value is made text.
pub(crate) enum Style {
    /// By the trait `nulltrace::Value`.
    Value,
    Display,
    Debug,
    /// `ret(name = value)`: values made of the one that is returned.
    Named(Vec<Arg>),
}

/// `ret` or `err`, and where it stands.
pub(crate) struct Outcome {
    pub(crate) style: Style,
    pub(crate) place: Span,
}

/// `name = value`.
pub(crate) struct Arg {
    pub(crate) name: Literal,
    pub(crate) value: TokenStream,
}

#[derive(Default)]
pub(crate) struct Options {
    /// The path as it was written: a string, or a list of strings in brackets.
    pub(crate) tag: Option<TokenTree>,
    pub(crate) args: Vec<Arg>,
    pub(crate) ret: Option<Outcome>,
    pub(crate) err: Option<Outcome>,
}

impl Options {
    pub(crate) fn read(attribute: TokenStream) -> Result<Self> {
        let tokens: Vec<_> = bare(attribute);
        let end = tokens.last().map_or_else(Span::call_site, TokenTree::span);
        let mut cursor = Cursor::new(&tokens, end);
        let mut options = Self::default();
        let mut args = None;
        while let Some(token) = cursor.next() {
            let place = token.span();
            match &flat(std::slice::from_ref(token))[..] {
                [TokenTree::Literal(literal)] => options.tag(text_tag(literal)?, place)?,
                [TokenTree::Group(list)] if list.delimiter() == Delimiter::Bracket => {
                    options.tag(list_tag(list)?, place)?;
                }
                [TokenTree::Ident(word)] => match word.to_string().as_str() {
                    "args" => {
                        let Some(list) = cursor.group(Delimiter::Parenthesis) else {
                            return Err(Refused::at(
                                place,
                                "`args` needs a list: `args(id, len = rows.len())`",
                            ));
                        };
                        once("args", &mut args, (), place)?;
                        options.args = read_args(list)?;
                    }
                    "ret" => {
                        let style = match cursor.group(Delimiter::Parenthesis) {
                            Some(list) => Style::Named(read_args(list)?),
                            None => style(&mut cursor, "ret", Style::Value)?,
                        };
                        once("ret", &mut options.ret, Outcome { style, place }, place)?;
                    }
                    "err" => {
                        let style = style(&mut cursor, "err", Style::Display)?;
                        once("err", &mut options.err, Outcome { style, place }, place)?;
                    }
                    other => return Err(unknown(other, place)),
                },
                _ => return Err(Refused::at(place, format!("not understood; {USAGE}"))),
            }
            if !cursor.is_done() && !cursor.sign(',') {
                return Err(Refused::at(
                    cursor.place(),
                    "a comma is missing before this",
                ));
            }
        }
        Ok(options)
    }

    fn tag(&mut self, tag: TokenTree, place: Span) -> Result<()> {
        if self.tag.is_some() {
            return Err(Refused::at(
                place,
                "a second tag; a path is one string, its tags separated by dots: \"db.query\"",
            ));
        }
        self.tag = Some(tag);
        Ok(())
    }
}

fn unknown(word: &str, place: Span) -> Refused {
    let hint = match word {
        "name" | "tag" | "span" => "the tag is only a string: `#[traced(\"db.query\")]`".to_owned(),
        "fields" | "arg" | "skip" | "skip_all" => {
            "arguments are recorded if they are named: `args(id, len = rows.len())`".to_owned()
        }
        "Err" | "error" | "errors" => "did you mean `err`?".to_owned(),
        "return" | "returns" | "result" => "did you mean `ret`?".to_owned(),
        _ => USAGE.to_owned(),
    };
    Refused::at(place, format!("unknown option `{word}`; {hint}"))
}

fn once<T>(what: &str, slot: &mut Option<T>, value: T, place: Span) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refused::at(
            place,
            format!("`{what}` is here twice; take one away"),
        )),
    }
}

fn text_tag(literal: &Literal) -> Result<TokenTree> {
    let place = literal.span();
    let Some(path) = unquote(&literal.to_string()) else {
        return Err(Refused::at(
            place,
            format!("a tag is text; put it in double quotes instead of {literal}"),
        ));
    };
    check_path(&path).map_err(|what| Refused::at(place, what))?;
    Ok(literal.clone().into())
}

/// `["a.b", "c"]`: each string is one tag, dots and all.
fn list_tag(list: &Group) -> Result<TokenTree> {
    let tokens: Vec<_> = list.stream().into_iter().collect();
    let tokens = flat(&tokens);
    let mut cursor = Cursor::new(&tokens, list.span_close());
    let mut count = 0;
    while let Some(token) = cursor.next() {
        let text = match token {
            TokenTree::Literal(literal) => unquote(&literal.to_string()),
            _ => None,
        };
        let what = match text.as_deref() {
            None => "a list of tags holds strings: `[\"a.b\", \"c\"]`",
            Some("") => "the tag is empty; take it away",
            Some(_) => "",
        };
        if !what.is_empty() {
            return Err(Refused::at(token.span(), what));
        }
        count += 1;
        if !cursor.is_done() && !cursor.sign(',') {
            return Err(Refused::at(
                cursor.place(),
                "a comma is missing before this",
            ));
        }
    }
    // As many tags as a string could have.
    check_path(&vec!["a"; count].join(".")).map_err(|what| Refused::at(list.span(), what))?;
    Ok(list.clone().into())
}

/// `= debug` or `= display` behind an option.
fn style(cursor: &mut Cursor<'_>, what: &str, default: Style) -> Result<Style> {
    if !cursor.sign('=') {
        return Ok(default);
    }
    if cursor.word("debug").is_some() {
        Ok(Style::Debug)
    } else if cursor.word("display").is_some() {
        Ok(Style::Display)
    } else {
        Err(Refused::at(
            cursor.place(),
            format!("write `{what}`, `{what} = debug` or `{what} = display`"),
        ))
    }
}

fn read_args(list: &Group) -> Result<Vec<Arg>> {
    let tokens = bare(list.stream());
    let mut cursor = Cursor::new(&tokens, list.span_close());
    let mut args = Vec::new();
    let mut names = Vec::new();
    while !cursor.is_done() {
        let start = cursor.position();
        let place = cursor.place();
        let (name, value) = read_arg(&mut cursor)?;
        let over = |what: String| Refused::over(cursor.since(start), place, what);
        if names.contains(&name) {
            return Err(over(format!(
                "`{name}` is here twice; give one of them another name"
            )));
        }
        if args.len() == ARGS_MAX {
            return Err(over(format!("a marker has at most {ARGS_MAX} arguments")));
        }
        let mut literal = Literal::string(&name);
        literal.set_span(place);
        args.push(Arg {
            name: literal,
            value,
        });
        names.push(name);
        if !cursor.is_done() && !cursor.sign(',') {
            return Err(Refused::at(
                cursor.place(),
                "a comma is missing before this",
            ));
        }
    }
    Ok(args)
}

fn read_arg(cursor: &mut Cursor<'_>) -> Result<(String, TokenStream)> {
    let place = cursor.place();
    let named = is_sign(cursor.peek_at(1), '=') && !is_joint(cursor.peek_at(1));
    let first = cursor.next().map(|token| flat(std::slice::from_ref(token)));
    let (name, ident) = match first.as_deref() {
        Some([TokenTree::Ident(ident)]) => (name(ident), Some(ident)),
        Some([TokenTree::Literal(literal)]) if named => {
            let Some(name) = unquote(&literal.to_string()) else {
                return Err(Refused::at(
                    place,
                    "the name of an argument is a word or a string: `\"user id\" = id`",
                ));
            };
            if name.is_empty() {
                return Err(Refused::at(place, "the name of an argument is empty"));
            }
            (name, None)
        }
        _ => return Err(Refused::at(place, NEEDS_NAME)),
    };
    if named {
        cursor.next();
        let equals = cursor.place();
        let value = expression(cursor);
        if value.is_empty() {
            let what = format!("no value; write `{name} = value`");
            return Err(Refused::at(equals, what));
        }
        return Ok((name, value.iter().cloned().collect()));
    }
    // A parameter by its name.
    match ident {
        Some(ident) if cursor.is_done() || is_sign(cursor.peek(), ',') => {
            Ok((name, TokenTree::from(Ident::clone(ident)).into()))
        }
        _ => {
            expression(cursor);
            Err(Refused::at(place, NEEDS_NAME))
        }
    }
}

const NEEDS_NAME: &str =
    "an argument is a parameter's name, or `name = value`: `args(id, len = rows.len())`";

/// Up to the comma that ends the expression: one of no brackets, nor of `::<…>` or a leading `<…>`.
fn expression<'t>(cursor: &mut Cursor<'t>) -> &'t [TokenTree] {
    let start = cursor.position();
    let mut angles = Angles::default();
    // Where a `<` opens something: before an operand, and behind `::`.
    let mut opens = true;
    let mut operand = false;
    while let Some(token) = cursor.peek() {
        if cursor.position() > start && begins_arg(cursor) && operand {
            break;
        }
        if !angles.is_outside() || (is_sign(Some(token), '<') && opens) {
            angles.see(token);
        } else if is_sign(Some(token), ',') {
            break;
        }
        opens = matches!(token, TokenTree::Punct(punct) if punct.as_char() != '?');
        operand = match token {
            TokenTree::Literal(_) | TokenTree::Group(_) => true,
            TokenTree::Ident(ident) => !matches!(ident.to_string().as_str(), "let" | "ref" | "mut"),
            TokenTree::Punct(_) => false,
        };
        cursor.next();
    }
    cursor.since(start)
}

/// `name =`: behind an operand it is another argument, and its comma is missing.
fn begins_arg(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.peek(), Some(TokenTree::Ident(_)))
        && is_sign(cursor.peek_at(1), '=')
        && !is_joint(cursor.peek_at(1))
}
