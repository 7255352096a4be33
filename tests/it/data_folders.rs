//! Good data sets in every layout.

use ndbench::data::{DataSet, Sources, Verdict, inventory, load, verify};
use ndbench::scenario::Dataset;
use std::fs;
use std::path::Path;
use tch::{Device, Kind};

fn open(dataset: &str, data: &Path) -> DataSet {
    load(&dataset.parse().unwrap(), &Sources::new(Some(data)), Device::Cpu, (None, None)).unwrap()
}

fn labels(data: &DataSet) -> Vec<i64> {
    Vec::try_from(&data.train.labels).unwrap()
}

/// Two CIFAR-100 records: labels 3/42 and 0/7, all pixels 10 and 20.
fn records() -> Vec<u8> {
    [&[3, 42][..], &[10; 3072], &[0, 7], &[20; 3072]].concat()
}

/// A batch file as Python wrote it.
fn pickled(pixels: &[u8], coarse: [u8; 2], fine: [u8; 2]) -> Vec<u8> {
    let mut out =
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R".to_vec();
    out.extend(b"(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff");
    out.extend(b"J\xff\xff\xff\xffK\x00tb\x89T");
    out.extend((pixels.len() as u32).to_le_bytes());
    out.extend(pixels);
    out.extend(b"tb");
    for (key, [a, b]) in [("coarse_labels", coarse), ("fine_labels", fine)] {
        out.extend([b"U", &[key.len() as u8][..], key.as_bytes(), b"](K", &[a], b"K", &[b], b"e"].concat());
    }
    out.extend(b"u.");
    out
}

fn names_pickled() -> Vec<u8> {
    let mut out = b"\x80\x02}U\x10fine_label_names](".to_vec();
    for class in 0..100 {
        let name = format!("c{class:02}");
        out.extend([b"U", &[name.len() as u8][..], name.as_bytes()].concat());
    }
    out.extend(b"es.");
    out
}

#[test]
fn both_layouts_and_both_archives_of_cifar_agree() {
    let pixels = [[10u8; 3072], [20; 3072]].concat();
    let text: String = (0..100).map(|class| format!("c{class:02}\n")).collect();
    let batch = pickled(&pixels, [3, 0], [42, 7]);
    let binary = [("train.bin", records()), ("test.bin", records()), ("fine_label_names.txt", text.into())];
    let python = [("train", batch.clone()), ("test", batch), ("meta", names_pickled())];
    for (folder, archive, files) in [
        ("cifar-100-binary", "cifar-100-binary.tar.gz", binary),
        ("cifar-100-python", "cifar-100-python.tar.gz", python),
    ] {
        for packed in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let place = dir.path().join(folder);
            fs::create_dir(&place).unwrap();
            files.iter().for_each(|(name, bytes)| fs::write(place.join(name), bytes).unwrap());
            if packed {
                let gzip = flate2::write::GzEncoder::new(
                    fs::File::create(dir.path().join(archive)).unwrap(),
                    flate2::Compression::fast(),
                );
                let mut builder = tar::Builder::new(gzip);
                builder.append_dir_all(folder, &place).unwrap();
                builder.into_inner().unwrap().finish().unwrap();
                fs::remove_dir_all(&place).unwrap();
            }
            let data =
                load(&Dataset::Cifar100, &Sources::new(Some(dir.path())), Device::Cpu, (Some(2), Some(2))).unwrap();
            assert_eq!(labels(&data), [42, 7], "{folder}, packed {packed}");
            let sums: Vec<i64> =
                Vec::try_from(data.test.pixels.sum_dim_intlist(&[1i64, 2, 3][..], false, Kind::Int64)).unwrap();
            assert_eq!(sums, [30720, 61440]);
            assert_eq!(data.class_names[42], "c42");
            assert_eq!(data.remarks, ["2 + 2 images; the official set has 50000 + 10000"]);
        }
    }
}

