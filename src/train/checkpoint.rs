//! A training that can go on: everything its next step depends on, in one file.
//!
//! Layout: a [`head`](files::head) of the form [`CHECKPOINT`] (which
//! trial, how far, names, types and shapes of the tensors), the tensors' elements in that order as they lie in memory, and
//! last the SHA-256 of all that. There are no states of random generators: each step seeds its own.

use crate::event::{CHECKPOINT, CHECKPOINT_DIGEST, MemoryPeak, Progress};
use crate::files;
use crate::plan::TrialId;
use crate::telemetry::{Environment, Tally};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// What a checkpoint says about itself before its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// Whose it is.
    pub trial_id: TrialId,
    /// The version of this program; another one may order its random numbers differently.
    pub ndbench: String,
    /// Where it was written.
    pub environment: Environment,
    /// Which images it was trained with.
    pub data_digest: String,
    /// Pictures that could not be read so far, and why.
    #[serde(default)]
    pub bad_files: BTreeMap<String, String>,
    /// What the record is to say.
    pub remarks: Vec<String>,
    /// How far the training is.
    pub progress: Progress,
    /// Peak memory of the executions so far.
    pub memory: MemoryPeak,
    /// What the instruments have seen of the executions so far; absent where they were off.
    #[serde(default)]
    pub telemetry: Option<Tally>,
    /// Counters of layers.
    pub counters: Vec<(String, i64)>,
    /// What follows.
    pub tensors: Vec<Entry>,
}

/// One tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub name: String,
    pub kind: ElementKind,
    pub shape: Vec<i64>,
}

/// The element types that networks use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ElementKind {
    F32,
    F64,
    I64,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("it is not a checkpoint of this version of ndbench")]
    Foreign,
    #[error("its checksum does not match its content")]
    Damaged,
    #[error("its header cannot be understood: {0}")]
    Header(#[from] serde_json::Error),
    #[error("it belongs to trial {0}")]
    OtherTrial(TrialId),
    #[error("it was written with other images (digest {0}) than the data set now holds (digest {1})")]
    OtherData(String, String),
    #[error("it does not fit this network: {0}")]
    OtherNetwork(String),
}

impl Entry {
    /// The entry that describes `tensor`; absent for element types that no network uses.
    pub fn of(name: String, tensor: &Tensor) -> Option<Self> {
        let kind = match tensor.kind() {
            Kind::Float => ElementKind::F32,
            Kind::Double => ElementKind::F64,
            Kind::Int64 => ElementKind::I64,
            _ => return None,
        };
        Some(Self { name, kind, shape: tensor.size() })
    }

    /// The length of the elements; absent for shapes that no tensor has.
    fn bytes(&self) -> Option<usize> {
        let width = if self.kind == ElementKind::F32 { 4 } else { 8 };
        self.shape.iter().try_fold(width, |n: usize, &d| n.checked_mul(usize::try_from(d).ok()?))
    }

    fn tensor(&self, bytes: &[u8]) -> Tensor {
        let kind = match self.kind {
            ElementKind::F32 => Kind::Float,
            ElementKind::F64 => Kind::Double,
            ElementKind::I64 => Kind::Int64,
        };
        Tensor::from_data_size(bytes, &self.shape, kind)
    }
}

/// Writes to a file and digests what it writes.
struct Digesting<'a> {
    file: &'a mut std::fs::File,
    hasher: Sha256,
}

impl Digesting<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }
}

/// Writes a checkpoint, whole or not at all; `tensors` are those that `header` names.
///
/// # Errors
/// Those of the file system.
pub(super) fn write(path: &Path, header: &Header, tensors: &[Tensor]) -> io::Result<()> {
    let text = serde_json::to_vec(header)?;
    files::write_atomic_with(path, |file| {
        let mut out = Digesting { file, hasher: Sha256::new() };
        out.put(&files::head(CHECKPOINT, &text))?;
        for tensor in tensors {
            let size = tensor.numel() * tensor.kind().elt_size_in_bytes();
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(size).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            bytes.resize(size, 0);
            tensor.f_copy_data_u8(&mut bytes, tensor.numel()).map_err(io::Error::other)?;
            out.put(&bytes)?;
        }
        let digest = out.hasher.finalize();
        out.file.write_all(&digest)
    })
}

