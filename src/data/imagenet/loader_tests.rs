use super::super::fixtures::{PICTURES, prepared, tree};
use super::super::photos::{IMAGENET_NORMALISATION, ImageNet};
use super::super::{Preparation, Storage, ranges, shuffled};
use super::*;
use std::time::Duration;
use tch::Kind;

const MAKING: Making = Making { threads: 1, ahead: 2, order: Order::Planes, device: Device::Cpu, scaled: true };
const TRAINING: View = View::Training { seed: 5, epoch: 3 };

/// All numbers and labels of a pass, batch by batch.
fn pass(photos: &Arc<Photos>, view: View, making: Making, before: usize) -> Vec<(Vec<f32>, Vec<i64>)> {
    let order = shuffled(5, 3, photos.len());
    let batches = ranges(order.len(), 5, before);
    let mut loader = Loader::new(photos.clone(), order, batches, (view, &IMAGENET_NORMALISATION), making);
    let mut bad = BadFiles::up_to(0);
    let mut found = Vec::new();
    while let Some(Batch { pixels, labels }) = loader.next(&mut bad).unwrap() {
        assert_eq!(pixels.size()[1..], [3, 224, 224]);
        let numbers = Vec::try_from(pixels.contiguous().view(-1)).unwrap();
        found.push((numbers, Vec::try_from(labels).unwrap()));
    }
    found
}

fn open(storage: Storage) -> (tempfile::TempDir, Arc<Photos>) {
    let dir = tree();
    let out = prepared(dir.path(), Preparation { storage, ..Preparation::default() }).folder;
    let photos = ImageNet::open(&out).unwrap().train;
    (dir, photos)
}

#[test]
fn threads_time_storage_and_layout_change_nothing() {
    let (_dir, photos) = open(Storage::Files);
    let one = pass(&photos, TRAINING, MAKING, 0);
    assert_eq!(one.iter().map(|batch| batch.1.len()).collect::<Vec<_>>(), [5, 5, 5, 1]);
    let (_other, packed) = open(Storage::Packed);
    for (photos, threads, ahead, order) in
        [(&photos, 4, 1, Order::Planes), (&photos, 7, 3, Order::Pixels), (&packed, 3, 2, Order::Planes)]
    {
        let making = Making { threads, ahead, order, ..MAKING };
        assert!(pass(photos, TRAINING, making, 0) == one, "{threads} threads, {ahead} ahead, {order:?}");
    }
    assert!(pass(&photos, TRAINING, MAKING, 2) == one[2..], "a resumption sees the same");
    assert!(pass(&photos, View::Training { seed: 5, epoch: 4 }, MAKING, 0) != one);
}

#[test]
fn labels_are_those_of_the_pictures() {
    let (_dir, photos) = open(Storage::Files);
    let labels: Vec<i64> = pass(&photos, View::Evaluation, MAKING, 0).into_iter().flat_map(|batch| batch.1).collect();
    let order = shuffled(5, 3, photos.len());
    assert_eq!(labels, order.iter().map(|number| photos.label(*number as usize)).collect::<Vec<_>>());
    assert_eq!(labels.iter().sum::<i64>(), PICTURES.len() as i64);
}

#[test]
fn channels_last_is_a_matter_of_memory() {
    let (_dir, photos) = open(Storage::Files);
    let making = Making { order: Order::Pixels, ..MAKING };
    let view = (View::Evaluation, &IMAGENET_NORMALISATION);
    let mut loader = Loader::new(photos, (0..4).collect(), ranges(4, 4, 0), view, making);
    let batch = loader.next(&mut BadFiles::up_to(0)).unwrap().unwrap();
    assert_eq!((batch.pixels.size(), batch.pixels.stride()), (vec![4, 3, 224, 224], vec![150_528, 1, 672, 3]));
    assert_eq!(batch.pixels.kind(), Kind::Float);
}

#[test]
fn no_more_batches_are_in_memory_than_were_asked_for() {
    let (_dir, photos) = open(Storage::Files);
    let making = Making { threads: 4, ahead: 2, ..MAKING };
    let order = shuffled(5, 3, photos.len());
    let view = (TRAINING, &IMAGENET_NORMALISATION);
    let mut loader = Loader::new(photos, order, ranges(16, 2, 0), view, making);
    let mut bad = BadFiles::up_to(0);
    for taken in 0..8 {
        // As far as the threads get while nobody takes anything.
        let state = loop {
            let state = loader.shared.lock();
            if state.open.len() == 2.min(8 - taken) && state.open.iter().all(|filling| filling.left == 0) {
                break state;
            }
            drop(state);
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(state.next == (2 * (taken + 2)).min(16), "{} at {taken}", state.next);
        drop(state);
        assert!(loader.next(&mut bad).unwrap().is_some());
    }
    assert!(loader.next(&mut bad).unwrap().is_none());
}

#[test]
fn a_bad_picture_is_left_out_up_to_the_limit() {
    let (dir, photos) = open(Storage::Files);
    let inner = dir.path().join("ILSVRC/Data/CLS-LOC/train/n01440764");
    std::fs::remove_file(inner.join("n01440764_2.JPEG")).unwrap();
    let cut = inner.join("n01440764_4.JPEG");
    let whole = std::fs::read(&cut).unwrap();
    // The same length, so that only the decoder can tell.
    std::fs::write(&cut, [&whole[..100], &vec![0; whole.len() - 100]].concat()).unwrap();
    let pass = |limit| {
        let (order, batches) = ((0..16).collect(), ranges(16, 4, 0));
        let making = Making { threads: 3, ..MAKING };
        let view = (View::Evaluation, &IMAGENET_NORMALISATION);
        let mut loader = Loader::new(photos.clone(), order, batches, view, making);
        let mut bad = BadFiles::up_to(limit);
        let mut sizes = Vec::new();
        loop {
            match loader.next(&mut bad) {
                Ok(Some(batch)) => {
                    assert_eq!(batch.pixels.size()[0], batch.labels.size()[0]);
                    sizes.push(batch.labels.size()[0]);
                }
                Ok(None) => return (sizes, bad, None),
                Err(e) => return (sizes, bad, Some(e.to_string())),
            }
        }
    };
    let (sizes, bad, ended) = pass(2);
    assert_eq!((sizes, ended), (vec![3, 3, 4, 4], None));
    assert!(bad.list().keys().all(|path| path.contains("n01440764_2") || path.contains("n01440764_4")), "{bad}");
    let (sizes, _, ended) = pass(1);
    let said = ended.unwrap();
    assert_eq!(sizes, [3]);
    assert!(said.contains("n01440764_2.JPEG: cannot be read") && said.contains("n01440764_4.JPEG"), "{said}");
}

#[test]
fn a_loader_that_is_dropped_early_ends_its_threads() {
    let (_dir, photos) = open(Storage::Files);
    let weak = Arc::downgrade(&photos);
    let view = (TRAINING, &IMAGENET_NORMALISATION);
    let mut loader = Loader::new(photos, (0..16).collect(), ranges(16, 1, 0), view, Making { threads: 3, ..MAKING });
    loader.next(&mut BadFiles::up_to(0)).unwrap();
    drop(loader);
    assert!(weak.upgrade().is_none());
}
