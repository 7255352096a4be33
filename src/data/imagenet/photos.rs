//! A prepared ImageNet, open for reading.

use super::examine::read;
use super::index::Index;
use super::layout::Split;
use super::row::Row;
use super::shards;
use crate::data::DataError;
use crate::scenario::Normalisation;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Mean and deviation of the channels that the study, and nearly everybody else, uses for ImageNet.
pub const IMAGENET_NORMALISATION: Normalisation =
    Normalisation { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/// A prepared ImageNet.
#[derive(Debug)]
pub struct ImageNet {
    /// What networks learn from.
    pub train: Photos,
    /// What they are judged by.
    pub val: Photos,
    /// In the order of their numbers.
    pub class_names: Vec<String>,
    /// Channel means and deviations on the scale 0 to 1.
    pub normalisation: Normalisation,
    /// Names the content: 16 hexadecimal digits.
    pub digest: String,
}

/// The pictures of one split.
#[derive(Debug)]
pub struct Photos {
    rows: Vec<Row>,
    /// Where paths begin.
    root: PathBuf,
    /// Open shards of a packed cache; empty where the files are read.
    shards: Vec<File>,
}

impl ImageNet {
    /// Opens what `ndbench data prepare imagenet` has written into `folder`.
    ///
    /// # Errors
    /// No index there, a cut or damaged one, a shard that is missing.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let index = Index::read(folder)?;
        let photos = |split| Photos::new(folder, &index, split);
        Ok(Self {
            train: photos(Split::Train)?,
            val: photos(Split::Val)?,
            class_names: index.head.classes.clone(),
            normalisation: IMAGENET_NORMALISATION,
            digest: index.digest.clone(),
        })
    }
}

impl Photos {
    fn new(folder: &Path, index: &Index, split: Split) -> Result<Self, DataError> {
        let rows: Vec<Row> = index.split(split).cloned().collect();
        let last = rows.iter().filter_map(|row| row.packed).map(|p| p.shard).max();
        let shards = (0..last.map_or(0, |last| last + 1)).map(|number| {
            let path = shards::path(folder, number);
            File::open(&path).map_err(|source| DataError::Io { file: path.display().to_string(), source })
        });
        Ok(Self { rows, root: folder.join(&index.head.root), shards: shards.collect::<Result<_, _>>()? })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of the class of picture `number`.
    ///
    /// # Panics
    /// Where there is no such picture.
    pub fn label(&self, number: usize) -> i64 {
        self.rows[number].class.into()
    }

    /// The path of picture `number`, from the root.
    ///
    /// # Panics
    /// Where there is no such picture.
    pub fn path(&self, number: usize) -> &str {
        &self.rows[number].path
    }

    /// The bytes of the file of picture `number`.
    ///
    /// # Errors
    /// Why they cannot be had, in words.
    ///
    /// # Panics
    /// Where there is no such picture.
    pub fn bytes(&self, number: usize) -> Result<Vec<u8>, String> {
        let row = &self.rows[number];
        let Some(packed) = row.packed else {
            let bytes = read(&self.root.join(&row.path))?;
            if bytes.len() != row.bytes as usize {
                return Err(format!("has {} bytes and had {} when it was prepared", bytes.len(), row.bytes));
            }
            return Ok(bytes);
        };
        let mut bytes = vec![0; packed.bytes as usize];
        let read = read_at(&self.shards[packed.shard as usize], &mut bytes, packed.offset);
        read.map_err(|e| format!("cannot be read from shard {}: {e}", packed.shard))?;
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}
