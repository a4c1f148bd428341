//! Writing markers.

use crate::error::Code;
use crate::text::{IN_JSON, IN_NAME, IN_TAG, skip};
use crate::{ARGS_MAX, Dir, Format, Id, MARKER_MAX, TAGS_MAX};

/// What a marker shall say, before it is written.
///
/// ```
/// use nulltrace_spec::{Dir, Draft, Id};
///
/// let draft = Draft {
///     dir: Dir::Enter,
///     id: Id::Thread,
///     tags: &[b"checkout", b"pay.now"],
///     args: &[(b"cart", b"7")],
/// };
/// let mut out = Vec::new();
/// draft.encode(&mut out).unwrap();
/// assert_eq!(out, br">:t:checkout.pay\.now:cart=7:");
///
/// let mut line = [0; 64];
/// let len = draft.encode_into(&mut line).unwrap();
/// assert_eq!(line[..len], out);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Draft<'x> {
    /// Enter or exit.
    pub dir: Dir,
    /// The id.
    pub id: Id,
    /// The tag path, outermost first, any bytes.
    pub tags: &'x [&'x [u8]],
    /// Names and values in order, any bytes.
    pub args: &'x [(&'x [u8], &'x [u8])],
}

impl Draft<'_> {
    /// The form [`encode`](Self::encode) writes: the simple one, or JSON if there is a control
    /// character (below U+0020) in the text.
    #[must_use]
    pub fn format(&self) -> Format {
        let control = |text: &[u8]| text.iter().any(|&byte| byte < 0x20);
        let tags = self.tags.iter().any(|tag| control(tag));
        if tags || self.args.iter().any(|(n, v)| control(n) || control(v)) {
            Format::Json
        } else {
            Format::Simple
        }
    }

    /// Appends the marker, without a newline, in the form [`format`](Self::format) gives.
    ///
    /// # Errors
    /// As [`encode_as`](Self::encode_as).
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Code> {
        self.encode_as(self.format(), out)
    }

    /// Appends the marker, without a newline, in a form of choice.
    ///
    /// # Errors
    /// [`Code::TagDepth`], [`Code::ArgName`], [`Code::ArgCount`]: no marker can say this.
    /// [`Code::TagEmpty`]: there is no tag, or one is empty: such paths are read, but not written.
    /// [`Code::Escape`]: the simple form cannot hold a newline. [`Code::Limit`]: it would be longer
    /// than [`MARKER_MAX`]. Nothing is appended then.
    pub fn encode_as(&self, format: Format, out: &mut Vec<u8>) -> Result<(), Code> {
        let start = out.len();
        let done = self.write(format, &mut Tail { out, start });
        if done.is_err() {
            out.truncate(start);
        }
        done
    }

    /// Writes the marker into `buf`, without a newline and without an allocation; gives its length.
    ///
    /// # Errors
    /// As [`encode_as`](Self::encode_as); [`Code::Limit`] also when `buf` is too short. What `buf` holds
    /// is then of no use.
    pub fn encode_into(&self, buf: &mut [u8]) -> Result<usize, Code> {
        let room = buf.len().min(MARKER_MAX);
        let mut slice = Slice {
            buf: &mut buf[..room],
            len: 0,
        };
        self.write(self.format(), &mut slice)?;
        Ok(slice.len)
    }

    fn write(&self, format: Format, out: &mut impl Out) -> Result<(), Code> {
        if self.tags.is_empty() || self.tags.iter().any(|tag| tag.is_empty()) {
            return Err(Code::TagEmpty);
        }
        if self.tags.len() > TAGS_MAX {
            return Err(Code::TagDepth);
        }
        if self.args.iter().any(|(name, _)| name.is_empty()) {
            return Err(Code::ArgName);
        }
        if self.args.len() > ARGS_MAX {
            return Err(Code::ArgCount);
        }
        match format {
            Format::Simple => self.simple(out),
            Format::Json => self.json(out),
        }
    }

    fn simple(&self, out: &mut impl Out) -> Result<(), Code> {
        out.put(self.dir.text().as_bytes())?;
        out.put(b":")?;
        put_id(out, self.id)?;
        for (index, tag) in self.tags.iter().enumerate() {
            out.put(if index == 0 { b":" } else { b"." })?;
            put_simple(out, tag, IN_TAG)?;
        }
        out.put(b":")?;
        for (index, (name, value)) in self.args.iter().enumerate() {
            if index > 0 {
                out.put(b",")?;
            }
            put_simple(out, name, IN_NAME)?;
            out.put(b"=")?;
            put_simple(out, value, IN_NAME)?;
        }
        out.put(b":")
    }

    fn json(&self, out: &mut impl Out) -> Result<(), Code> {
        out.put(b"[\"")?;
        out.put(self.dir.text().as_bytes())?;
        out.put(b"\",")?;
        if let Id::Number(_) = self.id {
            put_id(out, self.id)?;
        } else {
            out.put(b"\"")?;
            put_id(out, self.id)?;
            out.put(b"\"")?;
        }
        for (index, tag) in self.tags.iter().enumerate() {
            out.put(if index == 0 { b",[" } else { b"," })?;
            put_json(out, tag)?;
        }
        out.put(b"]")?;
        for (index, (name, value)) in self.args.iter().enumerate() {
            out.put(if index == 0 { b",[{" } else { b",{" })?;
            put_json(out, name)?;
            out.put(b":")?;
            put_json(out, value)?;
            out.put(b"}")?;
        }
        out.put(if self.args.is_empty() { b"]" } else { b"]]" })
    }
}

