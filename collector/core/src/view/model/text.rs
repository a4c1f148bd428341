//! Words as a model.

use super::cell::Words;

/// Lines of words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// In their order.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// How it is meant.
    pub tone: Tone,
    /// What it says.
    pub words: Words,
}

/// How words are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As any others.
    Plain,
    /// A heading.
    Head,
    /// Of less weight.
    Dim,
    /// Something is not as it could be.
    Warning,
    /// Something is missing.
    Loss,
}

impl Text {
    /// Adds a line.
    pub fn say(&mut self, tone: Tone, words: impl Into<Words>) {
        let words = words.into();
        self.lines.push(Line { tone, words });
    }
}
