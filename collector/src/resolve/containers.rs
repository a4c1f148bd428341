//! Names and images of containers, from the state files of what runs them, where these can be read.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The largest state file that is read.
const FILE_MAX: u64 = 1 << 20;
/// The most namespaces of containerd, and of podman's users, that are looked in.
const PLACES_MAX: usize = 64;

/// What is known of a container; empty what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
}

/// Reads the state files below a root, which is that of the file system but in tests.
#[derive(Debug)]
pub(crate) struct Containers {
    root: PathBuf,
}

impl Default for Containers {
    fn default() -> Self {
        Self { root: "/".into() }
    }
}

impl Containers {
    /// What is known of the container of that id, which others chose.
    pub(crate) fn find(&self, id: &[u8]) -> Option<Container> {
        let is_id = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
        let id = std::str::from_utf8(id).ok()?;
        // It becomes part of a path.
        if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| is_id(&byte)) {
            return None;
        }
        self.docker(id)
            .or_else(|| self.podman(id))
            .or_else(|| self.containerd(id))
    }

    fn docker(&self, id: &str) -> Option<Container> {
        let of = self.read(&format!("var/lib/docker/containers/{id}/config.v2.json"))?;
        let name = text(&of["Name"]);
        Some(Container {
            name: name.strip_prefix('/').unwrap_or(&name).to_owned(),
            image: text(&of["Config"]["Image"]),
        })
    }

    fn podman(&self, id: &str) -> Option<Container> {
        let below = "containers/storage/overlay-containers";
        let of_users = self.folders("home").into_iter();
        let of_users = of_users.map(|user| format!("home/{user}/.local/share/{below}"));
        let mut all = ["var/lib", "run"]
            .map(|of| format!("{of}/{below}"))
            .into_iter()
            .chain(of_users);
        all.find_map(|place| {
            let known = self.read(&format!("{place}/containers.json"))?;
            let entry = known.as_array()?.iter().find(|of| of["id"] == id)?;
            // The name and the image stand in a text that is JSON again.
            let about: Value =
                serde_json::from_str(entry["metadata"].as_str()?).unwrap_or_default();
            let name = match text(&about["name"]) {
                name if name.is_empty() => text(&entry["names"][0]),
                name => name,
            };
            Some(Container {
                name,
                image: text(&about["image-name"]),
            })
        })
    }

    fn containerd(&self, id: &str) -> Option<Container> {
        let place = "run/containerd/io.containerd.runtime.v2.task";
        self.folders(place).into_iter().find_map(|namespace| {
            let of = self.read(&format!("{place}/{namespace}/{id}/config.json"))?;
            let about = &of["annotations"];
            let first = |names: &[&str]| {
                let mut texts = names.iter().map(|name| text(&about[*name]));
                texts.find(|text| !text.is_empty()).unwrap_or_default()
            };
            Some(Container {
                name: first(&["io.kubernetes.cri.container-name", "nerdctl/name"]),
                image: first(&["io.kubernetes.cri.image-name", "nerdctl/image-name"]),
            })
        })
    }

    /// The names of the folders in one.
    fn folders(&self, place: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(place)).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.take(PLACES_MAX).collect()
    }

    fn read(&self, file: &str) -> Option<Value> {
        let mut bytes = Vec::new();
        let file = open(&self.root.join(file))?;
        file.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// A plain file: to open another may wait for ever.
fn open(path: &Path) -> Option<fs::File> {
    let is_file = fs::metadata(path).is_ok_and(|of| of.is_file());
    is_file.then(|| fs::File::open(path).ok()).flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_files_of_each_runtime() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(
            "var/lib/docker/containers/d1/config.v2.json",
            r#"{"ID": "d1", "Name": "/shop", "Config": {"Image": "shop:1.2", "Env": []}}"#,
        );
        put(
            "home/ann/.local/share/containers/storage/overlay-containers/containers.json",
            r#"[{"id": "p0"}, {"id": "p1", "names": ["till"],
                "metadata": "{\"image-name\": \"localhost/till:3\", \"name\": \"till\"}"}]"#,
        );
        put(
            "run/containerd/io.containerd.runtime.v2.task/k8s.io/c1/config.json",
            r#"{"annotations": {"io.kubernetes.cri.container-name": "web",
                "io.kubernetes.cri.image-name": "web:9"}}"#,
        );
        put(
            "var/lib/docker/containers/bad/config.v2.json",
            "{\"Name\": ",
        );
        let containers = Containers {
            root: dir.path().to_owned(),
        };
        let of = |id: &str| containers.find(id.as_bytes()).map(|of| (of.name, of.image));
        let pair = |name: &str, image: &str| Some((name.to_owned(), image.to_owned()));
        assert_eq!(of("d1"), pair("shop", "shop:1.2"));
        assert_eq!(of("p1"), pair("till", "localhost/till:3"));
        assert_eq!(of("c1"), pair("web", "web:9"));
        for none in ["bad", "p2", "", "../d1", "d1/../d1", "d\u{0}1"] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
