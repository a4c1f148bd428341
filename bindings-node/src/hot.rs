//! The calls that are made for every span, as plain N-API functions.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::{copy_nonoverlapping, null_mut, slice_from_raw_parts, slice_from_raw_parts_mut};

use napi::{Error, Result, Status, sys};

use crate::capture;

/// The longest that is sent of a marker: one byte more than a collector sees, so that it counts a cut.
const SENT: usize = 4097;
/// N-API ends the text with a zero, and stops before a character that would not fit whole.
const ROOM: usize = SENT + 8;

/// So many numbers JavaScript shares with the functions of `numbered`, as a `Float64Array`: that of the span
/// whose marker is to be written; its parent's, of which 0 writes nothing and less `^=`, a root; and one
/// that JavaScript keeps for itself. Both have `DIGITS` digits.
const SHARED: usize = 3;

/// Makes the functions of this file, and `numbers`, properties of `exports`.
///
/// # Safety
/// `env` and `exports` are those of a call into this addon that is under way.
pub(crate) unsafe fn export(env: sys::napi_env, exports: sys::napi_value) -> Result<()> {
    let (mut buffer, mut array, mut kept, mut numbers) =
        (null_mut(), null_mut(), null_mut(), null_mut());
    // SAFETY: `env` is valid for this call by our contract, and the array fits its buffer. The reference is
    // never given back, so the numbers stay where they are for as long as any function of this
    // environment can be called.
    unsafe {
        let size = SHARED * size_of::<f64>();
        check(sys::napi_create_arraybuffer(
            env,
            size,
            &mut numbers,
            &mut buffer,
        ))?;
        let kind = sys::TypedarrayType::float64_array;
        check(sys::napi_create_typedarray(
            env, kind, SHARED, buffer, 0, &mut array,
        ))?;
        check(sys::napi_create_reference(env, array, 1, &mut kept))?;
        check(sys::napi_set_named_property(
            env,
            exports,
            c"numbers".as_ptr(),
            array,
        ))?;
    }
    let shared = Box::into_raw(Box::new(Shared {
        numbers: numbers.cast(),
        own: Digits::default(),
        parent: Digits::default(),
    }));
    // SAFETY: as above; the hook gets what it frees, once, after the last call.
    check(unsafe { sys::napi_add_env_cleanup_hook(env, Some(forget), shared.cast()) })?;
    let all: [(&CStr, sys::napi_callback); 3] = [
        (c"writeText", Some(write_text)),
        (c"numbered", Some(numbered)),
        (c"numberedWith", Some(numbered_with)),
    ];
    for (name, call) in all {
        let mut function = null_mut();
        let data = shared.cast();
        // SAFETY: `env` is valid for this call by our contract; the name ends with a zero.
        let made =
            unsafe { sys::napi_create_function(env, name.as_ptr(), -1, call, data, &mut function) };
        check(made)?;
        // SAFETY: as above; `function` was made just now.
        check(unsafe { sys::napi_set_named_property(env, exports, name.as_ptr(), function) })?;
    }
    Ok(())
}

/// Frees what the functions of an environment share, when it ends.
unsafe extern "C" fn forget(shared: *mut c_void) {
    // SAFETY: from `export`, and called once.
    drop(unsafe { Box::from_raw(shared.cast::<Shared>()) });
}

fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Error::new(
        Status::from(status),
        "no function could be made",
    ))
}

/// The text of the first argument, in UTF-8, cut between characters when it is longer than `room`.
///
/// # Safety
/// `env` and `info` are those of the call that is under way.
#[inline]
unsafe fn first(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    room: &mut MaybeUninit<[u8; ROOM]>,
) -> Option<&[u8]> {
    let mut argument = null_mut();
    let mut count = 1;
    let mut length = 0;
    // SAFETY: there is room for one argument, and N-API fills what is missing with `undefined`; the
    // buffer is as long as it says. What is no string is an error, and leaves nothing behind.
    let got = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, &mut argument, null_mut(), null_mut());
        let start = room.as_mut_ptr().cast::<c_char>();
        sys::napi_get_value_string_utf8(env, argument, start, ROOM, &mut length)
    };
    if got != sys::Status::napi_ok {
        return None;
    }
    // SAFETY: so many bytes of it were written just now.
    Some(unsafe { &*slice_from_raw_parts(room.as_ptr().cast::<u8>(), length) })
}

/// `writeText(marker)`: writes it.
unsafe extern "C" fn write_text(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut room = MaybeUninit::uninit();
    // SAFETY: handed on from the engine.
    if let Some(marker) = unsafe { first(env, info, &mut room) } {
        capture::write(marker);
    }
    null_mut()
}

