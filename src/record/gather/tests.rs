//! Stores read with an index and without one, before and after every kind of change.

use super::super::index::{Builder, Stamp};
use super::super::skipped::counted;
use super::*;
use crate::event::Outcome;
use crate::plan::ResolvedTrial;
use crate::record::made_up;
use crate::scenario::{Architecture, Dataset};
use proptest::prelude::*;
use std::path::PathBuf;
use std::time::Duration;

/// A store with its index and cache folder.
struct Bench {
    dir: tempfile::TempDir,
    store: Store,
    /// The trials asked for.
    trials: Vec<ResolvedTrial>,
}

impl Bench {
    /// A store of BN and ND of a cell, two attempts, and of a trial that is not asked for.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store")).unwrap();
        fs::create_dir_all(store.records_path()).unwrap();
        let bench = Self { dir, store, trials: made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 2, 2) };
        let other = made_up::cell(Architecture::Dpn92, Dataset::Cifar10, 1, 1).remove(0);
        bench.trials.iter().chain([&other]).for_each(|t| bench.put(&bench.store.record_path(&t.trial), &text(t, "")));
        bench
    }

    /// Replaces a file as a program does: by a rename.
    fn put(&self, path: &Path, text: &str) {
        let new = self.dir.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn path(&self, trial: usize) -> PathBuf {
        self.store.record_path(&self.trials[trial].trial)
    }

    fn gather_at(&self, now: SystemTime) -> Gathered {
        let index = Index::in_folders(&self.store, Some(&self.dir.path().join("cache")));
        self.store.gather_with(&self.trials, Some(&index), 0, now)
    }

    /// With the index, as a program sees the store that runs an hour from now: every file is settled.
    fn indexed(&self) -> Gathered {
        self.gather_at(SystemTime::now() + Duration::from_secs(3600))
    }

    /// Without an index.
    fn read(&self) -> Gathered {
        self.store.gather(&self.trials, Indexing::Off)
    }

    /// What is gathered, the same without the index, with an old one and with a fresh one.
    fn agreed(&self) -> Gathered {
        let read = self.read();
        assert_eq!(self.indexed(), read, "the first time");
        assert_eq!(self.indexed(), read, "the second time");
        read
    }

    fn shards(&self) -> Vec<PathBuf> {
        let folder = self.store.path().join("index");
        names_in(&folder).unwrap().into_iter().map(|name| folder.join(name)).collect()
    }

    /// Puts a lie about every file into the index in `folder`.
    fn lie(&self, folder: &Path) {
        let names = names_in(&self.store.records_path()).unwrap();
        for number in 0..SHARDS {
            let mut builder = Builder::default();
            for name in names.iter().filter(|name| shard_of(name) == number) {
                let stamp = Stamp::of(&fs::metadata(self.store.records_path().join(name)).unwrap());
                builder.add(
                    name.to_str().unwrap().into(),
                    stamp,
                    Known::Skipped(SkippedKind::Broken, "a lie".into()),
                    b"",
                );
            }
            builder.write(&folder.join(format!("{number:02x}"))).unwrap();
        }
    }
}

fn text(trial: &ResolvedTrial, remark: &str) -> String {
    let mut record = made_up::record(trial, 0.5, 10.0);
    record.remarks.push(remark.into());
    record.to_json().unwrap()
}

fn reasons(gathered: &Gathered) -> Vec<&str> {
    gathered.skipped.iter().map(|s| s.why.as_str()).collect()
}

#[test]
fn wanted_records_are_returned_and_others_counted() {
    let bench = Bench::new();
    let gathered = bench.agreed();
    assert_eq!((gathered.records.len(), gathered.others, gathered.skipped.len()), (4, 1, 0));
    let mut expected = made_up::record(&bench.trials[0], 0.5, 10.0);
    expected.remarks.push(String::new());
    expected.sources.clear();
    assert!(gathered.records.iter().any(|r| **r == expected));
    assert_eq!(Store::open(bench.dir.path().join("empty")).unwrap().gather(&[], Indexing::Auto), Gathered::default());
}

