use super::super::decode::Kind;
use super::super::fixtures::{CLASSES, prepared, put, tree};
use super::super::{ImageNet, Storage};
use super::*;
use std::fs;

fn no_progress(_: usize, _: usize) {}

fn packing() -> Preparation {
    Preparation { storage: Storage::Packed, threads: 2, ..Preparation::default() }
}

#[test]
fn pictures_are_counted_and_the_odd_ones_are_named() {
    let dir = tree();
    let found = prepared(dir.path(), Preparation::default());
    assert_eq!((&found.train[..], &found.val[..]), (&[8, 8][..], &[4, 4][..]));
    assert_eq!(found.classes, CLASSES);
    let count = |kind| found.kinds[&kind];
    assert_eq!([Kind::Rgb, Kind::Grey, Kind::Cmyk, Kind::Png].map(count), [15, 3, 3, 3]);
    assert_eq!(found.odd.len(), 9);
    assert!(found.remarks.iter().any(|r| r.contains("16 + 8 pictures of 2 classes")), "{:?}", found.remarks);
    let data = ImageNet::open(&found.folder).unwrap();
    assert_eq!((data.train.len(), data.val.len()), (16, 8));
    assert_eq!(Some(data.digest), found.digest);
    assert_eq!((0..8).map(|n| data.val.label(n)).sum::<i64>(), 4);
    assert!(!found.folder.join(journal::FILE).exists());
}

