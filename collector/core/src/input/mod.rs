//! Bytes become events, in the order in which they happened.

pub mod event;
pub(crate) mod fragments;
pub mod full;
pub mod joined;
pub mod joiner;
pub mod layout;
pub mod made;
pub mod order;
pub mod record;
pub mod snapshot;
pub(crate) mod write;
