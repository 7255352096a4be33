//! Every file of `tests/fixtures/bad-inputs/` through the public loaders: it loads, or it fails with an error that names
//! the file, as its index says.

use ndbench::data::{DataError, DataSet, Sources, load, picture};
use ndbench::scenario::Dataset;
use std::fs;
use std::path::{Path, PathBuf};
use tch::Device;

/// Files of the kinds must-fail and policy: part of the message they must give, or `None` where our policy is to load.
const EXPECTED: [(&str, Option<&str>); 36] = [
    ("truncated.jpg", Some("byte 2536: ends without an end-of-image marker")),
    ("zero-byte.jpg", Some("empty file")),
    ("text-named.jpg", Some("byte 0: starts with `This`: neither JPEG nor PNG")),
    ("cmyk.jpg", Some("4 components (CMYK?)")),
    ("exif-orientation-6.jpg", None),
    ("pixel-bomb-60000x60000.png", Some("60000x60000 pixels")),
    ("corrupt-scan.jpg", Some("marker FF")),
    ("png-bad-crc.png", Some("CRC")),
    ("cifar10-cut-mid-record.bin", Some("byte 27657: 29157 bytes are 9 records of 3073 bytes and 1500 bytes more")),
    ("cifar10-label-200.bin", Some("record 4: label 200, they are 0 to 9")),
    ("cifar10-empty.bin", Some("no records")),
    ("cifar100-read-as-cifar10.bin", Some("30740 bytes are 10 records of 3073 bytes and 10 bytes more")),
    ("cifar100-coarse-20.bin", Some("record 2: coarse label 20, they are 0 to 19")),
    ("batches.meta-nine-classes.txt", Some("9 class names, 10 expected")),
    ("idx-wrong-magic-images-idx3-ubyte", Some("byte 0: starts with [DE, AD, 08, 03]")),
    ("idx-labels-where-images-expected", Some("byte 3: 1 dimensions where 3 are expected")),
    ("idx-float-type-images-idx3", Some("byte 2: type 0x0D is not supported")),
    ("idx-promises-more-images-idx3-ubyte", Some("promises 784016 bytes in all, the file has 7856")),
    ("idx-promises-less-images-idx3-ubyte", Some("promises 3936 bytes in all, the file has 7856")),
    ("idx-overflow-images-idx3-ubyte", Some("byte 4: promises")),
    ("idx-little-endian-images-idx3-ubyte", Some("byte 4: promises [167772160, 469762048, 469762048]")),
    ("idx-count-mismatch-labels-idx1-ubyte", Some("9 labels, but")),
    ("idx-label-37-labels-idx1-ubyte", Some("record 3: label 37")),
    ("idx-truncated.gz", Some("broken or cut stream")),
    ("idx-bad-gzip-crc.gz", Some("broken or cut stream")),
    ("gzip-bomb-zeros-200MB.gz", Some("byte 0: starts with [00, 00, 00, 00]")),
    ("gzip-bomb-idx-header.gz", Some("byte 7856: the header promises 7856 bytes in all, but more follow")),
    ("tar-dotdot.tar", Some("path `../escaped-dotdot.txt` leaves the archive's folder")),
    ("tar-absolute.tar", Some("is absolute")),
    ("tar-symlink-escape.tar", Some("`data/link` is a Symlink entry")),
    ("tar-symlink-absolute.tar", Some("`data/link` is a Symlink entry")),
    ("tar-hardlink-escape.tar", Some("`data/train/cat/0001.jpg` is a Link entry")),
    ("tar-fifo.tar", Some("`data/train/cat/0001.jpg` is a Fifo entry")),
    ("tar-truncated.tar", Some("unexpected end of archive")),
    ("tar-duplicate-entry.tar", Some("`data/train/cat/0000.jpg` comes twice")),
    ("tar-case-and-junk.tar", None),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad-inputs")
}

