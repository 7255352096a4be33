//! `ndbench report`: the tables and the figure of a scenario, from a store alone.

use crate::files::write_atomic;
use crate::plan::ResolvedTrial;
use crate::published::{Published, PublishedError};
use crate::record::{Indexing, Store, StoreError};
use crate::report::{Report, comparison, figure, markdown};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How the report is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people and for repositories.
    #[default]
    Markdown,
    /// For programs.
    Json,
}

/// What to report on, and how.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The folder of the records.
    pub store: &'a Path,
    /// Title of the scenario.
    pub title: &'a str,
    /// Its trials, after filters.
    pub trials: &'a [ResolvedTrial],
    /// The form on stdout.
    pub format: Format,
    /// Best epochs, top-5 and unfinished trials too.
    pub verbose: bool,
    /// Where to write the figure; none is written without a path.
    pub figure: Option<&'a Path>,
    /// Whether an index of the store is used and kept.
    pub indexing: Indexing,
}

/// The report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The binary's own tables are damaged.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// A file or stdout cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Prints the report on stdout and writes the figure.
///
/// # Errors
/// [`ReportError`] where there is no store or a file cannot be written. Skipped files and missing trials are no errors.
pub fn report(request: &Request) -> Result<(), ReportError> {
    let report = build(request)?;
    write_figure(&report, request.figure)?;
    match request.format {
        Format::Markdown => print(&markdown(&report, request.verbose)),
        Format::Json => print(&report.to_json()),
    }
}

/// Prints BN beside ND for the end of a run, writes the figure and says where figure and records lie.
///
/// # Errors
/// As [`report`].
pub fn print_comparison(request: &Request) -> Result<(), ReportError> {
    let report = build(request)?;
    write_figure(&report, request.figure)?;
    if request.format == Format::Json {
        return print(&report.to_json());
    }
    let mut text = comparison(&report);
    if let Some(path) = request.figure {
        text += &format!("Figure:  {}\n", path.display());
    }
    text += &format!("Records: {}\n", request.store.join("records").display());
    print(&text)
}

/// Reads the store.
fn build(request: &Request) -> Result<Report, ReportError> {
    let gathered = Store::open_existing(request.store)?.gather(request.trials, request.indexing);
    let mut report = Report::build(request.trials, &gathered.records, &Published::embedded()?);
    report.scenario = request.title.into();
    report.coverage.other_records += gathered.others;
    report.skipped = gathered.skipped;
    // The process ends when the report is printed; freeing 100,000 records one by one would hold it up.
    std::mem::forget(gathered.records);
    Ok(report)
}

fn write_figure(report: &Report, path: Option<&Path>) -> Result<(), ReportError> {
    let Some(path) = path else { return Ok(()) };
    write_atomic(path, figure(report).as_bytes()).map_err(|source| ReportError::Write { path: path.into(), source })
}

/// Prints on stdout; a reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<(), ReportError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(ReportError::Write { path: "standard output".into(), source: e })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};

    #[test]
    fn the_store_alone_makes_report_and_figure() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let trials = made_up::cell(Architecture::Vgg16, Dataset::FashionMini, 2, 1);
        store.write(&made_up::record(&trials[0], 0.8, 5.0)).unwrap();
        std::fs::write(store.records_path().join("half.json"), "{\"schema\":").unwrap();
        let path = dir.path().join("new/figure.svg");
        let request = Request {
            store: dir.path(),
            title: "Demo",
            trials: &trials,
            format: Format::Markdown,
            verbose: false,
            figure: Some(&path),
            indexing: Indexing::Auto,
        };
        let built = build(&request).unwrap();
        assert_eq!((built.coverage.finished, built.coverage.trials, built.skipped.len()), (1, 2, 1));
        report(&request).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("Demo"));
        print_comparison(&Request { format: Format::Json, figure: None, ..request }).unwrap();
        let absent = dir.path().join("typo");
        assert!(matches!(report(&Request { store: &absent, ..request }), Err(ReportError::Store(_))));
    }
}
