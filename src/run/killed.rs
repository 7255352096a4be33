//! Trials whose process dies again and again.
//!
//! Such a process cannot record anything: those before it are counted by what they left with the lock.

use crate::event::Outcome;
use crate::record::{Death, MOST_DEATHS, Will};
use crate::telemetry::node_name;

/// Kills by the kernel without a checkpoint between them after which a trial has run out of memory.
const ENOUGH: u32 = 2;

/// The outcome of a trial whose process keeps dying; absent where it can be tried.
pub(super) fn too_often(will: &Will) -> Option<Outcome> {
    let Death { node, by_kernel } = will.last.as_ref()?;
    match by_kernel {
        true if will.killed >= ENOUGH => {
            let message = format!(
                "killed by the out-of-memory killer of {}: the process died {} times without a checkpoint between, while the \
                 kernel killed in the job, container or session that trains for want of main memory; give it more (with Slurm, \
                 slurm.memory of the profile), and --retry oom",
                node_name(),
                will.killed
            );
            Some(Outcome::Oom { requested: None, free: None, message })
        }
        _ if will.died >= MOST_DEATHS => {
            let message = format!(
                "its process died {} times without a word and without a checkpoint between, the last time on {node}: killed from \
                 outside, for want of the host's memory perhaps, or its node died; what is tried again begins to count anew",
                will.died
            );
            Some(Outcome::Failed { message })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(killed: u32, died: u32, by_kernel: bool) -> Option<Outcome> {
        let last = Some(Death { node: "alpha".into(), by_kernel });
        too_often(&Will { died, killed, last, ..Will::default() })
    }

    #[test]
    fn the_kernels_second_kill_is_out_of_memory_and_says_whom_it_killed() {
        assert_eq!(outcome(1, 1, true), None);
        let Some(Outcome::Oom { message, .. }) = outcome(2, 2, true) else { panic!("it is tried again") };
        assert!(message.contains("the process died 2 times") && message.contains("killed in the job"), "{message}");
        assert_eq!(outcome(2, 3, false), None, "something else has killed the last one");
    }

    #[test]
    fn what_dies_of_whatever_it_is_on_whichever_machine_is_given_up_in_the_end() {
        assert_eq!(outcome(0, MOST_DEATHS - 1, false), None);
        let Some(Outcome::Failed { message }) = outcome(0, MOST_DEATHS, false) else { panic!("it is tried again") };
        assert!(message.contains("died 10 times without a word") && message.contains("on alpha"), "{message}");
        assert_eq!(too_often(&Will::default()), None);
    }
}
