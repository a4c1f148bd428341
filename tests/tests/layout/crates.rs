//! Which crates there are: every target of every manifest in the repository.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A library, a program, a test, a bench: what the compiler takes as one crate.
pub(crate) struct Crate {
    /// The package's name for a library; with the kind and the target's name for others.
    pub(crate) name: String,
    pub(crate) root: PathBuf,
}

/// All crates below `repository`, by name, those outside the workspace too.
pub(crate) fn all(repository: &Path) -> Vec<Crate> {
    let mut manifests = Vec::new();
    find(repository, &mut manifests);
    let mut crates = BTreeMap::new();
    for manifest in manifests {
        // That of the workspace has all its members, so most are read already.
        if crates
            .values()
            .any(|found: &(PathBuf, Crate)| found.0 == manifest)
        {
            continue;
        }
        for package in packages(&manifest) {
            let of = PathBuf::from(text(&package["manifest_path"]));
            for target in package["targets"].as_array().into_iter().flatten() {
                let root = PathBuf::from(text(&target["src_path"]));
                let found = (of.clone(), named(&package, target, root.clone()));
                crates.insert(root, found);
            }
        }
    }
    crates.into_values().map(|found| found.1).collect()
}

fn named(package: &Value, target: &Value, root: PathBuf) -> Crate {
    let package = text(&package["name"]);
    let kind = text(&target["kind"][0]);
    let name = match kind {
        "bin" | "test" | "bench" | "example" => {
            format!("{package} {kind} {}", text(&target["name"]))
        }
        "custom-build" => format!("{package} build script"),
        _ => package.to_owned(),
    };
    Crate { name, root }
}

/// The manifests, the outermost first.
fn find(folder: &Path, manifests: &mut Vec<PathBuf>) {
    let manifest = folder.join("Cargo.toml");
    if manifest.is_file() {
        manifests.push(manifest);
    }
    let entries = folder
        .read_dir()
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.is_symlink() && is_ours(path))
        .collect();
    folders.sort();
    for folder in folders {
        find(&folder, manifests);
    }
}

/// Not what was built, nor what was installed.
fn is_ours(folder: &Path) -> bool {
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or(".");
    !(name.starts_with('.') || ["target", "node_modules"].contains(&name))
}

fn packages(manifest: &Path) -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .arg("--manifest-path")
        .arg(manifest)
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo metadata of {}: {said}",
        manifest.display()
    );
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("{}: {other}", manifest.display()),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has a text here")
}
