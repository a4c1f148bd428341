//! How long to sleep between two reads of the ring.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(16);

/// As long as the ring surely has room: to wake costs more than to read dozens of records. 1 ms per MiB
/// survives a burst of 1 GiB/s.
pub(super) fn between_reads(ring_bytes: u32) -> Duration {
    (SHORTEST * (ring_bytes >> 20)).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_left_as_long_as_its_size_allows() {
        let millis = |bytes| between_reads(bytes).as_millis();
        assert_eq!(
            [64 << 10, 1 << 20, 4 << 20, 16 << 20, 1 << 30].map(millis),
            [1, 1, 4, 16, 16]
        );
    }
}
