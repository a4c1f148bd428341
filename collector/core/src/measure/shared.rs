//! Parts that a snapshot shares with what goes on being counted.
//!
//! To take a snapshot is to count one more owner of each part; who counts on copies a part that a snapshot has, the
//! first time it is changed, and only while the snapshot is there. The standard library's `Arc` asks for that with
//! an instruction that locks the bus, as it may have weak owners, for each span; this one with a load.

pub(super) use triomphe::Arc as Shared;
