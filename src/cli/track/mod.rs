//! `ndbench track`: whether something got slower.

mod gate;
mod history;
mod quality;

use super::args::TrackCommand;
use super::exit::Failure;
use super::report::warn_of;
use super::talk;
use crate::files::write_atomic;
use crate::record::{Entry, History, Holding, Store, StoreError};
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
/// Every reason why not all that was asked for was done, and a gate that does not pass.
pub fn run(command: &TrackCommand) -> Result<(), Failure> {
    match command {
        TrackCommand::Add { store, history } => add(store, history),
        TrackCommand::History(args) => history::run(args),
        TrackCommand::Gate(args) => gate::run(args),
        TrackCommand::Aa { times, history, turns } => gate::aa(*times, history, turns),
        TrackCommand::Quality(args) => quality::run(args),
    }
}

fn add(stores: &[PathBuf], history: &Path) -> Result<(), Failure> {
    let history = History::at(history);
    let (mut added, mut known, mut without) = (0, 0, 0);
    for path in stores {
        let (probes, skipped) = Store::open_existing(path).map_err(store)?.probes();
        warn_of(&skipped)?;
        for probe in &probes {
            match Entry::of(probe) {
                Some(entry) if history.add(&entry).map_err(store)? => added += 1,
                Some(_) => known += 1,
                None => without += 1,
            }
        }
    }
    let place = history.path().display();
    let line = format!(
        "track: {added} probe(s) added to {place}, {known} there already, {without} without a time of a series"
    );
    Ok(talk::say(&line)?)
}

/// Everything in a history; what is no part of it is named on stderr.
fn read(history: &Path) -> Result<Holding, Failure> {
    let holding = History::at(history).read().map_err(store)?;
    warn_of(&holding.skipped)?;
    Ok(holding)
}

fn write(text: &str, out: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = out else { return Ok(talk::write_all(&mut std::io::stdout(), text)?) };
    write_atomic(path, text.as_bytes())
        .map_err(|e| Failure::File(format!("cannot write {}: {e}", path.display()).into()))
}

fn store(error: StoreError) -> Failure {
    Failure::Store(Box::new(error))
}