/// `numbered(head)`: of `>:a.b:` a function that writes the enter marker `>:N:a.b:P:`, and of `<:a.b:` one
/// that writes the exit marker `<:N:a.b::`. N and P are those of `numbers`. `undefined` if that would not
/// fit a marker, or there is no memory for one.
unsafe extern "C" fn numbered(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    // SAFETY: handed on from the engine.
    unsafe { keeping(env, info, Some(write_numbered)) }
}

/// `numberedWith(head)`: the same, of names and values in turn, at most four of each, that become arguments.
/// It gives `undefined`, or `true` if it wrote nothing because it takes more than that: not all are text,
/// a control character asks for JSON, or the first name is `^`, which is the parent's.
unsafe extern "C" fn numbered_with(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    // SAFETY: handed on from the engine.
    unsafe { keeping(env, info, Some(write_with)) }
}

/// A function that calls `call` with a `Head` as its data, made of the text of the first argument.
///
/// # Safety
/// `env` and `info` are those of the call that is under way, of a function whose data is `Shared`.
unsafe fn keeping(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    call: sys::napi_callback,
) -> sys::napi_value {
    let mut room = MaybeUninit::uninit();
    let mut shared = null_mut();
    // SAFETY: our contract.
    let head = unsafe {
        sys::napi_get_cb_info(env, info, null_mut(), null_mut(), null_mut(), &mut shared);
        first(env, info, &mut room).and_then(|text| Head::new(text, shared.cast()))
    };
    let Some(head) = head else {
        return null_mut();
    };
    let own = Box::into_raw(Box::new(head));
    let data = own.cast::<c_void>();
    let mut function = null_mut();
    // SAFETY: `data` lives until `release`, which the engine calls once the function is unreachable. If it
    // cannot promise that, it is freed here and the function is not returned.
    unsafe {
        let made = sys::napi_create_function(env, null_mut(), 0, call, data, &mut function);
        if made == sys::Status::napi_ok {
            let hint = null_mut();
            let bound =
                sys::napi_add_finalizer(env, function, data, Some(release), hint, null_mut());
            if bound == sys::Status::napi_ok {
                return function;
            }
        }
        drop(Box::from_raw(own));
    }
    null_mut()
}

/// Writes the head that the function was made with, without arguments but the parent.
unsafe extern "C" fn write_numbered(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut data = null_mut();
    // SAFETY: handed on from the engine; nothing but the data is asked for.
    unsafe {
        sys::napi_get_cb_info(env, info, null_mut(), null_mut(), null_mut(), &mut data);
    }
    // SAFETY: what `keeping` gave to this function, which still exists: it is being called. Calls of one
    // environment are made one after another, and none ends in another.
    if let Some(head) = unsafe { data.cast::<Head>().as_mut() } {
        let Head { numbers, room } = head;
        // SAFETY: as above.
        let filled = unsafe { numbers.fill(room) };
        // Ends the arguments, of which there is one or none.
        if let Some(last) = room.get_mut(filled) {
            *last = b':';
        }
        capture::write(room.get(..=filled).unwrap_or(room));
    }
    null_mut()
}

/// Writes the head that the function was made with, and arguments.
unsafe extern "C" fn write_with(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    const MOST: usize = 8;
    let mut given = [null_mut(); MOST];
    let mut count = MOST;
    let mut data = null_mut();
    // SAFETY: handed on from the engine; there is room for as many arguments as it says.
    unsafe {
        let all = given.as_mut_ptr();
        sys::napi_get_cb_info(env, info, &mut count, all, null_mut(), &mut data);
    }
    // SAFETY: as in `write_numbered`.
    if let Some(head) = unsafe { data.cast::<Head>().as_ref() } {
        let mut marker = Marker {
            room: &mut MaybeUninit::uninit(),
            len: 0,
        };
        // Copied before the numbers are put in: the processor would have to wait for them.
        marker.begin(&head.room);
        // SAFETY: as in `write_numbered`.
        let filled = unsafe { head.numbers.fill(marker.bytes_mut()) };
        marker.len = filled.min(SENT);
        if filled > head.numbers.end {
            marker.push(b',');
        }
        // `count` is what was given, be it more than there was room for.
        let (pairs, odd) = given.get(..count).unwrap_or(&[]).as_chunks::<2>();
        // SAFETY: the values are those of this call.
        let whole = odd.is_empty()
            && !pairs.is_empty()
            && unsafe { marker.arguments(env, pairs, head.numbers.enters) };
        if whole {
            capture::write(marker.bytes());
            return null_mut();
        }
    }
    let mut no = null_mut();
    // SAFETY: handed on from the engine.
    unsafe { sys::napi_get_boolean(env, true, &mut no) };
    no
}

