//! CIFAR-10 and CIFAR-100, binary and Python layout.

use super::error::{At, DataError};
use super::pickle::Pickle;
use super::split::{IMAGE_BYTES, Part, Raw, Split};
use super::tree::Tree;
use std::fmt::Display;

/// What distinguishes the two data sets.
pub(super) struct Cifar {
    /// Labels are below these; the last is the one that counts.
    labels: &'static [(&'static str, usize)],
    train: &'static [&'static str],
    test: &'static str,
    /// Names of the classes: file of the binary layout, then file and key of the Python layout.
    names: [&'static str; 3],
    /// Folder in the archive and beside it: binary, Python.
    pub(super) folders: [&'static str; 2],
    /// Archive: binary, Python.
    pub(super) archives: [&'static str; 2],
}

/// CIFAR-10.
pub(super) const CIFAR10: Cifar = Cifar {
    labels: &[("labels", 10)],
    train: &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"],
    test: "test_batch",
    names: ["batches.meta.txt", "batches.meta", "label_names"],
    folders: ["cifar-10-batches-bin", "cifar-10-batches-py"],
    archives: ["cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"],
};

/// CIFAR-100; the fine labels count, the coarse ones are only checked.
pub(super) const CIFAR100: Cifar = Cifar {
    labels: &[("coarse_labels", 20), ("fine_labels", 100)],
    train: &["train"],
    test: "test",
    names: ["fine_label_names.txt", "meta", "fine_label_names"],
    folders: ["cifar-100-binary", "cifar-100-python"],
    archives: ["cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"],
};

impl Cifar {
    fn classes(&self) -> usize {
        self.labels[self.labels.len() - 1].1
    }

    /// Reads both splits from files that lie under `prefix` (empty, or a folder with its `/`) in `tree`.
    pub(super) fn read(&self, tree: &Tree, prefix: &str, python: bool) -> Result<Raw, DataError> {
        let suffix = if python { "" } else { ".bin" };
        let mut raw = Raw::default();
        let read = |stem: &str, split: &mut Split| -> Result<(), DataError> {
            let path = format!("{prefix}{stem}{suffix}");
            let (bytes, name, before) = (tree.read(&path)?, tree.name(&path), split.len());
            if python {
                self.python(&bytes, &name, split)?
            } else {
                self.binary(&bytes, &name, split)?
            }
            split.parts.push(Part { file: format!("{stem}{suffix}"), images: Some(split.len() - before) });
            Ok(())
        };
        for (index, stem) in self.train.iter().enumerate() {
            if index == 0 || tree.contains(&format!("{prefix}{stem}{suffix}")) {
                read(stem, &mut raw.train)?;
            } else {
                raw.train.parts.push(Part { file: format!("{stem}{suffix}"), images: None });
                raw.remarks.push(format!("{} is missing", tree.name(&format!("{prefix}{stem}{suffix}"))));
            }
        }
        read(self.test, &mut raw.test)?;
        raw.class_names = self.class_names(tree, prefix, python, &mut raw.remarks)?;
        Ok(raw)
    }

    /// Records of the binary layout: one byte a label, then the three planes.
    pub(super) fn binary(&self, bytes: &[u8], name: &str, split: &mut Split) -> Result<(), DataError> {
        let record = self.labels.len() + IMAGE_BYTES;
        let (count, rest) = (bytes.len() / record, bytes.len() % record);
        if rest != 0 {
            let rule = format!("{} bytes are {count} records of {record} bytes and {rest} bytes more", bytes.len());
            return Err(DataError::format(name, At::Byte((count * record) as u64), rule));
        }
        if count == 0 {
            return Err(DataError::format(name, At::File, "no records"));
        }
        split.pixels.reserve(count * IMAGE_BYTES);
        for (index, record) in bytes.chunks_exact(record).enumerate() {
            let (labels, pixels) = record.split_at(self.labels.len());
            for (label, (what, classes)) in labels.iter().zip(self.labels) {
                check_label(i64::from(*label), what, *classes, (name, index))?;
            }
            split.labels.push(i64::from(labels[labels.len() - 1]));
            split.pixels.extend_from_slice(pixels);
        }
        Ok(())
    }

    /// A pickled dictionary of an array of bytes and lists of labels.
    pub(super) fn python(&self, bytes: &[u8], name: &str, split: &mut Split) -> Result<(), DataError> {
        let pickle = Pickle::parse(bytes, name)?;
        let (rows, pixels) = pickle.array("data", IMAGE_BYTES)?;
        if rows == 0 {
            return Err(DataError::format(name, At::File, "no records"));
        }
        let mut last = Vec::new();
        for (what, classes) in self.labels {
            last = pickle.ints(what)?;
            if last.len() != rows {
                let rule = format!("{rows} images, but {} {what}", last.len());
                return Err(DataError::format(name, At::File, rule));
            }
            for (index, label) in last.iter().enumerate() {
                check_label(*label, what, *classes, (name, index))?;
            }
        }
        split.labels.extend(last);
        split.pixels.extend_from_slice(pixels);
        Ok(())
    }

    fn class_names(
        &self,
        tree: &Tree,
        prefix: &str,
        python: bool,
        remarks: &mut Vec<String>,
    ) -> Result<Vec<String>, DataError> {
        let [text, pickled, key] = self.names;
        let path = format!("{prefix}{}", if python { pickled } else { text });
        let name = tree.name(&path);
        if !tree.contains(&path) {
            remarks.push(format!("{name} is missing: the classes go by their numbers"));
            return Ok((0..self.classes()).map(|n| n.to_string()).collect());
        }
        let bytes = tree.read(&path)?;
        let names = if python {
            Pickle::parse(&bytes, &name)?.strings(key)?
        } else {
            let text = String::from_utf8_lossy(&bytes);
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect()
        };
        if names.len() != self.classes() {
            let rule = format!("{} class names, {} expected", names.len(), self.classes());
            return Err(DataError::format(&name, At::File, rule));
        }
        Ok(names)
    }
}

fn check_label(label: i64, what: &str, classes: usize, (name, index): (impl Display, usize)) -> Result<(), DataError> {
    if (0..classes as i64).contains(&label) {
        return Ok(());
    }
    let rule = format!("{} {label}, they are 0 to {}", what.trim_end_matches('s').replace('_', " "), classes - 1);
    Err(DataError::format(&name.to_string(), At::Record(index as u64), rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fine_labels_count() {
        let record = [&[19, 99][..], &[7; IMAGE_BYTES]].concat();
        let mut split = Split::default();
        CIFAR100.binary(&record, "f", &mut split).unwrap();
        assert_eq!((split.labels, split.pixels), (vec![99], vec![7; IMAGE_BYTES]));
    }

    proptest! {
        #[test]
        fn sizes_and_labels_are_checked(labels in prop::collection::vec(any::<u8>(), 1..4), cut in 0usize..4) {
            let whole: Vec<u8> = labels.iter().flat_map(|l| [&[*l][..], &[0; IMAGE_BYTES]].concat()).collect();
            let bytes = &whole[..whole.len() - cut];
            let good = cut == 0 && labels.iter().all(|label| *label < 10);
            prop_assert_eq!(CIFAR10.binary(bytes, "f", &mut Split::default()).is_ok(), good);
        }
    }
}
