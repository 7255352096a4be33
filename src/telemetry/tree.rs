//! What a whole tree of processes uses, from `/proc`.

use crate::units::{Bytes, Seconds};
use std::fs;
use std::path::Path;

/// What the processes below one use, without that one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TreeUsage {
    /// Their numbers.
    pub pids: Vec<u32>,
    /// Counter: CPU time of all that are or were below it, as far as someone has waited for those that were.
    pub cpu: Seconds,
    /// Sum of their resident sets; memory that several share counts for each.
    pub resident: Bytes,
}

/// What the processes below `root` use; absent where the system does not list the children of processes. Takes some tens
/// of microseconds a process.
pub fn tree_below(root: u32) -> Option<TreeUsage> {
    let mut usage = TreeUsage { cpu: times(root, 15..17)?, ..TreeUsage::default() };
    let mut open = children(root)?;
    while let Some(pid) = open.pop() {
        // One that has ended meanwhile is in its parent's times, or will be.
        let Some(cpu) = times(pid, 13..17) else { continue };
        usage.cpu += cpu;
        usage.resident.0 += resident(pid).unwrap_or(0);
        usage.pids.push(pid);
        open.extend(children(pid).unwrap_or_default());
    }
    usage.pids.sort_unstable();
    Some(usage)
}

/// The children of all threads of a process.
fn children(pid: u32) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        // A thread may have ended; a system without this file has it for none.
        match fs::read_to_string(task.path().join("children")) {
            Ok(list) => found.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
            Err(_) if Path::new("/proc/self/task").exists() && task.path().exists() => return None,
            Err(_) => {}
        }
    }
    Some(found)
}

/// The sum of some of the times in `/proc/PID/stat`: 13 to 16 are its own and its children's, user and system.
fn times(pid: u32, which: std::ops::Range<usize>) -> Option<Seconds> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name, in parentheses, and may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: f64 = fields.get(which.start - 2..which.end - 2)?.iter().filter_map(|f| f.parse::<f64>().ok()).sum();
    Some(Seconds(ticks / ticks_per_second()))
}

fn resident(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    // SAFETY: a plain call.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(text.split_whitespace().nth(1)?.parse::<u64>().ok()? * u64::try_from(page).ok()?)
}

fn ticks_per_second() -> f64 {
    // SAFETY: a plain call.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn children_and_their_children_are_counted() {
        // A shell with a child that computes; both are below this process.
        let script = "sh -c 'while :; do :; done' & echo ready; wait";
        let mut shell = Command::new("sh").args(["-c", script]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let usage = tree_below(shell.id()).unwrap();
        let above = tree_below(std::process::id()).unwrap();
        let pid = usage.pids[0];
        Command::new("kill").arg(pid.to_string()).status().unwrap();
        shell.wait().unwrap();
        assert_eq!(usage.pids.len(), 1, "{usage:?}");
        assert!(usage.cpu > Seconds(0.05) && usage.resident > Bytes(1 << 16), "{usage:?}");
        assert!(above.pids.contains(&pid) && above.pids.contains(&shell.id()));
    }

    #[test]
    fn a_process_that_is_not_there_has_no_tree() {
        assert_eq!(tree_below(u32::MAX), None);
    }
}
