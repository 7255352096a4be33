//! Trainings whose pictures are read and decoded as they go.

use super::*;
use crate::data::imagenet::{ImageNet, Preparation, Storage, fixtures};
use crate::data::{Sources, Streamed};
use std::path::PathBuf;
use tempfile::TempDir;

/// 16 training pictures in batches of 6.
const STEPS: u64 = 3;

/// The pictures that ship with the tests, prepared, and where.
struct Pictures {
    dir: TempDir,
    index: PathBuf,
}

impl Pictures {
    fn new() -> Self {
        let dir = fixtures::tree();
        let index = fixtures::prepared(dir.path(), Preparation::default()).folder;
        Self { dir, index }
    }

    fn data(&self, threads: usize) -> TrainingData {
        let set = ImageNet::open(&self.index).unwrap();
        TrainingData::Streamed(Streamed { set, threads, remarks: Vec::new() })
    }

    /// A training picture of the first class.
    fn path(&self, number: usize) -> PathBuf {
        self.dir.path().join(format!("ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_{number}.JPEG"))
    }

    fn run(&self, trial: &ResolvedTrial, checkpoint: Option<&Path>, listener: &mut Listener) -> Left {
        run_on(&self.data(2), trial, checkpoint.map(|path| (path, HOUR)), listener, &Tiny::build)
    }
}

fn imagenet(recipe: Recipe) -> ResolvedTrial {
    let augmentation = Augmentation { crop_padding: 0, flip: true, resized_crop: true };
    let mut trial = trial(Recipe { augmentation, ..recipe });
    (trial.trial.architecture, trial.trial.dataset) = (Architecture::Vgg11, Dataset::Imagenet);
    trial
}

#[test]
fn threads_and_checkpoints_change_no_number() {
    let pictures = Pictures::new();
    let trial = imagenet(Recipe::default());
    let whole = pictures.run(&trial, None, &mut Listener::default());
    assert_eq!(whole.outcome, Outcome::Finished);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    for threads in [1, 5] {
        let mut listener = Listener::default();
        let every = Some((path.as_path(), Duration::ZERO));
        assert_eq!(run_on(&pictures.data(threads), &trial, every, &mut listener, &Tiny::build), whole);
        let images = listener.epochs().iter().map(|e| e.images).collect::<Vec<_>>();
        assert_eq!(images, [16, 16]);
        assert!(listener.epochs()[0].seconds.step.is_some_and(|step| step.data.0 > 0.0), "the wait for data is seen");
    }
}

#[test]
fn interrupted_at_any_step_it_goes_on_to_the_same_bits() {
    let pictures = Pictures::new();
    let trial = imagenet(Recipe::default());
    let whole = pictures.run(&trial, None, &mut Listener::default());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    for step in 1..=STEPS * u64::from(EPOCHS) {
        let mut listener = Listener { at_step: Some(step), ..Listener::default() };
        let first = pictures.run(&trial, Some(&path), &mut listener);
        let (epochs, steps) = (((step - 1) / STEPS) as u32, (step - 1) % STEPS + 1);
        assert_eq!(first.outcome, Outcome::Interrupted { epochs, steps });
        let mut listener = Listener::default();
        assert_eq!(pictures.run(&trial, Some(&path), &mut listener), whole, "interrupted at step {step}");
        assert!(!listener.time_valid());
    }
    let mut listener = Listener { at_evaluation: Some(2), ..Listener::default() };
    pictures.run(&trial, Some(&path), &mut listener);
    assert_eq!(pictures.run(&trial, Some(&path), &mut Listener::default()), whole, "interrupted in an evaluation");
}

#[test]
fn a_bad_picture_is_left_out_and_said_and_a_resumption_remembers_it() {
    let pictures = Pictures::new();
    std::fs::remove_file(pictures.path(3)).unwrap();
    // In steps of one picture, one of them has none.
    for batch_size in [6, 1] {
        let mut trial = imagenet(Recipe::default());
        trial.trial.recipe.batch_size = batch_size;
        let mut listener = Listener::default();
        let whole = pictures.run(&trial, None, &mut listener);
        assert_eq!(whole.outcome, Outcome::Finished);
        assert_eq!(listener.epochs().iter().map(|e| e.images).collect::<Vec<_>>(), [15, 15]);
        let left_out = listener.left_out();
        let [(path, why)] = &left_out[..] else { panic!("{left_out:?}") };
        assert!(path.starts_with("ILSVRC/") && path.ends_with("n01440764_3.JPEG"), "{path}");
        assert!(why.starts_with("cannot be read"), "{why}");

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.checkpoint");
        let interrupted = u64::from(16_u32.div_ceil(batch_size)) - 1;
        pictures.run(&trial, Some(&path), &mut Listener { at_step: Some(interrupted), ..Listener::default() });
        let mut listener = Listener::default();
        assert_eq!(pictures.run(&trial, Some(&path), &mut listener), whole);
        assert_eq!(listener.epochs()[0].images, 15, "before and after the interruption");
        assert_eq!(listener.left_out(), left_out, "told again, and once");
    }
}

