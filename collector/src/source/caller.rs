//! What of others the user who started nulltrace may see by it.

use rustix::process::{getegid, geteuid, getgid, getuid};

use super::lent::confined;
use super::{Scope, caps};
use crate::error::{Error, Kind};

/// To be called first: gives up what a lent right is not for. Files are opened with the caller's own rights
/// from then on.
///
/// # Errors
/// The file has the set-user-id or set-group-id bit: its rights to open files cannot be distinguished from the
/// caller's. Or the kernel refused.
pub fn settle() -> Result<(), Error> {
    if getuid() != geteuid() || getgid() != getegid() {
        return Err(Error::new(
            Kind::Rights,
            "nulltrace refuses to run with the set-user-id or set-group-id bit",
            "its file",
            "remove the bit with chmod ug-s; `setcap cap_bpf,cap_perfmon+ep` gives the rights it needs",
        ));
    }
    if confined().is_some() {
        caps::keep(caps::of_a_file()).map_err(|error| {
            Error::io(
                "cannot drop privileges",
                error,
                "capset(2)",
                "run nulltrace where this call is allowed",
            )
        })?;
    }
    Ok(())
}

/// `scope` as far as `user` may see; a process, user or cgroup that is another's is refused.
///
/// # Errors
/// It is another's.
pub fn within(scope: &Scope, user: u32) -> Result<Scope, Error> {
    let refused = |what: &str, place: &dyn std::fmt::Display| {
        Error::new(
            Kind::Rights,
            format!(
                "{what}: with rights from its file (setcap), nulltrace shows your own processes only"
            ),
            place,
            "run it as root, or as a service with AmbientCapabilities=CAP_BPF CAP_PERFMON",
        )
    };
    if let Some(path) = &scope.cgroup {
        return Err(refused("a cgroup cannot be selected", path));
    }
    if let Some(uid) = scope.uid.filter(|&uid| uid != user) {
        return Err(refused("another user cannot be selected", &uid));
    }
    if let Some(pid) = scope.pids.iter().find(|&&pid| is_anothers(pid, user)) {
        return Err(refused("another user's process cannot be selected", pid));
    }
    let mut scope = scope.clone();
    if scope.pids.is_empty() {
        scope.uid = Some(user);
    }
    Ok(scope)
}

/// Whether any of its user ids is. One that does not exist belongs to no user.
fn is_anothers(pid: u32, user: u32) -> bool {
    let status = std::fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    let ids = status
        .split(|&byte| byte == b'\n')
        .skip(1)
        .find_map(|line| line.strip_prefix(b"Uid:"));
    let ids = ids.and_then(|ids| std::str::from_utf8(ids).ok());
    ids.is_some_and(|ids| {
        ids.split_ascii_whitespace()
            .any(|id| id.parse() != Ok(user))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_is_in_reach() {
        let user = getuid().as_raw();
        let all = Scope::default();
        assert_eq!(within(&all, user).unwrap().uid, Some(user));
        let uid = Scope {
            uid: Some(user),
            ..Scope::default()
        };
        assert_eq!(within(&uid, user).unwrap(), uid);
        let pid = |pid| Scope {
            pids: vec![pid],
            ..Scope::default()
        };
        let own = pid(std::process::id());
        assert_eq!(within(&own, user).unwrap(), own);
        assert!(within(&own, user + 1).is_err());
        assert!(within(&uid, user + 1).is_err());
        let cgroup = Scope {
            cgroup: Some("/".into()),
            ..Scope::default()
        };
        let error = within(&cgroup, user).unwrap_err().to_string();
        assert!(error.contains("AmbientCapabilities"), "{error}");
    }
}
