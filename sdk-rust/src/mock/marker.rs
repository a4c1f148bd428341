//! What a mock keeps of a write.

use std::fmt;

use crate::dir::Dir;
use crate::{Context, Id};

/// A marker that was written.
///
/// ```
/// use nulltrace::{Id, mock::Mock, raw::Dir, span};
///
/// let mock = Mock::here();
/// drop(span!("checkout.pay", cart = 7));
/// let markers = mock.markers();
/// assert_eq!(markers[0].dir, Dir::Enter);
/// assert_eq!(markers[0].id, Id::Thread);
/// assert_eq!(markers[0].parent, None);
/// assert_eq!(markers[0].tags, ["checkout", "pay"]);
/// assert_eq!(markers[0].args, [("cart".to_owned(), "7".to_owned())]);
/// assert_eq!(markers[0].to_string(), "enter checkout.pay, cart=7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Marker {
    /// Enter or exit.
    pub dir: Dir,
    /// The id as written: `t` is not resolved.
    pub id: Id,
    /// The parent that an enter names. `None` is none said: the collector sees how the spans of a thread nest.
    pub parent: Option<Context>,
    /// The tags, outermost first. What is not UTF-8 is replaced.
    pub tags: Vec<String>,
    /// Names and values, in order, without the parent. What is not UTF-8 is replaced.
    pub args: Vec<(String, String)>,
    /// It was longer than 4096 bytes: these are the arguments that were whole.
    pub cut: bool,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = if self.dir == Dir::Enter {
            "enter"
        } else {
            "exit"
        };
        write!(f, "{dir} {}", self.tags.join("."))?;
        for (name, value) in &self.args {
            write!(f, ", {}={}", name.escape_debug(), value.escape_debug())?;
        }
        match self.id {
            Id::Thread => {}
            Id::Number(number) => write!(f, " (id {number})")?,
            id => write!(f, " (id {:?})", String::from_utf8_lossy(id.letters()))?,
        }
        match self.parent.map(Context::id) {
            None => Ok(()),
            Some(Some(Id::Number(number))) => write!(f, " (parent {number})"),
            Some(_) => f.write_str(" (a root)"),
        }
    }
}
