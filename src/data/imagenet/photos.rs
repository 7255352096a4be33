//! A prepared ImageNet, open for reading.

use super::index::{self, Index, Storage};
use super::layout::Split;
use super::row::Row;
use super::shards;
use super::unread::{Unread, read};
use crate::data::DataError;
use crate::scenario::{Dataset, Normalisation};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Mean and deviation of the channels that the study, and nearly everybody else, uses for ImageNet.
pub const IMAGENET_NORMALISATION: Normalisation =
    Normalisation { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/// A prepared ImageNet.
#[derive(Debug)]
pub struct ImageNet {
    /// What networks learn from.
    pub train: Arc<Photos>,
    /// What they are judged by.
    pub val: Arc<Photos>,
    /// In the order of their numbers.
    pub class_names: Vec<String>,
    /// Channel means and deviations on the scale 0 to 1.
    pub normalisation: Normalisation,
    /// Names the content: 16 hexadecimal digits.
    pub digest: String,
    /// Where the pictures lie, and whether they are as they were found.
    pub storage: Storage,
}

/// The pictures of one split.
#[derive(Debug)]
pub struct Photos {
    rows: Vec<Row>,
    /// Where paths begin.
    root: PathBuf,
    /// Open shards of a packed cache; empty where the files are read.
    shards: Arc<[File]>,
}

impl ImageNet {
    /// Opens what `ndbench data prepare imagenet` has written into `folder`.
    ///
    /// # Errors
    /// No index there, a cut or damaged one, a shard that is missing.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let Index { head, rows, digest } = Index::read(folder)?;
        let root = folder.join(&head.root);
        let (train, val) = rows.into_iter().partition(|row| row.split == Split::Train);
        Ok(Self {
            train: Photos::new(folder, &root, train)?.into(),
            val: Photos::new(folder, &root, val)?.into(),
            class_names: head.classes,
            normalisation: IMAGENET_NORMALISATION,
            digest,
            storage: head.storage,
        })
    }

    /// Only so many pictures (train, val) of each split, in turns: the first of each class, then the second of each, so that
    /// few are balanced too. The digest names what is left.
    ///
    /// # Errors
    /// More than there are, or none.
    pub fn limited(mut self, limits: (Option<u32>, Option<u32>)) -> Result<Self, DataError> {
        let mut changed = false;
        for (split, photos, limit) in [("train", &mut self.train, limits.0), ("test", &mut self.val, limits.1)] {
            if limit == Some(0) || photos.is_empty() {
                return Err(DataError::Empty { dataset: Dataset::Imagenet, split });
            }
            let (found, asked) = (photos.len(), limit.map_or(photos.len(), |limit| limit as usize));
            if asked > found {
                return Err(DataError::TooFew { dataset: Dataset::Imagenet, split, asked: asked as u32, found });
            }
            if asked < found {
                *photos = Arc::new(photos.in_turns(asked));
                changed = true;
            }
        }
        if changed {
            self.digest = index::digest(&self.class_names, self.train.rows.iter().chain(&self.val.rows));
        }
        Ok(self)
    }

    /// How many pictures of each split (train, val) each class has.
    pub fn per_class(&self) -> [Vec<u64>; 2] {
        [&self.train, &self.val].map(|photos| {
            let mut counts = vec![0; self.class_names.len()];
            photos.rows.iter().for_each(|row| counts[usize::from(row.class)] += 1);
            counts
        })
    }
}

impl Photos {
    fn new(folder: &Path, root: &Path, rows: Vec<Row>) -> Result<Self, DataError> {
        let last = rows.iter().filter_map(|row| row.packed).map(|p| p.shard).max();
        let shards = (0..last.map_or(0, |last| last + 1)).map(|number| {
            let path = shards::path(folder, number);
            File::open(&path).map_err(|source| DataError::Io { file: path.display().to_string(), source })
        });
        Ok(Self { rows, root: root.into(), shards: shards.collect::<Result<_, _>>()? })
    }

    /// The first `keep` pictures, in turns of their classes.
    fn in_turns(&self, keep: usize) -> Self {
        let mut turns = std::collections::HashMap::new();
        let mut rows: Vec<(u32, &Row)> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let turn = turns.entry(row.class).or_insert(0);
            rows.push((*turn, row));
            *turn += 1;
        }
        rows.sort_by_key(|(turn, row)| (*turn, row.class));
        let rows = rows.into_iter().take(keep).map(|(_, row)| row.clone()).collect();
        Self { rows, root: self.root.clone(), shards: self.shards.clone() }
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
    /// [`Unread`].
    ///
    /// # Panics
    /// Where there is no such picture.
    pub fn bytes(&self, number: usize) -> Result<Vec<u8>, Unread> {
        let row = &self.rows[number];
        let Some(packed) = row.packed else {
            let bytes = read(&self.root.join(&row.path))?;
            if bytes.len() != row.bytes as usize {
                let (has, had) = (bytes.len(), row.bytes);
                return Err(Unread::Picture(format!("has {has} bytes and had {had} when it was prepared")));
            }
            return Ok(bytes);
        };
        let mut bytes = vec![0; packed.bytes as usize];
        let read = read_at(&self.shards[packed.shard as usize], &mut bytes, packed.offset);
        read.map_err(|e| Unread::of(&format!("cannot be read from shard {}", packed.shard), &e))?;
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
