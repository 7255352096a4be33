//! ImageNet (ILSVRC 2012): a check of its files, an index of them, and batches from them.

mod bad_files;
mod batch;
mod blocks;
mod crop;
mod decode;
mod examine;
#[cfg(test)]
pub(crate) mod fixtures;
mod index;
mod journal;
mod jpeg_header;
mod layout;
mod loader;
mod measure;
mod ordered;
mod passes;
mod photos;
mod prepare;
mod prepared;
mod resample;
mod row;
mod shards;
mod shrink;
mod solution;
mod unread;

pub(super) use index::FILE as INDEX;

pub use bad_files::{BadFiles, TooManyBad};
pub use crop::{SIDE, View};
pub use decode::Kind;
pub use index::Storage;
pub use layout::Split;
pub use loader::{Batch, LoadError, Loader, Making, PhotoPass};
pub use measure::{Parts, measure};
pub use passes::{ranges, shuffled};
pub use photos::{IMAGENET_NORMALISATION, ImageNet, Photos};
pub use prepare::{FOLDER, Preparation, PrepareError, prepare};
pub use prepared::Prepared;
pub use resample::Order;
pub use unread::Unread;