#[test]
fn what_is_not_a_record_of_its_own_is_named() {
    let bench = Bench::new();
    let whole = text(&bench.trials[0], "");
    let folder = bench.store.records_path();
    bench.put(&folder.join("half.json"), &whole[..whole.len() / 2]);
    bench.put(&folder.join("foreign.json"), "{}");
    bench.put(&folder.join("newer.json"), &whole.replace("ndbench.record/1", "ndbench.record/2"));
    bench.put(&folder.join("notes.txt"), "to do");
    bench.put(&folder.join("z-copy.json"), &whole);
    let mut interrupted = made_up::record(&bench.trials[1], 0.5, 10.0);
    interrupted.outcome = Outcome::Interrupted { epochs: 2, steps: 1 };
    interrupted.finished = "2027-01-01T00:00:00Z".parse().unwrap();
    bench.put(&folder.join("a-interrupted.json"), &interrupted.to_json().unwrap());
    let mut elsewhere = made_up::record(&bench.trials[2], 0.5, 10.0);
    elsewhere.environment = made_up::environment("beta").into();
    bench.put(&folder.join("elsewhere.json"), &elsewhere.to_json().unwrap());
    let gathered = bench.agreed();
    assert_eq!((gathered.records.len(), gathered.others), (5, 1));
    let names: Vec<_> = gathered.skipped.iter().map(|s| s.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a-interrupted.json", "foreign.json", "half.json", "newer.json", "notes.txt", "z-copy.json"]);
    for (i, part) in
        [(0, "a second record"), (1, "schema"), (2, "half of it"), (3, "newer"), (4, ".json"), (5, "counts")]
    {
        assert!(gathered.skipped[i].why.contains(part), "{:?}", gathered.skipped[i]);
    }
    let kinds: Vec<_> = gathered.skipped.iter().map(|s| s.kind.word()).collect();
    assert_eq!(kinds, ["duplicated", "foreign", "broken", "newer", "foreign", "duplicated"]);
    assert_eq!(counted(&gathered.skipped), "1 broken, 1 newer, 2 duplicated, 2 foreign");
    let counts = bench.path(0).file_name().unwrap().to_string_lossy().into_owned();
    assert!(gathered.skipped[5].why.contains(&counts), "{:?}", gathered.skipped[5]);
}

#[test]
fn an_entry_counts_as_long_as_its_file_is_unchanged() {
    let bench = Bench::new();
    bench.agreed();
    bench.lie(&bench.store.path().join("index"));
    assert_eq!(reasons(&bench.indexed()), ["a lie"; 5], "the index is used");
    // The same size and, on any file system that has no finer times, the same time.
    let path = bench.path(0);
    let (before, old) = (fs::metadata(&path).unwrap().modified().unwrap(), fs::read_to_string(&path).unwrap());
    bench.put(&path, &old.replace("\"time_valid\": true", "\"time_valid\": 1234"));
    fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    let gathered = bench.indexed();
    assert_eq!(gathered.skipped.len(), 5);
    assert_eq!(reasons(&gathered).iter().filter(|why| **why == "a lie").count(), 4);
    assert!(reasons(&gathered).iter().any(|why| why.contains("checksum")), "{gathered:?}");
}

#[test]
fn a_renamed_or_replaced_file_is_read_again_and_a_removed_one_forgotten() {
    let bench = Bench::new();
    bench.agreed();
    fs::rename(bench.path(0), bench.path(0).with_file_name("renamed.json")).unwrap();
    assert_eq!(bench.agreed().records.len(), 4);
    fs::remove_file(bench.path(1)).unwrap();
    assert_eq!(bench.agreed().records.len(), 3);
    bench.put(&bench.path(2), &text(&bench.trials[2], "again"));
    assert!(bench.agreed().records.iter().any(|r| r.remarks == ["again"]));
    bench.put(&bench.path(2), "{}");
    assert_eq!((bench.agreed().records.len(), bench.agreed().skipped.len()), (2, 1));
    fs::remove_dir_all(bench.store.path().join("index")).unwrap();
    assert_eq!(bench.agreed().records.len(), 2, "the index is not missed");
}

#[test]
fn a_file_touched_a_moment_ago_is_not_kept() {
    let bench = Bench::new();
    assert_eq!(bench.gather_at(SystemTime::now()), bench.read());
    assert_eq!(bench.shards(), Vec::<PathBuf>::new());
    bench.indexed();
    assert!(!bench.shards().is_empty());
}

#[test]
fn a_damaged_index_is_made_anew() {
    let bench = Bench::new();
    let read = bench.agreed();
    for shard in bench.shards() {
        let whole = fs::read(&shard).unwrap();
        let asked_for = String::from_utf8_lossy(&whole).contains("vgg16");
        let blob = whole.len() - 5;
        let flipped = |at: usize| [&whole[..at], &[whole[at] ^ 1], &whole[at + 1..]].concat();
        let other = String::from_utf8_lossy(&whole).replacen("ndbench.index/2", "ndbench.index/0", 1).into_bytes();
        for damaged in
            [vec![], b"{}\n".to_vec(), whole[..blob].to_vec(), flipped(3), flipped(300), flipped(blob), other]
        {
            fs::write(&shard, &damaged).unwrap();
            assert_eq!(bench.indexed(), read);
            let healed = fs::read(&shard).unwrap();
            // The bytes of a record that is not asked for are not looked at.
            assert!(healed == whole || !asked_for && damaged.starts_with(&whole[..300]), "{}", shard.display());
        }
    }
}

#[test]
fn no_news_writes_nothing() {
    let bench = Bench::new();
    // Neither is an entry of the index: the reason holds for whoever reads, or the content was never seen.
    fs::write(bench.store.records_path().join("notes.txt"), "to do").unwrap();
    fs::create_dir(bench.store.records_path().join("folder.json")).unwrap();
    let gathered = bench.agreed();
    assert_eq!(gathered.skipped.len(), 2);
    let stamps = || bench.shards().iter().map(|path| Stamp::of(&fs::metadata(path).unwrap())).collect::<Vec<_>>();
    let before = stamps();
    bench.agreed();
    assert_eq!(stamps(), before);
}

#[test]
fn where_the_store_takes_no_index_the_cache_folder_does() {
    let bench = Bench::new();
    // For any user, root included.
    fs::write(bench.store.path().join("index"), "").unwrap();
    bench.agreed();
    let cache = bench.dir.path().join("cache/index");
    let folders = names_in(&cache).unwrap();
    assert_eq!(folders.len(), 1);
    bench.lie(&cache.join(&folders[0]));
    assert_eq!(reasons(&bench.indexed()), ["a lie"; 5], "the index is used");
    let index = Index::in_folders(&bench.store, None);
    let nowhere = bench.store.gather_with(&[], Some(&index), 0, SystemTime::now());
    assert_eq!((nowhere.others, nowhere.skipped.len()), (5, 0));
}

#[test]
fn small_stores_have_no_index() {
    let bench = Bench::new();
    bench.store.gather(&[], Indexing::Auto);
    assert!(!bench.store.path().join("index").exists());
}

#[test]
fn a_store_without_a_folder_of_records_says_so() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("records"), "").unwrap();
    let gathered = Store::open(dir.path()).unwrap().gather(&[], Indexing::Auto);
    assert!(reasons(&gathered)[0].starts_with("cannot list the folder"), "{gathered:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_happens_to_the_files_the_index_never_shows(steps in prop::collection::vec((0..5_usize, 0..4_usize), 1..8)) {
        let bench = Bench::new();
        bench.indexed();
        for (n, (what, trial)) in steps.into_iter().enumerate() {
            let path = bench.path(trial);
            // Each step makes files of its own sizes: two changes within one tick of the clock would look alike.
            let text = text(&bench.trials[trial], &"x".repeat(10 + n));
            match what {
                0 => bench.put(&path, &text),
                1 => bench.put(&path, &text[..100 + n]),
                2 => bench.put(&path.with_extension(format!("{n}.json")), &text),
                3 => drop(fs::remove_file(&path)),
                _ => drop(fs::rename(&path, path.with_extension("moved.json"))),
            }
            prop_assert_eq!(bench.indexed(), bench.read());
        }
    }
}
