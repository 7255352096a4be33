//! `ndbench export`: records in the forms that other tools read.

use super::args::{ExportArgs, ExportFormat};
use super::exit::Failure;
use super::talk::{say, write_all};
use crate::export::metrics::{Families, Pushgateway, Results, Source, slots};
use crate::export::{self, AsvRepository, ExportFile, LeftOut, Readings, Samples, distinct, environment_label};
use crate::files::write_atomic;
use crate::plan::Filter;
use crate::record::{Record, Skipped, SkippedKind, Store, counted, has_its_trials_name};
use crate::report::clean;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A record, and where it lies.
type Found = (PathBuf, Record);

/// What an export writes.
enum Product {
    Text(String),
    Files(Vec<ExportFile>),
}

/// Reads the stores and writes the form; says on stderr what could not be used.
///
/// # Errors
/// A filter that breaks a rule, a store that is not there, several environments in a form that has no place for them,
/// or an output that cannot be written. Files that are no records, and records without a result, are no errors.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    let filter = Filter::parse(&args.only).map_err(input)?;
    let (mut found, skipped) = read(args)?;
    tell_skipped(&skipped)?;
    found.retain(|(_, r)| filter.keeps(&r.trial) && is_wanted(r, args));
    let (paths, records): (Vec<PathBuf>, Vec<Record>) = found.into_iter().unzip();
    if records.is_empty() {
        say("export: no record is left to export")?;
    }
    if let Some(url) = &args.push {
        return push(args, url, &records);
    }
    let (product, left_out) = product(args, &paths, &records)?;
    tell_left_out(&left_out)?;
    write(product, args.out.as_deref())
}

/// Every reading of the telemetry of the trials.
fn readings(paths: &[PathBuf], records: &[Record]) -> (Product, Vec<LeftOut>) {
    let mut readings = Readings::of(paths.iter().map(PathBuf::as_path).zip(records));
    let left_out = std::mem::take(&mut readings.left_out);
    (Product::Text(readings.text()), left_out)
}

/// Every record of every store, and every file that is none.
fn read(args: &ExportArgs) -> Result<(Vec<Found>, Vec<Skipped>), Failure> {
    let (mut all, mut skipped) = (Vec::new(), Vec::new());
    for path in &args.store {
        let (found, others) = Store::open_existing(path).map_err(|e| Failure::Store(Box::new(e)))?.records();
        all.extend(found);
        skipped.extend(others);
    }
    // Of equal records the first counts.
    all.sort_by_key(|(path, record)| !has_its_trials_name(path, &record.trial_id));
    let (paths, records): (Vec<PathBuf>, Vec<Record>) = all.into_iter().unzip();
    skipped.extend(duplicates(&paths, &records));
    Ok((paths.into_iter().zip(records).collect(), skipped))
}

/// The records beside which another of their trial, environment and commit counts.
fn duplicates(paths: &[PathBuf], records: &[Record]) -> Vec<Skipped> {
    let counting: HashSet<*const Record> = distinct(records).into_iter().map(std::ptr::from_ref).collect();
    let others = paths.iter().zip(records).filter(|(_, record)| !counting.contains(&std::ptr::from_ref(*record)));
    let skipped = |(path, record): (&PathBuf, &Record)| Skipped {
        path: path.clone(),
        kind: SkippedKind::Duplicated,
        why: format!("a second record of trial {} from the same environment and commit", record.trial_id),
    };
    others.map(skipped).collect()
}

/// `--environment` and `--commit`.
fn is_wanted(record: &Record, args: &ExportArgs) -> bool {
    let environment = args.environment.as_ref().is_none_or(|e| *e == environment_label(&record.environment));
    environment && args.commit.as_ref().is_none_or(|c| record.environment.software.commit.starts_with(c.as_str()))
}

fn product(args: &ExportArgs, paths: &[PathBuf], records: &[Record]) -> Result<(Product, Vec<LeftOut>), Failure> {
    let samples = Samples::of(records);
    let with_samples = |product| (product, samples.left_out.clone());
    Ok(match args.format {
        ExportFormat::Bmf => {
            tell_commits(&samples)?;
            with_samples(Product::Text(export::bmf(&samples).map_err(input)?))
        }
        ExportFormat::Otava => with_samples(Product::Files(export::otava(&samples.samples))),
        ExportFormat::Openmetrics => with_samples(Product::Text(export::openmetrics(&samples, records))),
        ExportFormat::Prometheus => with_samples(Product::Text(newest(records))),
        ExportFormat::Asv => {
            let (files, nowhere) = export::asv(&samples, records, &repository(args, records)?);
            (Product::Files(files), [samples.left_out.clone(), nowhere].concat())
        }
        ExportFormat::Mllog => {
            let (files, left_out) = export::mllog(records);
            (Product::Files(files), left_out)
        }
        ExportFormat::Readings => readings(paths, records),
        // Every record has its rows, finished or not.
        ExportFormat::Csv => (Product::Text(export::csv(records)), Vec::new()),
    })
}

