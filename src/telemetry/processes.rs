//! Which of the processes on a device are ours. The driver numbers them as the host does, and knows nothing of containers.

use super::snapshot::{Attribution, ProcessMemory};
use super::source::ComputeProcess;
use crate::units::Bytes;
use std::collections::BTreeSet;
use std::fs;

/// The processes whose readings count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Processes {
    /// Their numbers in this process' own name space.
    own: BTreeSet<u32>,
    /// Their numbers outside, where these are told.
    outer: BTreeSet<u32>,
    /// Numbers of the host may mean other processes here.
    contained: bool,
}

/// The name space of processes that the kernel makes at start (`PROC_PID_INIT_INO` of its sources).
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

impl Processes {
    /// Those with these numbers, as this process sees them.
    pub fn of(pids: impl IntoIterator<Item = u32>) -> Self {
        let namespace = fs::read_link("/proc/self/ns/pid").map(|path| path.to_string_lossy().into_owned());
        let own: BTreeSet<u32> = pids.into_iter().collect();
        let outer = own.iter().filter_map(|pid| outer_number(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?));
        Self { outer: outer.collect(), own, contained: namespace.is_ok_and(|name| name != FIRST_NAMESPACE) }
    }
}

/// The first number of `NSpid:`, that in the outermost name space that `/proc` shows.
fn outer_number(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().next()?.parse().ok()
}

/// Our processes' memory on a device that lists `list`, and how many others compute there; absent where nobody can tell.
pub(super) fn attribute(list: &[ComputeProcess], ours: &Processes) -> (Option<ProcessMemory>, Option<u32>) {
    let among = |pids: &BTreeSet<u32>, attribution| {
        let found: Vec<_> = list.iter().filter(|p| pids.contains(&p.pid)).collect();
        let used = found.iter().map(|p| p.used).sum::<Option<u64>>();
        let memory = used.map(|used| ProcessMemory { used: Bytes(used), attribution });
        (!found.is_empty()).then_some((memory, Some((list.len() - found.len()) as u32)))
    };
    if let Some(found) = among(&ours.own, Attribution::Own).filter(|_| !ours.contained) {
        return found;
    }
    if let Some(found) = among(&ours.outer, Attribution::OuterNamespace).filter(|_| ours.outer != ours.own) {
        return found;
    }
    match list {
        [] => (None, Some(0)),
        [sole] if ours.contained => {
            let attribution = Attribution::SoleProcess;
            (sole.used.map(|used| ProcessMemory { used: Bytes(used), attribution }), Some(0))
        }
        _ if ours.contained => (None, None),
        others => (None, Some(others.len() as u32)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(own: &[u32], outer: &[u32], contained: bool) -> Processes {
        let set = |pids: &[u32]| pids.iter().copied().collect();
        Processes { own: set(own), outer: set(outer), contained }
    }

    fn list(processes: &[(u32, Option<u64>)]) -> Vec<ComputeProcess> {
        processes.iter().map(|&(pid, used)| ComputeProcess { pid, used }).collect()
    }

    fn memory(used: u64, attribution: Attribution) -> Option<ProcessMemory> {
        Some(ProcessMemory { used: Bytes(used), attribution })
    }

    #[test]
    fn a_process_is_known_by_its_number() {
        let two = list(&[(7, Some(100)), (8, Some(50))]);
        assert_eq!(attribute(&two, &ours(&[7], &[7], false)), (memory(100, Attribution::Own), Some(1)));
        assert_eq!(attribute(&two, &ours(&[7, 8], &[7, 8], false)), (memory(150, Attribution::Own), Some(0)));
        assert_eq!(attribute(&two, &ours(&[9], &[9], false)), (None, Some(2)), "it has not used the device yet");
        assert_eq!(attribute(&list(&[(7, None)]), &ours(&[7], &[7], false)), (None, Some(0)), "it is there");
        assert_eq!(attribute(&[], &ours(&[7], &[7], false)), (None, Some(0)));
    }

    #[test]
    fn in_a_container_numbers_of_the_host_are_not_ours() {
        let (one, two) = (list(&[(7, Some(100))]), list(&[(7, Some(100)), (8, Some(50))]));
        let outer = ours(&[1], &[8], true);
        assert_eq!(attribute(&two, &outer), (memory(50, Attribution::OuterNamespace), Some(1)));
        let unknown = ours(&[7], &[7], true);
        assert_eq!(attribute(&one, &unknown), (memory(100, Attribution::SoleProcess), Some(0)));
        assert_eq!(attribute(&two, &unknown), (None, None), "7 is a number of the host, and this 7 is not");
    }

    #[test]
    fn the_outermost_number_comes_first() {
        assert_eq!(outer_number("Name:\tx\nNSpid:\t4711\t7\n"), Some(4711));
        assert_eq!(outer_number("Name:\tx\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_numbers() {
        let pid = std::process::id();
        let found = Processes::of([pid]);
        assert!(found.own.contains(&pid) && !found.outer.is_empty(), "{found:?}");
    }
}
