//! What the words of a filter mean.

use std::fmt;

use crate::query::field::Subject;

/// What the words of a filter mean where it is read.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// What is filtered: a field must be of one of these. The first is named where it is not.
    pub subjects: &'a [Subject],
    /// The numbers of the system calls that a name stands for; none if there is no such name.
    pub call: &'a dyn Fn(&str) -> Vec<u32>,
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("subjects", &self.subjects)
            .finish_non_exhaustive()
    }
}

impl Words<'static> {
    /// Fields of anything, and system calls by their numbers only.
    pub const ANY: Self = Self {
        subjects: &[],
        call: &|_| Vec::new(),
    };
}