#[test]
fn folders_of_classes_in_val_are_the_same_data() {
    let kaggle = tree();
    let folders = tempfile::tempdir().unwrap();
    let inner = kaggle.path().join("ILSVRC/Data/CLS-LOC");
    fs::rename(inner.join("train"), folders.path().join("train")).unwrap();
    for entry in fs::read_dir(inner.join("val")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let number: usize = name.rsplit('_').next().unwrap().parse().unwrap();
        let to = folders.path().join("val").join(CLASSES[number % 2]);
        fs::create_dir_all(&to).unwrap();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    let flat = prepared(tree().path(), Preparation::default()).digest;
    assert_eq!(prepared(folders.path(), Preparation::default()).digest, flat);
}

#[test]
fn a_packed_cache_holds_the_same_bytes_and_needs_no_files() {
    let dir = tree();
    let files = prepared(dir.path(), Preparation::default());
    let out = tempfile::tempdir().unwrap();
    let packed = prepared(dir.path(), Preparation { out: Some(out.path().join("cache")), ..packing() });
    assert_eq!(packed.digest, files.digest);
    let read = |folder: &Path| {
        let data = ImageNet::open(folder).unwrap();
        (0..data.train.len()).map(|n| data.train.bytes(n).unwrap()).collect::<Vec<_>>()
    };
    let expected = read(&files.folder);
    fs::remove_dir_all(dir.path().join("ILSVRC")).unwrap();
    assert!(read(&packed.folder) == expected);
}

#[test]
fn a_scaled_cache_holds_smaller_pictures_under_another_digest() {
    let dir = tree();
    let files = ImageNet::open(&prepared(dir.path(), Preparation::default()).folder).unwrap();
    let storage = Storage::Scaled { shorter_side: 224 };
    let found =
        prepared(dir.path(), Preparation { storage, out: Some(dir.path().join("small")), ..Preparation::default() });
    assert_eq!(found.odd.len(), 9, "kinds are those of the files");
    let small = ImageNet::open(&found.folder).unwrap();
    assert_eq!(small.storage, storage);
    assert_ne!(small.digest, files.digest);
    let shorter = |set: &ImageNet, n| {
        let (width, height) = super::super::decode::Picture::open(set.train.bytes(n).unwrap()).unwrap().size();
        width.min(height)
    };
    let numbers = 0..files.train.len();
    assert!(numbers.clone().any(|n| shorter(&files, n) > 224) && numbers.clone().any(|n| shorter(&files, n) < 224));
    for number in numbers {
        assert_eq!(small.train.path(number), files.train.path(number));
        assert_eq!(shorter(&small, number), shorter(&files, number).min(224), "{}", small.train.path(number));
    }
}

#[test]
fn an_interrupted_preparation_goes_on_where_it_was() {
    for storage in [Storage::Files, Storage::Packed, Storage::Scaled { shorter_side: 224 }] {
        let dir = tree();
        let whole = prepared(dir.path(), Preparation { storage, ..Preparation::default() });
        let expected = fs::read(whole.folder.join("index.tsv")).unwrap();
        fs::remove_dir_all(&whole.folder).unwrap();
        let preparation = Preparation { storage, threads: 2, ..Preparation::default() };
        let interrupt = AtomicBool::new(false);
        let stop = |done: usize, _: usize| interrupt.store(done == 5, Ordering::Relaxed);
        let ended = prepare(dir.path(), &preparation, &interrupt, stop);
        assert!(matches!(ended, Err(PrepareError::Interrupted)));
        assert!(ImageNet::open(&whole.folder).is_err());
        // A kill may leave half a line, and pictures that are not noted.
        let journal = whole.folder.join(journal::FILE);
        let mut noted = fs::read(&journal).unwrap();
        noted.extend(b"train\tn0144");
        fs::write(&journal, noted).unwrap();
        if storage != Storage::Files {
            let shard = shards::path(&whole.folder, 0);
            let mut bytes = fs::read(&shard).unwrap();
            bytes.extend([7; 1000]);
            fs::write(&shard, bytes).unwrap();
        }
        let found = prepared(dir.path(), preparation.clone());
        assert_eq!(found.read, 24 - 5, "{storage:?}");
        assert_eq!(fs::read(whole.folder.join("index.tsv")).unwrap(), expected);
        assert_eq!(prepared(dir.path(), preparation.clone()).read, 0, "all is noted");
        assert_eq!(prepared(dir.path(), Preparation { again: true, ..preparation }).read, 24);
    }
}

#[test]
fn a_cache_that_is_packed_anew_leaves_a_training_what_it_reads() {
    let dir = tree();
    let folder = prepared(dir.path(), packing()).folder;
    let training = ImageNet::open(&folder).unwrap().train;
    let read = || (0..training.len()).map(|n| training.bytes(n).unwrap()).collect::<Vec<_>>();
    let before = read();
    let interrupt = AtomicBool::new(false);
    let stop = |done: usize, _: usize| interrupt.store(done == 5, Ordering::Relaxed);
    let ended = prepare(dir.path(), &Preparation { again: true, ..packing() }, &interrupt, stop);
    assert!(matches!(ended, Err(PrepareError::Interrupted)));
    assert!(read() == before);
    assert!(ImageNet::open(&folder).is_err(), "an index of what lies there no more");
    assert_eq!(prepared(dir.path(), packing()).read, 24 - 5);
    assert!(ImageNet::open(&folder).is_ok());
}

#[test]
fn a_shard_that_lost_its_end_is_written_anew() {
    let dir = tree();
    let whole = prepared(dir.path(), packing());
    let shard = shards::path(&whole.folder, 0);
    let bytes = fs::read(&shard).unwrap();
    fs::write(&shard, &bytes[..bytes.len() / 2]).unwrap();
    let again = prepared(dir.path(), packing());
    assert!(again.read > 0 && again.read < 24, "{}", again.read);
    assert!(fs::read(&shard).unwrap() == bytes);
}

#[test]
fn bad_pictures_are_listed_and_left_out_up_to_the_limit() {
    let dir = tree();
    let inner = dir.path().join("ILSVRC/Data/CLS-LOC/train/n01440764");
    let whole = fs::read(inner.join("n01440764_1.JPEG")).unwrap();
    fs::write(inner.join("n01440764_1.JPEG"), &whole[..whole.len() / 2]).unwrap();
    fs::write(inner.join("n01440764_3.JPEG"), b"<html>").unwrap();
    let found = prepared(dir.path(), Preparation { max_bad: 1, ..Preparation::default() });
    assert_eq!((found.digest, found.bad.len()), (None, 2));
    assert!(found.bad[1].1.contains("neither JPEG nor PNG"), "{:?}", found.bad);
    assert!(ImageNet::open(&found.folder).is_err());
    let found = prepared(dir.path(), Preparation { max_bad: 2, ..Preparation::default() });
    assert_eq!((found.train, found.read), (vec![6, 8], 0));
    assert!(found.digest.is_some());
    // Once it is repaired, only the new one is read.
    fs::write(inner.join("n01440764_1.JPEG"), &whole).unwrap();
    let found = prepared(dir.path(), Preparation { max_bad: 1, ..Preparation::default() });
    assert_eq!((found.train, found.read), (vec![7, 8], 1));
}

#[test]
fn only_one_process_prepares_a_folder() {
    let dir = tree();
    let folder = dir.path().join(FOLDER);
    fs::create_dir(&folder).unwrap();
    let head = Head::new(Storage::Files, Path::new(".."), CLASSES.map(String::from).into());
    let _held = Journal::open(&folder, &head).unwrap().unwrap();
    let preparation = Preparation { threads: 1, ..Preparation::default() };
    let ended = prepare(dir.path(), &preparation, &AtomicBool::new(false), no_progress);
    assert!(matches!(ended, Err(PrepareError::Busy(_))));
}

#[test]
fn an_index_in_its_folder_moves_with_it() {
    let dir = tree();
    prepared(dir.path(), Preparation::default());
    let other = tempfile::tempdir().unwrap();
    let moved = other.path().join("moved");
    fs::rename(dir.path(), &moved).unwrap();
    let data = ImageNet::open(&moved.join(FOLDER)).unwrap();
    assert!(data.train.bytes(0).is_ok());
}

#[test]
fn what_is_no_imagenet_is_refused_with_a_reason() {
    let ended = |root: &Path| {
        let preparation = Preparation { threads: 1, ..Preparation::default() };
        prepare(root, &preparation, &AtomicBool::new(false), no_progress).unwrap_err().to_string()
    };
    let dir = tempfile::tempdir().unwrap();
    assert!(ended(dir.path()).contains("no folder `train`"));
    put("grey.jpg", &dir.path().join("train/cats/a.jpg"));
    assert!(ended(dir.path()).contains("no folders that are named like classes"));
    put("grey.jpg", &dir.path().join("train/n01440764/a.jpg"));
    assert!(ended(dir.path()).contains("is missing"));
    put("grey.jpg", &dir.path().join("val/a.jpg"));
    assert!(ended(dir.path()).contains("LOC_val_solution.csv"));
    let table = dir.path().join("LOC_val_solution.csv");
    fs::write(&table, "ImageId,PredictionString\nb,n01440764 0 0 1 1\n").unwrap();
    assert!(ended(dir.path()).contains("has no row `a`"));
    fs::write(&table, "ImageId,PredictionString\na,n99999999 0 0 1 1\n").unwrap();
    assert!(ended(dir.path()).contains("class `n99999999` has no folder"));
    fs::remove_file(dir.path().join("val/a.jpg")).unwrap();
    put("grey.jpg", &dir.path().join("val/n00000001/a.jpg"));
    assert!(ended(dir.path()).contains("class `n00000001` has no folder"));
}

#[cfg(target_os = "linux")]
#[test]
fn storage_that_fails_ends_a_preparation_which_goes_on_later() {
    let dir = tree();
    let picture = dir.path().join("ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_2.JPEG");
    let bytes = fs::read(&picture).unwrap();
    fs::remove_file(&picture).unwrap();
    // Nothing is mapped where this file begins: EIO.
    std::os::unix::fs::symlink("/proc/self/mem", &picture).unwrap();
    let ended = prepare(dir.path(), &Preparation::default(), &AtomicBool::new(false), no_progress).unwrap_err();
    assert!(matches!(&ended, PrepareError::Storage { file, .. } if file.ends_with("n01440764_2.JPEG")), "{ended}");
    fs::remove_file(&picture).unwrap();
    fs::write(&picture, bytes).unwrap();
    assert_eq!(prepared(dir.path(), Preparation::default()).train, [8, 8]);
}
