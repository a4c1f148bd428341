//! Markers of a path, an id and Python arguments.

use crate::path::Path;
use crate::text::{Text, swallow};
use nulltrace::Id;
use nulltrace::raw::{self, Buffer, Dir, Refused};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd as _;
use std::sync::atomic::{AtomicI32, Ordering};

/// Where markers go: to a descriptor of a test, or the device.
static REDIRECTED: AtomicI32 = AtomicI32::new(DEVICE);
const DEVICE: i32 = -1;

/// Unique numbers are from here, where those of threads have ended,
const UNIQUE_MIN: i64 = (1 << 32) + 1;
/// up to here.
const UNIQUE_END: i64 = 1 << 48;

/// Names and values. One is the rule, and needs no memory of its own.
pub(crate) enum Texts<'py> {
    One((Text<'py>, Text<'py>)),
    Many(Vec<(Text<'py>, Text<'py>)>),
}

impl<'py> Texts<'py> {
    pub(crate) const NONE: Self = Self::Many(Vec::new());

    pub(crate) fn push(&mut self, pair: (Text<'py>, Text<'py>)) {
        match std::mem::replace(self, Self::NONE) {
            Self::Many(none) if none.is_empty() => *self = Self::One(pair),
            Self::Many(mut more) => {
                more.push(pair);
                *self = Self::Many(more);
            }
            Self::One(first) => *self = Self::Many(vec![first, pair]),
        }
    }

    #[inline]
    pub(crate) fn pairs(&self) -> &[(Text<'py>, Text<'py>)] {
        match self {
            Self::One(pair) => std::slice::from_ref(pair),
            Self::Many(pairs) => pairs,
        }
    }
}

/// False where there is no null device. Opens it, also where the environment says that nothing is written: the program
/// says otherwise.
pub(crate) fn possible() -> bool {
    nulltrace::set_enabled(true);
    raw::on()
}

/// Where tests want the markers; negative for the device.
pub(crate) fn redirect(fd: i32) {
    REDIRECTED.store(fd.max(DEVICE), Ordering::Relaxed);
}

/// Writes a marker. The interpreter is not let go: that costs more than the write.
#[inline(always)]
pub(crate) fn write(marker: &[u8]) {
    let fd = REDIRECTED.load(Ordering::Relaxed);
    if fd == DEVICE {
        raw::write(marker);
    } else {
        elsewhere(fd, marker);
    }
}

#[cold]
#[inline(never)]
fn elsewhere(fd: i32, marker: &[u8]) {
    // SAFETY: the test's descriptor, which is not closed here.
    let mut file = ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(fd) });
    drop(file.write_all(marker));
}

/// Arguments as text: of a dict or another mapping, or of pairs. Those that have no text are left out.
///
/// # Errors
/// Only what a program must not lose.
pub(crate) fn texts<'py>(args: &Bound<'py, PyAny>) -> PyResult<Texts<'py>> {
    if let Ok(dict) = args.cast_exact::<PyDict>()
        && let Some(found) = plain(dict)
    {
        return Ok(found);
    }
    let mut found = Texts::NONE;
    if let Err(error) = any(args, &mut found) {
        swallow(args.py(), error)?;
    }
    Ok(found)
}

/// The arguments of a dict for which no Python code need run, so that it stays as it is meanwhile.
fn plain<'py>(dict: &Bound<'py, PyDict>) -> Option<Texts<'py>> {
    let py = dict.py();
    let mut found = Texts::NONE;
    let (mut place, mut name, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: no Python code runs in the loop, so the dict does not change; name and value are borrowed
    // from it, and kept by what is made of them.
    unsafe {
        while ffi::PyDict_Next(dict.as_ptr(), &mut place, &mut name, &mut value) != 0 {
            let name = Text::plain(&Bound::from_borrowed_ptr(py, name))?;
            let value = Text::plain(&Bound::from_borrowed_ptr(py, value))?;
            found.push((name, value));
        }
    }
    Some(found)
}

