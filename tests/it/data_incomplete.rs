//! Parts of official sets: refused unless asked for, and never called whole.

use ndbench::data::{DataError, DataSet, Sources, load};
use ndbench::scenario::Dataset;
use std::fs;
use std::path::Path;
use tch::Device;

/// CIFAR-10 in `data`: so many images in each of the named files of the binary layout.
fn put(data: &Path, files: &[(&str, usize)]) {
    let place = data.join("cifar-10-batches-bin");
    fs::create_dir_all(&place).unwrap();
    for (name, images) in files {
        fs::write(place.join(name), [&[3][..], &[0; 3072]].concat().repeat(*images)).unwrap();
    }
}

fn cifar10(data: &Path, train: Option<u32>, test: Option<u32>) -> Result<DataSet, DataError> {
    load(&Dataset::Cifar10, &Sources::new(Some(data)), Device::Cpu, (train, test))
}

#[test]
fn a_part_of_an_official_set_is_refused_with_files_counts_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &[("data_batch_1.bin", 5), ("data_batch_3.bin", 2), ("test_batch.bin", 3)]);
    let place = dir.path().join("cifar-10-batches-bin");
    let error = cifar10(dir.path(), None, None).unwrap_err().to_string();
    let expected = format!(
        "cifar10 in {} is not the whole official set: 7 of 50000 train images (data_batch_1.bin: 5, data_batch_2.bin: \
         missing, data_batch_3.bin: 2, data_batch_4.bin: missing, data_batch_5.bin: missing), 3 of 10000 test images \
         (test_batch.bin: 3); complete it with `ndbench data fetch cifar10`, or ask for what is there, in the scenario \
         or by `--set train_images=7 --set test_images=3`",
        place.display()
    );
    assert_eq!(error, expected);
    let error = cifar10(dir.path(), Some(7), None).unwrap_err().to_string();
    assert!(error.contains("3 of 10000 test images") && !error.contains("train"), "{error}");
    for (train, test) in [(8, 3), (7, 4)] {
        assert!(matches!(cifar10(dir.path(), Some(train), Some(test)), Err(DataError::Incomplete { .. })));
    }
}

#[test]
fn a_part_that_is_asked_for_loads_with_a_remark() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &[("data_batch_1.bin", 5), ("test_batch.bin", 3)]);
    let data = cifar10(dir.path(), Some(5), Some(2)).unwrap();
    assert_eq!((data.train.labels.size(), data.test.labels.size()), (vec![5], vec![2]));
    assert!(
        data.remarks.contains(&"5 + 3 images; the official set has 50000 + 10000".to_string()),
        "{:?}",
        data.remarks
    );
}

#[test]
fn a_more_complete_archive_beside_a_part_counts() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &[("data_batch_1.bin", 9), ("test_batch.bin", 9)]);
    let folder = dir.path().join("cifar-10-batches-bin");
    let archive = fs::File::create(dir.path().join("cifar-10-binary.tar.gz")).unwrap();
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(archive, flate2::Compression::fast()));
    builder.append_dir_all("cifar-10-batches-bin", &folder).unwrap();
    builder.into_inner().unwrap().finish().unwrap();
    put(dir.path(), &[("data_batch_1.bin", 2)]);
    let data = cifar10(dir.path(), Some(9), Some(9)).unwrap();
    assert_eq!(data.train.labels.size(), [9]);
    assert_eq!(data.remarks.last().unwrap(), &format!("{} was passed over: not the whole set", folder.display()));
}

#[test]
fn verify_calls_a_part_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &[("data_batch_1.bin", 5), ("test_batch.bin", 3)]);
    let mut out = Vec::new();
    let sound = ndbench::cli::data::verify(&[Dataset::Cifar10], Some(dir.path()), false, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!sound && text.starts_with("cifar10: INCOMPLETE ("), "{text}");
    assert!(text.contains("  5 of 50000 train images (data_batch_1.bin: 5, data_batch_2.bin: missing"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_refused_and_not_overlooked() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    for (class, file) in [(&b"caf\xe9"[..], &b"a.png"[..]), (b"cafe", b"\xe9.png")] {
        let dir = tempfile::tempdir().unwrap();
        for split in ["train", "test"] {
            let folder = dir.path().join("pets").join(split).join(OsStr::from_bytes(class));
            fs::create_dir_all(&folder).unwrap();
            image::RgbImage::new(32, 32).save(folder.join("whole.png")).unwrap();
            fs::rename(folder.join("whole.png"), folder.join(OsStr::from_bytes(file))).unwrap();
        }
        let pets = Dataset::Folder("pets".into());
        let error = load(&pets, &Sources::new(Some(dir.path())), Device::Cpu, (None, None)).unwrap_err().to_string();
        let name = if class == b"cafe" { "\\xe9.png" } else { "caf\\xe9" };
        assert!(error.contains(&format!("the name `{name}` in it is not UTF-8; rename it")), "{error}");
    }
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for split in ["train", "test"] {
        fs::create_dir_all(dir.path().join("pets").join(split).join("cat")).unwrap();
    }
    // A file with holes: it takes no space.
    let picture = dir.path().join("pets/train/cat/0.jpg");
    fs::File::create(picture).unwrap().set_len((64 << 20) + 1).unwrap();
    let pets = Dataset::Folder("pets".into());
    let error = load(&pets, &Sources::new(Some(dir.path())), Device::Cpu, (None, None)).unwrap_err().to_string();
    assert!(error.contains("0.jpg: 67108865 bytes, at most 67108864 are accepted"), "{error}");
}
