//! Whether the records of a store are still the same.

use super::Store;
use super::read::LARGEST;
use super::stated::Stated;
use super::store::files_in;
use crate::files::{hex, sha256_reader};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;

impl Store {
    /// A text that is another one once a record, or a file among the records, is added, replaced or removed. It is made of
    /// names, lengths and the checksums that the files state, never of times: those of a shared file system may stand still
    /// or go backwards. A folder that cannot be listed is like an empty one.
    pub fn mark(&self) -> String {
        let mut digest = Sha256::new();
        for path in files_in(&self.records_path()).unwrap_or_default() {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let (length, content) = match Stated::of_file(&path) {
                Ok((about, Some(stated))) => (about.len(), stated.digits().to_owned()),
                // Nothing says what it holds.
                Ok((about, None)) => (
                    about.len(),
                    File::open(&path).and_then(|file| sha256_reader(file.take(LARGEST))).unwrap_or_default().0,
                ),
                Err(e) => (0, e.to_string()),
            };
            for part in [name, content.as_bytes()] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
            digest.update(length.to_le_bytes());
        }
        hex(&digest.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use crate::scenario::{Architecture, Dataset};
    use std::fs;

    #[test]
    fn every_change_shows_though_no_time_does() {
        let (_folder, store) = made_up::store();
        let trial = &made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1)[0];
        let mut record = made_up::record(trial, 0.5, 10.0);
        let empty = store.mark();
        let path = store.write(&record).unwrap();
        let length = fs::metadata(&path).unwrap().len();
        let marks = [("a", "half"), ("b", "half"), ("b", "full")].map(|(remark, other)| {
            record.remarks = vec![remark.into()];
            fs::write(&path, record.to_json().unwrap()).unwrap();
            fs::write(path.with_file_name("other.json"), other).unwrap();
            (store.mark(), fs::metadata(&path).unwrap().len())
        });
        assert!(marks.iter().all(|(_, other)| *other == marks[0].1 && *other > length), "the lengths tell nothing");
        assert!(marks[0].0 != marks[1].0 && marks[1].0 != marks[2].0);
        assert_eq!(store.mark(), marks[2].0, "nothing has changed");
        fs::remove_file(path.with_file_name("other.json")).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(store.mark(), empty);
    }
}
