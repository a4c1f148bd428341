//! How view models are drawn. Nothing here knows a view: any model can be drawn as text, JSON and CSV.

pub mod answer;
pub mod csv;
pub mod duration;
pub mod event;
pub mod json;
pub(crate) mod marker;
pub mod moment;
pub mod text;
mod value;

#[cfg(test)]
mod alike;
#[cfg(test)]
mod any_marker;
#[cfg(test)]
#[path = "../../core/src/view/fixture/mod.rs"]
mod fixture;
#[cfg(test)]
mod tests;

pub use self::answer::Answer;
pub use self::csv::csv;
pub use self::json::json;
pub use self::text::{Style, page, text};