fn any<'py>(args: &Bound<'py, PyAny>, found: &mut Texts<'py>) -> PyResult<()> {
    // SAFETY: an object that is alive, and a name; the result is owned, or null and an error.
    let items = unsafe {
        let items = ffi::PyObject_GetAttrString(args.as_ptr(), c"items".as_ptr());
        if items.is_null() && ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) != 0 {
            ffi::PyErr_Clear();
            None
        } else {
            Some(Bound::from_owned_ptr_or_err(args.py(), items)?)
        }
    };
    let pairs = match items {
        Some(items) => items.call0()?,
        None => args.clone(),
    };
    for pair in pairs.try_iter()?.collect::<PyResult<Vec<_>>>()? {
        let mut both = pair.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let (Some(value), Some(name), true) = (both.pop(), both.pop(), both.is_empty()) else {
            return Ok(());
        };
        if let (Some(name), Some(value)) = (Text::of(name)?, Text::of(value)?) {
            found.push((name, value));
        }
    }
    Ok(())
}

/// The argument that names the parent, where it comes first in an enter.
const PARENT: &[u8] = b"^";

/// Encodes a marker and gives it to `then`. An enter may name its parent: 0 stands for none.
#[inline]
pub(crate) fn encode<R>(
    dir: Dir,
    id: Id,
    parent: Option<i64>,
    path: &Path,
    texts: &[(Text<'_>, Text<'_>)],
    then: impl FnOnce(&[u8]) -> R,
) -> Result<R, Refused> {
    if dir == Dir::Enter
        && texts
            .first()
            .is_some_and(|(name, _)| name.bytes() == PARENT)
    {
        return Err(Refused::ArgName);
    }
    let number = parent.map(Text::of_number);
    let first = number.as_ref().map(|number| {
        let number = if parent == Some(0) {
            b""
        } else {
            number.bytes()
        };
        (PARENT, number)
    });
    let mut buffer = Buffer::new();
    path.with_slices(|tags| {
        let given = texts
            .iter()
            .map(|(name, value)| (name.bytes(), value.bytes()));
        let all = first.into_iter().chain(given);
        // Few are the rule, and need no memory of their own.
        let mut few: [(&[u8], &[u8]); 4] = [(b"", b""); 4];
        let many: Vec<(&[u8], &[u8])>;
        let count = texts.len() + usize::from(first.is_some());
        let args = if count <= few.len() {
            for (place, arg) in few.iter_mut().zip(all) {
                *place = arg;
            }
            &few[..count]
        } else {
            many = all.collect();
            &many
        };
        raw::encode(&mut buffer, dir, id, tags, args).map(then)
    })
}

/// A number for a span that no other has.
pub(crate) fn unique() -> i64 {
    raw::unique()
}

/// Whether an id is such a number.
pub(crate) fn is_unique(id: Option<Id>) -> Option<i64> {
    match id {
        Some(Id::Number(number)) if (UNIQUE_MIN..UNIQUE_END).contains(&number) => Some(number),
        _ => None,
    }
}

/// The id that Python gave; none if it is no id.
pub(crate) fn id(id: &Bound<'_, PyAny>) -> Option<Id> {
    if id.is_none() {
        return Some(Id::Thread);
    }
    // SAFETY: checks of the type of an object that is alive, and its value if it is an int.
    unsafe {
        if ffi::PyUnicode_Check(id.as_ptr()) != 0 {
            return match Text::string(id)?.bytes() {
                b"" => Some(Id::Empty),
                b"g" => Some(Id::Global),
                b"t" => Some(Id::Thread),
                b"p" => Some(Id::Process),
                b"pp" => Some(Id::Parent),
                _ => None,
            };
        }
        if ffi::PyLong_Check(id.as_ptr()) == 0 {
            return None;
        }
        let mut overflow = 0;
        let number = ffi::PyLong_AsLongLongAndOverflow(id.as_ptr(), &mut overflow);
        (overflow == 0).then_some(Id::Number(number))
    }
}
