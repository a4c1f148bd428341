//! Reads back what this crate wrote: its own two forms and no other.

use super::marker::Marker;
use crate::dir::Dir;
use crate::limits::{LONGEST, PARENT};
use crate::{Context, Id};

/// The marker, or nothing if it is not one of ours.
pub(super) fn decode(bytes: &[u8]) -> Option<Marker> {
    let cut = bytes.len() >= LONGEST;
    let seen = &bytes[..bytes.len().min(LONGEST - 1)];
    let mut marker = match seen.first()? {
        b'[' => json(seen, cut),
        _ => simple(seen, cut),
    }?;
    marker.cut = cut;
    if marker.dir == Dir::Enter
        && let Some((name, value)) = marker.args.first()
        && name == PARENT
    {
        marker.parent = Some(match value.as_str() {
            "" => Context::ROOT,
            number => Context::of(read_id(number)?)?,
        });
        marker.args.remove(0);
    }
    Some(marker)
}

fn simple(bytes: &[u8], cut: bool) -> Option<Marker> {
    let (dir, mut rest) = match bytes {
        [b'>', b':', rest @ ..] => (Dir::Enter, rest),
        [b'<', b':', rest @ ..] => (Dir::Exit, rest),
        _ => return None,
    };
    let (id, _) = part(&mut rest, b":")?;
    let id = read_id(&id)?;
    let (mut tags, mut args) = (Vec::new(), Vec::new());
    loop {
        let (tag, end) = part(&mut rest, b".:")?;
        tags.push(tag);
        if end == b':' {
            break;
        }
    }
    if rest.first() != Some(&b':') {
        // Of a marker that was cut, the last argument may be no longer whole.
        while let Some((name, _)) = part(&mut rest, b"=") {
            let Some((value, end)) = part(&mut rest, b",:") else {
                break;
            };
            args.push((name, value));
            if end == b':' {
                return Some(Marker {
                    dir,
                    id,
                    parent: None,
                    tags,
                    args,
                    cut,
                });
            }
        }
        if !cut {
            return None;
        }
    }
    Some(Marker {
        dir,
        id,
        parent: None,
        tags,
        args,
        cut,
    })
}

/// The unescaped text up to the first of `ends` and which of them that was.
fn part(rest: &mut &[u8], ends: &[u8]) -> Option<(String, u8)> {
    let mut text = Vec::new();
    loop {
        match *rest {
            [b'\\', byte, after @ ..] => {
                text.push(*byte);
                *rest = after;
            }
            [byte, after @ ..] => {
                *rest = after;
                if ends.contains(byte) {
                    return Some((String::from_utf8_lossy(&text).into_owned(), *byte));
                }
                text.push(*byte);
            }
            [] => return None,
        }
    }
}

fn json(bytes: &[u8], cut: bool) -> Option<Marker> {
    let mut rest = bytes;
    eat(&mut rest, b"[")?;
    let dir = if string(&mut rest)? == ">" {
        Dir::Enter
    } else {
        Dir::Exit
    };
    eat(&mut rest, b",")?;
    let id = if rest.first() == Some(&b'"') {
        string(&mut rest)?
    } else {
        let end = rest.iter().position(|&byte| byte == b',')?;
        let (number, after) = rest.split_at(end);
        rest = after;
        String::from_utf8_lossy(number).into_owned()
    };
    let id = read_id(&id)?;
    let (mut tags, mut args) = (Vec::new(), Vec::new());
    eat(&mut rest, b",[")?;
    loop {
        tags.push(string(&mut rest)?);
        if eat(&mut rest, b",").is_none() {
            break;
        }
    }
    eat(&mut rest, b"]")?;
    if eat(&mut rest, b",[{").is_some() {
        while let Some(name) = string(&mut rest) {
            let value = eat(&mut rest, b":").and_then(|()| string(&mut rest));
            let Some(value) = value else { break };
            args.push((name, value));
            if eat(&mut rest, b"},{").is_none() {
                break;
            }
        }
    }
    Some(Marker {
        dir,
        id,
        parent: None,
        tags,
        args,
        cut,
    })
}

fn eat(rest: &mut &[u8], what: &[u8]) -> Option<()> {
    *rest = rest.strip_prefix(what)?;
    Some(())
}

fn string(rest: &mut &[u8]) -> Option<String> {
    eat(rest, b"\"")?;
    let mut text = Vec::new();
    loop {
        let (byte, after) = match *rest {
            [b'"', after @ ..] => {
                *rest = after;
                return Some(String::from_utf8_lossy(&text).into_owned());
            }
            [b'\\', b'u', b'0', b'0', high, low, after @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                ((digit(*high)? * 16 + digit(*low)?) as u8, after)
            }
            [b'\\', letter, after @ ..] => {
                let byte = match letter {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                };
                (byte, after)
            }
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        text.push(byte);
        *rest = after;
    }
}

fn read_id(text: &str) -> Option<Id> {
    Some(match text {
        "" => Id::Empty,
        "g" => Id::Global,
        "t" => Id::Thread,
        "p" => Id::Process,
        "pp" => Id::Parent,
        number => Id::Number(number.parse().ok()?),
    })
}
