//! What the arguments of system calls are: their names and kinds, the same on every machine.
//!
//! ```
//! use nulltrace_core::facts::signature::{self, Kind};
//!
//! let open = signature::of("openat").unwrap();
//! assert_eq!(open.args[1].name, "filename");
//! assert_eq!(open.args[1].kind, Kind::String);
//! let write = signature::of("write").unwrap();
//! assert_eq!(write.args[1].kind, Kind::Written { size: 2 });
//! assert!(signature::of("no_such_call").is_none());
//! ```

use std::collections::HashMap;
use std::sync::LazyLock;

/// `signatures.sh` writes it.
const TEXT: &str = include_str!("signatures.tsv");

/// The arguments of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Those it has, at most six.
    pub args: Vec<Arg>,
}

/// One argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Its name in the kernel.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signed number.
    Int,
    /// A number.
    Uint,
    /// A number that is shown in hexadecimal digits: flags, an address.
    Hex,
    /// The mode of a file, shown in octal digits.
    Mode,
    /// A file descriptor.
    Fd,
    /// A pointer to something that is not read.
    Pointer,
    /// A pointer to a string that ends with a NUL.
    String,
    /// A pointer to a list of pointers to strings, which a null pointer ends.
    Strings,
    /// A pointer to a `struct sockaddr`.
    Address {
        /// Which argument has its size.
        size: u8,
        /// That argument is a pointer to the size.
        at_pointer: bool,
    },
    /// A pointer to bytes that are written.
    Written {
        /// Which argument has their number.
        size: u8,
    },
    /// A pointer to bytes that are read: so many as the call returns.
    Read,
}

static ALL: LazyLock<HashMap<&str, Signature>> =
    LazyLock::new(|| TEXT.lines().filter_map(line).collect());

/// The signature of the system call of that name, in the table of 64-bit programs.
#[must_use]
pub fn of(name: &str) -> Option<&'static Signature> {
    ALL.get(name)
}

/// All of them, in no order.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Signature)> {
    ALL.iter().map(|(name, signature)| (*name, signature))
}

fn line(line: &'static str) -> Option<(&'static str, Signature)> {
    let mut parts = line.split('\t');
    let name = parts.next()?;
    let args = parts.map(arg).collect::<Option<_>>()?;
    Some((name, Signature { args }))
}

fn arg(text: &'static str) -> Option<Arg> {
    let (name, kind) = text.split_once(':')?;
    let (kind, size) = kind.split_once('/').unwrap_or((kind, ""));
    let at_pointer = size.starts_with('*');
    let size = || size.trim_start_matches('*').parse().ok();
    let kind = match kind {
        "int" => Kind::Int,
        "uint" => Kind::Uint,
        "hex" => Kind::Hex,
        "mode" => Kind::Mode,
        "fd" => Kind::Fd,
        "pointer" => Kind::Pointer,
        "string" => Kind::String,
        "strings" => Kind::Strings,
        "address" => Kind::Address {
            size: size()?,
            at_pointer,
        },
        "in" => Kind::Written { size: size()? },
        "out" => Kind::Read,
        _ => return None,
    };
    Some(Arg { name, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(ALL.len(), TEXT.lines().count());
        for (name, signature) in all() {
            assert!(signature.args.len() <= crate::input::full::ARGS, "{name}");
            for arg in &signature.args {
                let size = match arg.kind {
                    Kind::Address { size, .. } | Kind::Written { size } => size,
                    _ => 0,
                };
                assert!(usize::from(size) < signature.args.len(), "{name}");
            }
        }
    }

    #[test]
    fn environments_are_not_read() {
        let exec = of("execve").unwrap();
        assert_eq!(exec.args[1].kind, Kind::Strings);
        assert_eq!(
            (exec.args[2].name, exec.args[2].kind),
            ("envp", Kind::Pointer)
        );
    }
}
