//! Why a command ends without success, and the exit code of each reason.

use super::talk;
use crate::event::SinkError;
use crate::submit::{ELSEWHERE, INTERRUPTED, NO_DATA, NO_DEVICE, NO_STORE, WARNED};
use std::process::ExitCode;

/// A reason to end with an exit code other than 0. Exit code 2 is the argument parser's: wrong usage.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A scenario, a profile, a filter, an override or a published table breaks a rule, or names nothing that there is.
    #[error("{0}")]
    Input(Box<dyn std::error::Error + Send + Sync>),
    /// A data set is missing or broken.
    #[error("{0}")]
    Data(Box<dyn std::error::Error + Send + Sync>),
    /// A store cannot be read or written.
    #[error("{0}")]
    Store(Box<dyn std::error::Error + Send + Sync>),
    /// Trials ended without a result.
    #[error("{0} trial(s) failed; their records say why")]
    Trials(usize),
    /// Something that happened could not be recorded or shown.
    #[error("{} output(s) failed, the first: {}", .0.len(), .0.first().map_or(String::new(), ToString::to_string))]
    Sinks(Vec<SinkError>),
    /// Trials were left out since other processes are training them.
    #[error("{0} trial(s) were left out: other processes are training them; run the same command again afterwards")]
    Elsewhere(usize),
    /// Trials were left out since others look at their locks; the same command trains them.
    #[error("{0} trial(s) were left out: others look at their locks; the same command continues")]
    LookedAt(usize),
    /// This machine cannot do what was asked.
    #[error("{0}")]
    Machine(String),
    /// A gate found a program slower than the tolerance.
    #[error("slower than the tolerance")]
    Slower,
    /// A gate could not tell, also after its repetition.
    #[error("not known whether it is slower than the tolerance; more --rounds tell more")]
    Undecided,
    /// Trials are left, and nobody has them in hand.
    #[error(
        "{0} trial(s) are left, and nobody is training them or waits to, as far as can be seen from here: submit or run them \
         again"
    )]
    Idle(usize),
    /// A signal ended the run; the same command goes on from the checkpoint.
    #[error("interrupted; the same command continues")]
    Interrupted,
    /// SIGUSR2, by which a scheduler warns of the end of a job's time, ended the run; the same command goes on from the
    /// checkpoint.
    #[error("warned of the end of its time; the same command continues")]
    Warned,
    /// The program under watch ended so, or could not be started (126, 127).
    #[error("exit code {0}")]
    Child(u8),
    /// A file or stdout could not be written; the error says which.
    #[error("{0}")]
    File(Box<dyn std::error::Error + Send + Sync>),
    /// Output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

/// The table for the help text; [`Failure::code`] gives the same numbers.
pub const TABLE: &str = "\
Exit codes:
    0  everything asked for is done (diverged and out-of-memory trials are results)
    1  a trial failed, or an output could not be written
    2  wrong usage
    3  a scenario, profile, filter, override or published table breaks a rule
    4  a data set is missing or broken; trials of other data sets are done
    5  the store, or a record in it, cannot be read or written
    6  this machine cannot do what was asked
    7  trials were left out since other processes are training them; the others are done, of a --row those before
    8  a gate found the program slower than the tolerance
    9  a gate could not tell, also after its repetition
   10  status --watch: trials are left, and nobody is training them or waits to
   75  warned of the end of its time by SIGUSR2, or a trial was left out since others look at its lock; the same command
       continues
  130  interrupted by a signal; the same command continues
watch passes on the exit code of its program: 128 and the signal's number where one killed it, 127 where there is no such
program, 126 where it cannot be run.";

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Trials(_) | Self::Sinks(_) | Self::File(_) | Self::Output(_) => 1,
            Self::Input(_) => 3,
            Self::Data(_) => NO_DATA,
            Self::Store(_) => NO_STORE,
            Self::Machine(_) => NO_DEVICE,
            Self::Elsewhere(_) => ELSEWHERE,
            Self::Slower => 8,
            Self::Undecided => 9,
            Self::Idle(_) => 10,
            Self::Interrupted => INTERRUPTED,
            Self::Warned | Self::LookedAt(_) => WARNED,
            Self::Child(code) => *code,
        }
    }

    /// The output's reader has gone away, as `head` does: the rest was not wanted.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(e) if e.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// The exit code of a command's result; failures are told on stderr.
pub fn code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        // All has been said.
        Err(Failure::Child(code)) => ExitCode::from(code),
        Err(failure) => {
            // Where stderr cannot be written either, the exit code alone must do.
            let _ = talk::say(&format!("ndbench: {failure}"));
            ExitCode::from(failure.code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_in_the_table() {
        let failures = [
            Failure::Trials(1),
            Failure::Input("x".into()),
            Failure::Data("x".into()),
            Failure::Store("x".into()),
            Failure::Machine("x".into()),
            Failure::Elsewhere(1),
            Failure::Slower,
            Failure::Undecided,
            Failure::Idle(1),
            Failure::Interrupted,
            Failure::Warned,
        ];
        for f in failures {
            assert!(TABLE.lines().any(|l| l.trim_start().starts_with(&format!("{} ", f.code()))), "{f:?}");
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = Failure::Output(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(gone.is_broken_pipe());
    }
}
