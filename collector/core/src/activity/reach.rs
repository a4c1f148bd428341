//! Whose activity counts toward a span.

/// How many of the open spans that it lies in, from the innermost, a segment is added to. Segments that
/// lay in more are counted as `lost.depth`.
pub const DEPTH_MAX: usize = 256;

/// Of a script, what single spans did is known while no more than so many are open at once.
pub const SINGLE_MAX: usize = 16;

/// Whose activity counts toward a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those of the thread that opened it.
    #[default]
    Thread,
    /// Those of all threads of the process that opened it.
    Process,
    /// Those of that process, its parent, its children, and all with the same parent: a script's shell and
    /// its commands, whichever of them wrote the markers.
    Script,
    /// Everybody's.
    Machine,
}

impl Reach {
    /// Each by its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("thread", Self::Thread),
        ("process", Self::Process),
        ("script", Self::Script),
        ("machine", Self::Machine),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut names = Self::NAMES.iter();
        names
            .find(|(_, of)| *of == self)
            .map_or("", |(name, _)| name)
    }
}

impl core::str::FromStr for Reach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, reach)| *reach).ok_or_else(|| {
            format!("unknown value {text:?}: write thread, process, script or machine")
        })
    }
}
