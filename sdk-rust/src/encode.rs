//! Writes one marker into a buffer on the stack.

use core::mem::MaybeUninit;

use crate::Id;
use crate::digits::{PAIRS, eight_digits};
use crate::dir::Dir;
use crate::escape::{CONTROL, IN_ARG, IN_JSON, IN_TAG, in_json, plain};
use crate::limits::{ARGS_MAX, LONGEST, PARENT, TAGS_MAX};
use crate::refused::Refused;

/// Room for one marker: 4097 bytes, not initialised, so that it costs nothing to make.
///
/// ```
/// assert_eq!(size_of::<nulltrace::raw::Buffer>(), 4097);
/// ```
pub struct Buffer {
    bytes: [MaybeUninit<u8>; LONGEST],
}

impl Buffer {
    /// An empty one.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        let bytes = [MaybeUninit::uninit(); LONGEST];
        Self { bytes }
    }
}

impl Default for Buffer {
    #[inline(always)]
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Buffer")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `>:t:tag:name=value:`
    Simple,
    /// `[">","t",["tag"],[{"name":"value"}]]`
    Json,
    /// No marker: the text of a name or a value as it is, kept for later.
    Raw,
}

/// A marker being written. What is longer than the buffer is left away.
///
/// Its parts are given in the order they stand in: [`begin`](Self::begin), each [`tag`](Self::tag), each
/// [`arg`](Self::arg) with [`text`](Self::text), [`end`](Self::end).
pub(crate) struct Writer<'b> {
    bytes: &'b mut [MaybeUninit<u8>],
    len: usize,
    /// It is no whole marker of the simple form: one of the three below. One test for most markers.
    odd: bool,
    /// Something was left away.
    cut: bool,
    form: Form,
    /// There was a control character, so the simple form is of no use.
    control: bool,
    tags: usize,
    args: usize,
    /// The first argument is not the user's: it names the parent.
    names_parent: bool,
    refused: Option<Refused>,
}

impl<'b> Writer<'b> {
    #[inline(always)]
    pub(crate) fn new(bytes: &'b mut [MaybeUninit<u8>], form: Form) -> Self {
        Self {
            bytes,
            len: 0,
            odd: false,
            cut: false,
            form,
            control: false,
            tags: 0,
            args: 0,
            names_parent: false,
            refused: None,
        }
    }

    #[inline(always)]
    pub(crate) fn is_simple(&self) -> bool {
        self.form == Form::Simple
    }

