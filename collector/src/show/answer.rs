//! What is drawn.

use jiff::Timestamp;
use nulltrace_core::view::{self, Data, Model, View};

/// What was measured, and one view of it.
#[derive(Debug)]
pub struct Answer<'a> {
    /// What was measured.
    pub data: Data<'a>,
    /// When the run began.
    pub wall_start: Timestamp,
    /// The view.
    pub view: &'a View,
    /// What it says.
    pub model: Model,
}

impl<'a> Answer<'a> {
    /// Makes the model.
    #[must_use]
    pub fn new(data: Data<'a>, wall_start: Timestamp, view: &'a View) -> Self {
        Self {
            model: view::answer(view, &data),
            data,
            wall_start,
            view,
        }
    }
}
