//! `ndbench watch -- CMD...`: the telemetry of trainings around any program.

mod summary;

use super::args::WatchArgs;
use super::exit::Failure;
use super::talk;
use crate::export::metrics::{BuildInfo, Exposition, WatchedProgram};
use crate::files::write_atomic;
use crate::telemetry::{GpuTarget, Level, Series, Settings, SlurmJob, Telemetry, tree_below, visible_gpus};
use crate::units::Seconds;
use crate::watch::{Signals, Watched};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use summary::Summary;

/// Runs the program to its end and says what it used.
///
/// # Errors
/// [`Failure::Child`] passes on an exit code other than 0; else the program cannot be started, or the summary not be
/// written.
pub fn run(args: &WatchArgs) -> Result<(), Failure> {
    if args.series.is_some() && args.instruments.telemetry != Level::Full {
        return Err(Failure::Input("--series needs --telemetry full".into()));
    }
    // Before there is a second thread: it would get the signals.
    let signals = Signals::block()?;
    let name = args.name.clone().unwrap_or_else(|| name(Path::new(&args.command[0])));
    let started = jiff::Timestamp::now();
    let program = WatchedProgram::new(name.clone(), SlurmJob::here(), Seconds(started.as_millisecond() as f64 / 1e3));
    let program = Arc::new(program);
    let telemetry = instruments(args);
    let exposition = Exposition::new(vec![Arc::new(BuildInfo), program.clone(), Arc::new(telemetry.latest())]);
    let _live = args.listen.start(Arc::new(exposition), args.quiet)?;
    let watched = Watched::start(&args.command, signals).map_err(|e| cannot_start(&name, &e))?;
    let series = args.series.clone().map(|path| Series { path, resumes: false });
    let recording = telemetry.record(None, series);
    let look = || {
        if let Some(usage) = tree_below(std::process::id()) {
            program.note(&usage);
        }
    };
    look();
    let ended = watched.wait(Duration::from_secs_f64(args.interval), look)?;
    look();
    let (mut telemetry, notices) = recording.finish(0);
    let mut seen = program.seen();
    seen.resident_peak = seen.resident_peak.max(ended.largest_process);
    // The looks here are more than the instruments'.
    if let Some(resident) = telemetry.as_mut().and_then(|telemetry| telemetry.host.resident.as_mut()) {
        resident.peak = seen.resident_peak.map_or(resident.peak, |peak| peak.max(resident.peak));
    }
    let command = args.command.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let summary = Summary { name, command, started, ended, seen, telemetry, notices };
    let told = tell(args, &summary);
    match (ended.code(), told) {
        (0, told) => told,
        // The program's failure is what its caller must hear of.
        (code, Err(failure)) => {
            let _ = talk::say(&format!("ndbench: {failure}"));
            Err(Failure::Child(code))
        }
        (code, Ok(())) => Err(Failure::Child(code)),
    }
}

/// Writes the summary where it is wanted.
fn tell(args: &WatchArgs, summary: &Summary) -> Result<(), Failure> {
    if let Some(path) = &args.summary {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        write_atomic(path, summary.json().as_bytes()).map_err(named)?;
    }
    if !args.quiet {
        // The program's exit code matters more than talk that nobody can read.
        let _ = talk::say(&summary.text());
    }
    Ok(())
}

/// Begins to watch what comes below this process, and all devices that it may use.
fn instruments(args: &WatchArgs) -> Telemetry {
    let (level, nvml_library) = (args.instruments.telemetry, args.instruments.nvml_library());
    let gpus = match &nvml_library {
        _ if level == Level::Off => Vec::new(),
        Some(_) => vec![GpuTarget::Visible(0)],
        None => visible_gpus(),
    };
    let every = Duration::from_secs_f64(args.interval);
    Telemetry::start_below(Settings { level, gpus, nvml_library, allocator: None }, every)
}

/// The last part of the program's path.
fn name(program: &Path) -> String {
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

/// As shells do: 127 where there is no such program, 126 where it cannot be run.
fn cannot_start(name: &str, error: &io::Error) -> Failure {
    // Where stderr cannot be written, the exit code alone must do.
    let _ = talk::say(&format!("ndbench: {name} cannot be started: {error}"));
    Failure::Child(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}
