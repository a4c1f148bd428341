//! What the path of a cgroup says: the container, the pod and the unit of systemd.
//!
//! Each runtime and each of their cgroup drivers has its own way to name cgroups; nothing else on a
//! machine says so without asking the runtime. The innermost container counts: of Docker in Docker the
//! inner one.
//!
//! ```
//! use nulltrace_core::facts::container::{Place, Runtime};
//!
//! let id = "0123456789abcdef".repeat(4);
//! let pod = "kubepods-pod3fab4b25_9cb8_4f50_9db7_f1e1be2c3c37.slice";
//! let path = format!("/kubepods.slice/{pod}/cri-containerd-{id}.scope");
//! let place = Place::read(path.as_bytes());
//! assert_eq!((place.runtime, place.short_id()), (Some(Runtime::Containerd), Some(&b"0123456789ab"[..])));
//! assert_eq!(place.pod_uid().as_deref(), Some(&b"3fab4b25-9cb8-4f50-9db7-f1e1be2c3c37"[..]));
//! ```

use std::borrow::Cow;

/// What runs a container. [`Runtime::name`] is the field `container.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Docker.
    Docker,
    /// containerd, by itself or for Kubernetes.
    Containerd,
    /// CRI-O.
    Crio,
    /// Podman, and what else is built on libpod.
    Podman,
    /// A runtime of Kubernetes that the path does not name.
    Cri,
    /// BuildKit: a step of an image's build.
    Buildkit,
    /// LXC or LXD.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
}

impl Runtime {
    /// The name of the runtime.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Crio => "cri-o",
            Self::Podman => "podman",
            Self::Cri => "cri",
            Self::Buildkit => "buildkit",
            Self::Lxc => "lxc",
            Self::Nspawn => "systemd-nspawn",
        }
    }
}

/// Where a process runs, as far as the path of its cgroup says. Bytes of others, never trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// What runs the container; `None` outside of any, and where only an id shows that there is one.
    pub runtime: Option<Runtime>,
    /// The container's id, which for LXC and systemd-nspawn is its name.
    pub id: Option<&'a [u8]>,
    /// The unit of systemd: a service, a scope or another that holds processes.
    pub unit: Option<&'a [u8]>,
    pod: Option<&'a [u8]>,
}

/// How scopes of systemd's cgroup driver, and some cgroups without it, begin.
const PREFIXES: [(&[u8], Runtime); 9] = [
    (b"docker-", Runtime::Docker),
    (b"cri-containerd-", Runtime::Containerd),
    (b"containerd-", Runtime::Containerd),
    (b"nerdctl-", Runtime::Containerd),
    (b"crio-", Runtime::Crio),
    (b"cri-o-", Runtime::Crio),
    (b"libpod-payload-", Runtime::Podman),
    (b"libpod-", Runtime::Podman),
    (b"buildkit-", Runtime::Buildkit),
];

/// Endings of units that hold processes.
const UNITS: [&[u8]; 5] = [b".service", b".scope", b".socket", b".mount", b".swap"];

/// Characters of an id shown where a short one is meant, as `docker ps` has it.
const SHORT: usize = 12;

impl<'a> Place<'a> {
    /// Reads the path of a cgroup, from the root of its hierarchy.
    #[must_use]
    pub fn read(path: &'a [u8]) -> Self {
        let mut place = Self::default();
        let mut parent: &[u8] = b"";
        for name in path.split(|&byte| byte == b'/') {
            if UNITS.iter().any(|end| name.ends_with(end)) {
                place.unit = Some(name);
            }
            // containerd configured for systemd where there is none: `SLICE:PREFIX:ID`.
            let mut parts = name.split(|&byte| byte == b':');
            if let (Some(slice), Some(prefix), Some(id), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
                && is_id(id)
            {
                place.pod = pod(slice).or(place.pod);
                (place.runtime, place.id) = (runtime_of(prefix), Some(id));
            } else if let Some(uid) = pod(name) {
                place.pod = Some(uid);
            } else if let Some((runtime, id)) = container(parent, name, place.pod.is_some()) {
                (place.runtime, place.id) = (runtime, Some(id));
            }
            parent = name;
        }
        place
    }

    /// The id as people write it: the first 12 characters of one in hexadecimal, all of a name.
    #[must_use]
    pub fn short_id(&self) -> Option<&'a [u8]> {
        self.id.map(|id| match is_id(id) {
            true => &id[..SHORT],
            false => id,
        })
    }

    /// The uid of the pod, as Kubernetes writes it.
    #[must_use]
    pub fn pod_uid(&self) -> Option<Cow<'a, [u8]>> {
        // In the names of slices a dash means nesting, so underscores stand for those of the uid.
        self.pod.map(|uid| match uid.contains(&b'_') {
            true => uid
                .iter()
                .map(|&byte| if byte == b'_' { b'-' } else { byte })
                .collect(),
            false => Cow::Borrowed(uid),
        })
    }
}

