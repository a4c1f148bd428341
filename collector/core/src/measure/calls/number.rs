//! The calls of one number.

use super::both::Both;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) nr: u32,
    pub(super) both: Both,
}
