//! A folder on the disk or an archive, read the same way.

use super::archive::{self, Members};
use super::bytes::{Limits, open_regular, read_regular};
use super::error::DataError;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files by their path relative to a root, parts separated by `/`.
pub(super) enum Tree {
    Folder { root: PathBuf, limits: Limits },
    Archive { path: PathBuf, members: Members },
}

impl Tree {
    /// Opens a folder, or reads an archive whole.
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, DataError> {
        if path.is_dir() {
            return Ok(Self::Folder { root: path.into(), limits });
        }
        let members = archive::read(open_regular(path)?.0, &path.display().to_string(), limits)?;
        Ok(Self::Archive { path: path.into(), members })
    }

    /// How messages name a member.
    pub(super) fn name(&self, relative: &str) -> String {
        match self {
            Self::Folder { root, .. } => root.join(relative).display().to_string(),
            Self::Archive { path, .. } => format!("{}:{relative}", path.display()),
        }
    }

    /// Whether there is a file or folder of this path.
    pub(super) fn contains(&self, relative: &str) -> bool {
        match self {
            Self::Folder { root, .. } => root.join(relative).exists(),
            Self::Archive { members, .. } => {
                let inside = format!("{relative}/");
                members.contains_key(relative)
                    || members.range(inside.clone()..).next().is_some_and(|(path, _)| path.starts_with(&inside))
            }
        }
    }

    /// The content of a file.
    pub(super) fn read(&self, relative: &str) -> Result<Cow<'_, [u8]>, DataError> {
        match self {
            Self::Folder { root, limits } => read_regular(&root.join(relative), limits.file).map(Cow::Owned),
            Self::Archive { members, .. } => match members.get(relative) {
                Some(Some(bytes)) => Ok(Cow::Borrowed(bytes)),
                _ => Err(DataError::Io { file: self.name(relative), source: std::io::ErrorKind::NotFound.into() }),
            },
        }
    }

    /// What a folder holds (`""` is the root): name to whether it is a folder, sorted by name. A name that is not UTF-8 is
    /// an error, as it is in an archive: it would be lost on the way to a class name and back.
    pub(super) fn children(&self, folder: &str) -> Result<BTreeMap<String, bool>, DataError> {
        match self {
            Self::Folder { root, .. } => folder_children(&root.join(folder)),
            Self::Archive { members, .. } => {
                let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
                let mut children = BTreeMap::new();
                for (path, content) in members.range(prefix.clone()..) {
                    let Some(rest) = path.strip_prefix(&prefix) else { break };
                    let (name, is_folder) = match rest.split_once('/') {
                        Some((name, _)) => (name, true),
                        None => (rest, content.is_none()),
                    };
                    children.insert(name.to_string(), is_folder);
                }
                Ok(children)
            }
        }
    }
}

fn folder_children(path: &Path) -> Result<BTreeMap<String, bool>, DataError> {
    let failed = |source| DataError::Io { file: path.display().to_string(), source };
    let mut children = BTreeMap::new();
    for entry in path.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_folder = entry.path().is_dir();
        let name = entry.file_name().into_string().map_err(|name| DataError::Name {
            folder: path.into(),
            name: name.as_encoded_bytes().escape_ascii().to_string(),
        })?;
        children.insert(name, is_folder);
    }
    Ok(children)
}