/// Where a marker is written to.
trait Out {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Code>;
}

/// The end of a vector, from `start` on.
struct Tail<'v> {
    out: &'v mut Vec<u8>,
    start: usize,
}

impl Out for Tail<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Code> {
        if self.out.len() - self.start + bytes.len() > MARKER_MAX {
            return Err(Code::Limit);
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

struct Slice<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl Out for Slice<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Code> {
        let end = self.len + bytes.len();
        let room = self.buf.get_mut(self.len..end).ok_or(Code::Limit)?;
        room.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}

/// Puts the plain runs of `text` between its bytes of `class`, and `escaped` for each of those.
fn put_runs<O: Out>(
    out: &mut O,
    text: &[u8],
    class: u8,
    escaped: impl Fn(&mut O, u8) -> Result<(), Code>,
) -> Result<(), Code> {
    let mut start = 0;
    loop {
        let at = skip(text, start, class);
        out.put(&text[start..at])?;
        let Some(&byte) = text.get(at) else {
            return Ok(());
        };
        escaped(out, byte)?;
        start = at + 1;
    }
}

fn put_simple(out: &mut impl Out, text: &[u8], class: u8) -> Result<(), Code> {
    put_runs(out, text, class, |out, byte| match byte {
        b'\n' => Err(Code::Escape),
        _ => out.put(&[b'\\', byte]),
    })
}

fn put_json(out: &mut impl Out, text: &[u8]) -> Result<(), Code> {
    out.put(b"\"")?;
    put_runs(out, text, IN_JSON, |out, byte| match byte {
        8 => out.put(b"\\b"),
        b'\t' => out.put(b"\\t"),
        b'\n' => out.put(b"\\n"),
        12 => out.put(b"\\f"),
        b'\r' => out.put(b"\\r"),
        b'"' | b'\\' => out.put(&[b'\\', byte]),
        _ => {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
            out.put(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)])
        }
    })?;
    out.put(b"\"")
}

fn put_id(out: &mut impl Out, id: Id) -> Result<(), Code> {
    let Id::Number(number) = id else {
        return out.put(id.letters().as_bytes());
    };
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.put(b"-")?;
    }
    out.put(&digits[at..])
}
