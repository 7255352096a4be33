//! What lies on the disk: a quick list, and a thorough check.

use super::bytes::{Stream, open_regular};
use super::complete::{Counts, shortage};
use super::error::{DataError, completion, listed, remedy};
use super::imagenet::ImageNet;
use super::load::{not_found, read};
use super::sources::{Layout, Place, Sources};
use super::split::Split;
use super::{idx, official};
use crate::files::sha256_reader;
use crate::scenario::Dataset;
use crate::units::Bytes;
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A data set, found or missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Which data set.
    pub dataset: Dataset,
    /// Folder or archive; absent where the data set is missing or part of the program.
    pub path: Option<PathBuf>,
    /// What it is, in words.
    pub what: String,
    /// What to do, where something is missing.
    pub remedy: Option<String>,
}

/// The outcome of a thorough check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// Which data set.
    pub dataset: Dataset,
    /// Folder or archive; absent where the data set is part of the program.
    pub path: Option<PathBuf>,
    /// Names in label order.
    pub class_names: Vec<String>,
    /// Training images of each class.
    pub train: Vec<u64>,
    /// Test images of each class.
    pub test: Vec<u64>,
    /// What is missing, or too much, of a data set with a fixed name; absent where it is whole.
    pub incomplete: Option<String>,
    /// The files, where official checksums are known for their names.
    pub files: Vec<FileCheck>,
    /// What was skipped or looks unusual.
    pub remarks: Vec<String>,
}

/// A file compared with the official one of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileCheck {
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// How it compares.
    pub verdict: Verdict,
}

/// How a file compares with the official one of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its SHA-256 is the official one.
    Official,
    /// It has another size: a subset or another packing.
    Other,
    /// It has the official size and another content.
    Damaged,
}

impl Verified {
    /// Whether the data set is whole and no file is damaged.
    pub fn is_sound(&self) -> bool {
        self.incomplete.is_none() && self.is_undamaged()
    }

    /// Whether no file has the official size and another content.
    pub fn is_undamaged(&self) -> bool {
        self.files.iter().all(|file| file.verdict != Verdict::Damaged)
    }
}

/// Every named data set, found or missing, and every image folder, without reading their content.
pub fn inventory(sources: &Sources) -> Vec<Found> {
    let mut found = Vec::new();
    for dataset in Dataset::NAMED.into_iter().chain(image_folders(sources)) {
        let places = sources.find(&dataset);
        if places.is_empty() {
            let remedy = Some(remedy(&dataset));
            found.push(Found { dataset: dataset.clone(), path: None, what: "not found".into(), remedy });
        }
        found.extend(places.into_iter().map(|place| Found {
            dataset: dataset.clone(),
            what: describe(&place),
            path: (place.layout != Layout::BuiltIn).then_some(place.path),
            remedy: None,
        }));
    }
    found
}

/// Reads everything that `sources` hold of `dataset`, place by place: structure, labels, counts, checksums.
///
/// # Errors
/// [`DataError::NotFound`] where there is no place at all; the inner error where a place is broken.
pub fn verify(dataset: &Dataset, sources: &Sources) -> Result<Vec<Result<Verified, DataError>>, DataError> {
    let places = sources.find(dataset);
    if places.is_empty() {
        return Err(not_found(dataset, sources));
    }
    Ok(places.into_iter().map(|place| verify_place(dataset, place)).collect())
}

fn verify_place(dataset: &Dataset, place: Place) -> Result<Verified, DataError> {
    if place.layout == Layout::Prepared {
        return verify_prepared(dataset, place);
    }
    let raw = read(dataset, &place, (None, None))?;
    let counts = |split: &Split| split.per_class(raw.class_names.len());
    let (train, test) = (counts(&raw.train), counts(&raw.test));
    let incomplete = incomplete(dataset, &raw.counts());
    let mut remarks = raw.remarks;
    for (split, counts) in [("train", &train), ("test", &test)] {
        if counts.iter().any(|n| n != &counts[0]) {
            remarks.push(format!("the classes of `{split}` have different numbers of images"));
        }
    }
    let mut files = Vec::new();
    for path in files_of(&place)? {
        files.extend(check_file(dataset, &path)?);
    }
    for file in files.iter().filter(|file| file.verdict == Verdict::Other) {
        remarks.push(format!("{} is not the official file", file.path.display()));
    }
    Ok(Verified {
        dataset: dataset.clone(),
        path: (place.layout != Layout::BuiltIn).then_some(place.path),
        class_names: raw.class_names,
        train,
        test,
        incomplete,
        files,
        remarks,
    })
}

