//! The addon of the npm package `nulltrace`: what its JavaScript calls to write a marker.
//!
//! The JavaScript side decides what a marker says; here it becomes one bare system call on the calling
//! thread. The two calls that every span makes are plain N-API functions (`hot`), since the conversions
//! of `#[napi]` cost more than the write; the rest is not.
//!
//! Nothing here is kept per process but what the crate `nulltrace` keeps, so any number of worker
//! threads may load it.

#![warn(missing_docs)]

mod capture;
mod hot;

use napi::bindgen_prelude::{Buffer, Object};
use napi::{Env, JsValue, Result};
use napi_derive::napi;
use nulltrace::raw;

/// Opens the device, whatever the environment of the process says: the caller knows what that of its thread says, and
/// what the program. False if there is none.
#[napi]
pub fn open() -> bool {
    nulltrace::set_enabled(true);
    raw::on()
}

/// Writes one marker that is not text.
#[napi]
pub fn write_bytes(marker: Buffer) {
    capture::write(&marker);
}

/// The workspace's version, to compare with `package.json`.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// For tests: from now on this thread's markers are kept too.
#[napi]
pub fn capture() {
    capture::begin();
}

/// For tests: what was written since `capture`, which ends.
#[napi]
pub fn captured() -> Vec<Buffer> {
    capture::end().into_iter().map(Buffer::from).collect()
}

/// Adds the plain N-API functions to what the addon exports.
///
/// # Errors
/// The engine has no memory left for a function.
#[napi(module_exports)]
pub fn init(exports: Object<'_>, env: Env) -> Result<()> {
    // SAFETY: both belong to the call that loads this addon, which is under way.
    unsafe { hot::export(env.raw(), exports.raw()) }
}
