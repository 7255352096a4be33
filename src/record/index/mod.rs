//! What is known of the files of a store without reading them again.
//!
//! The files are the only truth: an entry counts as long as its file states the checksum that it had, and size, times and
//! inode are what they were; what is no record is read every time, and a store without its index in full. The index lies
//! in 64 shards, `index/00` to `index/3f`, each replaced whole, so that several programs may read and write it at once:
//! the last one wins. Where the store cannot be written, the shards lie in the user's cache folder.

mod code;
mod shard;
mod stamp;

pub(super) use code::{Decoder, encode};
pub(super) use shard::{Builder, Entry, Shard};
pub(super) use stamp::Stamp;

use super::Store;
use crate::files::{cache_folder, sha256_hex};
use crate::plan::TrialId;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Parts of the index.
pub(super) const SHARDS: usize = 64;

/// What is asked of every record of a store, wanted or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summary {
    /// [`super::Record::trial_id`].
    pub trial_id: TrialId,
    /// Of its environment.
    pub fingerprint: String,
    /// [`super::Record::is_finished`].
    pub is_finished: bool,
    /// [`super::Record::time_valid`].
    pub time_valid: bool,
    /// [`super::Record::finished`].
    pub finished: jiff::Timestamp,
}

/// Where the shards of a store lie: in the store, or else in the user's cache folder.
#[derive(Debug)]
pub(super) struct Index {
    folders: Vec<PathBuf>,
}

impl Index {
    /// The index of `store`.
    pub fn of(store: &Store) -> Self {
        Self::in_folders(store, cache_folder().as_deref())
    }

    /// The index of `store` with `cache` as the user's cache folder.
    pub fn in_folders(store: &Store, cache: Option<&Path>) -> Self {
        let place = std::path::absolute(store.path()).unwrap_or_else(|_| store.path().into());
        let name = &sha256_hex(place.as_os_str().as_encoded_bytes())[..16];
        let cache = cache.map(|folder| folder.join("index").join(name));
        Self { folders: [store.path().join("index")].into_iter().chain(cache).collect() }
    }

    /// The shards of that number that are there and whole.
    pub fn shards(&self, number: usize) -> Vec<Shard> {
        self.folders.iter().filter_map(|folder| Shard::open(&folder.join(name(number)))).collect()
    }

    /// Replaces a shard in the first folder that takes it. An index that cannot be written costs time, nothing else.
    pub fn replace(&self, number: usize, shard: &Builder) {
        for folder in &self.folders {
            if shard.write(&folder.join(name(number))).is_ok() {
                return;
            }
        }
    }
}

/// The shard of a file.
pub(super) fn shard_of(name: &OsStr) -> usize {
    // FNV-1a; the high bits are the better mixed ones.
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let hash = name.as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, mix);
    (hash >> 32) as usize % SHARDS
}

fn name(number: usize) -> String {
    format!("{number:02x}")
}