/// What its index says of a prepared ImageNet, whose pictures were read when it was prepared.
fn verify_prepared(dataset: &Dataset, place: Place) -> Result<Verified, DataError> {
    let set = ImageNet::open(&place.path)?;
    let [train, test] = set.per_class();
    Ok(Verified {
        dataset: dataset.clone(),
        incomplete: incomplete(dataset, &[(set.train.len(), &[]), (set.val.len(), &[])]),
        path: Some(place.path),
        class_names: set.class_names,
        train,
        test,
        files: Vec::new(),
        remarks: vec!["the index is whole; `ndbench data prepare imagenet DIR --again` reads every picture".into()],
    })
}

fn incomplete(dataset: &Dataset, counts: &Counts) -> Option<String> {
    let short = shortage(dataset, counts);
    (!short.is_empty()).then(|| format!("{}; {}", listed(&short), completion(dataset, &short)))
}

/// The files at the top of `place`.
fn files_of(place: &Place) -> Result<Vec<PathBuf>, DataError> {
    if matches!(place.layout, Layout::BuiltIn | Layout::Images | Layout::Prepared) {
        return Ok(Vec::new());
    }
    if place.path.is_file() {
        return Ok(vec![place.path.clone()]);
    }
    if place.layout == Layout::Idx {
        return Ok(idx::TRAIN.iter().chain(&idx::TEST).filter_map(|name| idx::file(&place.path, name)).collect());
    }
    let failed = |source| DataError::Io { file: place.path.display().to_string(), source };
    let entries = place.path.read_dir().map_err(failed)?.map(|entry| entry.map(|e| e.path()));
    let mut files = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

/// Compares the file with the official one of its name; `None` where none is known. A packed file also counts as
/// official where its content does: some distributions pack anew.
fn check_file(dataset: &Dataset, path: &Path) -> Result<Option<FileCheck>, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some((official_size, official)) = official::known(dataset, &name) else { return Ok(None) };
    let failed = |source| DataError::Io { file: path.display().to_string(), source };
    let (file, size) = open_regular(path)?;
    let (sha256, _) = sha256_reader(file).map_err(failed)?;
    let same_content = || -> Result<bool, DataError> {
        let Some((unpacked_size, unpacked)) =
            name.strip_suffix(".gz").and_then(|inner| official::known(dataset, inner))
        else {
            return Ok(false);
        };
        let stream = Stream::new(open_regular(path)?.0).map_err(failed)?;
        Ok(sha256_reader(stream.take(unpacked_size + 1)).map_err(failed)?.0 == unpacked)
    };
    let verdict = match () {
        () if sha256 == official => Verdict::Official,
        () if size == official_size => Verdict::Damaged,
        () if same_content()? => Verdict::Official,
        () => Verdict::Other,
    };
    Ok(Some(FileCheck { path: path.into(), sha256, verdict }))
}

fn describe(place: &Place) -> String {
    let what = match place.layout {
        Layout::CifarBinary => "binary layout",
        Layout::CifarPython => "Python layout",
        Layout::Idx => "IDX files",
        Layout::Images => "image folders",
        Layout::Prepared => "prepared pictures",
        Layout::BuiltIn => return "part of the program".into(),
    };
    match place.path.metadata() {
        Ok(m) if m.is_file() => format!("{what}, archive of {}", Bytes(m.len())),
        _ => format!("{what}, folder"),
    }
}

/// Folders with a `train` folder in them.
fn image_folders(sources: &Sources) -> Vec<Dataset> {
    let mut names: Vec<String> = sources
        .folders()
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("train").is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names.dedup();
    names.iter().filter_map(|name| format!("folder:{name}").parse().ok()).collect()
}
