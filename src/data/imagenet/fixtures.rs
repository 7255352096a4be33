//! A small ImageNet for unit tests.

use super::{Preparation, Prepared, prepare};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

/// The pictures that ship with the tests.
pub(crate) const PICTURES: [&str; 8] = [
    "colour-420.jpg",
    "colour-444.jpg",
    "colour-422.jpg",
    "large-420.jpg",
    "grey.jpg",
    "progressive.jpg",
    "cmyk.jpg",
    "png-inside.JPEG",
];
/// The classes of [`tree`].
pub(crate) const CLASSES: [&str; 2] = ["n01440764", "n02110185"];

pub(crate) fn picture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/imagenet").join(file)
}

/// Copies a picture to `path`, and makes its folder.
pub(crate) fn put(file: &str, path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::copy(picture(file), path).unwrap();
}

/// Kaggle's layout: every picture twice in `train`, once in each class, and once in a flat `val`.
pub(crate) fn tree() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("ILSVRC/Data/CLS-LOC");
    let mut table = String::from("ImageId,PredictionString\n");
    for (number, file) in PICTURES.into_iter().enumerate() {
        for class in CLASSES {
            put(file, &inner.join(format!("train/{class}/{class}_{number}.JPEG")));
        }
        let name = format!("ILSVRC2012_val_{number:08}");
        put(file, &inner.join(format!("val/{name}.JPEG")));
        table.push_str(&format!("{name},{} 0 0 9 9 \n", CLASSES[number % 2]));
    }
    std::fs::write(dir.path().join("LOC_val_solution.csv"), table).unwrap();
    dir
}

/// Prepares `root` with one thread.
pub(crate) fn prepared(root: &Path, preparation: Preparation) -> Prepared {
    let preparation = Preparation { threads: 1, ..preparation };
    prepare(root, &preparation, &AtomicBool::new(false), |_, _| {}).unwrap()
}