/// The container that a cgroup `name` in `parent` is of, if it is one's.
fn container<'a>(
    parent: &[u8],
    name: &'a [u8],
    in_pod: bool,
) -> Option<(Option<Runtime>, &'a [u8])> {
    let scope = name.strip_suffix(b".scope").unwrap_or(name);
    for (prefix, runtime) in PREFIXES {
        if let Some(id) = scope.strip_prefix(prefix)
            && is_id(id)
        {
            return Some((Some(runtime), id));
        }
    }
    if is_id(name) {
        let runtime = match parent {
            b"docker" => Some(Runtime::Docker),
            b"libpod_parent" => Some(Runtime::Podman),
            b"default" | b"k8s.io" | b"moby" => Some(Runtime::Containerd),
            b"buildkit" => Some(Runtime::Buildkit),
            _ if in_pod => Some(Runtime::Cri),
            _ => None,
        };
        return Some((runtime, name));
    }
    let named = |runtime, name: &'a [u8]| (!name.is_empty()).then_some((Some(runtime), name));
    if let Some(name) = name.strip_prefix(b"lxc.payload.") {
        return named(Runtime::Lxc, name);
    }
    match parent {
        b"lxc" | b"lxc.payload" => return named(Runtime::Lxc, name),
        b"buildkit" if name.len() == 25 && name.iter().all(u8::is_ascii_alphanumeric) => {
            return named(Runtime::Buildkit, name);
        }
        // Virtual machines are registered there too, and have a dash, escaped, in their names' beginning.
        b"machine.slice" if !scope.starts_with(b"machine-qemu\\x2d") => {
            let name = scope.strip_prefix(b"machine-").or_else(|| {
                name.strip_prefix(b"systemd-nspawn@")?
                    .strip_suffix(b".service")
            })?;
            return named(Runtime::Nspawn, name);
        }
        _ => {}
    }
    None
}

/// The runtime in the middle of `SLICE:PREFIX:ID`.
fn runtime_of(prefix: &[u8]) -> Option<Runtime> {
    let known = PREFIXES.iter();
    known
        .copied()
        .find(|(known, _)| known.strip_suffix(b"-") == Some(prefix))
        .map(|(_, runtime)| runtime)
}

/// The uid in `podUID`, `kubepods-podUID.slice`, `kubepods-burstable-podUID.slice`.
fn pod(name: &[u8]) -> Option<&[u8]> {
    let uid = match name.strip_suffix(b".slice") {
        Some(slice) => {
            let at = slice.windows(4).rposition(|four| four == b"-pod")?;
            // A node of its own, as kind has them, puts `kubelet-` before.
            let is_kube = slice[..at].windows(8).any(|eight| eight == b"kubepods");
            slice.get(at + 4..).filter(|_| is_kube)?
        }
        None => name.strip_prefix(b"pod")?,
    };
    // A UUID, or of a static pod a hash.
    let is_uid = uid.len() >= 32
        && uid
            .iter()
            .all(|&byte| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'_');
    is_uid.then_some(uid)
}

