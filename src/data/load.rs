//! From a name to tensors.

use super::bytes::Limits;
use super::cifar::{CIFAR10, CIFAR100};
use super::complete;
use super::error::{At, DataError};
use super::idx::Source;
use super::sources::{Layout, Place, Sources};
use super::split::{Raw, Split};
use super::tree::Tree;
use super::{DataSet, Normalisation, folder, idx, imagenet};
use crate::scenario::Dataset;
use std::path::{Path, PathBuf};
use tch::Device;

/// The constants that the study uses for CIFAR-10.
const CIFAR10_NORMALISATION: Normalisation =
    Normalisation { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010] };
/// The constants that the study uses for CIFAR-100.
const CIFAR100_NORMALISATION: Normalisation =
    Normalisation { mean: [0.5071, 0.4865, 0.4409], std: [0.2009, 0.1984, 0.2023] };
/// The usual constants of MNIST: mean and deviation of its 60,000 training images, before padding.
const MNIST_NORMALISATION: Normalisation = Normalisation { mean: [0.1307; 3], std: [0.3081; 3] };
/// Mean and deviation of the 6,000 shipped training images of Fashion-MNIST, before padding; a test recomputes them.
const FASHION_NORMALISATION: Normalisation = Normalisation { mean: [0.2869; 3], std: [0.3538; 3] };

/// The labels of Fashion-MNIST, as its authors name them.
const FASHION_CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// The shipped subset of Fashion-MNIST, in the order train images, train labels, test images, test labels.
const FASHION_MINI: [(&str, &[u8]); 4] = [
    ("train-images-idx3-ubyte.gz", include_bytes!("../../datasets/fashion-mini/train-images-idx3-ubyte.gz")),
    ("train-labels-idx1-ubyte.gz", include_bytes!("../../datasets/fashion-mini/train-labels-idx1-ubyte.gz")),
    ("t10k-images-idx3-ubyte.gz", include_bytes!("../../datasets/fashion-mini/t10k-images-idx3-ubyte.gz")),
    ("t10k-labels-idx1-ubyte.gz", include_bytes!("../../datasets/fashion-mini/t10k-labels-idx1-ubyte.gz")),
];

/// Loads `dataset` from the first of `sources` that has it and moves it to `device`, with at most the first `limits`
/// (train, test) images of each split. A part of a data set with a fixed name is only loaded where the limits ask for no
/// more than is there; otherwise the next place counts. What was skipped or looks unusual stands in [`DataSet::remarks`].
///
/// # Errors
/// [`DataError`]: not found, unreadable, broken, incomplete, or nothing left after the limits.
pub fn load(
    dataset: &Dataset,
    sources: &Sources,
    device: Device,
    limits: (Option<u32>, Option<u32>),
) -> Result<DataSet, DataError> {
    let mut raw = whole(dataset, sources, limits)?;
    let normalisation = normalisation(dataset, &raw);
    limit(&mut raw.train, limits.0, "train", dataset)?;
    limit(&mut raw.test, limits.1, "test", dataset)?;
    Ok(DataSet {
        digest: raw.digest(),
        train: raw.train.into_images(device),
        test: raw.test.into_images(device),
        class_names: raw.class_names,
        normalisation,
        remarks: raw.remarks,
    })
}

/// What the first place holds that is not too small for `limits`; else why the first of all is.
fn whole(dataset: &Dataset, sources: &Sources, limits: (Option<u32>, Option<u32>)) -> Result<Raw, DataError> {
    let mut passed: Vec<(PathBuf, DataError)> = Vec::new();
    for place in sources.find(dataset) {
        // Whether a set with a fixed name is all there shows only where all of it is read.
        let read_limits = if dataset.images().is_some() { (None, None) } else { limits };
        let mut raw = read(dataset, &place, read_limits)?;
        match complete::check(dataset, &place, &raw.counts(), limits) {
            Ok(part) => {
                raw.remarks.extend(part);
                let remark = |path: &Path| format!("{} was passed over: not the whole set", path.display());
                raw.remarks.extend(passed.iter().map(|(path, _)| remark(path)));
                return Ok(raw);
            }
            Err(why) => passed.push((place.path, why)),
        }
    }
    Err(passed.into_iter().next().map_or_else(|| not_found(dataset, sources), |(_, why)| why))
}

pub(super) fn not_found(dataset: &Dataset, sources: &Sources) -> DataError {
    DataError::NotFound { dataset: dataset.clone(), searched: sources.folders().to_vec() }
}

