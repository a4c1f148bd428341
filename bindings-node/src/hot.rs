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

/// Makes the functions of this file properties of `exports`.
///
/// # Safety
/// `env` and `exports` are those of a call into this addon that is under way.
pub(crate) unsafe fn export(env: sys::napi_env, exports: sys::napi_value) -> Result<()> {
    let all: [(&CStr, sys::napi_callback); 3] = [
        (c"writeText", Some(write_text)),
        (c"prepared", Some(prepared)),
        (c"headed", Some(headed)),
    ];
    for (name, call) in all {
        let mut function = null_mut();
        // SAFETY: `env` is valid for this call by our contract; the name ends with a zero.
        let made = unsafe {
            sys::napi_create_function(env, name.as_ptr(), -1, call, null_mut(), &mut function)
        };
        check(made)?;
        // SAFETY: as above; `function` was made just now.
        check(unsafe { sys::napi_set_named_property(env, exports, name.as_ptr(), function) })?;
    }
    Ok(())
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
    // buffer is as long as it is told. What is no string is an error, and leaves nothing behind.
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

/// `prepared(marker)`: a function that writes it; `undefined` if there is no memory for one.
unsafe extern "C" fn prepared(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    // SAFETY: handed on from the engine.
    unsafe { keeping(env, info, Some(write_own)) }
}

/// `headed(head)`: a function of names and values in turn, at most four of each, that writes `head`,
/// these as arguments, and the last colon. It gives `undefined`, or `true` if it wrote nothing because
/// it takes more than that: not all are text, or a control character asks for JSON.
unsafe extern "C" fn headed(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: handed on from the engine.
    unsafe { keeping(env, info, Some(write_with)) }
}

/// A function that calls `call` with the text of the first argument as its data, a `Box<[u8]>`.
///
/// # Safety
/// `env` and `info` are those of the call that is under way.
unsafe fn keeping(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    call: sys::napi_callback,
) -> sys::napi_value {
    let mut room = MaybeUninit::uninit();
    // SAFETY: our contract.
    let Some(text) = (unsafe { first(env, info, &mut room) }) else {
        return null_mut();
    };
    let bytes: Box<[u8]> = text.get(..SENT).unwrap_or(text).into();
    let own = Box::into_raw(Box::new(bytes));
    let data = own.cast::<c_void>();
    let mut function = null_mut();
    // SAFETY: `data` lives until `release`, which the engine calls once nobody has the function. If it
    // cannot promise that, the bytes are freed here and the function is given to nobody.
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

/// Writes the bytes that the function was made with.
unsafe extern "C" fn write_own(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut data = null_mut();
    // SAFETY: handed on from the engine; nothing but the data is asked for.
    unsafe {
        sys::napi_get_cb_info(env, info, null_mut(), null_mut(), null_mut(), &mut data);
    }
    // SAFETY: what `prepared` gave to this function, which still exists: it is being called.
    if let Some(marker) = unsafe { data.cast::<Box<[u8]>>().as_ref() } {
        capture::write(marker);
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
    // SAFETY: handed on from the engine; there is room for as many arguments as it is told.
    unsafe {
        let all = given.as_mut_ptr();
        sys::napi_get_cb_info(env, info, &mut count, all, null_mut(), &mut data);
    }
    // SAFETY: what `headed` gave to this function, which still exists: it is being called.
    let head = unsafe { data.cast::<Box<[u8]>>().as_ref() };
    let mut marker = Marker {
        room: &mut MaybeUninit::uninit(),
        len: 0,
    };
    marker.begin(head.map_or(&[], |head| &**head));
    // `count` is what was given, be it more than there was room for.
    let (pairs, odd) = given.get(..count).unwrap_or(&[]).as_chunks::<2>();
    // SAFETY: the values are those of this call.
    let whole = odd.is_empty() && !pairs.is_empty() && unsafe { marker.arguments(env, pairs) };
    if whole {
        capture::write(marker.bytes());
        return null_mut();
    }
    let mut no = null_mut();
    // SAFETY: handed on from the engine.
    unsafe { sys::napi_get_boolean(env, true, &mut no) };
    no
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

    /// Adds `name=value,…:`; false if that takes the long way.
    ///
    /// # Safety
    /// The values are those of the call of `env` that is under way.
    #[inline]
    unsafe fn arguments(&mut self, env: sys::napi_env, pairs: &[[sys::napi_value; 2]]) -> bool {
        for (index, [name, value]) in pairs.iter().enumerate() {
            if index > 0 {
                self.push(b',');
            }
            let before = self.len;
            // SAFETY: our contract.
            if !unsafe { self.text(env, *name) } || self.len == before && before < SENT {
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

    /// Adds a name or a value, escaped; false if it is no string, or cannot be told so.
    ///
    /// # Safety
    /// As `arguments`.
    #[inline]
    unsafe fn text(&mut self, env: sys::napi_env, value: sys::napi_value) -> bool {
        let rest = self.rest();
        let mut length = 0;
        // SAFETY: the buffer is as long as it is told, and never empty.
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

/// Frees the bytes of a function that nobody has any more.
unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: from `prepared`, and called once.
    drop(unsafe { Box::from_raw(data.cast::<Box<[u8]>>()) });
}
