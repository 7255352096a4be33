//! `ndbench serve`: the results of a store as metrics and as a page.

use super::args::ServeArgs;
use super::exit::Failure;
use super::live::{self, answer};
use super::talk;
use crate::export::metrics::{BuildInfo, Exposition, Families, Results, Source, slots};
use crate::http::{Request, Response};
use crate::plan::{ResolvedTrial, TrialId};
use crate::published::Published;
use crate::record::{Record, Store};
use crate::report::{Bundle, Options, Report};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often the end is looked for.
const PULSE: Duration = Duration::from_millis(100);

/// Between two looks at a store passes at least so many times what a look took: of very many records one takes a second.
const REST: u32 = 20;

/// Serves until a signal ends it.
///
/// # Errors
/// A store that is not there, or an endpoint that cannot be.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let store = Store::open_existing(&args.store).map_err(|e| Failure::Store(Box::new(e)))?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let shown = Arc::new(Shown::default());
    let mut mark = store.mark();
    shown.read(&store)?;
    let (page, exposition) = (shown.clone(), Exposition::new(vec![Arc::new(BuildInfo), shown.clone()]));
    let handler = move |request: &Request| match request.path.as_str() {
        "/" => Response::ok("text/html; charset=utf-8", page.page()),
        _ => answer(request, &exposition),
    };
    let _live = live::start(&args.listen, &args.guard, false, handler)?;
    let refresh = Duration::from_secs(args.refresh);
    let (mut looked, mut pause) = (Instant::now(), refresh);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(PULSE);
        if looked.elapsed() < pause {
            continue;
        }
        let begun = Instant::now();
        let now = store.mark();
        (looked, pause) = (Instant::now(), refresh.max(begun.elapsed() * REST));
        if now != mark {
            mark = now;
            shown.read(&store)?;
        }
    }
    Ok(())
}

/// What is served of the store.
#[derive(Default)]
struct Shown(Mutex<Content>);

#[derive(Default)]
struct Content {
    page: Arc<[u8]>,
    results: Arc<Results>,
    records: usize,
    skipped: usize,
    read: f64,
}

impl Shown {
    fn page(&self) -> Arc<[u8]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).page.clone()
    }

    /// Reads the store anew; meanwhile what was read before is served.
    fn read(&self, store: &Store) -> Result<(), Failure> {
        let (found, skipped) = store.records();
        let records: Vec<Record> = found.into_iter().map(|(_, record)| record).collect();
        let page = page(store.path(), &records)?;
        let read = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        let results = Arc::new(Results(slots(&records)));
        let content = Content { page, results, records: records.len(), skipped: skipped.len(), read };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = content;
        talk::say(&format!("{} record(s), {} file(s) skipped", records.len(), skipped.len()))?;
        Ok(())
    }
}

impl Source for Shown {
    fn collect(&self, families: &mut Families) {
        let content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (results, records, skipped, read) =
            (content.results.clone(), content.records, content.skipped, content.read);
        drop(content);
        families.gauge("ndbench_store_records", "Records in the store", &[], records as f64);
        let help = "Files in the store that are not used";
        families.gauge("ndbench_store_skipped_files", help, &[], skipped as f64);
        families.gauge("ndbench_store_read_timestamp_seconds", "When the store was read", &[], read);
        results.collect(families);
    }
}

/// The report on every trial that has a record.
fn page(store: &Path, records: &[Record]) -> Result<Arc<[u8]>, Failure> {
    let published = Published::embedded().map_err(|e| Failure::Input(Box::new(e)))?;
    let mut trials: BTreeMap<TrialId, ResolvedTrial> = BTreeMap::new();
    for Record { trial_id, trial, sources, block, .. } in records {
        trials.entry(trial_id.clone()).or_insert_with(|| ResolvedTrial {
            trial: trial.clone(),
            sources: sources.clone().into(),
            block: block.clone(),
            variant: None,
        });
    }
    let trials: Vec<ResolvedTrial> = trials.into_values().collect();
    let mut report = Report::build(&trials, records, &published);
    report.scenario = store.display().to_string();
    Ok(Bundle::new(&report, &published, Options::default()).html().into_bytes().into())
}
