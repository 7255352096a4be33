//! The folder with the fixtures: the shipped one, which must have everything, or another one with any cases in it.

use serde_json::Value;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// The operators that have cases.
const FAMILIES: [&str; 5] = ["fastdeconv", "channeldeconv", "delinear", "freeze", "isqrt"];

/// A folder with fixtures.
pub struct Golden {
    folder: PathBuf,
    /// The shipped folder: nothing may be missing.
    pub is_whole: bool,
}

/// The cases of one family: their descriptions, and their tensors by name.
pub struct Family {
    pub cases: Vec<Value>,
    pub tensors: HashMap<String, Tensor>,
}

impl Golden {
    /// The folder that `NDBENCH_GOLDEN` names, or the shipped one.
    pub fn chosen() -> Self {
        match std::env::var_os("NDBENCH_GOLDEN") {
            Some(folder) => Self { folder: folder.into(), is_whole: false },
            None => Self { folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), is_whole: true },
        }
    }

    /// The cases of one family of operators; `None` where the folder has none, which is said.
    pub fn family(&self, name: &str) -> Option<Family> {
        let found = self.json("ops/index.json").and_then(|index| {
            let family = &index["families"][name];
            let file = format!("ops/{}", family["file"].as_str()?);
            let cases = family["cases"].as_array().filter(|cases| !cases.is_empty())?.clone();
            let path = self.folder.join(&file);
            path.exists().then(|| {
                let read = Tensor::read_safetensors(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                Family { cases, tensors: read.into_iter().collect() }
            })
        });
        if found.is_none() {
            self.skip(&format!("operators of the family {name}"));
        }
        found
    }

    /// The names and the contents of the recorded networks, sorted by name.
    pub fn networks(&self) -> Vec<(String, Value)> {
        let entries = self.folder.join("arch").read_dir().into_iter().flatten();
        let mut files: Vec<String> =
            entries.map(|entry| entry.expect("a folder entry").file_name().into_string().expect("UTF-8")).collect();
        files.retain(|file| file.ends_with(".json"));
        files.sort();
        if files.is_empty() {
            self.skip("networks");
        }
        let read = |file: String| {
            let data = self.json(&format!("arch/{file}")).expect("it was listed");
            (file, data)
        };
        files.into_iter().map(read).collect()
    }

    /// Says that the folder has no `what`, which only another folder than the shipped one may.
    pub fn skip(&self, what: &str) {
        assert!(!self.is_whole, "{} has no {what}", self.folder.display());
        // Not `eprintln!`, which the test harness keeps to itself where a test passes.
        let _ = writeln!(std::io::stderr(), "skipped: {} has no {what}", self.folder.display());
    }

    /// A JSON file; `None` where it is missing.
    fn json(&self, path: &str) -> Option<Value> {
        let path = self.folder.join(path);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
            Err(e) => panic!("{}: {e}", path.display()),
        };
        Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    fn is_empty(&self) -> bool {
        FAMILIES.iter().all(|family| self.family(family).is_none()) && self.networks().is_empty()
    }
}

#[test]
fn golden_folder_has_cases() {
    assert!(!Golden::chosen().is_empty(), "nothing at all was found to compare with");
}

#[test]
fn golden_folders_may_lack_what_the_shipped_one_must_have() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let dir = tempfile::tempdir().unwrap();
    let other = |name: &str, files: &[&str]| {
        let folder = dir.path().join(name);
        for file in files {
            let to = folder.join(file);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(shipped.join(file), to).unwrap();
        }
        Golden { folder, is_whole: false }
    };
    let isqrt = other("isqrt", &["ops/index.json", "ops/isqrt.safetensors"]);
    assert!(isqrt.family("isqrt").is_some() && isqrt.family("freeze").is_none());
    assert!(isqrt.networks().is_empty() && !isqrt.is_empty());
    let network = other("network", &["arch/cifar_preact_bn_10.json"]);
    assert!(network.family("isqrt").is_none() && network.networks().len() == 1 && !network.is_empty());
    assert!(other("empty", &[]).is_empty());
    let shipped_so_lacking = Golden { is_whole: true, ..network };
    assert!(std::panic::catch_unwind(|| shipped_so_lacking.family("isqrt").is_some()).is_err());
}
