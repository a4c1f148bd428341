//! The JSON form: `[">", id, ["tag", …], [{"name": "value"}, …]]`.
//!
//! The shape has a fixed depth, so there is no recursion to bound: a value of another kind is refused
//! at its first byte.

use crate::args::Args;
use crate::error::{Code, Error};
use crate::simple::push_digit;
use crate::tags::{Form, Tags};
use crate::text::{IN_JSON, Raw, skip, unescape_json};
use crate::{ARGS_MAX, Dir, Format, Id, Marker, TAGS_MAX};

/// Reads one marker that begins with `[`; gives it and the offset of its end.
///
/// `cut` keeps a marker whose bytes end after its tags.
pub(crate) fn parse(bytes: &[u8], cut: bool) -> Result<(Marker<'_>, usize), Error> {
    let mut scan = Scan { bytes, at: 0 };
    if scan.next() != Some(b'[') {
        return Err(Error::new(Code::Direction, 0));
    }
    let dir = scan.dir()?;
    scan.comma()?;
    let id = scan.id()?;
    scan.comma()?;
    let tags = scan.tags()?;
    let mut seen = Seen {
        start: scan.at,
        end: scan.at,
        len: 0,
    };
    let cut = match scan.tail(&mut seen) {
        Err(error) if cut && error.is_open(bytes.len()) => true,
        done => done.map(|()| false)?,
    };
    let marker = Marker {
        dir,
        id,
        tags,
        args: Args::new(&bytes[seen.start..seen.end], seen.len, Format::Json),
        format: Format::Json,
        cut,
    };
    Ok((marker, scan.at))
}

/// The args that are whole so far.
struct Seen {
    start: usize,
    end: usize,
    len: u8,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Passes white space over and shows the byte after it.
    fn token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    /// Takes the byte if it is the next token.
    fn take(&mut self, byte: u8) -> bool {
        let is = self.token() == Some(byte);
        self.at += usize::from(is);
        is
    }

    /// The refusal of what is here.
    #[cold]
    fn refuse(&self, code: Code) -> Error {
        let code = if self.at < self.bytes.len() {
            code
        } else {
            Code::Unfinished
        };
        Error::new(code, self.at)
    }