/// What the functions of one environment share.
struct Shared {
    /// `SHARED` of them.
    numbers: *const f64,
    own: Digits,
    parent: Digits,
}

/// So many digits each number has that JavaScript gives out: from 10^14 to below 2^48.
const DIGITS: usize = 15;
/// As many of them as fit a word.
const HALF: usize = size_of::<u64>();

/// A number and its text. The next one is most often the same, or one more.
///
/// The text is kept as it is moved, in two halves that share a digit: to change a byte and read all of them
/// would make the processor wait for the change.
#[derive(Default)]
struct Digits {
    number: f64,
    first: u64,
    last: u64,
}

impl Digits {
    /// Writes the digits of `number`, which JavaScript gave out.
    #[inline]
    fn put(&mut self, number: f64, to: &mut [u8; DIGITS]) {
        const LAST: u32 = u64::BITS - u8::BITS;
        if number == self.number + 1.0 && self.last >> LAST < u64::from(b'9') {
            self.last += 1 << LAST;
            self.number = number;
        } else if number != self.number {
            self.spell(number);
        }
        to[..HALF].copy_from_slice(&self.first.to_le_bytes());
        to[DIGITS - HALF..].copy_from_slice(&self.last.to_le_bytes());
    }

    #[inline]
    fn spell(&mut self, number: f64) {
        const LAST_HALF: u64 = 10_u64.pow(HALF as u32);
        let whole = number as u64;
        self.last = eight(whole % LAST_HALF);
        // Without the first of its eight digits, which is 0, and with the one that both have.
        self.first = (eight(whole / LAST_HALF) >> u8::BITS) | (self.last << (u64::BITS - u8::BITS));
        self.number = number;
    }
}

/// The eight digits of a number below 10^8, the first in the lowest byte: fours, then pairs, then digits are
/// divided side by side in one word.
#[inline]
fn eight(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let high = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = ((fours - 100 * high) << 16) + high;
    let high = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    ((pairs - 10 * high) << 8) + high + 0x3030_3030_3030_3030
}

/// The part of a marker before its arguments, whose numbers are replaced for each span.
struct Head {
    numbers: Numbers,
    /// `>:`, digits, `:a.b:`, and room for `^=`, digits and `:`.
    room: Box<[u8]>,
}

/// What numbers a head gets, and where.
struct Numbers {
    shared: *mut Shared,
    /// Those of `shared`: here it is one step less.
    from: *const f64,
    /// Where the head ends and its arguments begin.
    end: usize,
    enters: bool,
}

/// Where the number of the span stands.
const AT: usize = 2;

impl Head {
    /// # Safety
    /// `shared` is what `export` made for this environment.
    unsafe fn new(text: &[u8], shared: *mut Shared) -> Option<Self> {
        let (dir, rest) = text.split_at_checked(AT)?;
        let enters = dir == b">:";
        if !enters && dir != b"<:" {
            return None;
        }
        let mut room = [dir, &[b'0'; DIGITS], b":", rest].concat();
        let end = room.len();
        room.resize(end + b"^=".len() + DIGITS + b":".len(), b':');
        // A marker must have room for it, so that nothing of it is cut.
        if room.len() > SENT {
            return None;
        }
        // SAFETY: it lives as long as the environment.
        let from = unsafe { (*shared).numbers };
        let numbers = Numbers {
            shared,
            from,
            end,
            enters,
        };
        Some(Self {
            numbers,
            room: room.into(),
        })
    }
}

impl Numbers {
    /// Puts them into `to`, a copy of the head's room or itself; gives how much of that is to be written.
    ///
    /// # Safety
    /// The environment lives, and no other function of it runs.
    #[inline]
    unsafe fn fill(&self, to: &mut [u8]) -> usize {
        // SAFETY: our contract; JavaScript waits for its function.
        let (shared, number) = unsafe { (&mut *self.shared, *self.from) };
        if let Some(to) = to.get_mut(AT..).and_then(<[u8]>::first_chunk_mut) {
            shared.own.put(number, to);
        }
        if !self.enters {
            return self.end;
        }
        // SAFETY: as above.
        let parent = unsafe { *self.from.add(1) };
        if parent == 0.0 {
            return self.end;
        }
        let said = self.end + b"^=".len();
        if let Some(to) = to.get_mut(self.end..said) {
            to.copy_from_slice(b"^=");
        }
        if parent < 0.0 {
            return said;
        }
        if let Some(to) = to.get_mut(said..).and_then(<[u8]>::first_chunk_mut) {
            shared.parent.put(parent, to);
        }
        said + DIGITS
    }
}