#[test]
fn folders_take_classes_by_name_in_turns_and_measure_their_normalisation() {
    let dir = tempfile::tempdir().unwrap();
    let put = |path: &str, level: u8| {
        let path = dir.path().join("pets").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_pixel(32, 32, image::Rgb([level, 0, 255])).save(path).unwrap();
    };
    for (path, level) in [("dog/a.png", 0), ("dog/b.png", 0), ("dog/c.png", 0), ("cat/z.png", 255), ("cat/y.png", 255)]
    {
        put(&format!("train/{path}"), level);
    }
    put("val/dog/a.png", 9);
    let data = open("folder:pets", dir.path());
    assert_eq!(data.class_names, ["cat", "dog"]);
    assert_eq!(labels(&data), [0, 1, 0, 1, 1]);
    assert_eq!(
        data.remarks,
        [format!("{} holds no image; the class keeps its label", dir.path().join("pets/val/cat").display())]
    );
    let expected = [(0.4, (0.4f64 * 0.6).sqrt()), (0.0, 1.0 / 255.0), (1.0, 1.0 / 255.0)];
    for (channel, (mean, std)) in expected.into_iter().enumerate() {
        assert!((data.normalisation.mean[channel] - mean).abs() < 1e-12);
        assert!((data.normalisation.std[channel] - std).abs() < 1e-12);
    }
    put("val/bird/a.png", 9);
    let pets = Dataset::Folder("pets".into());
    let error = load(&pets, &Sources::new(Some(dir.path())), Device::Cpu, (None, None)).unwrap_err();
    assert!(error.to_string().contains("class `bird` has no folder in `train`"), "{error}");
}

#[test]
fn only_the_images_asked_for_are_decoded() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["train/cat/a.png", "train/cat/b.png", "train/dog/a.png", "val/cat/a.png"] {
        let path = dir.path().join("pets").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::new(32, 32).save(path).unwrap();
    }
    fs::write(dir.path().join("pets/train/dog/z.png"), "no picture").unwrap();
    let pets = |train| {
        load(&Dataset::Folder("pets".into()), &Sources::new(Some(dir.path())), Device::Cpu, (Some(train), None))
    };
    assert_eq!(labels(&pets(3).unwrap()), [0, 1, 0]);
    assert!(pets(4).unwrap_err().to_string().contains("z.png"));
}

#[test]
fn what_is_missing_comes_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources::new(Some(dir.path()));
    let error = load(&Dataset::Cifar10, &sources, Device::Cpu, (None, None)).unwrap_err();
    let here = dir.path().display();
    let expected = format!("cifar10 not found in {here}; run `ndbench data fetch cifar10` or pass --data DIR");
    assert_eq!(error.to_string(), expected);
    fs::create_dir_all(dir.path().join("pets/train")).unwrap();
    let found = inventory(&sources);
    let lines: Vec<String> = found.iter().map(|f| format!("{} {} {}", f.dataset, f.what, f.remedy.is_some())).collect();
    let expected = [
        "cifar10 not found true",
        "cifar100 not found true",
        "mnist not found true",
        "fashion-mnist not found true",
        "fashion-mini part of the program false",
        "imagenet not found true",
        "folder:pets image folders, folder false",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn verify_counts_and_tells_a_subset_from_damage() {
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources::new(Some(dir.path()));
    let place = dir.path().join("cifar-10-batches-bin");
    fs::create_dir(&place).unwrap();
    let batch = [&[3][..], &[0; 3072], &[3], &[0; 3072]].concat();
    fs::write(place.join("data_batch_1.bin"), &batch).unwrap();
    fs::write(place.join("test_batch.bin"), &batch).unwrap();
    let names = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    fs::write(place.join("batches.meta.txt"), names).unwrap();
    let check = || verify(&Dataset::Cifar10, &sources).unwrap().remove(0).unwrap();
    let verified = check();
    assert_eq!(verified.train, [0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
    let verdicts: Vec<Verdict> = verified.files.iter().map(|f| f.verdict).collect();
    // The names are the official file, byte for byte.
    assert_eq!(verdicts, [Verdict::Official, Verdict::Other, Verdict::Other]);
    assert!(verified.is_undamaged());
    fs::write(place.join("batches.meta.txt"), String::from_utf8_lossy(names).replace("cat", "cow")).unwrap();
    assert!(!check().is_undamaged());
}

#[test]
fn the_command_prints_counts_and_reports_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let run = |names: &[Dataset]| {
        let mut out = Vec::new();
        let sound = ndbench::cli::data::verify(names, Some(dir.path()), false, &mut out).unwrap();
        (sound, String::from_utf8(out).unwrap())
    };
    let (sound, text) = run(&[]);
    assert!(sound && text.contains("fashion-mini: ok (part of the program)"), "{text}");
    assert!(text.contains("train: 6000 images, 10 classes, 600 each"), "{text}");
    let (sound, text) = run(&[Dataset::Mnist]);
    assert!(!sound && text.contains("run `ndbench data fetch mnist`"), "{text}");
}