/// Reads the checkpoint of `trial`: header and tensors, on the CPU. Absent when there is no file.
///
/// # Errors
/// [`CheckpointError`]: the file is damaged, or another trial's or version's.
pub(super) fn read(path: &Path, trial: &TrialId) -> Result<Option<(Header, Vec<Tensor>)>, CheckpointError> {
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CheckpointError::Read { path: path.into(), source }),
    };
    let Some((content, digest)) = content.split_last_chunk::<CHECKPOINT_DIGEST>() else {
        return Err(CheckpointError::Foreign);
    };
    let mut rest = content;
    let text = match files::read_head(&mut rest, CHECKPOINT) {
        Ok(text) => text.ok_or(CheckpointError::Foreign)?,
        Err(source) => return Err(CheckpointError::Read { path: path.into(), source }),
    };
    if Sha256::digest(content).as_slice() != digest {
        return Err(CheckpointError::Damaged);
    }
    let header: Header = serde_json::from_slice(&text)?;
    if header.trial_id != *trial {
        return Err(CheckpointError::OtherTrial(header.trial_id));
    }
    if header.ndbench != env!("CARGO_PKG_VERSION") {
        return Err(CheckpointError::Foreign);
    }
    let tensors = tensors(&header.tensors, rest)?;
    Ok(Some((header, tensors)))
}

fn tensors(entries: &[Entry], mut bytes: &[u8]) -> Result<Vec<Tensor>, CheckpointError> {
    let mut tensors = Vec::with_capacity(entries.len());
    for entry in entries {
        let split = entry.bytes().and_then(|n| bytes.split_at_checked(n));
        let (own, rest) = split.ok_or(CheckpointError::Damaged)?;
        tensors.push(entry.tensor(own));
        bytes = rest;
    }
    if bytes.is_empty() { Ok(tensors) } else { Err(CheckpointError::Damaged) }
}

/// Renames a file that cannot be used, so that it can be looked at and is not met again; returns its new name.
///
/// # Errors
/// Those of the file system.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".unreadable-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ")));
    let aside = PathBuf::from(name);
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Header, Vec<Tensor>) {
        let tensors = vec![
            Tensor::from_slice(&[1.5f32, f32::NAN, -0.0]),
            Tensor::from_slice(&[0.1f64; 6]).view([2, 3]),
            Tensor::from(7i64),
        ];
        let entries = tensors.iter().enumerate().map(|(i, t)| Entry::of(format!("t{i}"), t).unwrap()).collect();
        let header = Header {
            trial_id: TrialId("0123456789abcdef".into()),
            ndbench: env!("CARGO_PKG_VERSION").into(),
            environment: super::super::tests::environment(),
            data_digest: "0011".into(),
            bad_files: BTreeMap::from([("a.JPEG".into(), "cut".into())]),
            remarks: vec!["kept".into()],
            progress: Progress::default(),
            memory: MemoryPeak::default(),
            telemetry: None,
            counters: vec![("freeze".into(), 3)],
            tensors: entries,
        };
        (header, tensors)
    }

    fn bits(tensor: &Tensor) -> Vec<u8> {
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        bytes
    }

    #[test]
    fn what_is_written_comes_back_bit_for_bit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/x.checkpoint");
        let (header, tensors) = example();
        assert!(read(&path, &header.trial_id).unwrap().is_none());
        write(&path, &header, &tensors).unwrap();
        let (got, back) = read(&path, &header.trial_id).unwrap().unwrap();
        assert_eq!(got, header);
        for (a, b) in tensors.iter().zip(&back) {
            assert_eq!((bits(a), a.size(), a.kind()), (bits(b), b.size(), b.kind()));
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.checkpoint");
        let (header, tensors) = example();
        write(&path, &header, &tensors).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for i in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[i] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            assert!(read(&path, &header.trial_id).is_err(), "flipped byte {i}");
            std::fs::write(&path, &whole[..i]).unwrap();
            assert!(read(&path, &header.trial_id).is_err(), "cut at byte {i}");
        }
    }

    #[test]
    fn another_trials_checkpoint_is_refused_and_can_be_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.checkpoint");
        let (header, tensors) = example();
        write(&path, &header, &tensors).unwrap();
        let refused = read(&path, &TrialId("f".repeat(16)));
        assert!(matches!(refused, Err(CheckpointError::OtherTrial(_))), "{refused:?}");
        let aside = set_aside(&path).unwrap();
        assert!(!path.exists() && aside.exists());
        assert!(aside.to_string_lossy().contains("x.checkpoint.unreadable-"), "{aside:?}");
    }
}
