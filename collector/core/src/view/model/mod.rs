//! What a view says: values, and nothing of how they look.
//!
//! Text in it may be anybody's and is never made safe here: what draws it knows for what.

mod cell;
mod flame;
mod heat;
mod table;
mod text;
mod timeline;
mod wait;

pub use cell::{Cell, Unit, Words};
pub use flame::{Flame, Frame};
pub use heat::Heat;
pub use table::{Column, LeftOut, Row, RowKind, Table};
pub use text::{Line, Text, Tone};
pub use timeline::{Interval, Timeline, Track};
pub use wait::{ChildPart, Wait, WaitedChild};

/// The answer of a view.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// Rows and columns.
    Table(Table),
    /// How many, by time and by duration: a spectrogram.
    Heat(Heat),
    /// Which part of a whole its parts are, and theirs.
    Flame(Flame),
    /// What went on when, side by side.
    Timeline(Timeline),
    /// Words.
    Text(Text),
}
