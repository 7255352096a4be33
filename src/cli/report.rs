//! `ndbench report`: the tables and the figure of a scenario, from a store alone.

use super::talk;
use crate::files::{write_atomic, write_atomic_with};
use crate::plan::ResolvedTrial;
use crate::published::{Published, PublishedError};
use crate::record::{Indexing, Skipped, Store, StoreError};
use crate::report::verdict::{self, UnknownCell};
use crate::report::{
    Bundle, Options, PictureError, Report, comparison, figure, frontier_figure, frontier_tables, frontiers,
};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

/// How the report is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people and for repositories
    #[default]
    Markdown,
    /// For programs: everything
    Json,
    /// For programs: a line a figure of the tables
    Csv,
    /// For articles: the tables, with booktabs
    Latex,
    /// For a browser: one page that stands alone, with the figures
    Html,
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
    /// What goes into it.
    pub options: Options,
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
    /// There is no such cell to explain.
    #[error(transparent)]
    Cell(#[from] UnknownCell),
    /// A figure cannot be made into a picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
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
    let (report, published) = (build(request)?, Published::embedded()?);
    write_figure(&report, request.figure)?;
    let bundle = Bundle::new(&report, &published, request.options);
    let printed = match request.format {
        Format::Markdown => print(&bundle.markdown()),
        Format::Json => print_with(|out| bundle.json(out)),
        Format::Csv => print(&bundle.csv()),
        Format::Latex => print(&bundle.latex()),
        Format::Html => print(&bundle.html()),
    };
    // As for the records.
    std::mem::forget(report);
    printed
}

/// Writes the report into a folder in every form and prints the names of the files.
///
/// # Errors
/// As [`report`]; a file that cannot be written is named.
pub fn write_all(request: &Request, folder: &Path) -> Result<(), ReportError> {
    let (report, published) = (build(request)?, Published::embedded()?);
    let mut names = String::new();
    for file in Bundle::new(&report, &published, request.options).files()? {
        let path = folder.join(&file.path);
        let write = |to: &mut File| {
            let mut to = BufWriter::with_capacity(BUFFER, to);
            file.write(&mut to).and_then(|()| to.flush())
        };
        write_atomic_with(&path, write).map_err(|source| ReportError::Write { path: path.clone(), source })?;
        names += &format!("{}\n", path.display());
    }
    print(&names)
}

/// Prints BN beside ND for the end of a run, writes the figure and says where figure and records lie. Warns of files of
/// the store that are not used.
///
/// # Errors
/// As [`report`].
pub fn print_comparison(request: &Request) -> Result<(), ReportError> {
    let report = build(request)?;
    write_figure(&report, request.figure)?;
    if request.format == Format::Json {
        return print_with(|out| report.write_json(out));
    }
    let mut text = comparison(&report);
    if let Some(path) = request.figure {
        text += &format!("Figure:  {}\n", path.display());
    }
    text += &format!("Records: {}\n", request.store.join("records").display());
    print(&text)?;
    warn_of(&report.skipped).map_err(|source| ReportError::Write { path: "standard error".into(), source })
}

/// Prints what each variant of ND costs and brings, and draws it where there is a record to draw.
///
/// # Errors
/// As [`report`].
pub fn print_frontier(request: &Request) -> Result<(), ReportError> {
    let gathered = Store::open_existing(request.store)?.gather(request.trials, request.indexing);
    let found = frontiers(request.trials, &gathered.records);
    if found.is_empty() {
        let why =
            "no training of these trials has ended in this store; with other settings (--set) they are other trials";
        talk::say(&format!("warning: {why}"))
            .map_err(|source| ReportError::Write { path: "standard error".into(), source })?;
    }
    if request.format == Format::Json {
        print_with(|out| Ok(serde_json::to_writer_pretty(out, &found)?))?;
    } else {
        print(&frontier_tables(&found))?;
    }
    if let (Some(path), Some(svg)) = (request.figure, frontier_figure(&found)) {
        write_atomic(path, svg.as_bytes()).map_err(|source| ReportError::Write { path: path.into(), source })?;
    }
    warn_of(&gathered.skipped).map_err(|source| ReportError::Write { path: "standard error".into(), source })
}

/// Names on stderr the files of a store that are not used.
///
/// # Errors
/// Those of stderr; a reader that went away is none.
pub fn warn_of(skipped: &[Skipped]) -> io::Result<()> {
    skipped.iter().try_for_each(|file| talk::say(&format!("warning: {}", warning(file))))
}

/// The warning that a file is not used.
pub fn warning(file: &Skipped) -> String {
    format!("{} is skipped: {}", file.path.display(), file.why)
}

/// Prints why the cell called `name` has its verdict: each rule, its inputs, its numbers and its outcome; in JSON the
/// verdict's values.
///
/// # Errors
/// As [`report`], and [`ReportError::Cell`] where the report has no such cell.
pub fn explain(request: &Request, name: &str) -> Result<(), ReportError> {
    let report = build(request)?;
    write_figure(&report, request.figure)?;
    print(&match request.format {
        Format::Json => verdict::to_json(&report, name)?,
        _ => verdict::explain(&report, name)?,
    })
}

/// Reads the store.
fn build(request: &Request) -> Result<Report, ReportError> {
    // Variants of ND have a table of their own: here a cell has one BN and one ND.
    let own: Vec<ResolvedTrial> = request.trials.iter().filter(|t| t.variant.is_none()).cloned().collect();
    let gathered = Store::open_existing(request.store)?.gather(&own, request.indexing);
    let mut report = Report::build(&own, &gathered.records, &Published::embedded()?);
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
    print_with(|out| out.write_all(text.as_bytes()))
}

/// Like [`print`], for a text that is produced piece by piece.
fn print_with(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), ReportError> {
    // The lock of stdout writes line by line.
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    talk::seen_enough(text(&mut out).and_then(|()| out.flush()))
        .map_err(|source| ReportError::Write { path: "standard output".into(), source })
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
            options: Options::default(),
            figure: Some(&path),
            indexing: Indexing::Auto,
        };
        let built = build(&request).unwrap();
        assert_eq!((built.coverage.finished, built.coverage.trials, built.skipped.len()), (1, 2, 1));
        report(&request).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("Demo"));
        print_comparison(&Request { format: Format::Json, figure: None, ..request }).unwrap();
        explain(&Request { figure: None, ..request }, "vgg16/fashion-mini/nd/2").unwrap();
        let unknown = explain(&Request { format: Format::Json, ..request }, "vgg16/fashion-mini/xx/2").unwrap_err();
        assert!(unknown.to_string().contains("the nearest: `vgg16/fashion-mini/"), "{unknown}");
        let out = dir.path().join("out");
        let page = || std::fs::read_to_string(out.join("report.md"));
        write_all(&request, &out).unwrap();
        assert!(page().unwrap().starts_with("# Demo") && out.join("figures/curves-fashion-mini-2.png").is_file());
        // A folder stands where a file should: the error names the file.
        let blocked = dir.path().join("blocked");
        std::fs::create_dir_all(blocked.join("report.json/x")).unwrap();
        let error = write_all(&request, &blocked).unwrap_err().to_string();
        assert!(error.contains("blocked/report.json"), "{error}");
        let absent = dir.path().join("typo");
        assert!(matches!(report(&Request { store: &absent, ..request }), Err(ReportError::Store(_))));
    }
}
