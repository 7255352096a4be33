//! What can be wrong with a data set.

use crate::scenario::Dataset;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a data set could not be loaded; each message names the file, the place in it, the rule and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No folder that was searched holds the data set.
    #[error("{dataset} not found in {}; {}", joined(.searched), remedy(.dataset))]
    NotFound {
        /// What was looked for.
        dataset: Dataset,
        /// Every folder that was searched.
        searched: Vec<PathBuf>,
    },
    /// The operating system refused.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file or folder, with the member where it is an archive.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The content breaks a rule of its format.
    #[error("{file}{at}: {rule}; replace the file or fetch the data set again")]
    Format {
        /// The file, with the member where it is an archive.
        file: String,
        /// Where in it.
        at: At,
        /// What is expected and what was found.
        rule: String,
    },
    /// A data set with a fixed name that has fewer images, or more, than the official one.
    #[error(
        "{dataset} in {} is not the whole official set: {}; {}",
        place.display(), listed(.short), completion(.dataset, .short)
    )]
    Incomplete {
        /// The data set.
        dataset: Dataset,
        /// Folder or archive.
        place: PathBuf,
        /// The splits concerned; never empty.
        short: Vec<Short>,
    },
    /// A name that is not UTF-8, which no label and no message could carry.
    #[error("{}: the name `{name}` in it is not UTF-8; rename it", folder.display())]
    Name {
        /// Where it lies.
        folder: PathBuf,
        /// The name, other bytes escaped.
        name: String,
    },
    /// Fewer images than the limits of the scenario ask for.
    #[error(
        "{dataset}: {asked} {split} images are asked for and {found} are there; lower the scenario's `{split}_images`"
    )]
    TooFew {
        /// The data set.
        dataset: Dataset,
        /// `train` or `test`.
        split: &'static str,
        /// How many.
        asked: u32,
        /// How many there are.
        found: usize,
    },
    /// A split without images, in the files or after the limits of the scenario.
    #[error("{dataset}: no {split} images are left; raise the scenario's `{split}_images` or add images")]
    Empty {
        /// The data set.
        dataset: Dataset,
        /// `train` or `test`.
        split: &'static str,
    },
}

/// A split with another number of images than the official one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// `train` or `test`.
    pub split: &'static str,
    /// How many images there are.
    pub found: usize,
    /// How many there should be.
    pub official: usize,
    /// The files of the split and their images; `None` where a file is missing.
    pub files: Vec<(String, Option<usize>)>,
}

/// `10 of 50000 train images (data_batch_1.bin: 10, data_batch_2.bin: missing)`; without the files where none are known.
impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { split, found, official, files } = self;
        let count = |images: &Option<usize>| images.map_or("missing".into(), |n| n.to_string());
        let files: Vec<String> = files.iter().map(|(name, images)| format!("{name}: {}", count(images))).collect();
        write!(f, "{found} of {official} {split} images")?;
        if files.is_empty() { Ok(()) } else { write!(f, " ({})", files.join(", ")) }
    }
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The file as a whole.
    File,
    /// A byte, counted from 0; of the unpacked content where the file is compressed.
    Byte(u64),
    /// A record, image or label, counted from 0.
    Record(u64),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Byte(byte) => write!(f, ", byte {byte}"),
            Self::Record(record) => write!(f, ", record {record}"),
        }
    }
}

impl DataError {
    pub(super) fn format(file: &str, at: At, rule: impl Into<String>) -> Self {
        Self::Format { file: file.into(), at, rule: rule.into() }
    }

    /// An error while reading `file` at `byte`: broken compression is a matter of format, the rest of the system.
    pub(super) fn reading(file: &str, byte: u64, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Self::format(file, At::Byte(byte), format!("broken or cut stream ({source})"))
            }
            _ => Self::Io { file: file.into(), source },
        }
    }
}

/// How to get a data set that is not there.
pub(super) fn remedy(dataset: &Dataset) -> String {
    match dataset {
        Dataset::Folder(name) => {
            format!("put the images in {name}/train/<class>/ and {name}/test/<class>/ there, or pass --data DIR")
        }
        Dataset::Imagenet => {
            "nobody may pass it on: get it at https://image-net.org, run `ndbench data prepare imagenet DIR`, then pass --data DIR"
                .into()
        }
        named => format!("run `ndbench data fetch {named}` or pass --data DIR"),
    }
}

/// The shortages of both splits in one line.
pub(super) fn listed(short: &[Short]) -> String {
    short.iter().map(Short::to_string).collect::<Vec<_>>().join(", ")
}

/// How to make a part a whole, or to train on the part on purpose.
pub(super) fn completion(dataset: &Dataset, short: &[Short]) -> String {
    let counts: Vec<String> = short.iter().map(|s| format!("--set {}_images={}", s.split, s.found)).collect();
    let how = match dataset {
        Dataset::Imagenet => "complete its folders and run `ndbench data prepare imagenet DIR` again".into(),
        named => format!("complete it with `ndbench data fetch {named}`"),
    };
    format!("{how}, or ask for what is there, in the scenario or by `{}`", counts.join(" "))
}

fn joined(folders: &[PathBuf]) -> String {
    folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
}
