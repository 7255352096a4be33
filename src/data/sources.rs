//! Where data sets are looked for.

use super::cifar::{CIFAR10, CIFAR100, Cifar};
use super::{idx, imagenet};
use crate::scenario::Dataset;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folders to search, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    folders: Vec<PathBuf>,
}

/// How a data set is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    CifarBinary,
    CifarPython,
    Idx,
    Images,
    /// What `ndbench data prepare imagenet` has written.
    Prepared,
    BuiltIn,
}

/// A data set that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// A folder or an archive; empty where the data set is part of the program.
    pub(super) path: PathBuf,
    pub(super) layout: Layout,
}

impl Sources {
    /// `--data DIR` where it is given; else the folder that the environment variable `NDBENCH_DATA` names; else `data` in
    /// the current folder and then the user's own, `ndbench` in `$XDG_DATA_HOME` (`~/.local/share`).
    pub fn new(data: Option<&Path>) -> Self {
        Self::from_parts(data, |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn from_parts(data: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        if let Some(only) = data.map(PathBuf::from).or_else(|| variable("NDBENCH_DATA").map(PathBuf::from)) {
            return Self { folders: vec![only] };
        }
        let home = || variable("HOME").map(|home| Path::new(&home).join(".local/share"));
        let shared = variable("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
        let own = shared.map(|folder| folder.join("ndbench"));
        Self { folders: [PathBuf::from("data")].into_iter().chain(own).collect() }
    }

    /// The folders that are searched, in order.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Where downloads go: the first of the folders that exists, else the last.
    pub fn target(&self) -> &Path {
        let existing = self.folders.iter().find(|folder| folder.is_dir());
        existing.or(self.folders.last()).expect("there is always one folder")
    }

    /// Every place where `dataset` lies, best first.
    pub(super) fn find(&self, dataset: &Dataset) -> Vec<Place> {
        if *dataset == Dataset::FashionMini {
            return vec![Place { path: PathBuf::new(), layout: Layout::BuiltIn }];
        }
        let candidates = candidates(dataset);
        let mut places = Vec::new();
        for folder in &self.folders {
            // A folder is also accepted when it is the data set's own (`--data data/cifar-10-batches-bin`).
            for (path, layout) in &candidates {
                let path = own(folder, path).unwrap_or_else(|| folder.join(path));
                let present = match layout {
                    Layout::Idx => idx::TRAIN.iter().chain(&idx::TEST).any(|name| idx::file(&path, name).is_some()),
                    Layout::Prepared => path.join(imagenet::INDEX).is_file(),
                    _ => path.exists(),
                };
                let place = Place { path, layout: *layout };
                if present && !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        places
    }
}

/// `folder` itself where it ends in `path`, as it is written or as it really lies (`--data .` within it).
fn own(folder: &Path, path: &str) -> Option<PathBuf> {
    if folder.ends_with(path) {
        return Some(folder.into());
    }
    folder.canonicalize().ok().filter(|real| real.ends_with(path))
}

/// Paths relative to a data folder.
fn candidates(dataset: &Dataset) -> Vec<(String, Layout)> {
    let cifar = |c: &Cifar| {
        let [binary, python] = c.folders.map(String::from);
        let [binary_archive, python_archive] = c.archives.map(String::from);
        vec![
            (binary, Layout::CifarBinary),
            (binary_archive, Layout::CifarBinary),
            (python, Layout::CifarPython),
            (python_archive, Layout::CifarPython),
        ]
    };
    let all = |paths: &[&str], layout| paths.iter().map(|p| (p.to_string(), layout)).collect();
    match dataset {
        Dataset::Cifar10 => cifar(&CIFAR10),
        Dataset::Cifar100 => cifar(&CIFAR100),
        Dataset::Mnist => all(&["mnist", "MNIST/raw"], Layout::Idx),
        Dataset::FashionMnist => all(&["fashion-mnist", "FashionMNIST/raw"], Layout::Idx),
        Dataset::FashionMini => Vec::new(),
        // Beside the pictures, in a folder of its own, or in the one that is named.
        Dataset::Imagenet => all(&["ndbench-imagenet", "imagenet/ndbench-imagenet", "imagenet", ""], Layout::Prepared),
        Dataset::Folder(name) => {
            ["", ".tar", ".tar.gz", ".tgz"].map(|end| (format!("{name}{end}"), Layout::Images)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_variable_beats_the_defaults() {
        let variables = |name: &str| match name {
            "NDBENCH_DATA" => Some("/env".into()),
            "HOME" => Some("/home/a".into()),
            _ => None,
        };
        let folders = |s: Sources| s.folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>();
        assert_eq!(folders(Sources::from_parts(Some(Path::new("/opt")), variables)), ["/opt"]);
        assert_eq!(folders(Sources::from_parts(None, variables)), ["/env"]);
        let defaults = Sources::from_parts(None, |n| variables(n).filter(|_| n == "HOME"));
        assert_eq!(folders(defaults), ["data", "/home/a/.local/share/ndbench"]);
    }

    #[test]
    fn a_data_set_is_found_by_its_folder_or_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("cifar-10-batches-bin");
        std::fs::create_dir(&own).unwrap();
        std::fs::create_dir(own.join("inner")).unwrap();
        let from_within = own.join("inner/..");
        for data in [dir.path(), &own, &from_within] {
            let found = Sources::new(Some(data)).find(&Dataset::Cifar10);
            let [Place { path, layout: Layout::CifarBinary }] = &found[..] else { panic!("{found:?}") };
            assert_eq!(path.canonicalize().unwrap(), own.canonicalize().unwrap());
        }
        assert_eq!(Sources::new(Some(dir.path())).find(&Dataset::Mnist), []);
    }

    #[test]
    fn a_prepared_imagenet_is_found_by_its_index() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("imagenet/ndbench-imagenet");
        std::fs::create_dir_all(&place).unwrap();
        let find = |data: &Path| Sources::new(Some(data)).find(&Dataset::Imagenet);
        assert_eq!(find(dir.path()), []);
        std::fs::write(place.join(imagenet::INDEX), "").unwrap();
        for data in [dir.path(), &dir.path().join("imagenet"), &place] {
            let found = find(data);
            let [Place { path, layout: Layout::Prepared }] = &found[..] else { panic!("{found:?}") };
            assert_eq!(path.canonicalize().unwrap(), place.canonicalize().unwrap());
        }
    }
}
