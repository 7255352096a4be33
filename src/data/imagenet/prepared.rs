//! What a preparation has found: counts, odd pictures, and those that cannot be trained on.

use super::decode::Kind;
use super::index::{Head, Index, Storage};
use super::layout::Split;
use super::prepare::forget_journal;
use crate::files::write_atomic;
use crate::units::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the report beside the index.
const FILE: &str = "report.json";
/// Training and validation pictures and classes of the official set.
const OFFICIAL: (u64, u64, usize) = (1_281_167, 50_000, 1_000);

/// The outcome of a preparation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prepared {
    /// Where the index lies.
    pub folder: PathBuf,
    /// In place, or packed.
    pub storage: Storage,
    /// In the order of their numbers.
    pub classes: Vec<String>,
    /// Training pictures of each class that can be trained on.
    pub train: Vec<u64>,
    /// Validation pictures of each class.
    pub val: Vec<u64>,
    /// How many pictures are of each kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Those that are no JPEG in colour, sorted by their kind and path.
    pub odd: Vec<(Kind, String)>,
    /// Pictures that cannot be decoded, and why.
    pub bad: Vec<(String, String)>,
    /// How many files were read and decoded now; the others were before.
    pub read: u64,
    /// Bytes of these.
    pub read_bytes: Bytes,
    /// Names the pictures and their classes; absent where too many are bad, and no index was written.
    pub digest: Option<String>,
    /// What was left alone, or is not as in the official set.
    pub remarks: Vec<String>,
}

impl Prepared {
    pub(super) fn new(folder: &Path, head: &Head, remarks: Vec<String>) -> Self {
        Self {
            folder: folder.into(),
            storage: head.storage,
            classes: head.classes.clone(),
            train: Vec::new(),
            val: Vec::new(),
            kinds: BTreeMap::new(),
            odd: Vec::new(),
            bad: Vec::new(),
            read: 0,
            read_bytes: Bytes(0),
            digest: None,
            remarks,
        }
    }

    pub(super) fn bad(&mut self, path: &str, why: String) {
        self.bad.push((path.into(), why));
    }

    pub(super) fn read(&mut self, bytes: u32) {
        self.read += 1;
        self.read_bytes.0 += u64::from(bytes);
    }

    /// Counts what `index` holds, and writes it and this report where no more than `max_bad` pictures are bad.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn finish(mut self, index: Index, max_bad: usize) -> io::Result<Self> {
        let per_class = |split| {
            let mut counts = vec![0; self.classes.len()];
            index.split(split).for_each(|row| counts[usize::from(row.class)] += 1);
            counts
        };
        (self.train, self.val) = (per_class(Split::Train), per_class(Split::Val));
        for row in &index.rows {
            *self.kinds.entry(row.kind).or_default() += 1;
        }
        let odd = index.rows.iter().filter(|row| row.kind != Kind::Rgb).map(|row| (row.kind, row.path.clone()));
        self.odd = odd.collect();
        self.odd.sort_unstable();
        let total = |counts: &[u64]| counts.iter().sum::<u64>();
        let found = (total(&self.train), total(&self.val), self.classes.len());
        if found != OFFICIAL {
            self.remarks.push(format!(
                "{} + {} pictures of {} classes; the official set has {} + {} of {}",
                found.0, found.1, found.2, OFFICIAL.0, OFFICIAL.1, OFFICIAL.2
            ));
        }
        if self.bad.len() <= max_bad {
            index.write(&self.folder)?;
            forget_journal(&self.folder)?;
            self.digest = Some(index.digest);
        }
        write_atomic(&self.folder.join(FILE), format!("{}\n", serde_json::to_string_pretty(&self)?).as_bytes())?;
        Ok(self)
    }
}
