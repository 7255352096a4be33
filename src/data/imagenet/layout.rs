//! Where the pictures of ImageNet lie, and of which class they are.

use super::solution;
use crate::data::DataError;
use crate::data::error::At;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One of the two splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// What networks learn from.
    Train,
    /// What they are judged by.
    Val,
}

impl Split {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Train, Self::Val];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
        }
    }
}

/// A file that should hold a picture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    pub(super) split: Split,
    /// In the sorted names of the classes.
    pub(super) class: u16,
    /// From the root, parts separated by `/`.
    pub(super) path: String,
}

/// What was found below a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Sorted: the number of a class is its place.
    pub(super) classes: Vec<String>,
    /// Sorted by split, class and path.
    pub(super) files: Vec<File>,
    /// What was left alone or is missing.
    pub(super) remarks: Vec<String>,
}

/// The inner folders in which Kaggle's archive has its splits, and the usual copies of it that begin deeper.
const FOLDERS: [&str; 4] = ["ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "CLS-LOC", ""];
/// Where the classes of a flat folder of validation pictures stand, from the root.
const SOLUTIONS: [&str; 5] = [
    "LOC_val_solution.csv",
    "../LOC_val_solution.csv",
    "../../LOC_val_solution.csv",
    "../../../LOC_val_solution.csv",
    "val/LOC_val_solution.csv",
];

/// Finds the pictures below `root`: those of a class in `train/<class>/`, and for validation the same in `val/<class>/`, or
/// a flat folder `val` with `LOC_val_solution.csv`.
///
/// # Errors
/// [`DataError`]: no such folders, a picture without a class, a class without training pictures.
pub(super) fn find(root: &Path) -> Result<Found, DataError> {
    let wrong = |path: &Path, rule: String| DataError::format(&path.display().to_string(), At::File, rule);
    let inner = FOLDERS.into_iter().find(|inner| root.join(inner).join("train").is_dir());
    let inner = inner.ok_or_else(|| wrong(root, "no folder `train` in it, nor in `ILSVRC/Data/CLS-LOC`".into()))?;
    let mut remarks = Vec::new();
    let folder =
        |split: Split| if inner.is_empty() { split.name().into() } else { format!("{inner}/{}", split.name()) };
    let train = folder(Split::Train);
    let classes = class_folders(&root.join(&train), &mut remarks)?;
    if classes.is_empty() {
        return Err(wrong(&root.join(train), "no folders that are named like classes (n01440764)".into()));
    }
    if classes.len() > usize::from(u16::MAX) {
        return Err(wrong(&root.join(train), format!("{} classes", classes.len())));
    }
    let mut files = in_folders(root, &train, Split::Train, &classes, &mut remarks)?;
    let val = folder(Split::Val);
    if !root.join(&val).is_dir() {
        return Err(wrong(&root.join(val), "is missing: the pictures for validation".into()));
    }
    let val_classes = class_folders(&root.join(&val), &mut Vec::new())?;
    if let Some(unknown) = val_classes.iter().find(|class| classes.binary_search(class).is_err()) {
        return Err(wrong(&root.join(val), format!("class `{unknown}` has no folder in `train`")));
    }
    if val_classes.is_empty() {
        files.extend(flat(root, &val, &classes, &mut remarks)?);
    } else {
        files.extend(in_folders(root, &val, Split::Val, &classes, &mut remarks)?);
    }
    files.sort_unstable();
    Ok(Found { classes, files, remarks })
}

/// A class is named by its synset: `n` and eight digits.
fn is_class(name: &str) -> bool {
    name.len() == 9 && name.starts_with('n') && name[1..].bytes().all(|b| b.is_ascii_digit())
}

fn is_picture(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    !name.starts_with('.') && matches!(extension.as_deref(), Some("jpg" | "jpeg" | "png"))
}

fn class_folders(folder: &Path, remarks: &mut Vec<String>) -> Result<Vec<String>, DataError> {
    let (classes, others): (Vec<_>, Vec<_>) = children(folder)?
        .into_iter()
        .filter(|(_, is_folder)| *is_folder)
        .map(|child| child.0)
        .partition(|n| is_class(n));
    if !others.is_empty() {
        let names = others.iter().take(3).map(|n| n.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
        remarks.push(format!("{}: {} folders are not named like classes: {names}", folder.display(), others.len()));
    }
    Ok(classes)
}

fn in_folders(
    root: &Path,
    folder: &str,
    split: Split,
    classes: &[String],
    remarks: &mut Vec<String>,
) -> Result<Vec<File>, DataError> {
    let mut files = Vec::new();
    let mut ignored = 0;
    for (class, name) in classes.iter().enumerate() {
        let path = format!("{folder}/{name}");
        let before = files.len();
        if root.join(&path).is_dir() {
            for (file, is_folder) in children(&root.join(&path))? {
                if is_picture(&file) && !is_folder {
                    files.push(File { split, class: class as u16, path: format!("{path}/{file}") });
                } else {
                    ignored += 1;
                }
            }
        }
        if files.len() == before {
            remarks.push(format!("{path} holds no picture; the class keeps its number"));
        }
    }
    told_ignored(folder, ignored, remarks);
    Ok(files)
}

/// Pictures whose classes stand in a table.
fn flat(root: &Path, folder: &str, classes: &[String], remarks: &mut Vec<String>) -> Result<Vec<File>, DataError> {
    let table = SOLUTIONS.iter().map(|path| root.join(path)).find(|path| path.is_file()).ok_or_else(|| {
        let rule = "neither folders of classes nor a LOC_val_solution.csv beside it";
        DataError::format(&root.join(folder).display().to_string(), At::File, rule)
    })?;
    let name = table.display().to_string();
    let mut class_of: BTreeMap<String, u16> = BTreeMap::new();
    for (row, (image, class)) in solution::read(&table)?.into_iter().enumerate() {
        let at = At::Record(row as u64);
        let number = classes.binary_search(&class).map_err(|_| {
            DataError::format(&name, at, format!("class `{}` has no folder in `train`", class.escape_debug()))
        })?;
        if class_of.insert(image.clone(), number as u16).is_some() {
            return Err(DataError::format(&name, at, format!("`{}` a second time", image.escape_debug())));
        }
    }
    let mut files = Vec::new();
    let mut ignored = 0;
    for (file, is_folder) in children(&root.join(folder))? {
        let stem = file.rsplit_once('.').map_or(&*file, |(stem, _)| stem);
        if is_folder || !is_picture(&file) {
            ignored += 1;
            continue;
        }
        let class = class_of.remove(stem).ok_or_else(|| {
            let rule = format!("has no row `{}`, which lies in {folder}", stem.escape_debug());
            DataError::format(&name, At::File, rule)
        })?;
        files.push(File { split: Split::Val, class, path: format!("{folder}/{file}") });
    }
    told_ignored(folder, ignored, remarks);
    if let Some((first, _)) = class_of.first_key_value() {
        remarks.push(format!("{folder}: {} pictures of the table are missing, the first: {first}", class_of.len()));
    }
    Ok(files)
}

fn told_ignored(folder: &str, ignored: usize, remarks: &mut Vec<String>) {
    if ignored > 0 {
        remarks.push(format!("{folder}: {ignored} entries are no pictures by their names"));
    }
}

/// Names in a folder and whether they are folders, sorted.
fn children(folder: &Path) -> Result<BTreeMap<String, bool>, DataError> {
    let failed = |source| DataError::Io { file: folder.display().to_string(), source };
    let mut children = BTreeMap::new();
    for entry in folder.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        // A link counts as what it leads to; asking that of every file would cost a call each.
        let is_folder = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
        let name = entry.file_name().into_string().map_err(|name| DataError::Name {
            folder: PathBuf::from(folder),
            name: name.as_encoded_bytes().escape_ascii().to_string(),
        })?;
        if name.contains(['\t', '\n', '\r']) {
            let rule = format!("the name `{}` has a tab or a line end in it", name.escape_debug());
            return Err(DataError::format(&folder.display().to_string(), At::File, rule));
        }
        children.insert(name, is_folder);
    }
    Ok(children)
}