    /// Bytes as they are.
    #[inline(always)]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > self.bytes.len() - self.len {
            return self.put_what_fits(bytes);
        }
        // SAFETY: checked: so many bytes are left; the borrows say that the two do not overlap.
        unsafe {
            let to = self.bytes.as_mut_ptr().add(self.len).cast::<u8>();
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.len += bytes.len();
    }

    #[cold]
    #[inline(never)]
    fn put_what_fits(&mut self, bytes: &[u8]) {
        (self.cut, self.odd) = (true, true);
        // Not by index: the library for C has no panic in it, and the compiler does not see the bound.
        let fits = bytes.get(..self.bytes.len() - self.len).unwrap_or_default();
        self.put(fits);
    }

    /// Text of any length, as it is.
    #[inline]
    fn put_text(&mut self, text: &[u8]) {
        if text.len() > self.bytes.len() - self.len {
            return self.put_what_fits(text);
        }
        // SAFETY: checked: so many bytes are left; the borrows say that the two do not overlap.
        unsafe {
            let to = self.bytes.as_mut_ptr().add(self.len).cast::<u8>();
            copy_short(text.as_ptr(), to, text.len());
        }
        self.len += text.len();
    }

    /// Text, with a backslash before the bytes of `class` in the simple form, or as part of a JSON string.
    #[inline]
    fn put_escaped(&mut self, text: &[u8], class: u8) {
        match self.form {
            Form::Raw => self.put_text(text),
            Form::Json => self.put_json(text),
            Form::Simple => {
                let at = plain(text, class | CONTROL);
                let (before, rest) = text.split_at(at);
                self.put_text(before);
                if !rest.is_empty() {
                    self.put_rest(rest, class);
                }
            }
        }
    }

    /// What begins with the first byte that does not stand for itself.
    #[inline]
    fn put_rest(&mut self, mut text: &[u8], class: u8) {
        while let [byte, rest @ ..] = text {
            if *byte < 0x20 {
                (self.control, self.odd) = (true, true);
                return;
            }
            let (escape, after) = rest.split_at(plain(rest, class | CONTROL));
            self.put(&[b'\\', *byte]);
            self.put_text(escape);
            text = after;
        }
    }

    #[cold]
    fn put_json(&mut self, mut text: &[u8]) {
        loop {
            let (before, rest) = text.split_at(plain(text, IN_JSON));
            self.put(before);
            let [byte, rest @ ..] = rest else { return };
            let (escape, len) = in_json(*byte);
            self.put(&escape[..len]);
            text = rest;
        }
    }

    #[inline]
    pub(crate) fn begin(&mut self, dir: Dir, id: Id) {
        match (self.form, dir) {
            (Form::Json, Dir::Enter) => self.put(b"[\">\","),
            (Form::Json, Dir::Exit) => self.put(b"[\"<\","),
            (_, Dir::Enter) => self.put(b">:"),
            (_, Dir::Exit) => self.put(b"<:"),
        }
        match (self.form, id) {
            (_, Id::Number(number)) => self.number(number),
            (Form::Json, _) => {
                self.put(b"\"");
                self.put(id.letters());
                self.put(b"\"");
            }
            _ => self.put(id.letters()),
        }
    }

    #[inline]
    pub(crate) fn tag(&mut self, tag: &[u8]) {
        self.tags += 1;
        if tag.is_empty() {
            self.refuse(Refused::TagEmpty);
        }
        match self.form {
            Form::Json => {
                self.put(if self.tags == 1 { b",[\"" } else { b",\"" });
                self.put_json(tag);
                self.put(b"\"");
            }
            _ => {
                self.put(if self.tags == 1 { b":" } else { b"." });
                self.put_escaped(tag, IN_TAG);
            }
        }
    }

    /// The marker up to its arguments, `>:t:a.b:`, made before; with another id from its second colon on.
    #[inline(always)]
    pub(crate) fn begin_literal(&mut self, before_args: &[u8], dir: Dir, id: Id) {
        match id {
            Id::Thread => self.put(before_args),
            _ => {
                self.begin(dir, id);
                self.put(before_args.get(3..).unwrap_or_default());
            }
        }
    }

    /// Behind the last tag.
    #[inline(always)]
    pub(crate) fn tags_end(&mut self) {
        if self.tags == 0 {
            self.refuse(Refused::TagEmpty);
        } else if self.tags > TAGS_MAX {
            self.refuse(Refused::TagDepth);
        }
        match self.form {
            Form::Json => self.put(b"]"),
            _ => self.put(b":"),
        }
    }

    /// Behind the tags of an enter: its parent is the span of this number, or it is a root.
    #[inline]
    pub(crate) fn parent(&mut self, number: Option<i64>) {
        self.arg_plain(PARENT.as_bytes(), |writer| {
            if let Some(number) = number {
                writer.number(number);
            }
        });
        self.names_parent = true;
    }

    /// Whether an argument of this name, the user's first, would be taken for the parent.
    #[inline]
    pub(crate) fn is_parent(&self, name: &[u8]) -> bool {
        name == PARENT.as_bytes() && self.args == usize::from(self.names_parent) && self.is_enter()
    }

    #[cold]
    fn is_enter(&self) -> bool {
        // SAFETY: so many bytes were written.
        let written =
            unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast::<u8>(), self.len) };
        matches!(written, [b'>', ..] | [b'[', b'"', b'>', ..])
    }

    /// One argument, whose value `value` writes by [`text`](Self::text).
    #[inline(always)]
    pub(crate) fn arg(&mut self, name: &[u8], value: impl FnOnce(&mut Self)) {
        self.arg_named(name, |writer| writer.put_escaped(name, IN_ARG), value);
    }

    /// The same, with a name in which nothing needs an escape.
    #[inline(always)]
    pub(crate) fn arg_plain(&mut self, name: &[u8], value: impl FnOnce(&mut Self)) {
        self.arg_named(name, |writer| writer.put(name), value);
    }

    #[inline(always)]
    fn arg_named(
        &mut self,
        name: &[u8],
        put_name: impl FnOnce(&mut Self),
        value: impl FnOnce(&mut Self),
    ) {
        self.arg_begin(name.is_empty());
        if self.form == Form::Json {
            self.json_name(name);
        } else {
            if self.args > 1 {
                self.put(b",");
            }
            put_name(self);
            self.put(b"=");
        }
        value(self);
        if self.form == Form::Json {
            self.json_value_end();
        }
    }

    #[cold]
    #[inline(never)]
    fn json_name(&mut self, name: &[u8]) {
        self.put(if self.args == 1 { b",[{\"" } else { b",{\"" });
        self.put_json(name);
        self.put(b"\":\"");
    }

    #[cold]
    #[inline(never)]
    fn json_value_end(&mut self) {
        self.put(b"\"}");
    }

    #[inline(always)]
    fn arg_begin(&mut self, empty: bool) {
        self.args += 1;
        if empty {
            self.refuse(Refused::ArgName);
        } else if self.args > ARGS_MAX {
            self.refuse(Refused::ArgCount);
        }
    }

    /// Remembers the first thing that no marker can say.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse(&mut self, refused: Refused) {
        self.odd = true;
        self.refused = self.refused.or(Some(refused));
    }

    /// A part of a value.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) {
        let class = if self.form == Form::Simple {
            IN_ARG
        } else {
            IN_JSON
        };
        self.put_escaped(text, class);
    }

    /// The number of a span: mostly of 15 digits.
    #[inline(never)]
    fn number(&mut self, number: i64) {
        const HALF: u64 = 100_000_000;
        let absolute = number.unsigned_abs();
        if absolute < HALF {
            return self.integer(number < 0, absolute);
        }
        self.integer(number < 0, absolute / HALF);
        self.put(&eight_digits(absolute % HALF));
    }

    /// A part of a value that is a number: nothing in it needs an escape.
    #[inline(always)]
    pub(crate) fn integer(&mut self, negative: bool, mut rest: u64) {
        // The digits end at 20; what is behind them is copied and not counted, since a copy of a constant
        // length is a few moves, and any other a call.
        let mut digits = [0_u8; 40];
        let mut at = 20;
        while rest >= 100 {
            let pair = PAIRS[(rest % 100) as usize];
            rest /= 100;
            at -= 2;
            digits[at..at + 2].copy_from_slice(&pair);
        }
        if rest >= 10 {
            let pair = PAIRS[rest as usize];
            digits[at - 2..at].copy_from_slice(&pair);
            at -= 2;
        } else {
            at -= 1;
            digits[at] = b'0' + rest as u8;
        }
        if negative {
            self.put(b"-");
        }
        let count = 20 - at;
        if self.bytes.len() - self.len < 20 {
            return self.put(&digits[at..20]);
        }
        self.put(&digits[at..at + 20]);
        self.len -= 20 - count;
    }

    /// How long a kept text is, if all of it is there.
    pub(crate) fn kept(&self) -> Option<usize> {
        (!self.cut).then_some(self.len)
    }

    /// Ends a marker of the simple form; gives its length if it is whole and needs no other.
    #[inline(always)]
    pub(crate) fn made_simple(&mut self) -> Option<usize> {
        self.put(b":");
        (!self.odd).then_some(self.len)
    }

    /// Ends the marker.
    #[inline(always)]
    pub(crate) fn made(&mut self) -> Made {
        if self.control && self.form == Form::Simple {
            return Made::Json;
        }
        match self.form {
            Form::Json if self.args == 0 => self.put(b"]"),
            Form::Json => self.put(b"]]"),
            _ => self.put(b":"),
        }
        match self.refused {
            Some(refused) => Made::Refused(refused),
            None if self.cut => Made::Cut,
            None => Made::Whole(self.len),
        }
    }
}

