//! Slurm's programs: asked rarely, never waited for without end, and their answers as text.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Clients of Slurm hang while its controller is away.
const PATIENCE: &str = "60";

/// What says which cluster is meant, and who asks.
const OUR_CLUSTER: [&str; 3] = ["SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT"];

/// A question that Slurm did not answer.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// The program cannot be started.
    #[error("{program} cannot be started: {source}; this is no machine from which one submits to Slurm")]
    Start {
        /// Which.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("{command}: no answer within {PATIENCE} s; is the controller away? `squeue --me` tells what it has taken")]
    Silent {
        /// The command line.
        command: String,
    },
    /// It failed.
    #[error("{command}: {said}")]
    Failed {
        /// The command line.
        command: String,
        /// What it said.
        said: String,
    },
}

/// What `program` prints, given `stdin`.
///
/// # Errors
/// It cannot be started, fails, or does not answer within a minute.
pub fn ask(program: &str, arguments: &[&str], stdin: &str) -> Result<String, SlurmError> {
    let start = |source: io::Error| SlurmError::Start { program: program.into(), source };
    let mut command = Command::new("timeout");
    command.args([PATIENCE, program]).args(arguments);
    // What a user has set for other jobs and lists would change these, and so would the job within which one submits: jobs
    // inherit their environment, and srun takes options from there.
    let foreign = |name: &str| {
        let is_slurms = ["SQUEUE_", "SINFO_", "SBATCH_", "SRUN_", "SLURM_"].iter().any(|p| name.starts_with(p));
        is_slurms && !OUR_CLUSTER.contains(&name)
    };
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| foreign(&name.to_string_lossy())).for_each(|name| {
        command.env_remove(name);
    });
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    if let Some(mut pipe) = child.stdin.take() {
        // One that does not read its input says why.
        let _ = pipe.write_all(stdin.as_bytes());
    }
    let done = child.wait_with_output().map_err(start)?;
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    let asked = || format!("{program} {}", arguments.join(" "));
    let failed = |said| SlurmError::Failed { command: asked(), said };
    match done.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        // As `timeout` has them.
        Some(124) => Err(SlurmError::Silent { command: asked() }),
        Some(127) => Err(start(io::ErrorKind::NotFound.into())),
        _ => Err(failed(if said.is_empty() { done.status.to_string() } else { said })),
    }
}
