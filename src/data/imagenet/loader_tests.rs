use super::super::fixtures::{PICTURES, prepared, tree};
use super::super::photos::{IMAGENET_NORMALISATION, ImageNet};
use super::super::{Preparation, Storage, ranges, shuffled};
use super::*;
use std::time::Duration;
use tch::Kind;

const MAKING: Making = Making { threads: 1, ahead: 2, order: Order::Planes, device: Device::Cpu, scaled: true };
const TRAINING: View = View::Training { seed: 5, epoch: 3 };

/// Numbers and labels of a batch.
type Seen = (Vec<f32>, Vec<i64>);

/// A pass in the order of an epoch, in batches of `size`, but for those `before`.
fn shuffled_pass(photos: &Arc<Photos>, view: View, size: usize, before: usize) -> PhotoPass {
    let order = shuffled(5, 3, photos.len());
    let batches = ranges(order.len(), size, before);
    PhotoPass { photos: photos.clone(), order, batches, view, normalisation: IMAGENET_NORMALISATION }
}

fn loader(pass: PhotoPass, making: Making) -> Loader {
    let mut loader = Loader::new(making);
    loader.then(pass);
    loader
}

/// All numbers and labels of a pass, batch by batch.
fn pass(photos: &Arc<Photos>, view: View, making: Making, before: usize) -> Vec<Seen> {
    rest(&mut loader(shuffled_pass(photos, view, 5, before), making))
}

/// All batches that are left of the pass under way.
fn rest(loader: &mut Loader) -> Vec<Seen> {
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
    let first = PhotoPass { batches: ranges(4, 4, 0), ..shuffled_pass(&photos, View::Evaluation, 4, 0) };
    let mut loader = loader(first, making);
    let batch = loader.next(&mut BadFiles::up_to(0)).unwrap().unwrap();
    assert_eq!((batch.pixels.size(), batch.pixels.stride()), (vec![4, 3, 224, 224], vec![150_528, 1, 672, 3]));
    assert_eq!(batch.pixels.kind(), Kind::Float);
}

/// Waits until threads have made whatever they may while nobody takes anything; the numbers of the first pictures of the
/// batches that wait.
fn made(loader: &Loader) -> Vec<u32> {
    loop {
        let state = loader.shared.lock();
        let is_full = state.open.iter().all(|filling| filling.left == 0);
        let no_more =
            state.open.len() == loader.shared.making.ahead || state.passes.iter().all(|(p, n)| *n == p.batches.len());
        if is_full && no_more {
            return state.open.iter().map(|filling| filling.pass.order[filling.range.start]).collect();
        }
        drop(state);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn no_more_batches_are_in_memory_than_were_asked_for_and_the_next_pass_follows_without_a_gap() {
    let (_dir, photos) = open(Storage::Files);
    let making = Making { threads: 4, ahead: 2, ..MAKING };
    let training = shuffled_pass(&photos, TRAINING, 2, 0);
    let evaluation = PhotoPass {
        order: (0..4).collect(),
        batches: ranges(4, 2, 0),
        ..shuffled_pass(&photos, View::Evaluation, 2, 0)
    };
    let firsts = |pass: &PhotoPass| pass.batches.iter().map(|range| pass.order[range.start]).collect::<Vec<_>>();
    let all = [firsts(&training), firsts(&evaluation)].concat();
    let mut loader = loader(training, making);
    loader.then(evaluation);
    let mut bad = BadFiles::up_to(0);
    for taken in 0..8 {
        assert_eq!(made(&loader), all[taken..taken + 2], "{taken}");
        assert!(!loader.go_on(), "batches are left");
        assert!(loader.next(&mut bad).unwrap().is_some());
    }
    assert!(loader.next(&mut bad).unwrap().is_none(), "the pass is through");
    assert_eq!(made(&loader), all[8..], "the next one waits");
    assert!(loader.go_on());
    for left in [1, 0] {
        assert!(loader.next(&mut bad).unwrap().is_some());
        assert_eq!(made(&loader).len(), left);
    }
    assert!(loader.next(&mut bad).unwrap().is_none() && !loader.go_on());
}

#[test]
fn passes_in_a_row_are_those_that_stand_alone() {
    let (_dir, photos) = open(Storage::Files);
    let passes = [(TRAINING, 1), (View::Evaluation, 0), (View::Training { seed: 5, epoch: 4 }, 4)];
    let alone = passes.map(|(view, before)| pass(&photos, view, MAKING, before));
    assert_eq!(alone[2].len(), 0, "nothing is left of it");
    for threads in [1, 5] {
        let mut loader = Loader::new(Making { threads, ahead: 3, ..MAKING });
        passes.iter().for_each(|(view, before)| loader.then(shuffled_pass(&photos, *view, 5, *before)));
        for (number, alone) in alone.iter().enumerate() {
            assert!(rest(&mut loader) == *alone, "{threads} threads: pass {number}");
            assert_eq!(loader.go_on(), number < 2);
        }
    }
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
        let pass = PhotoPass { order: (0..16).collect(), ..shuffled_pass(&photos, View::Evaluation, 4, 0) };
        let mut loader = loader(pass, Making { threads: 3, ..MAKING });
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

#[cfg(target_os = "linux")]
#[test]
fn storage_that_fails_is_no_fault_of_pictures() {
    let (dir, photos) = open(Storage::Files);
    let picture = dir.path().join("ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_2.JPEG");
    std::fs::remove_file(&picture).unwrap();
    // Nothing is mapped where this file begins: EIO.
    std::os::unix::fs::symlink("/proc/self/mem", &picture).unwrap();
    let mut loader = loader(shuffled_pass(&photos, View::Evaluation, 16, 0), MAKING);
    let mut bad = BadFiles::up_to(9);
    let ended = loader.next(&mut bad).unwrap_err();
    assert!(matches!(&ended, LoadError::Ended(why) if why.contains("n01440764_2.JPEG: cannot be read")), "{ended}");
    assert!(bad.list().is_empty(), "{bad}");
}

#[test]
fn a_loader_that_is_dropped_early_ends_its_threads() {
    let (_dir, photos) = open(Storage::Files);
    let weak = Arc::downgrade(&photos);
    let mut loader = loader(shuffled_pass(&photos, TRAINING, 1, 0), Making { threads: 3, ..MAKING });
    drop(photos);
    loader.next(&mut BadFiles::up_to(0)).unwrap();
    drop(loader);
    assert!(weak.upgrade().is_none());
}