/// Everything at `place`, on the host; of an image folder, whose pictures take long to decode and much memory, no more
/// than `limits` (train, test).
pub(super) fn read(dataset: &Dataset, place: &Place, limits: (Option<u32>, Option<u32>)) -> Result<Raw, DataError> {
    let mut raw = match place.layout {
        Layout::BuiltIn => built_in()?,
        Layout::Idx => idx::read_folder(&place.path, 10)?,
        Layout::Prepared => {
            let rule = "a prepared ImageNet is read batch by batch, and not loaded whole";
            return Err(DataError::format(&place.path.display().to_string(), At::File, rule));
        }
        Layout::Images => folder::read(&Tree::open(&place.path, Limits::PICTURES)?, limits)?,
        layout @ (Layout::CifarBinary | Layout::CifarPython) => {
            let cifar = if *dataset == Dataset::Cifar100 { CIFAR100 } else { CIFAR10 };
            let python = layout == Layout::CifarPython;
            let tree = Tree::open(&place.path, Limits::CIFAR)?;
            // In the archives the files lie in a folder.
            let inner = cifar.folders[usize::from(python)];
            let prefix = if tree.contains(inner) { format!("{inner}/") } else { String::new() };
            cifar.read(&tree, &prefix, python)?
        }
    };
    match dataset {
        Dataset::Mnist => raw.class_names = (0..10).map(|digit| digit.to_string()).collect(),
        Dataset::FashionMnist | Dataset::FashionMini => raw.class_names = FASHION_CLASSES.map(String::from).into(),
        _ => {}
    }
    for (split, images) in [("train", &raw.train), ("test", &raw.test)] {
        if images.len() == 0 {
            return Err(DataError::Empty { dataset: dataset.clone(), split });
        }
    }
    Ok(raw)
}

fn built_in() -> Result<Raw, DataError> {
    let source = |index: usize| {
        let (name, reader) = FASHION_MINI[index];
        Source { reader, size: None, name }
    };
    let split = |first| idx::read_split(source(first), source(first + 1), 10);
    Ok(Raw { train: split(0)?, test: split(2)?, ..Raw::default() })
}

fn normalisation(dataset: &Dataset, raw: &Raw) -> Normalisation {
    match dataset {
        Dataset::Cifar10 => CIFAR10_NORMALISATION,
        Dataset::Cifar100 => CIFAR100_NORMALISATION,
        Dataset::Mnist => MNIST_NORMALISATION,
        Dataset::FashionMnist | Dataset::FashionMini => FASHION_NORMALISATION,
        Dataset::Imagenet => imagenet::IMAGENET_NORMALISATION,
        Dataset::Folder(_) => raw.train.statistics(),
    }
}

fn limit(images: &mut Split, limit: Option<u32>, split: &'static str, dataset: &Dataset) -> Result<(), DataError> {
    let Some(limit) = limit else { return Ok(()) };
    if limit == 0 {
        return Err(DataError::Empty { dataset: dataset.clone(), split });
    }
    if limit as usize > images.len() {
        return Err(DataError::TooFew { dataset: dataset.clone(), split, asked: limit, found: images.len() });
    }
    images.truncate(limit as usize);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_set_is_balanced_and_its_constants_are_right() {
        let raw =
            read(&Dataset::FashionMini, &Place { path: "".into(), layout: Layout::BuiltIn }, (None, None)).unwrap();
        assert_eq!(raw.train.per_class(10), [600; 10]);
        assert_eq!(raw.test.per_class(10), [100; 10]);
        // The statistics see the border; without it the same sums belong to fewer pixels.
        let padded = raw.train.statistics();
        let share = 28.0 * 28.0 / (32.0 * 32.0);
        let mean = padded.mean[0] / share;
        let square = (padded.std[0].powi(2) + padded.mean[0].powi(2)) / share;
        let constants = FASHION_NORMALISATION;
        assert!((mean - constants.mean[0]).abs() < 5e-5, "{mean}");
        assert!(((square - mean * mean).sqrt() - constants.std[0]).abs() < 5e-5);
    }

    #[test]
    fn limits_keep_the_first_images_and_are_refused_when_there_are_fewer() {
        let sources = Sources::new(Some(std::path::Path::new("absent")));
        let load = |limits| load(&Dataset::FashionMini, &sources, Device::Cpu, limits);
        let data = load((Some(70), None)).unwrap();
        assert_eq!((data.train.pixels.size(), data.test.labels.size()), (vec![70, 3, 32, 32], vec![1000]));
        assert_eq!(data.remarks, [""; 0]);
        assert_ne!(data.digest, load((Some(71), None)).unwrap().digest);
        assert_eq!(data.digest, load((Some(70), Some(1000))).unwrap().digest);
        let few = load((None, Some(2000))).unwrap_err().to_string();
        assert!(few.contains("test_images") && few.contains("2000") && few.contains("1000"), "{few}");
        assert!(load((Some(0), None)).is_err());
    }
}
