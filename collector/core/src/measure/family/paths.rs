//! The processes in the spans of each tag path.

use std::collections::HashMap;
use std::sync::Arc;

use super::Family;
use crate::activity::Inside;
use crate::facts::path::TagPath;
use crate::measure::did::Room;

/// What a path takes beside its processes; half of a hash table may be empty.
const PATH_BYTES: usize = 2 * size_of::<(Arc<TagPath>, Arc<Family>)>() + size_of::<Family>() + 256;

/// The processes in the spans of each tag path.
///
/// A clone shares them; what changes is copied, a path at a time.
#[derive(Clone, Debug)]
pub struct Families {
    paths: HashMap<Arc<TagPath>, Arc<Family>>,
    room: Room,
    unkept: u64,
}

impl Families {
    /// None yet; they may take so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            paths: HashMap::new(),
            room: Room::new(bytes),
            unkept: 0,
        }
    }

    /// Adds what a process did in spans.
    pub fn inside(&mut self, inside: &Inside<'_>) {
        for path in inside.paths().map(TagPath::shown) {
            let kept = match self.paths.get_mut(path) {
                Some(family) => Arc::make_mut(family).push(inside, &mut self.room),
                None if self.room.take(PATH_BYTES) => {
                    let mut family = Family::default();
                    let kept = family.push(inside, &mut self.room);
                    self.paths.insert(Arc::clone(path), Arc::new(family));
                    kept
                }
                None => false,
            };
            self.unkept = self.unkept.saturating_add((!kept).into());
        }
    }

    /// Those in the spans of a path, as it is shown.
    #[must_use]
    pub fn of(&self, path: &TagPath) -> Option<&Family> {
        self.paths.get(path).map(|family| &**family)
    }

    /// How often there was no room to keep what a process did in the spans of a path.
    #[must_use]
    pub const fn unkept(&self) -> u64 {
        self.unkept
    }
}
