//! Trials whose process the kernel kills for want of memory, again and again.
//!
//! Such a process cannot record anything. It leaves word with its lock, and the next one that takes the lock counts.

use crate::event::Outcome;
use crate::record::{StoreError, TrialLock};
use crate::telemetry::node_name;
use crate::train::checkpoint_digest;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Kills without a checkpoint between them after which a trial has run out of memory.
const ENOUGH: u32 = 2;

/// What a process that trains says in case it dies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Will {
    /// The machine, since it was started.
    boot: String,
    /// Processes that its kernel had killed for want of memory.
    oom_kills: u64,
    /// From which checkpoint the training went on; absent: from the beginning.
    checkpoint: Option<String>,
    /// How many before this one the kernel killed so, from the same checkpoint.
    killed: u32,
}

impl Will {
    /// Of this process; absent where the kernel does not say what it kills.
    fn here(checkpoint: &Path) -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let counters = fs::read_to_string("/proc/vmstat").ok()?;
        let oom_kills = counters.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()?;
        Some(Self { boot, oom_kills, checkpoint: checkpoint_digest(checkpoint), killed: 0 })
    }

    /// This process's, after one that died.
    fn after(self, dead: &Self) -> Self {
        // The counter never falls. It counts other processes too: one kill proves nothing.
        let by_kernel = dead.boot == self.boot && dead.oom_kills != self.oom_kills;
        let killed = if by_kernel && dead.checkpoint == self.checkpoint { dead.killed + 1 } else { by_kernel.into() };
        Self { killed, ..self }
    }
}

/// The outcome of a trial that the kernel keeps killing; otherwise word is left with the lock, and it can be tried.
///
/// # Errors
/// The lock's file cannot be written.
pub(super) fn too_often(lock: &mut TrialLock, checkpoint: &Path) -> Result<Option<Outcome>, StoreError> {
    let Some(here) = Will::here(checkpoint) else { return Ok(None) };
    let dead = lock.will().and_then(|line| serde_json::from_str::<Will>(line).ok());
    let will = match dead {
        Some(dead) => here.after(&dead),
        None => here,
    };
    if will.killed < ENOUGH {
        lock.say(&serde_json::to_string(&will).expect("strings and numbers become JSON"))?;
        return Ok(None);
    }
    let message = format!(
        "killed by the out-of-memory killer of {}: the process died {} times without a checkpoint between, while the kernel \
         killed for want of main memory; give it more (with Slurm, slurm.memory of the profile), and --retry oom",
        node_name(),
        will.killed
    );
    Ok(Some(Outcome::Oom { requested: None, free: None, message }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn will(boot: &str, oom_kills: u64, checkpoint: Option<&str>, killed: u32) -> Will {
        Will { boot: boot.into(), oom_kills, checkpoint: checkpoint.map(str::to_owned), killed }
    }

    #[test]
    fn only_kills_by_the_kernel_count_and_a_checkpoint_between_them_begins_anew() {
        let dead = will("b", 4, Some("c"), 1);
        assert_eq!(will("b", 5, Some("c"), 0).after(&dead).killed, 2);
        assert_eq!(will("b", 5, Some("d"), 0).after(&dead).killed, 1, "it came further");
        assert_eq!(will("b", 4, Some("c"), 0).after(&dead).killed, 0, "something else killed it");
        assert_eq!(will("other", 5, Some("c"), 0).after(&dead).killed, 0, "the machine was started anew");
    }
}