fn index() -> Vec<serde_json::Value> {
    let text = fs::read_to_string(fixtures().join("index.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["files"].as_array().unwrap().clone()
}

/// Puts a fixture where a data set has such a file, good neighbours around it, and loads the data set.
fn load_fixture(file: &str, data: &Path) -> Result<DataSet, DataError> {
    let put = |fixture: &str, path: &str| {
        let path = data.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fixtures().join(fixture), path).unwrap();
    };
    let dataset = match file {
        "batches.meta-nine-classes.txt" => {
            put("cifar10-ok-10.bin", "cifar-10-batches-bin/data_batch_1.bin");
            put("cifar10-ok-10.bin", "cifar-10-batches-bin/test_batch.bin");
            put(file, "cifar-10-batches-bin/batches.meta.txt");
            "cifar10"
        }
        f if f.starts_with("cifar10-") || f.contains("as-cifar10") => {
            put(file, "cifar-10-batches-bin/data_batch_1.bin");
            put("cifar10-ok-10.bin", "cifar-10-batches-bin/test_batch.bin");
            "cifar10"
        }
        f if f.starts_with("cifar100-") => {
            put(file, "cifar-100-binary/train.bin");
            put("cifar100-ok-10.bin", "cifar-100-binary/test.bin");
            "cifar100"
        }
        f if f.starts_with("idx-") || f.starts_with("gzip-") => {
            let labels = f.contains("labels-idx1");
            let gz = if f.ends_with(".gz") { ".gz" } else { "" };
            let [images_fixture, labels_fixture] = ["idx-ok-images-idx3-ubyte", "idx-ok-labels-idx1-ubyte"];
            put(if labels { images_fixture } else { f }, &format!("mnist/train-images-idx3-ubyte{gz}"));
            put(if labels { f } else { labels_fixture }, "mnist/train-labels-idx1-ubyte");
            put(images_fixture, "mnist/t10k-images-idx3-ubyte");
            put(labels_fixture, "mnist/t10k-labels-idx1-ubyte");
            "mnist"
        }
        f if f.ends_with(".tar") => {
            fs::write(data.join("pets.tar"), with_test_split(&fs::read(fixtures().join(f)).unwrap())).unwrap();
            "folder:pets"
        }
        picture => {
            put(picture, &format!("pets/train/cat/{picture}"));
            put("progressive.jpg", "pets/test/cat/0.jpg");
            "folder:pets"
        }
    };
    // The fixtures are parts of official sets, which load where no more is asked for than there is.
    let count = (!dataset.starts_with("folder:")).then_some(10);
    load(&dataset.parse().unwrap(), &Sources::new(Some(data)), Device::Cpu, (count, count))
}

/// The archive with `data/test/cat/0000.jpg` before all else, so that only what is in the fixture can be wrong.
fn with_test_split(fixture: &[u8]) -> Vec<u8> {
    let picture = fs::read(fixtures().join("grayscale.jpg")).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(picture.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "data/test/cat/0000.jpg", &picture[..]).unwrap();
    let mut archive = builder.into_inner().unwrap();
    archive.truncate(512 + picture.len().div_ceil(512) * 512);
    [&archive[..], fixture].concat()
}

/// Every path below `folder`, so that a test sees what appeared.
fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(listing(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn what_must_fail_names_file_and_reason_and_what_must_load_loads() {
    for entry in index() {
        let (file, kind) = (entry["file"].as_str().unwrap(), entry["kind"].as_str().unwrap());
        let expected = EXPECTED.iter().find(|(name, _)| *name == file).map(|(_, message)| *message);
        assert_eq!(expected.is_some(), kind != "must-load", "{file} is not in the table");
        let outer = tempfile::tempdir().unwrap();
        let data = outer.path().join("inner/data");
        fs::create_dir_all(&data).unwrap();
        let result = load_fixture(file, &data);
        match (expected.flatten(), result) {
            (None, Ok(_)) => {}
            (None, Err(e)) => panic!("{file} must load: {e}"),
            (Some(_), Ok(_)) => panic!("{file} must fail"),
            (Some(message), Err(e)) => {
                let text = e.to_string();
                assert!(text.contains(message), "{file}: {text}");
                assert!(text.contains(data.to_str().unwrap()), "{file} does not name its file: {text}");
            }
        }
        assert!(listing(outer.path()).iter().all(|path| path.starts_with(outer.path().join("inner"))));
        assert_eq!(fs::read_dir(outer.path().join("inner")).unwrap().count(), 1, "{file} escaped");
        let tar = file.ends_with(".tar");
        assert!(!tar || listing(&data).len() == 1, "{file} left something behind: {:?}", listing(&data));
    }
}

#[test]
fn pictures_have_the_colours_of_a_reference_decoder() {
    let mut seen = 0;
    for entry in index() {
        let Some(mean) = entry["expect"]["reference_rgb_mean"].as_array() else { continue };
        let file = entry["file"].as_str().unwrap();
        if file == "cmyk.jpg" {
            continue; // Refused: see EXPECTED.
        }
        let decoded = picture::decode(&fs::read(fixtures().join(file)).unwrap(), file).unwrap();
        let size = ["width", "height"].map(|k| entry["expect"][k].as_u64().unwrap() as u32);
        assert_eq!([decoded.width(), decoded.height()], size, "{file}");
        for (channel, expected) in mean.iter().enumerate() {
            let values = decoded.as_raw().iter().skip(channel).step_by(3);
            let ours = values.map(|v| f64::from(*v)).sum::<f64>() / f64::from(size[0] * size[1]);
            assert!((ours - expected.as_f64().unwrap()).abs() < 1.0, "{file}: channel {channel} {ours} {expected}");
        }
        seen += 1;
    }
    assert_eq!(seen, 12);
}

#[test]
fn the_controls_have_their_labels() {
    let labels = |file: &str| {
        let data = tempfile::tempdir().unwrap();
        let loaded = load_fixture(file, data.path()).unwrap();
        (Vec::<i64>::try_from(&loaded.train.labels).unwrap(), loaded.remarks)
    };
    let index = index();
    let expected = |file: &str, key: &str| {
        let entry = index.iter().find(|e| e["file"] == file).unwrap();
        serde_json::from_value::<Vec<i64>>(entry[key].clone()).unwrap()
    };
    let (cifar10, remarks) = labels("cifar10-ok-10.bin");
    assert_eq!(cifar10, expected("cifar10-ok-10.bin", "labels"));
    assert!(remarks.iter().any(|r| r.contains("10 + 10 images; the official set has 50000 + 10000")), "{remarks:?}");
    assert_eq!(labels("cifar100-ok-10.bin").0, expected("cifar100-ok-10.bin", "fine"));
    assert_eq!(labels("idx-ok-labels-idx1-ubyte").0, expected("idx-ok-labels-idx1-ubyte", "labels"));
}

#[test]
fn junk_is_counted_and_an_empty_class_keeps_its_label() {
    let data = tempfile::tempdir().unwrap();
    let loaded = load_fixture("tar-case-and-junk.tar", data.path()).unwrap();
    assert_eq!(loaded.class_names, ["cat", "empty-class"]);
    assert_eq!((loaded.train.labels.size()[0], loaded.test.labels.size()[0]), (2, 1));
    let remarks = loaded.remarks.join("\n");
    for expected in [
        "train/empty-class holds no image; the class keeps its label",
        "train: ignored 2 entries that are no JPEG or PNG files by their names",
        "train: 2 of 2 images were scaled to 32x32",
    ] {
        assert!(remarks.contains(expected), "{remarks}");
    }
}

#[test]
fn a_compressed_bomb_as_archive_ends_early() {
    let data = tempfile::tempdir().unwrap();
    let archive = data.path().join("cifar-10-binary.tar.gz");
    fs::copy(fixtures().join("gzip-bomb-zeros-200MB.gz"), archive).unwrap();
    let error = load(&Dataset::Cifar10, &Sources::new(Some(data.path())), Device::Cpu, (None, None)).unwrap_err();
    assert!(error.to_string().contains("data after the end of the archive"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_named_pipe_does_not_block() {
    use std::os::unix::ffi::OsStrExt;
    let data = tempfile::tempdir().unwrap();
    fs::create_dir_all(data.path().join("pets/train/cat")).unwrap();
    fs::create_dir_all(data.path().join("pets/test/cat")).unwrap();
    let pipe = data.path().join("pets/train/cat/0.jpg");
    let path = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
    // SAFETY: `path` is a string that ends in zero and lives through the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let pets = Dataset::Folder("pets".into());
    let error = load(&pets, &Sources::new(Some(data.path())), Device::Cpu, (None, None)).unwrap_err();
    assert!(error.to_string().contains("0.jpg: is not a regular file"), "{error}");
}
