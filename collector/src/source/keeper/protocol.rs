//! What a keeper can be asked: nothing but this.

/// A request. Its answer is a byte, with a descriptor open for reading if there is what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `/proc/PID/stat`: a process's name, parent and beginning.
    Stat(u32),
    /// `/proc/PID/cgroup`: the paths of its cgroups.
    Cgroup(u32),
}

/// Bytes of a request: its kind and the process id, each as the machine has numbers.
pub(super) const REQUEST: usize = 8;

impl Ask {
    pub(super) fn encode(self) -> [u8; REQUEST] {
        let (kind, pid) = match self {
            Self::Stat(pid) => (1_u32, pid),
            Self::Cgroup(pid) => (2, pid),
        };
        (u64::from(kind) << 32 | u64::from(pid)).to_ne_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let request = u64::from_ne_bytes(bytes.try_into().ok()?);
        let (kind, pid) = (request >> 32, request as u32);
        match kind {
            1 => Some(Self::Stat(pid)),
            2 => Some(Self::Cgroup(pid)),
            _ => None,
        }
    }

    /// The process, and the file of its directory in `/proc`.
    pub(super) fn file(self) -> (u32, &'static [u8]) {
        match self {
            Self::Stat(pid) => (pid, b"/stat\0"),
            Self::Cgroup(pid) => (pid, b"/cgroup\0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_the_way_and_nothing_else_is_one() {
        for ask in [Ask::Stat(7), Ask::Cgroup(u32::MAX)] {
            assert_eq!(Ask::decode(&ask.encode()), Some(ask));
        }
        for bad in [&b""[..], b"1234567", b"123456789", &[0; 8], &[0xff; 8]] {
            assert_eq!(Ask::decode(bad), None, "{bad:?}");
        }
    }
}