/// A marker on the stack, in the simple form.
struct Marker<'r> {
    // Borrowed: in one struct with `len` it would be set to zero, all 4 KiB of it, for every marker.
    room: &'r mut MaybeUninit<[u8; ROOM]>,
    /// So many bytes of it are written; at most `SENT`.
    len: usize,
}

impl Marker<'_> {
    /// Begins it with `head`, which is at most `SENT` long.
    #[inline]
    fn begin(&mut self, head: &[u8]) {
        self.len = head.len().min(SENT);
        let to = self.room.as_mut_ptr().cast::<u8>();
        // SAFETY: neither is shorter than `len`, and they are two.
        unsafe { copy_nonoverlapping(head.as_ptr(), to, self.len) };
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        // SAFETY: so many were written.
        unsafe { &*slice_from_raw_parts(self.room.as_ptr().cast::<u8>(), self.len) }
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: so many were written.
        unsafe { &mut *slice_from_raw_parts_mut(self.room.as_mut_ptr().cast::<u8>(), self.len) }
    }

    /// What is not written yet; never empty.
    #[inline]
    fn rest(&mut self) -> &mut [MaybeUninit<u8>] {
        let room = self.room.as_mut_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: the rest of the room, which is longer than `SENT`.
        unsafe { &mut *slice_from_raw_parts_mut(room.add(self.len), ROOM - self.len) }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if self.len < SENT {
            self.rest()[0].write(byte);
            self.len += 1;
        }
    }

    /// Adds `name=value,…:`; false if that takes the long way, as for a first name of an enter that says its
    /// parent.
    ///
    /// # Safety
    /// The values are those of the call of `env` that is under way.
    #[inline]
    unsafe fn arguments(
        &mut self,
        env: sys::napi_env,
        pairs: &[[sys::napi_value; 2]],
        enters: bool,
    ) -> bool {
        for (index, [name, value]) in pairs.iter().enumerate() {
            if index > 0 {
                self.push(b',');
            }
            let before = self.len;
            // SAFETY: our contract.
            if !unsafe { self.text(env, *name) } || self.len == before && before < SENT {
                return false;
            }
            if enters && index == 0 && self.bytes().get(before..) == Some(b"^") {
                return false;
            }
            self.push(b'=');
            // SAFETY: our contract.
            if !unsafe { self.text(env, *value) } {
                return false;
            }
        }
        self.push(b':');
        true
    }

    /// Adds a name or a value, escaped; false if it is no string, or cannot be written so.
    ///
    /// # Safety
    /// As `arguments`.
    #[inline]
    unsafe fn text(&mut self, env: sys::napi_env, value: sys::napi_value) -> bool {
        let rest = self.rest();
        let mut length = 0;
        // SAFETY: the buffer is as long as it says, and never empty.
        let got = unsafe {
            let start = rest.as_mut_ptr().cast::<c_char>();
            sys::napi_get_value_string_utf8(env, value, start, rest.len(), &mut length)
        };
        if got != sys::Status::napi_ok {
            return false;
        }
        // SAFETY: so many bytes were written just now.
        let own = unsafe { &*slice_from_raw_parts(rest.as_ptr().cast::<u8>(), length) };
        let mut reserved = 0;
        for byte in own {
            match byte {
                0..=0x1f => return false,
                b':' | b'=' | b',' | b'\\' => reserved += 1,
                _ => {}
            }
        }
        if reserved > 0 && !spread(rest, length, reserved) {
            return false;
        }
        self.len = (self.len + length + reserved).min(SENT);
        true
    }
}

/// Puts a backslash before each of the `reserved` bytes among the first `length`, from behind, so that
/// nothing is overwritten before it is moved. False if there is no room.
#[cold]
fn spread(bytes: &mut [MaybeUninit<u8>], length: usize, reserved: usize) -> bool {
    let mut to = length + reserved;
    if to > bytes.len() {
        return false;
    }
    for from in (0..length).rev() {
        // SAFETY: the first `length` are written, and `from` is not behind what moved already.
        let byte = unsafe { bytes[from].assume_init() };
        to -= 1;
        bytes[to].write(byte);
        if matches!(byte, b':' | b'=' | b',' | b'\\') {
            to -= 1;
            bytes[to].write(b'\\');
        }
    }
    true
}

/// Frees the head of a function that is unreachable.
unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: from `keeping`, and called once.
    drop(unsafe { Box::from_raw(data.cast::<Head>()) });
}
