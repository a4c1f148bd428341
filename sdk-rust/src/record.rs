//! Arguments that a span keeps until it exits.

use core::cell::Cell;
use core::mem::MaybeUninit;

use crate::begun::State;
use crate::encode::{Form, Writer};
use crate::kept::{HEAD, ROOM};
use crate::room::Room;
use crate::{Text, Value};

/// Keeps one argument of a guard in the place of one of its name; neither, if there is no room for all of it. The room
/// is not in the guard, so that a guard is small.
// Not in the caller's frame: it has room for the value.
#[inline(never)]
pub(crate) fn record(state: &Cell<State>, name: &str, value: &dyn Value) {
    // The value's own code runs here, before the room is looked at: it might record something too.
    let mut bytes = [MaybeUninit::uninit(); ROOM];
    let Some(left) = (ROOM - HEAD).checked_sub(name.len()) else {
        return;
    };
    let mut writer = Writer::new(&mut bytes[..left], Form::Raw);
    value.write(Text::of(&mut writer));
    let written = writer.kept();
    let near = core::ptr::from_ref(state).addr();
    let Some(room) = state.get().room().or_else(|| Room::take(near)) else {
        return;
    };
    state.set(state.get().with_room(room));
    // SAFETY: the writer wrote so many bytes.
    let value =
        written.map(|len| unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast::<u8>(), len) });
    room.set(name.as_bytes(), value);
}
