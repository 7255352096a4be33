//! `ndbench watch -- CMD...`: the telemetry of trainings around any program.

use super::args::WatchArgs;
use super::exit::Failure;
use super::live::job;
use super::talk;
use crate::export::metrics::{BuildInfo, Exposition, Seen, WatchedProgram};
use crate::files::write_atomic;
use crate::telemetry::tree_below;
use crate::units::Seconds;
use crate::watch::{Ended, Signals, Watched};
use serde_json::json;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Runs the program to its end and says what it used.
///
/// # Errors
/// [`Failure::Child`] passes on an exit code other than 0; else the program cannot be started, or the summary not be
/// written.
pub fn run(args: &WatchArgs) -> Result<(), Failure> {
    // Before there is a second thread: it would get the signals.
    let signals = Signals::block()?;
    let name = args.name.clone().unwrap_or_else(|| name(Path::new(&args.command[0])));
    let started = jiff::Timestamp::now();
    let program = WatchedProgram::new(name.clone(), job(), Seconds(started.as_millisecond() as f64 / 1e3));
    let program = Arc::new(program);
    let exposition = Exposition::new(vec![Arc::new(BuildInfo), program.clone()]);
    let _live = args.listen.start(Arc::new(exposition), args.quiet)?;
    let watched = Watched::start(&args.command, signals).map_err(|e| cannot_start(&name, &e))?;
    let look = || {
        if let Some(usage) = tree_below(std::process::id()) {
            program.note(&usage);
        }
    };
    look();
    let ended = watched.wait(Duration::from_secs_f64(args.interval), look)?;
    look();
    let summary = Summary { name, started, ended, seen: program.seen() };
    if let Some(path) = &args.summary {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
        write_atomic(path, summary.json(args).as_bytes()).map_err(named)?;
    }
    if !args.quiet {
        talk::say(&summary.text())?;
    }
    match ended.code() {
        0 => Ok(()),
        code => Err(Failure::Child(code)),
    }
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

/// What a program has used.
struct Summary {
    name: String,
    started: jiff::Timestamp,
    ended: Ended,
    seen: Seen,
}

impl Summary {
    fn text(&self) -> String {
        let time = Seconds::from(self.ended.time);
        let mut text = format!("watch: {} ended with exit code {} after {time}", self.name, self.ended.code());
        if let Some(cpu) = self.seen.cpu {
            let cores = cpu.0 / time.0.max(1e-9);
            text += &format!("\n  CPU time {cpu} ({cores:.2} cores), {} process(es) at most", self.seen.processes.1);
        }
        if let Some((_, peak)) = self.seen.resident {
            text += &format!("\n  resident memory {peak} at most");
        }
        text
    }

    fn json(&self, args: &WatchArgs) -> String {
        let Seen { processes, cpu, resident } = self.seen;
        let command: Vec<_> = args.command.iter().map(|part| part.to_string_lossy()).collect();
        let value = json!({
            "schema": "ndbench.watch/1",
            "name": self.name,
            "command": command,
            "exit_code": self.ended.code(),
            "started": self.started.to_string(),
            "seconds": self.ended.time.as_secs_f64(),
            "cpu_seconds": cpu,
            "processes_peak": processes.1,
            "resident_peak_bytes": resident.map(|(_, peak)| peak),
        });
        format!("{value:#}\n")
    }
}
