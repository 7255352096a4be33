//! The checksum that a record's file states, in its first lines: which content it has, known without reading it all.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Where it stands before the end of so many bytes: of the keys, which are sorted, only the block is before it.
const HEAD: usize = 1024;

/// The line of it, at the top of the object.
const KEY: &[u8] = b"\n  \"checksum\": \"sha256:";

/// Digits of it that are kept; so many never agree by chance.
const DIGITS: usize = 32;

/// The beginning of the checksum that a text states.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Stated(String);

impl Stated {
    /// Of a text; absent where it has none in its place, as a record of another program's making may.
    pub fn of(text: &[u8]) -> Option<Self> {
        let head = &text[..text.len().min(HEAD)];
        let start = head.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
        let digits = head.get(start..start + DIGITS).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        Some(Self(String::from_utf8(digits.to_vec()).ok()?))
    }

    /// Of a regular file, with what the file system says of it.
    ///
    /// # Errors
    /// Those of the file system, and one for what is no regular file.
    pub fn of_file(path: &Path) -> io::Result<(Metadata, Option<Self>)> {
        let mut options = File::options();
        options.read(true);
        // A pipe would wait for its other end.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
        let file = options.open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut head = Vec::with_capacity(HEAD);
        file.take(HEAD as u64).read_to_end(&mut head)?;
        Ok((about, Self::of(&head)))
    }

    /// Its digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::scenario::{Architecture, Dataset};

    #[test]
    fn every_record_states_what_it_holds() {
        let dataset = Dataset::Folder(format!("\"checksum\": \"sha256:{}\"", "b".repeat(200)));
        let mut record = made_up::record(&made_up::cell(Architecture::Vgg16, dataset, 1, 1)[0], 0.5, 10.0);
        let text = record.to_json().unwrap();
        let checksum: serde_json::Value = serde_json::from_str(&text).unwrap();
        let stated = Stated::of(text.as_bytes()).unwrap();
        assert_eq!(checksum["checksum"].as_str().unwrap()["sha256:".len()..][..DIGITS], *stated.digits());
        record.epochs[0].test_top1 += 1e-9;
        assert_ne!(Stated::of(record.to_json().unwrap().as_bytes()), Some(stated));
    }

    #[test]
    fn what_states_none_in_its_place_has_none() {
        let key = String::from_utf8(KEY.to_vec()).unwrap();
        let digits = "0".repeat(64);
        for text in [
            String::new(),
            "{}".into(),
            format!("{key}00"),
            format!("{key}{}\"", "x".repeat(64)),
            format!("{}{key}{digits}\"", " ".repeat(HEAD)),
            format!("{{\n  \"block\": {{\n    \"checksum\": \"sha256:{digits}\"\n  }}\n}}"),
        ] {
            assert_eq!(Stated::of(text.as_bytes()), None, "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(Stated::of_file(folder.path()).is_err() && Stated::of_file(&folder.path().join("none")).is_err());
    }
}
