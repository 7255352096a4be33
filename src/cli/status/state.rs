//! What has become of a trial, by its record, its lock, its checkpoint and Slurm.

use crate::event;
use crate::record::Progress;
use crate::submit::Task;
use serde::Serialize;

/// What has become of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Trained to its end.
    Finished,
    /// It needs more memory than there was.
    Oom {
        /// In whose words.
        why: String,
    },
    /// Its loss ceased to be a number.
    Diverged {
        /// In which epoch, from 1.
        epoch: u32,
    },
    /// Somebody trains it.
    Training(Held),
    /// Who trained it is dead; it goes on when it is run again.
    Died(Held),
    /// One of both: its trainer is on a machine of which nobody here knows.
    Held(Held),
    /// A checkpoint waits to go on.
    Interrupted {
        /// Epochs done.
        epochs: u32,
        /// Steps of the next one done.
        steps: u64,
    },
    /// It ended without a result.
    Failed {
        /// Why.
        why: String,
    },
    /// Nobody has begun it.
    Missing,
}

/// By whom, and how far at the last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The process and its host.
    pub by: String,
    /// Epochs done.
    pub epochs: u32,
    /// Steps of the next one done.
    pub steps: u64,
}

impl State {
    /// Of a trial whose record and lock say `progress`, and its checkpoint `begun`. `task`: what Slurm has of it.
    pub fn of(progress: &Progress, begun: Option<&event::Progress>, task: Option<&Task>) -> Self {
        let (epochs, steps) = begun.map_or((0, 0), |begun| (begun.epochs.len() as u32, begun.step));
        match progress {
            Progress::Finished => Self::Finished,
            Progress::Oom { why } => Self::Oom { why: why.clone() },
            Progress::Diverged { epoch } => Self::Diverged { epoch: *epoch },
            Progress::Held { by } => {
                let held = Held { by: by.clone(), epochs, steps };
                let host = by.rsplit_once(" on ").map_or("", |(_, host)| host);
                let runs = |task: &Task| task.runs() && short(host) == short(&task.node);
                match lives(by).or(task.is_some_and(runs).then_some(true)) {
                    Some(true) => Self::Training(held),
                    Some(false) => Self::Died(held),
                    None => Self::Held(held),
                }
            }
            Progress::Interrupted { epochs, steps } => Self::Interrupted { epochs: *epochs, steps: *steps },
            Progress::Failed { why } => Self::Failed { why: why.clone() },
            // Killed before anything was recorded.
            Progress::Missing if begun.is_some() => Self::Interrupted { epochs, steps },
            Progress::Missing => Self::Missing,
        }
    }

    /// Of `total` epochs, in words.
    pub fn words(&self, total: u32) -> String {
        let far = |epochs: u32, steps: u64| match (epochs, steps) {
            (0, 0) => "before its first checkpoint".into(),
            (epochs, 0) => format!("after {epochs} of {total} epochs"),
            (epochs, steps) => format!("after {epochs} of {total} epochs and {steps} steps"),
        };
        match self {
            Self::Finished => "finished".into(),
            Self::Oom { why } => format!("ran out of memory: {}", first_line(why)),
            Self::Diverged { epoch } => format!("diverged in epoch {epoch}"),
            Self::Training(held) if (held.epochs, held.steps) == (0, 0) => format!("in training by {}", held.by),
            Self::Training(held) => {
                format!("in training by {}, last checkpoint {}", held.by, far(held.epochs, held.steps))
            }
            Self::Died(held) => format!("{} died {}", held.by, far(held.epochs, held.steps)),
            Self::Held(held) => format!("in training, or died {}: {}", far(held.epochs, held.steps), held.by),
            Self::Interrupted { epochs, steps } => format!("interrupted {}", far(*epochs, *steps)),
            Self::Failed { why } => format!("failed: {}", first_line(why)),
            Self::Missing => "not begun".into(),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A host's name without its domain: Slurm's and the host's own may have it or not.
fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// Whether the holder of a lock, `process 7 on alpha`, lives; absent where it is on another machine.
fn lives(by: &str) -> Option<bool> {
    let (process, host) = by.strip_prefix("process ")?.split_once(" on ")?;
    let can_tell = std::path::Path::new("/proc/self/stat").exists();
    if !can_tell || sysinfo::System::host_name()? != host {
        return None;
    }
    let process: u32 = process.parse().ok()?;
    // The state stands behind the name, which may hold anything; dead ones stay until their parent has asked after them.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    Some(state.is_some_and(|state| !"ZX".contains(state)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(by: &str, task: Option<&Task>) -> State {
        let begun = event::Progress { step: 7, ..event::Progress::default() };
        State::of(&Progress::Held { by: by.into() }, Some(&begun), task)
    }

    #[test]
    fn a_trainer_lives_where_its_process_or_its_task_does() {
        let host = sysinfo::System::host_name().unwrap();
        let me = format!("process {} on {host}", std::process::id());
        assert!(matches!(held(&me, None), State::Training(_)));
        let mut child = std::process::Command::new("true").stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::io::copy(&mut child.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
        let name = format!("process {} on {host}", child.id());
        while matches!(held(&name, None), State::Training(_)) {
            // It has closed its end of the pipe, and nobody buries it yet.
            std::thread::yield_now();
        }
        child.wait().unwrap();
        let dead = held(&name, None);
        assert_eq!(dead.words(3), format!("process {} on {host} died after 0 of 3 epochs and 7 steps", child.id()));
        let task =
            |node: &str| Task { id: "3_1".into(), state: String::new(), node: node.into(), reason: String::new() };
        let far = "process 7 on not-this-host";
        assert!(matches!(held(far, Some(&task("not-this-host"))), State::Training(_)));
        assert!(matches!(held("process 7 on far.example.org", Some(&task("far"))), State::Training(_)));
        assert!(matches!(held("process 7 on far.example.org", Some(&task("farther"))), State::Held(_)));
        for (unknown, node) in [(far, "alpha"), (far, ""), ("another process", "")] {
            assert!(matches!(held(unknown, Some(&task(node))), State::Held(_)), "{unknown} {node}");
        }
        assert!(matches!(held(far, None), State::Held(_)));
    }

    #[test]
    fn what_ran_out_of_memory_says_where_and_what_to_do() {
        let why = "killed by the out-of-memory killer of alpha\nand more".to_owned();
        let state = State::of(&Progress::Oom { why }, None, None);
        assert_eq!(state.words(3), "ran out of memory: killed by the out-of-memory killer of alpha");
    }

    #[test]
    fn a_checkpoint_without_a_record_was_interrupted() {
        let begun = event::Progress { step: 7, ..event::Progress::default() };
        let state = State::of(&Progress::Missing, Some(&begun), None);
        assert_eq!(state, State::Interrupted { epochs: 0, steps: 7 });
        assert_eq!(State::of(&Progress::Missing, None, None), State::Missing);
        assert_eq!(State::Interrupted { epochs: 2, steps: 0 }.words(20), "interrupted after 2 of 20 epochs");
    }
}
