//! Reports on a store of 100,000 records, or as many as NDBENCH_BENCH_RECORDS says: without an index, the first time and
//! every other time, on 180 of the records and on all of them; with the largest resident set of each. The store is made in
//! a temporary folder, or in NDBENCH_BENCH_STORE, where the next bench finds it again.

mod generator;

use criterion::{BatchSize, Criterion, SamplingMode, criterion_group, criterion_main};
use ndbench::published::Published;
use ndbench::record::{Indexing, Store};
use ndbench::report::{Bundle, Options, Report};
use std::cell::Cell;
use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Trainings of one attempt at the scenario.
const CELLS: usize = 60;

/// From the scenario to the JSON of its report: all that the command does but for the reader's part.
fn report(store: &Path, attempts: usize, indexing: Indexing) {
    let trials = generator::trials(attempts);
    let gathered = Store::open_existing(store).expect("a store").gather(&trials, indexing);
    let published = Published::embedded().expect("the published numbers");
    let mut report = Report::build(&trials, &gathered.records, &published);
    report.coverage.other_records += gathered.others;
    report.skipped = gathered.skipped;
    let bundle = Bundle::new(&report, &published, Options { all: true, ..Options::default() });
    bundle.json(&mut BufWriter::with_capacity(1 << 18, io::sink())).expect("a sink takes everything");
}

fn forget(store: &Path) {
    if let Err(e) = fs::remove_dir_all(store.join("index")) {
        assert_eq!(e.kind(), std::io::ErrorKind::NotFound);
    }
}

/// What one case costs beside its time.
#[derive(Default)]
struct Cost {
    runs: Cell<u32>,
    before: f64,
}

impl Cost {
    fn begin() -> Self {
        peak();
        Self { before: processor_seconds(), ..Self::default() }
    }

    /// Counts a run.
    fn of<T>(&self, run: impl Fn() -> T) -> T {
        self.runs.set(self.runs.get() + 1);
        run()
    }

    /// On a machine that others use too, the time of the processors says more than the time of the clock.
    fn print(&self) {
        let seconds = (processor_seconds() - self.before) / f64::from(self.runs.get().max(1));
        println!("processors: {seconds:.2} s a run; largest resident set: {}", peak().unwrap_or("unknown".into()));
    }
}

/// Time of all processors in this process.
fn processor_seconds() -> f64 {
    // SAFETY: the structure is plain numbers, and the call fills it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// The largest resident set since the last call, where Linux tells.
fn peak() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().to_owned();
    fs::write("/proc/self/clear_refs", "5").ok()?;
    Some(peak)
}

/// Gives free memory back to the system.
fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call frees nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn reports(c: &mut Criterion) {
    let records = std::env::var("NDBENCH_BENCH_RECORDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let attempts = (records / CELLS).max(3);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = std::env::var_os("NDBENCH_BENCH_STORE").map_or_else(|| dir.path().into(), PathBuf::from);
    let store = store.as_path();
    if !store.join("records").exists() {
        generator::fill(store, &generator::trials(attempts));
    }
    let mut group = c.benchmark_group(format!("report on a store of {} records", attempts * CELLS));
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(10));
    for (of, attempts) in [("180 trials", 3), ("every trial", attempts)] {
        // Each run begins like a program of its own, without what the allocator kept of the one before.
        let mut case = |name: &str, setup: &dyn Fn(), indexing| {
            let cost = Cost::begin();
            let run = || cost.of(|| report(store, attempts, indexing));
            group.bench_function(format!("{of}, {name}"), |b| {
                b.iter_batched(|| (setup(), trim()), |_| run(), BatchSize::PerIteration);
            });
            cost.print();
        };
        case("without an index", &|| (), Indexing::Off);
        case("the first time", &|| forget(store), Indexing::Auto);
        case("with an index", &|| (), Indexing::Auto);
    }
}

criterion_group!(benches, reports);
criterion_main!(benches);
