//! Stores read with an index and without one, before and after every kind of change.

use super::super::index::{Builder, Stamp, Summary, encode};
use super::super::skipped::counted;
use super::*;
use crate::event::Outcome;
use crate::plan::ResolvedTrial;
use crate::record::made_up;
use crate::scenario::{Architecture, Dataset};
use proptest::prelude::*;
use std::path::PathBuf;

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

    /// With the index.
    fn indexed(&self) -> Gathered {
        let index = Index::in_folders(&self.store, Some(&self.dir.path().join("cache")));
        self.store.gather_with(&self.trials, Some(&index), 0)
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

    /// Puts a lie about every record into the index in `folder`, under its file's stamp after `change`.
    fn lie(&self, folder: &Path, change: impl Fn(Stamp) -> Stamp) {
        let (records, _) = self.store.records();
        for number in 0..SHARDS {
            let mut builder = Builder::default();
            let of_shard = |path: &Path| shard_of(path.file_name().unwrap()) == number;
            for (path, mut record) in records.iter().filter(|(path, _)| of_shard(path)).cloned() {
                record.remarks = vec!["a lie".into()];
                let summary = Summary {
                    trial_id: record.trial_id.clone(),
                    fingerprint: record.environment.fingerprint(),
                    is_finished: true,
                    time_valid: true,
                    finished: record.finished,
                };
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                builder.add(name, change(Stamp::of(&path).unwrap()), summary, &encode(&record));
            }
            builder.write(&folder.join(format!("{number:02x}"))).unwrap();
        }
    }
}

/// How many lies were believed.
fn lies(gathered: &Gathered) -> usize {
    gathered.records.iter().filter(|record| record.remarks == ["a lie"]).count()
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
    bench.lie(&bench.store.path().join("index"), |stamp| stamp);
    assert_eq!(lies(&bench.indexed()), 4, "the index is used");
    // Damaged, though size, checksum and, on any file system that has no finer times, the time are the same.
    let path = bench.path(0);
    let (before, old) = (fs::metadata(&path).unwrap().modified().unwrap(), fs::read_to_string(&path).unwrap());
    bench.put(&path, &old.replace("\"time_valid\": true", "\"time_valid\": 1234"));
    fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    let gathered = bench.indexed();
    assert_eq!((lies(&gathered), gathered.skipped.len()), (3, 1));
    assert!(reasons(&gathered)[0].contains("checksum"), "{gathered:?}");
}

#[test]
fn a_record_of_the_same_length_is_told_by_its_checksum_whatever_the_times_are() {
    let bench = Bench::new();
    let other = text(&bench.trials[1], "one");
    let stated = |text: &str| text.split_once("sha256:").unwrap().1[..32].to_owned();
    // An entry of what the file held before, on a file system where size, times and inode are still the same.
    let before = |stamp: Stamp| {
        let mut fields = serde_json::to_value(&stamp).unwrap();
        fields["stated"] = stated(&other).into();
        serde_json::from_value(fields).unwrap()
    };
    bench.lie(&bench.store.path().join("index"), before);
    assert_eq!(lies(&bench.indexed()), 0);
    assert_eq!(bench.indexed(), bench.read());
    // Replaced in place, with its old time: two texts of one length.
    bench.put(&bench.path(1), &other);
    bench.agreed();
    let time = fs::metadata(bench.path(1)).unwrap().modified().unwrap();
    fs::write(bench.path(1), text(&bench.trials[1], "two")).unwrap();
    fs::File::options().write(true).open(bench.path(1)).unwrap().set_modified(time).unwrap();
    assert!(bench.agreed().records.iter().any(|record| record.remarks == ["two"]));
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
fn a_file_is_kept_at_once_whatever_its_time_says() {
    let bench = Bench::new();
    for days in [-30, 30_i64] {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        fs::File::options().write(true).open(bench.path(0)).unwrap().set_modified(time.into()).unwrap();
        bench.agreed();
        bench.lie(&bench.store.path().join("index"), |stamp| stamp);
        assert_eq!(lies(&bench.indexed()), 4);
        fs::remove_dir_all(bench.store.path().join("index")).unwrap();
    }
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
        let other = String::from_utf8_lossy(&whole).replacen("ndbench.index/3", "ndbench.index/0", 1).into_bytes();
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
    // Neither is an entry of the index.
    fs::write(bench.store.records_path().join("notes.txt"), "to do").unwrap();
    fs::create_dir(bench.store.records_path().join("folder.json")).unwrap();
    let gathered = bench.agreed();
    assert_eq!(gathered.skipped.len(), 2);
    let times = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let stamps = || bench.shards().iter().map(times).collect::<Vec<_>>();
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
    bench.lie(&cache.join(&folders[0]), |stamp| stamp);
    assert_eq!(lies(&bench.indexed()), 4, "the index is used");
    let index = Index::in_folders(&bench.store, None);
    let nowhere = bench.store.gather_with(&[], Some(&index), 0);
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
            let text = text(&bench.trials[trial], &format!("{n:02}"));
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
