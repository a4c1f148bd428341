//! A cgroup that is selected: services that restart take theirs away and make another of the same path.

use std::time::{Duration, Instant};

use super::ebpf::Cgroup;
use crate::text;

/// From one look to the next.
const LOOK: Duration = Duration::from_secs(1);

/// Reports when it is away and when it is back.
pub struct Watched {
    cgroup: Cgroup,
    /// The id that it had at the last look, if it was there.
    seen: Option<Option<u64>>,
    next: Instant,
}

impl Watched {
    /// Before the first look.
    #[must_use]
    pub fn new(cgroup: Cgroup) -> Self {
        Self {
            cgroup,
            seen: None,
            next: Instant::now(),
        }
    }

    /// What a person should know of it since the last look, of which there is one a second.
    pub fn look(&mut self, now: Instant) -> Option<String> {
        if now < self.next {
            return None;
        }
        self.next = now + LOOK;
        let found = self.cgroup.current_id();
        let path = text::safe(self.cgroup.dir().as_os_str().as_encoded_bytes());
        match (self.seen.replace(found), found) {
            (None, None) => Some(format!(
                "waiting for the cgroup {path}: it does not exist yet"
            )),
            (Some(Some(_)), None) => Some(format!(
                "the cgroup {path} was removed: waiting until it is made again"
            )),
            (Some(None), Some(_)) => Some(format!("the cgroup {path} exists now")),
            (Some(Some(before)), Some(id)) if before != id => {
                Some(format!("the cgroup {path} was removed and made again"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any file system will do: what is looked at are directories.
    #[test]
    fn it_goes_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.service");
        let mut watched = Watched::new(Cgroup::of_dir(path.clone()));
        let mut now = Instant::now();
        let mut look = || {
            now += LOOK;
            let said = watched.look(now)?;
            assert_eq!(watched.look(now), None, "once a second");
            Some(said.replace(path.to_str().unwrap(), "PATH"))
        };
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(
            look(),
            said("waiting for the cgroup PATH: it does not exist yet")
        );
        assert_eq!(look(), None);
        std::fs::create_dir(&path).unwrap();
        assert_eq!(look(), said("the cgroup PATH exists now"));
        assert_eq!(look(), None);
        std::fs::remove_dir(&path).unwrap();
        let gone = "the cgroup PATH was removed: waiting until it is made again";
        assert_eq!(look(), said(gone));
        assert_eq!(look(), None);
        std::fs::create_dir(&path).unwrap();
        assert_eq!(look(), said("the cgroup PATH exists now"));
        let other = path.with_file_name("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(look(), said("the cgroup PATH was removed and made again"));
    }
}
