//! Arguments, exit codes and output; one file a command. Only here: printing, argv, exit.

pub mod args;
#[cfg(feature = "torch")]
pub mod data;
pub mod doctor;
pub mod dry_run;
pub mod exit;
pub mod lines;
#[cfg(feature = "torch")]
pub mod list;
pub mod progress;
mod pulse;
pub mod report;
#[cfg(feature = "torch")]
pub mod run;
mod selection;

use crate::record::Indexing;
use args::{Cli, Command, ReportArgs};
use clap::{CommandFactory, Parser};
use exit::Failure;
#[cfg(feature = "torch")]
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Parses the arguments, runs the command and returns the exit code.
pub fn main() -> ExitCode {
    // SAFETY: the process has one thread so far.
    unsafe { crate::telemetry::load_kernels_lazily() };
    #[cfg(feature = "torch")]
    crate::train::tune_host_allocator();
    exit::code(dispatch(Cli::parse().command))
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "torch")]
        Command::Run(args) => run::run(&args),
        Command::Report(args) => reported(&args),
        #[cfg(feature = "torch")]
        Command::Data(command) => data(&command),
        Command::Doctor { json, data } => doctor::run(&inputs(data), json, &mut std::io::stdout()),
        #[cfg(feature = "torch")]
        Command::List { json } => Ok(list::run(json)?),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ndbench", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn reported(args: &ReportArgs) -> Result<(), Failure> {
    let selected = args.selection.resolve()?;
    let request = report::Request {
        store: &selected.store,
        title: selected.scenario.name(),
        trials: &selected.trials,
        format: if args.json { report::Format::Json } else { report::Format::Markdown },
        verbose: args.verbose,
        figure: args.figure.as_deref(),
        indexing: if args.no_index { Indexing::Off } else { Indexing::Auto },
    };
    let done = if args.comparison { report::print_comparison(&request) } else { report::report(&request) };
    done.map_err(|e| match e {
        report::ReportError::Write { source, .. } => Failure::Output(source),
        e => Failure::Store(Box::new(e)),
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
            let files = data::fetch(dataset, data.as_deref(), *quiet).map_err(|e| Failure::Data(Box::new(e)))?;
            files.iter().try_for_each(|path| writeln!(std::io::stdout(), "{}", path.display()))?;
            Ok(())
        }
        args::DataCommand::Verify { datasets, data, json } => {
            if data::verify(datasets, data.as_deref(), *json, &mut std::io::stdout())? {
                Ok(())
            } else {
                Err(Failure::Data("a data set is missing or broken; see above".into()))
            }
        }
    }
}
