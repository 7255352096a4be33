//! Images on the host, before they become tensors.

use super::Images;
use crate::files::hex;
use sha2::{Digest, Sha256};
use tch::{Device, Tensor};

/// Height and width of every image.
pub(super) const SIDE: usize = 32;
/// Bytes of one image: three planes.
pub(super) const IMAGE_BYTES: usize = 3 * SIDE * SIDE;

/// The images of one split, `[N, 3, 32, 32]`, and their labels.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Vec<i64>,
    /// The files they came from, where a data set has a fixed set of files.
    pub(super) parts: Vec<Part>,
}

/// A file of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name, without the folder.
    pub(super) file: String,
    /// How many images it holds; `None`: it is missing.
    pub(super) images: Option<usize>,
}

/// Both splits and what was noticed on the way.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) train: Split,
    pub(super) test: Split,
    pub(super) class_names: Vec<String>,
    pub(super) remarks: Vec<String>,
}

impl Raw {
    /// Images and files of both splits.
    pub(super) fn counts(&self) -> [(usize, &[Part]); 2] {
        [&self.train, &self.test].map(|split| (split.len(), &*split.parts))
    }

    /// Names the content: 16 hexadecimal digits of a SHA-256 of class names, pixels and labels.
    pub(super) fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        // Lengths first, so that nothing moves unseen from one part to the next.
        let mut put = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        self.class_names.iter().for_each(|name| put(name.as_bytes()));
        for split in [&self.train, &self.test] {
            put(&split.pixels);
            put(&split.labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<_>>());
        }
        hex(&hasher.finalize()[..8])
    }
}

impl Split {
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn truncate(&mut self, images: usize) {
        self.labels.truncate(images);
        self.pixels.truncate(images * IMAGE_BYTES);
    }

    /// How many images each of `classes` classes has.
    pub(super) fn per_class(&self, classes: usize) -> Vec<u64> {
        let mut counts = vec![0; classes];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        counts
    }

    pub(super) fn into_images(self, device: Device) -> Images {
        let shape = [self.len() as i64, 3, SIDE as i64, SIDE as i64];
        Images {
            pixels: Tensor::from_slice(&self.pixels).view(shape).to_device(device),
            labels: Tensor::from_slice(&self.labels).to_device(device),
        }
    }

    /// Channel means and standard deviations on the scale 0 to 1, from exact integer sums. A deviation below one level
    /// counts as one level, so that nothing is divided by zero.
    pub(super) fn statistics(&self) -> super::Normalisation {
        let mut sums = [(0u64, 0u64); 3];
        for (plane, bytes) in self.pixels.chunks_exact(SIDE * SIDE).enumerate() {
            let (sum, squares) = &mut sums[plane % 3];
            *sum += bytes.iter().map(|b| u64::from(*b)).sum::<u64>();
            *squares += bytes.iter().map(|b| u64::from(*b) * u64::from(*b)).sum::<u64>();
        }
        let count = (self.len() * SIDE * SIDE).max(1) as f64;
        let mean = sums.map(|(sum, _)| sum as f64 / count / 255.0);
        let std = [0, 1, 2].map(|c| {
            let square = sums[c].1 as f64 / count / (255.0 * 255.0);
            (square - mean[c] * mean[c]).max(0.0).sqrt().max(1.0 / 255.0)
        });
        super::Normalisation { mean, std }
    }
}