/// What became of a marker.
pub(crate) enum Made {
    /// It is so long.
    Whole(usize),
    /// It fills the room there was, which was not enough.
    Cut,
    /// It must be written again, in JSON.
    Json,
    Refused(Refused),
}

/// Copies `len` bytes, without a call if they are few.
///
/// A call of `memcpy` goes through a pointer, and behind a system call the processor has forgotten where
/// that leads.
///
/// # Safety
/// As [`core::ptr::copy_nonoverlapping`].
#[inline]
pub(crate) unsafe fn copy_short(from: *const u8, to: *mut u8, len: usize) {
    /// The first and the last bytes, which may overlap: 1 to 2 times the size of `T`.
    ///
    /// # Safety
    /// `len` is at least that size; else as above.
    #[inline(always)]
    unsafe fn ends<T>(from: *const u8, to: *mut u8, len: usize) {
        let last = len - size_of::<T>();
        // SAFETY: both lie within `len` bytes. All is read before anything is written.
        unsafe {
            let first = from.cast::<T>().read_unaligned();
            let end = from.add(last).cast::<T>().read_unaligned();
            to.cast::<T>().write_unaligned(first);
            to.add(last).cast::<T>().write_unaligned(end);
        }
    }
    // SAFETY: the caller's promise, and each size is at most `len`.
    unsafe {
        match len {
            0 => {}
            1 => *to = *from,
            2..4 => ends::<u16>(from, to, len),
            4..8 => ends::<u32>(from, to, len),
            8..16 => ends::<u64>(from, to, len),
            16..=32 => ends::<u128>(from, to, len),
            _ => core::ptr::copy_nonoverlapping(from, to, len),
        }
    }
}