/// The newest results as metrics.
fn newest(records: &[Record]) -> String {
    let mut families = Families::default();
    Results(slots(records)).collect(&mut families);
    families.text()
}

/// Puts the newest results into a Pushgateway.
fn push(args: &ExportArgs, url: &str, records: &[Record]) -> Result<(), Failure> {
    if args.format != ExportFormat::Prometheus {
        return Err(Failure::Input("--push takes --format prometheus".into()));
    }
    let folder = args.store.first().and_then(|path| path.canonicalize().ok()).unwrap_or_default();
    let name = folder.file_name().map_or("ndbench".into(), |name| name.to_string_lossy());
    let gateway = Pushgateway::new(url).map_err(|e| Failure::Input(e.into()))?;
    let slots = slots(records);
    let suite = args.suite.as_deref().unwrap_or(&name);
    let failures: Vec<String> = gateway.put_all(suite, &slots).iter().map(ToString::to_string).collect();
    if !failures.is_empty() {
        return Err(Failure::File(failures.join("; ").into()));
    }
    Ok(say(&format!("export: {} group(s) of the suite {suite} put into {gateway}", slots.len()))?)
}

/// Looks the commits of the records up in the checkout of `--repo`.
fn repository(args: &ExportArgs, records: &[Record]) -> Result<AsvRepository, Failure> {
    let Some(folder) = &args.repo else {
        say("export: without --repo the commits stay short; `asv publish` needs them in full")?;
        return Ok(AsvRepository::default());
    };
    let refused = |why: String| Failure::Input(format!("--repo {}: {why}", folder.display()).into());
    let path = folder.canonicalize().map_err(|e| refused(e.to_string()))?;
    let commits: BTreeSet<&str> = records.iter().map(|r| r.environment.software.commit.as_str()).collect();
    let mut found = BTreeMap::new();
    // A commit that is no hash, such as `unknown`, or a dirty one, is none that git should interpret.
    for commit in commits.into_iter().filter(|c| c.bytes().all(|b| b.is_ascii_hexdigit())) {
        let output = Command::new("git")
            .arg("-C")
            .arg(&path)
            .args(["show", "--no-patch", "--format=%H %ct", &format!("{commit}^{{commit}}")])
            .output()
            .map_err(|e| refused(format!("git cannot be run: {e}")))?;
        let line = String::from_utf8_lossy(&output.stdout);
        match line.trim().split_once(' ').and_then(|(hash, time)| Some((hash.to_string(), time.parse().ok()?))) {
            Some(place) if output.status.success() => drop(found.insert(commit.to_string(), place)),
            _ => say(&format!("export: commit {commit} is not in {}, so it stays short", folder.display()))?,
        }
    }
    Ok(AsvRepository { path: Some(path.to_string_lossy().into_owned()), commits: found })
}

fn write(product: Product, out: Option<&Path>) -> Result<(), Failure> {
    match (product, out) {
        (Product::Text(text), None) => Ok(write_all(&mut io::stdout().lock(), &text)?),
        (Product::Text(text), Some(path)) => put(path, &text),
        (Product::Files(files), Some(folder)) => {
            files.iter().try_for_each(|file| put(&folder.join(&file.path), &file.text))?;
            say(&format!("export: {} file(s) in {}", files.len(), folder.display()))?;
            Ok(())
        }
        (Product::Files(_), None) => {
            Err(Failure::Input("this form has several files; name a folder with --out".into()))
        }
    }
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    write_atomic(path, text.as_bytes()).map_err(|e| Failure::Output(named(e)))
}

/// Bencher takes one report a commit; what else it is given, it cannot tell apart.
fn tell_commits(samples: &Samples) -> io::Result<()> {
    let commits: BTreeSet<&str> = samples.samples.iter().map(|s| s.commit.as_str()).collect();
    if commits.len() < 2 {
        return Ok(());
    }
    let list = commits.into_iter().collect::<Vec<_>>().join(", ");
    say(&format!("export: attempts of several commits are taken together; --commit keeps one of them: {list}"))
}

fn tell_skipped(skipped: &[Skipped]) -> io::Result<()> {
    if !skipped.is_empty() {
        say(&format!("export: {} file(s) are not used ({}):", skipped.len(), counted(skipped)))?;
    }
    skipped.iter().try_for_each(|s| say(&clean(&format!("  {}: {}", s.path.display(), s.why))))
}

fn tell_left_out(left_out: &[LeftOut]) -> io::Result<()> {
    if !left_out.is_empty() {
        say(&format!("export: {} left out, in whole or in part:", left_out.len()))?;
    }
    left_out.iter().try_for_each(|l| say(&format!("  {}: {}", l.trial, l.why)))
}

fn input(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Input(Box::new(error))
}