/// What runtimes make: 256 bits in lower-case hexadecimal.
fn is_id(text: &[u8]) -> bool {
    text.len() == 64
        && text
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "ab86ea1b1e4c0a4b8d2b9ae9b0f49c5ae4eb5d14c9b6bff52f5ab7e80ab4a7ba";
    const B: &str = "0d2f27f2c8c1e3ef3ffd4d1ac8d4d6ed8a5d0a22a11e4ac81b8f59a0d5fbd3d7";
    const UID: &str = "3fab4b25-9cb8-4f50-9db7-f1e1be2c3c37";
    const UID_: &str = "3fab4b25_9cb8_4f50_9db7_f1e1be2c3c37";

    /// Type, id, pod, unit; `-` for none.
    fn described(path: &str) -> String {
        let path = path.replace("<A>", A).replace("<B>", B);
        let path = path.replace("<UID>", UID).replace("<UID_>", UID_);
        let place = Place::read(path.as_bytes());
        let text = |bytes: Option<&[u8]>| {
            bytes.map_or("-".to_owned(), |b| String::from_utf8(b.to_vec()).unwrap())
        };
        let unit = text(place.unit).replace(A, "<A>").replace(B, "<B>");
        format!(
            "{} {} {} {unit}",
            place.runtime.map_or("-", Runtime::name),
            text(place.id).replace(A, "<A>").replace(B, "<B>"),
            text(place.pod_uid().as_deref()).replace(UID, "<UID>"),
        )
    }

    #[test]
    fn paths_as_they_are_met() {
        for (path, want) in [
            // Docker, by both cgroup drivers, rootless, and inside of itself.
            ("/docker/<A>", "docker <A> - -"),
            (
                "/system.slice/docker-<A>.scope",
                "docker <A> - docker-<A>.scope",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-<A>.scope",
                "docker <A> - docker-<A>.scope",
            ),
            ("/docker/<A>/docker/<B>", "docker <B> - -"),
            (
                "/system.slice/docker-<A>.scope/init.scope",
                "docker <A> - init.scope",
            ),
            (
                "/docker/<A>/system.slice/nginx.service",
                "docker <A> - nginx.service",
            ),
            ("/parent-of-compose/<A>", "- <A> - -"),
            // Kubernetes.
            ("/kubepods/burstable/pod<UID>/<A>", "cri <A> <UID> -"),
            ("/kubepods/pod<UID>/<A>", "cri <A> <UID> -"),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<UID_>.slice/cri-containerd-<A>.scope",
                "containerd <A> <UID> cri-containerd-<A>.scope",
            ),
            (
                "/kubepods.slice/kubepods-pod<UID_>.slice/crio-<A>.scope",
                "cri-o <A> <UID> crio-<A>.scope",
            ),
            (
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<UID_>.slice/docker-<A>.scope",
                "docker <A> <UID> docker-<A>.scope",
            ),
            (
                "/system.slice/containerd.service/kubepods-burstable-pod<UID_>.slice:cri-containerd:<A>",
                "containerd <A> <UID> containerd.service",
            ),
            (
                "/docker/<B>/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod<UID_>.slice/cri-containerd-<A>.scope",
                "containerd <A> <UID> cri-containerd-<A>.scope",
            ),
            (
                "/kubepods/besteffort/pod5e4a5f1b0d0c4c1a9b1d4a54c8e5f5a1/<A>",
                "cri <A> 5e4a5f1b0d0c4c1a9b1d4a54c8e5f5a1 -",
            ),
            // Podman, rootful and not; its monitor is outside of the container.
            (
                "/machine.slice/libpod-<A>.scope",
                "podman <A> - libpod-<A>.scope",
            ),
            (
                "/machine.slice/libpod-<A>.scope/container",
                "podman <A> - libpod-<A>.scope",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-<A>.scope/container",
                "podman <A> - libpod-<A>.scope",
            ),
            ("/libpod_parent/libpod-<A>", "podman <A> - -"),
            (
                "/user.slice/user-0.slice/session-3.scope/libpod-payload-<A>",
                "podman <A> - session-3.scope",
            ),
            (
                "/machine.slice/libpod-conmon-<A>.scope",
                "- - - libpod-conmon-<A>.scope",
            ),
            // containerd by itself, BuildKit.
            ("/default/<A>", "containerd <A> - -"),
            (
                "/system.slice/nerdctl-<A>.scope",
                "containerd <A> - nerdctl-<A>.scope",
            ),
            (
                "/system.slice/docker.service/buildkit/n6c1cwnlrdlrfwkqb6dpnvhsm",
                "buildkit n6c1cwnlrdlrfwkqb6dpnvhsm - docker.service",
            ),
            // Named ones.
            ("/lxc/web", "lxc web - -"),
            (
                "/lxc.payload.web/system.slice/ssh.service",
                "lxc web - ssh.service",
            ),
            ("/lxc.payload/web", "lxc web - -"),
            ("/lxc.monitor.web", "- - - -"),
            (
                "/machine.slice/systemd-nspawn@build.service/payload",
                "systemd-nspawn build - systemd-nspawn@build.service",
            ),
            (
                "/machine.slice/machine-build.scope",
                "systemd-nspawn build - machine-build.scope",
            ),
            (
                "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/vcpu0",
                "- - - machine-qemu\\x2d1\\x2dweb.scope",
            ),
            // No container.
            ("/system.slice/nginx.service", "- - - nginx.service"),
            (
                "/user.slice/user-1000.slice/session-2.scope",
                "- - - session-2.scope",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-editor.service",
                "- - - app-editor.service",
            ),
            ("/init.scope", "- - - init.scope"),
            ("/", "- - - -"),
            ("", "- - - -"),
            // None, though it looks like one.
            (
                "/system.slice/docker-compose.service",
                "- - - docker-compose.service",
            ),
            ("/podman", "- - - -"),
            ("/system.slice/my-podcast.slice", "- - - -"),
        ] {
            assert_eq!(described(path), want, "{path}");
        }
    }

    #[test]
    fn short_ids() {
        let path = format!("/docker/{A}");
        assert_eq!(
            Place::read(path.as_bytes()).short_id(),
            Some(&b"ab86ea1b1e4c"[..])
        );
        assert_eq!(
            Place::read(b"/lxc/a-name-of-many-letters").short_id(),
            Some(&b"a-name-of-many-letters"[..])
        );
    }

    proptest! {
        #[test]
        fn anything_may_be_a_path(
            parts in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..20),
                    prop::sample::select(vec![
                        "/", ":", "pod", "-pod", ".slice", ".scope", "kubepods", "docker", "docker-", A,
                        "lxc", "lxc.payload.", "machine.slice", "machine-", "systemd-nspawn@", ".service",
                        "buildkit", "libpod-", "_",
                    ]).prop_map(|text| text.as_bytes().to_vec()),
                ],
                0..12,
            )
        ) {
            let path = parts.concat();
            let place = Place::read(&path);
            prop_assert_eq!(place.id.is_some(), place.short_id().is_some());
            prop_assert!(place.runtime.is_none() || place.id.is_some());
            let _ = place.pod_uid();
        }
    }
}