#[test]
fn more_bad_pictures_than_allowed_end_the_training_with_their_list() {
    let pictures = Pictures::new();
    [2, 5].iter().for_each(|number| std::fs::remove_file(pictures.path(*number)).unwrap());
    let mut listener = Listener::default();
    let left = pictures.run(&imagenet(Recipe::default()), None, &mut listener);
    let Outcome::Failed { message } = left.outcome else { panic!("{left:?}") };
    let all = ["2 pictures cannot be used, 1 may", "_2.JPEG: cannot be read", "_5.JPEG", "data prepare imagenet"];
    assert!(all.iter().all(|part| message.contains(part)), "{message}");
    assert_eq!(listener.left_out().len(), 2, "{:?}", listener.left_out());
}

#[test]
fn a_checkpoint_of_other_pictures_is_set_aside() {
    let pictures = Pictures::new();
    let trial = imagenet(Recipe::default());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    pictures.run(&trial, Some(&path), &mut Listener { at_step: Some(2), ..Listener::default() });
    fixtures::put("grey.jpg", &pictures.path(0));
    fixtures::prepared(pictures.dir.path(), Preparation { again: true, ..Preparation::default() });
    let mut listener = Listener::default();
    assert_eq!(pictures.run(&trial, Some(&path), &mut listener).outcome, Outcome::Finished);
    assert!(listener.warnings()[0].contains("with other images"), "{:?}", listener.warnings());
    assert!(listener.time_valid(), "it began anew");
}

#[test]
fn it_is_found_complete_or_in_part() {
    let pictures = Pictures::new();
    let sources = Sources::new(Some(pictures.dir.path()));
    let open = |limits| TrainingData::open(&Dataset::Imagenet, &sources, Device::Cpu, limits);
    let why = open((None, None)).unwrap_err().to_string();
    assert!(why.contains("16 of 1281167 train images, 8 of 50000 test images; complete its folders"), "{why}");
    let all = open((Some(16), Some(8))).unwrap();
    assert_eq!((all.images(), all.classes()), ((16, 8), 2));
    assert_eq!(all.remarks(), ["16 + 8 images; the official set has 1281167 + 50000"]);
    let some = open((Some(5), Some(4))).unwrap();
    assert_eq!(some.images(), (5, 4));
    assert!(some.digest() != all.digest() && some.digest() == open((Some(5), Some(4))).unwrap().digest());
    let TrainingData::Streamed(Streamed { set, .. }) = some else { panic!("it is read from files") };
    assert_eq!((0..5).map(|n| set.train.label(n)).collect::<Vec<_>>(), [0, 1, 0, 1, 0], "in turns of the classes");
    let storage = Storage::Scaled { shorter_side: 224 };
    fixtures::prepared(pictures.dir.path(), Preparation { storage, ..Preparation::default() });
    let small = open((Some(16), Some(8))).unwrap();
    assert!(small.remarks()[1].contains("scaled to a shorter side of 224"), "{:?}", small.remarks());
    let none =
        TrainingData::open(&Dataset::Imagenet, &Sources::new(Some(Path::new("absent"))), Device::Cpu, (None, None));
    let why = none.unwrap_err().to_string();
    assert!(why.contains("ndbench data prepare imagenet DIR"), "{why}");
}

/// A limit on the size of files stands for a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_leaves_the_checkpoint_before() {
    crate::testing::in_own_process("train::tests::streamed::a_disk_that_is_full_leaves_the_checkpoint_before", || {
        let pictures = Pictures::new();
        let trial = imagenet(Recipe::default());
        let whole = pictures.run(&trial, None, &mut Listener::default());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.checkpoint");
        pictures.run(&trial, Some(&path), &mut Listener { at_step: Some(2), ..Listener::default() });
        let before = std::fs::read(&path).unwrap();
        // SAFETY: both calls change this process alone, which ends after the test.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let full = libc::rlimit { rlim_cur: before.len() as u64 / 2, rlim_max: libc::RLIM_INFINITY };
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const full), 0);
        }
        let mut listener = Listener { at_step: Some(2), ..Listener::default() };
        let every = Some((path.as_path(), Duration::ZERO));
        let left = run_on(&pictures.data(2), &trial, every, &mut listener, &Tiny::build);
        assert_eq!(left.outcome, Outcome::Interrupted { epochs: 1, steps: 1 });
        let said = listener.warnings();
        assert!(said.iter().any(|what| what.contains("cannot write the checkpoint")), "{said:?}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "the one before is whole");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half written is left");
        assert_eq!(pictures.run(&trial, Some(&path), &mut Listener::default()), whole);
    });
}
