//! What a process that trains leaves with its lock in case it dies, so that the next one, and whoever asks, can count.

use super::Store;
use crate::plan::TrialId;
use crate::telemetry::{OomKills, SlurmJob, node_name};
use serde::{Deserialize, Serialize};

/// Deaths in a row without a checkpoint between them, whatever they died of, after which a trial is given up.
pub const MOST_DEATHS: u32 = 10;

/// What a process says in case it dies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Will {
    /// Whom the kernel had killed for want of memory of the process's own control group; absent where none counts.
    #[serde(flatten)]
    pub kills: Option<OomKills>,
    /// The machine, as others call it.
    #[serde(default)]
    pub node: String,
    /// The job of Slurm that it is in, if it is in one.
    #[serde(default)]
    pub job: Option<SlurmJob>,
    /// Whose process it is, by number.
    #[serde(default)]
    pub user: Option<u32>,
    /// From which checkpoint the training went on; absent: from the beginning.
    #[serde(default)]
    pub checkpoint: Option<String>,
    /// How many before this one died in a row, from the same checkpoint.
    #[serde(default)]
    pub died: u32,
    /// How many of the last of these the kernel killed for want of memory.
    #[serde(default)]
    pub killed: u32,
    /// It has been told to end.
    #[serde(default)]
    pub told: bool,
    /// How the last of these died.
    #[serde(skip)]
    pub last: Option<Death>,
}

/// How a process died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// On which machine.
    pub node: String,
    /// The kernel had killed for want of memory in its job, container or session.
    pub by_kernel: bool,
}

impl Will {
    /// Of this process, after the one that said `dead` if one has died.
    pub(super) fn new(store: &Store, id: &TrialId, dead: Option<&Self>) -> Self {
        let (kills, checkpoint) = (OomKills::here(), store.checkpoint_digest(id));
        let (job, user) = (SlurmJob::here().some(), Some(user()));
        let first = Self { kills, node: node_name(), job, user, checkpoint, ..Self::default() };
        match dead {
            Some(dead) if !dead.told => first.after(dead),
            _ => first,
        }
    }

    /// The same, after one that died.
    fn after(self, dead: &Self) -> Self {
        let both = self.kills.as_ref().zip(dead.kills.as_ref());
        let by_kernel = both.is_some_and(|(now, then)| now.has_killed_since(then));
        // The counter is of the whole job: one kill proves nothing.
        let killed = match by_kernel {
            true if self.checkpoint == dead.checkpoint => dead.killed.saturating_add(1),
            other => other.into(),
        };
        let last = Some(Death { node: dead.node.clone(), by_kernel });
        Self { died: dead.deaths(self.checkpoint.as_deref()), killed, last, ..self }
    }

    /// How many have died in a row once this one has, with `checkpoint` as it is now.
    pub(super) fn deaths(&self, checkpoint: Option<&str>) -> u32 {
        if self.checkpoint.as_deref() == checkpoint { self.died.saturating_add(1) } else { 1 }
    }
}

/// Whose process this is, by number.
pub fn user() -> u32 {
    // SAFETY: the call cannot fail and touches no memory.
    unsafe { libc::getuid() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn will(boot: &str, oom_kills: u64, checkpoint: Option<&str>, killed: u32) -> Will {
        let kills = Some(OomKills { boot: boot.into(), group: 7, oom_kills });
        let (node, checkpoint) = ("alpha".into(), checkpoint.map(str::to_owned));
        Will { kills, node, checkpoint, died: killed, killed, ..Will::default() }
    }

    #[test]
    fn only_kills_by_the_kernel_count_and_a_checkpoint_between_them_begins_anew() {
        let dead = will("b", 4, Some("c"), 1);
        let counts = |will: Will| {
            let after = will.after(&dead);
            (after.killed, after.died, after.last.unwrap().by_kernel)
        };
        assert_eq!(counts(will("b", 5, Some("c"), 0)), (2, 2, true));
        assert_eq!(counts(will("b", 5, Some("d"), 0)), (1, 1, true), "it came further");
        assert_eq!(counts(will("b", 4, Some("c"), 0)), (0, 2, false), "something else killed it");
        assert_eq!(counts(will("other", 5, Some("c"), 0)), (0, 2, false), "on another machine, or it was started anew");
        assert_eq!(counts(Will { kills: None, ..will("b", 5, Some("c"), 0) }), (0, 2, false), "nobody counts");
        let many = Will { died: u32::MAX, killed: u32::MAX, ..dead.clone() };
        assert_eq!(will("b", 5, Some("c"), 0).after(&many).died, u32::MAX);
    }

    #[test]
    fn a_will_reads_back_and_one_that_says_less_does_too() {
        let long = Will { died: 3, ..will("b", 4, Some("c"), 1) };
        let read = |text: &str| serde_json::from_str::<Will>(text).unwrap();
        assert_eq!(read(&serde_json::to_string(&long).unwrap()), long);
        let none = Will { kills: None, ..long };
        assert_eq!(read(&serde_json::to_string(&none).unwrap()), none);
        let short = read(r#"{"boot": "b", "oom_kills": 4}"#);
        assert_eq!((short.kills, short.died), (None, 0), "a count of the whole machine");
    }
}
