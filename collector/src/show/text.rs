//! Models for a terminal.

mod axis;
mod flame;
mod grid;
mod heat;
mod paint;
mod plain;
mod table;
mod timeline;

use nulltrace_core::view::{self, Model};

use super::answer::Answer;

pub use paint::Style;

/// A model.
#[must_use]
pub fn text(model: &Model, style: Style) -> String {
    let mut out = String::new();
    match model {
        Model::Table(table) => table::draw(&mut out, table, style),
        Model::Heat(heat) => heat::draw(&mut out, heat, style),
        Model::Flame(flame) => flame::draw(&mut out, flame, style),
        Model::Timeline(timeline) => timeline::draw(&mut out, timeline, style),
        Model::Text(text) => plain::draw(&mut out, text, style),
    }
    out
}

/// The view between a line about the run and the account with every loss.
#[must_use]
pub fn page(answer: &Answer<'_>, style: Style) -> String {
    let [head, foot] =
        [view::head, view::account].map(|make| text(&Model::Text(make(&answer.data)), style));
    format!("{head}\n{}\n{foot}", text(&answer.model, style))
}

#[cfg(test)]
mod tests;