/// Makes a marker in the form it needs: `make` is called a second time for JSON.
#[inline(always)]
pub(crate) fn marker(
    buffer: &mut Buffer,
    make: impl Fn(&mut [MaybeUninit<u8>], Form) -> Made,
) -> Result<&[u8], Refused> {
    let mut form = Form::Simple;
    // One call of `make`, so that it is inlined here, and what is constant in it known.
    let len = loop {
        match make(&mut buffer.bytes, form) {
            Made::Whole(len) => break len,
            Made::Cut => break LONGEST,
            Made::Json => form = Form::Json,
            Made::Refused(refused) => return Err(refused),
        }
    };
    let start = buffer.bytes.as_ptr().cast();
    // SAFETY: so many bytes of it were written.
    Ok(unsafe { core::slice::from_raw_parts(start, len) })
}

/// See [`crate::raw::encode`].
pub(crate) fn encode<'b>(
    buffer: &'b mut Buffer,
    dir: Dir,
    id: Id,
    tags: &[&[u8]],
    args: &[(&[u8], &[u8])],
) -> Result<&'b [u8], Refused> {
    if tags.iter().any(|tag| tag.is_empty()) {
        return Err(Refused::TagEmpty);
    }
    marker(buffer, |bytes, form| {
        let mut writer = Writer::new(bytes, form);
        writer.begin(dir, id);
        for tag in tags {
            writer.tag(tag);
        }
        writer.tags_end();
        if args.iter().any(|(name, _)| name.is_empty()) {
            writer.refuse(Refused::ArgName);
        }
        for (name, value) in args {
            writer.arg(name, |writer| writer.text(value));
        }
        writer.made()
    })
}
