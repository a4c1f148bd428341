//! Which bytes are a marker's, decided from as few of them as possible.
//!
//! The rules are those of the kernel programs: what begins like a marker is one, and as long as one
//! may be unfinished the thread's other writes to the null device are sent too, flagged `NT_CONT`.
//! Too much does no harm, since the assembler behind knows the format.

use nulltrace_core::input::record::{FRAGMENT_NS, PAYLOAD_MAX};

/// A thread's marker that may be continued.
#[derive(Default)]
pub(super) struct Pending {
    /// No longer after this time, monotonic nanoseconds.
    until: u64,
    /// How many bytes may still come; 0 when nothing is pending.
    room: usize,
    /// It may be JSON, where colons end nothing.
    json: bool,
}

impl Pending {
    /// Whether a write at `now` may continue it. Cheap when nothing is pending: the clock is not read.
    pub(super) fn open(&self, now: impl FnOnce() -> u64) -> bool {
        self.room > 0 && now() <= self.until
    }

    /// Takes note of a marker that began with a write of `bytes`.
    pub(super) fn begin(&mut self, bytes: &[u8], now: u64) {
        self.until = now.saturating_add(FRAGMENT_NS);
        self.room = PAYLOAD_MAX;
        self.json = false;
        self.go_on(bytes);
    }

    /// Takes note of a continuation.
    pub(super) fn go_on(&mut self, bytes: &[u8]) {
        self.json |= has_array(bytes);
        self.room = match !self.json && finished(bytes) {
            true => 0,
            false => self.room.saturating_sub(bytes.len()),
        };
    }
}

/// Whether a line may begin a JSON marker.
fn has_array(bytes: &[u8]) -> bool {
    bytes.contains(&b'[') && (bytes[0] == b'[' || bytes.windows(2).any(|pair| pair == b"\n["))
}

/// Whether `bytes` surely end a simple marker: `::`, unless the first colon is escaped or is the direction's.
fn finished(bytes: &[u8]) -> bool {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    matches!(line, [.., before, b':', b':'] if !matches!(before, b'>' | b'<' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(parts: &[&[u8]]) -> bool {
        let mut pending = Pending::default();
        pending.begin(parts[0], 0);
        for part in &parts[1..] {
            pending.go_on(part);
        }
        pending.open(|| 1)
    }

    #[test]
    fn a_marker_waits_until_it_is_surely_whole() {
        assert!(!after(&[b">:t:a::"]));
        assert!(!after(&[b"<:t:a::\n"]));
        assert!(!after(&[b">:t:a", b".b::"]));
        assert!(after(&[b">::"]));
        assert!(after(&[b">:t:a\\::"]));
        assert!(after(&[b">:t:a:k=v:"]));
        assert!(after(&[b">", b":", b"t"]));
        assert!(after(&[b"[\">\",1,[\"a\"]]"]));
        // In JSON, colons end nothing.
        assert!(after(&[b"[\">\",1,[\"ns::"]));
        assert!(after(&[b"[\">\",1,[\"", b"ns::", b"a::"]));
        assert!(after(&[b">:t:a::\n[\">\",1,[\"ns::"]));
    }

    #[test]
    fn it_waits_neither_for_ever_nor_without_end() {
        let mut pending = Pending::default();
        assert!(!pending.open(|| unreachable!()));
        pending.begin(b">", 5);
        assert!(pending.open(|| 5 + FRAGMENT_NS));
        assert!(!pending.open(|| 6 + FRAGMENT_NS));
        pending.go_on(&[b'x'; PAYLOAD_MAX - 1]);
        assert!(!pending.open(|| 6));
    }
}
