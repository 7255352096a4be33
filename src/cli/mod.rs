//! Arguments, exit codes and output; one file a command. Only here: printing, argv, exit.

pub mod args;
pub mod audit;
pub mod bars;
#[cfg(feature = "torch")]
pub mod data;
#[cfg(feature = "torch")]
mod devices;
pub mod doctor;
pub mod dry_run;
pub mod exit;
pub mod export;
mod fitting;
pub mod forecast;
#[cfg(feature = "torch")]
mod interrupt;
mod kubernetes;
pub mod lines;
#[cfg(feature = "torch")]
pub mod list;
pub mod live;
mod missing;
mod plan;
#[cfg(feature = "torch")]
mod prepare;
#[cfg(feature = "torch")]
mod probe;
mod probes;
pub mod progress;
pub mod publish;
mod pulse;
mod repetitions;
pub mod report;
#[cfg(feature = "torch")]
pub mod run;
mod selection;
pub mod serve;
mod status;
mod stored;
mod submit;
mod talk;
mod track;
mod trainers;
#[cfg(target_os = "linux")]
pub mod watch;

use crate::record::Indexing;
use crate::report::Options;
use args::{Cli, Command, ReportArgs};
use clap::{CommandFactory, Parser};
use exit::Failure;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Parses the arguments, runs the command and returns the exit code.
pub fn main() -> ExitCode {
    // SAFETY: the process has one thread so far.
    unsafe { crate::telemetry::load_kernels_lazily() };
    exit::code(dispatch(Cli::parse().command))
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "torch")]
        Command::Run(args) => {
            // Only here: it keeps memory and has one heap, which reports that read with several threads would wait for.
            crate::train::tune_host_allocator();
            match args.devices.as_slice() {
                [] => run::run(&args),
                devices if args.dry_run => devices::check(devices).and_then(|()| run::run(&args)),
                devices => devices::run(&args, devices),
            }
        }
        #[cfg(feature = "torch")]
        Command::Probe(args) => {
            crate::train::tune_host_allocator();
            probe::run(&args)
        }
        Command::Plan(args) => plan::run(&args),
        Command::Submit(args) => submit::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Report(args) => reported(&args),
        Command::Audit { published, json } => audited(published.as_deref(), json),
        Command::Export(args) => export::run(&args),
        Command::Track(command) => track::run(&command),
        #[cfg(target_os = "linux")]
        Command::Watch(args) => watch::run(&args),
        Command::Serve(args) => serve::run(&args),
        #[cfg(feature = "torch")]
        Command::Data(command) => data(&command),
        Command::Doctor { json, data } => doctor::run(&inputs(data), json, &mut io::stdout()),
        #[cfg(feature = "torch")]
        Command::List { json } => Ok(list::run(json)?),
        Command::Completions { shell } => {
            // The generator panics where a write fails; a buffer takes everything.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ndbench", &mut script);
            let mut stdout = io::stdout();
            Ok(stdout.write_all(&script).and_then(|()| stdout.flush())?)
        }
    }
}

fn reported(args: &ReportArgs) -> Result<(), Failure> {
    let selected = args.selection.resolve()?;
    if args.probes {
        return probes::show(&selected, args.json, args.figure.as_deref());
    }
    // A report on a scenario that answers to the study has all that the study shows.
    let all = args.all_tables || selected.scenario.published().is_some();
    let request = report::Request {
        store: &selected.store,
        title: selected.scenario.name(),
        trials: &selected.trials,
        format: if args.json { report::Format::Json } else { args.format },
        options: Options { form: args.form.into(), all, verbose: args.verbose },
        figure: args.figure.as_deref(),
        indexing: if args.no_index { Indexing::Off } else { Indexing::Auto },
    };
    let done = match (&args.explain, &args.out) {
        (Some(cell), _) => report::explain(&request, cell),
        (None, Some(folder)) => report::write_all(&request, folder),
        (None, None) if args.comparison => report::print_comparison(&request),
        (None, None) if args.frontier => report::print_frontier(&request),
        (None, None) => report::report(&request),
    };
    done.map_err(|e| match e {
        e @ report::ReportError::Write { .. } => Failure::File(Box::new(e)),
        report::ReportError::Cell(e) => Failure::Input(Box::new(e)),
        e => Failure::Store(Box::new(e)),
    })
}

fn audited(published: Option<&Path>, json: bool) -> Result<(), Failure> {
    audit::run(published, json, &mut std::io::stdout()).map_err(|e| match e {
        audit::AuditError::Write(source) => Failure::Output(source),
        e => Failure::Input(Box::new(e)),
    })
}

/// What `doctor` is told.
fn inputs(data: Option<PathBuf>) -> doctor::Inputs {
    #[cfg(feature = "torch")]
    let (libtorch, data) = (Some(doctor::linked_libtorch()), doctor::data_sets(data.as_deref()));
    #[cfg(not(feature = "torch"))]
    let (libtorch, data) = (None, data.map_or(Vec::new(), |_| Vec::new()));
    doctor::Inputs { libtorch, data, store: "results".into() }
}

#[cfg(feature = "torch")]
fn data(command: &args::DataCommand) -> Result<(), Failure> {
    match command {
        args::DataCommand::Fetch { dataset, data, quiet } => {
            data::fetch(dataset, data.as_deref(), *quiet, &mut io::stdout())
        }
        args::DataCommand::Verify { datasets, data, json } => {
            if data::verify(datasets, data.as_deref(), *json, &mut io::stdout())? {
                Ok(())
            } else {
                Err(Failure::Data("a data set is missing or broken; see above".into()))
            }
        }
        args::DataCommand::Prepare(args::PrepareCommand::Imagenet(args)) => prepare::run(args, &mut io::stdout()),
    }
}
