//! Data sets as batches of tensors: reading, checking, augmentation.

mod archive;
mod augment;
mod bytes;
mod cifar;
mod complete;
mod error;
mod feed;
mod fetch;
mod folder;
mod idx;
pub mod imagenet;
mod load;
mod official;
mod pickle;
pub mod picture;
mod sources;
mod split;
mod streamed;
mod training_data;
mod tree;
mod verify;

pub use augment::{EpochPlan, eval_batch};
pub use error::{At, DataError, Short};
pub use feed::{Feed, Pass};
pub use fetch::{FetchError, Progress, Retry, download, fetch};
pub use load::load;
pub use official::{Download, downloads};
pub use sources::Sources;
pub use streamed::Streamed;
pub use training_data::TrainingData;
pub use verify::{FileCheck, Found, Verdict, Verified, inventory, verify};

pub use crate::scenario::Normalisation;
use tch::Tensor;

/// Images and labels of one split, on the training device.
#[derive(Debug)]
pub struct Images {
    /// uint8, `[N, 3, H, W]`.
    pub pixels: Tensor,
    /// int64, `[N]`, each in `0..classes`.
    pub labels: Tensor,
}

impl Images {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data set, whole, on the training device.
#[derive(Debug)]
pub struct DataSet {
    /// What the networks learn from.
    pub train: Images,
    /// What they are judged by.
    pub test: Images,
    /// Names in label order.
    pub class_names: Vec<String>,
    /// Channel means and deviations on the scale 0 to 1.
    pub normalisation: Normalisation,
    /// Names the content: 16 hexadecimal digits of a SHA-256 of class names, pixels and labels.
    pub digest: String,
    /// What was skipped or noticed while reading.
    pub remarks: Vec<String>,
}