    /// The refusal of a value of the wrong kind, or of what is no value at all.
    #[cold]
    fn refuse_value(&self, code: Code) -> Error {
        let is_value = matches!(
            self.peek(),
            Some(b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
        );
        self.refuse(if is_value { code } else { Code::Json })
    }

    /// The comma before an element that must be there.
    fn comma(&mut self) -> Result<(), Error> {
        match self.token() {
            Some(b',') => {
                self.at += 1;
                Ok(())
            }
            Some(b']') => Err(self.refuse(Code::JsonShape)),
            _ => Err(self.refuse(Code::Json)),
        }
    }

    fn dir(&mut self) -> Result<Dir, Error> {
        match self.token() {
            Some(b'"') => {}
            Some(b']') => return Err(self.refuse(Code::JsonShape)),
            _ => return Err(self.refuse_value(Code::Direction)),
        }
        let start = self.at;
        match &*unescape_json(self.string()?) {
            b">" => Ok(Dir::Enter),
            b"<" => Ok(Dir::Exit),
            _ => Err(Error::new(Code::Direction, start)),
        }
    }

    fn id(&mut self) -> Result<Id, Error> {
        let first = self.token();
        let start = self.at;
        match first {
            Some(b'"') => match &*unescape_json(self.string()?) {
                b"" => Ok(Id::None),
                b"g" => Ok(Id::Global),
                b"t" => Ok(Id::Thread),
                b"p" => Ok(Id::Process),
                b"pp" => Ok(Id::Parent),
                _ => Err(Error::new(Code::Id, start)),
            },
            Some(b'-' | b'0'..=b'9') => {
                let digits = self.integer()?;
                if let Some(b'.' | b'e' | b'E') = self.peek() {
                    return Err(Error::new(Code::Id, start));
                }
                let negative = first == Some(b'-');
                let push = |value, digit: &u8| push_digit(value, *digit, negative);
                Ok(Id::Number(digits.iter().fold(0, push)))
            }
            _ => Err(self.refuse_value(Code::Id)),
        }
    }

    /// Reads the integer part of a number; gives its digits without the sign.
    fn integer(&mut self) -> Result<&'a [u8], Error> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let start = self.at;
        match self.peek() {
            // JSON allows no leading zero: a digit after it is refused by whatever comes next.
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        Ok(&self.bytes[start..self.at])
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Error> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.refuse(Code::Json));
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Error> {
        self.integer()?;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Error> {
        for &byte in word {
            if self.peek() != Some(byte) {
                return Err(self.refuse(Code::Json));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Reads the string whose opening quote is here; gives what is between the quotes.
    fn string(&mut self) -> Result<Raw<'a>, Error> {
        self.at += 1;
        let (start, mut escaped) = (self.at, false);
        loop {
            self.at = skip(self.bytes, self.at, IN_JSON);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    let text = &self.bytes[start..self.at - 1];
                    return Ok(Raw { text, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(self.refuse(Code::Json)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Error> {
        let bad = Error::new(Code::Escape, self.at);
        self.at += 1;
        let hex = match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            Some(b'u') => 4,
            Some(_) => return Err(bad),
            None => return Err(self.refuse(Code::Escape)),
        };
        self.at += 1;
        for _ in 0..hex {
            match self.peek() {
                Some(byte) if byte.is_ascii_hexdigit() => self.at += 1,
                Some(_) => return Err(bad),
                None => return Err(self.refuse(Code::Escape)),
            }
        }
        Ok(())
    }

    fn tags(&mut self) -> Result<Tags<'a>, Error> {
        if !self.take(b'[') {
            return Err(self.refuse_value(Code::JsonShape));
        }
        let (start, mut len) = (self.at, 0);
        if self.token() == Some(b']') {
            return Err(self.refuse(Code::TagEmpty));
        }
        let first = self.at;
        loop {
            if self.token() != Some(b'"') {
                return Err(self.refuse_value(Code::JsonShape));
            }
            if usize::from(len) == TAGS_MAX {
                return Err(self.refuse(Code::TagDepth));
            }
            self.string()?;
            len += 1;
            if !self.take(b',') {
                break;
            }
        }
        let end = self.at;
        if !self.take(b']') {
            return Err(self.refuse(Code::Json));
        }
        // Only the bracket says that no other tag follows.
        if len == 1 && self.bytes.get(first + 1) == Some(&b'"') {
            return Err(Error::new(Code::TagEmpty, first));
        }
        Ok(Tags::new(&self.bytes[start..end], len, Form::Json))
    }

    /// What follows the tags, to the closing bracket of the marker.
    fn tail(&mut self, seen: &mut Seen) -> Result<(), Error> {
        if self.take(b',') {
            seen.start = self.at;
            seen.end = self.at;
            match self.token() {
                Some(b'{') => self.object(seen)?,
                Some(b'[') => self.list(seen)?,
                _ => return Err(self.refuse_value(Code::JsonShape)),
            }
        }
        match self.token() {
            Some(b']') => {
                self.at += 1;
                Ok(())
            }
            Some(b',') => Err(self.refuse(Code::JsonShape)),
            _ => Err(self.refuse(Code::Json)),
        }
    }

    fn list(&mut self, seen: &mut Seen) -> Result<(), Error> {
        self.at += 1;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            if self.token() != Some(b'{') {
                return Err(self.refuse_value(Code::JsonShape));
            }
            self.object(seen)?;
            if !self.take(b',') {
                break;
            }
        }
        if self.take(b']') {
            Ok(())
        } else {
            Err(self.refuse(Code::Json))
        }
    }

    fn object(&mut self, seen: &mut Seen) -> Result<(), Error> {
        self.at += 1;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.token() != Some(b'"') {
                return Err(self.refuse(Code::Json));
            }
            if usize::from(seen.len) == ARGS_MAX {
                return Err(self.refuse(Code::ArgCount));
            }
            let quote = self.at;
            if self.string()?.text.is_empty() {
                return Err(Error::new(Code::ArgName, quote));
            }
            if !self.take(b':') {
                return Err(self.refuse(Code::Json));
            }
            self.value()?;
            seen.end = self.at;
            seen.len += 1;
            if !self.take(b',') {
                break;
            }
        }
        if self.take(b'}') {
            Ok(())
        } else {
            Err(self.refuse(Code::Json))
        }
    }

    fn value(&mut self) -> Result<(), Error> {
        match self.token() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                // The next digit of a number may be yet to come.
                if self.peek().is_none() {
                    Err(self.refuse(Code::Json))
                } else {
                    Ok(())
                }
            }
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.refuse_value(Code::JsonShape)),
        }
    }
}
