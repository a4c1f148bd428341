//! Whether markers are written: as the environment says at the start, and as the program says later.

use crate::emit;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// Markers have been written since the start: then nothing else is asked.
const ON: u8 = 0;
/// None ever was.
const OFF: u8 = 1;
/// The program has switched.
const TOGGLED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(ON);
static ENABLED: AtomicBool = AtomicBool::new(true);
static INITIAL: AtomicBool = AtomicBool::new(true);

/// Takes what the environment says.
///
/// # Errors
/// Those of the interpreter.
pub(crate) fn start(py: Python<'_>) -> PyResult<()> {
    let value = py
        .import("os")?
        .getattr("environ")?
        .call_method1("get", ("NULLTRACE",))?;
    let off = py.import("nulltrace._shared")?.getattr("is_off")?;
    if off.call1((value,))?.is_truthy()? {
        INITIAL.store(false, Relaxed);
        none_ever();
    }
    Ok(())
}

/// Nothing can be written.
pub(crate) fn none_ever() {
    ENABLED.store(false, Relaxed);
    STATE.store(OFF, Relaxed);
}

// The switch of the library stays on: what is open while markers are off is known here.
pub(crate) fn set(on: bool) {
    if on != is_on() && (!on || emit::possible()) {
        ENABLED.store(on, Relaxed);
        STATE.store(TOGGLED, Relaxed);
    }
}

#[inline(always)]
pub(crate) fn is_on() -> bool {
    ENABLED.load(Relaxed)
}

/// Whether the environment says that nothing is written, and the program has not said otherwise.
pub(crate) fn off_by_environment() -> bool {
    always_off() && !INITIAL.load(Relaxed)
}

/// Whether that has been so since the start.
#[inline(always)]
pub(crate) fn always_on() -> bool {
    STATE.load(Relaxed) == ON
}

#[inline(always)]
pub(crate) fn always_off() -> bool {
    STATE.load(Relaxed) == OFF
}

/// So many open spans of one tracer are known.
const MOST: usize = 4096;

/// Of each span with the thread's id that a tracer has open, since the first switch: its thread, and whether it was
/// written.
#[derive(Default)]
pub(crate) struct Notes(Vec<(usize, bool)>);

impl Notes {
    /// A span begins here. Whether it is written.
    pub(crate) fn begin(&mut self) -> bool {
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((thread(), is_on()));
        is_on()
    }

    /// Whether the span that ends here was written. One that `stop` ends may be another thread's.
    pub(crate) fn end(&mut self, block: bool) -> bool {
        if always_off() {
            return false;
        }
        let own = thread();
        let found = self.0.iter().rposition(|&(thread, _)| thread == own);
        match found.or_else(|| self.0.len().checked_sub(1).filter(|_| !block)) {
            Some(at) => self.0.remove(at).1,
            // It began before the first switch.
            None => INITIAL.load(Relaxed),
        }
    }
}

/// Another number in each thread that runs.
fn thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here) as usize)
}
