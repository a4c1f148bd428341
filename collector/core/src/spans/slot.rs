//! Open spans by number.

/// Number of a span in the slab.
pub(super) type Slot = u32;

/// No span.
pub(super) const NIL: Slot = u32::MAX;
