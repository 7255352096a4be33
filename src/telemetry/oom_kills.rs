//! Whom the kernel has killed for want of memory, as its counters have it.

use super::SlurmJob;
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many processes the kernel has killed for want of memory in the control group of this process: in its job of Slurm,
/// its container, or its session. What is counted of the whole machine says nothing of this process: others die there as
/// well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OomKills {
    /// The machine, since it was started.
    pub boot: String,
    /// Which group: no other has this number until the machine is started anew.
    pub group: u64,
    /// In it and those below, whether its own memory ran out or the machine's; it never falls.
    pub oom_kills: u64,
}

impl OomKills {
    /// Of this process; absent where no group of its own counts.
    pub fn here() -> Option<Self> {
        Self::below(Path::new("/"), SlurmJob::here().some().is_some())
    }

    /// The same, with the files of `/proc` and `/sys` below another folder. `in_job`: within a job of Slurm.
    fn below(root: &Path, in_job: bool) -> Option<Self> {
        let boot = fs::read_to_string(root.join("proc/sys/kernel/random/boot_id")).ok()?.trim().to_owned();
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        // The second version; the first one does not count what is killed in a group below.
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let mount = root.join("sys/fs/cgroup");
        // Where Slurm makes no groups, all jobs of a node are in that of its daemon.
        let group = if in_job { job(own) } else { Some(job(own).unwrap_or_else(|| own.into())) };
        // A container may say what its group is called outside of it, and see it as the root; a machine's root counts nothing.
        group.map(|group| mount.join(group)).into_iter().chain([mount.clone()]).find_map(|folder| {
            let oom_kills = count(&folder.join("memory.events"))?;
            Some(Self { boot: boot.clone(), group: fs::metadata(folder).ok()?.ino(), oom_kills })
        })
    }

    /// Whether the kernel has killed in the group since `before`; not where that was another group.
    pub fn has_killed_since(&self, before: &Self) -> bool {
        self.boot == before.boot && self.group == before.group && self.oom_kills != before.oom_kills
    }
}

/// The group of the job of Slurm in which a group is, if it is in one: of a job each step has one of its own, which ends
/// with it.
fn job(group: &str) -> Option<PathBuf> {
    let is_job = |path: &&Path| {
        let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix("job_"));
        number.is_some_and(|number| number.parse::<u64>().is_ok())
    };
    Path::new(group).ancestors().find(is_job).map(Path::to_path_buf)
}

/// `oom_kill` in a file of counters.
fn count(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine whose process is in `group`; `counts` are of the machine and of groups.
    fn machine(group: &str, counts: &[(&str, u64)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "proc/sys/kernel/random/boot_id", "b\n");
        write(dir.path(), "proc/self/cgroup", &format!("4:memory:/x\n0::{group}\n"));
        set(dir.path(), counts);
        dir
    }

    fn set(root: &Path, counts: &[(&str, u64)]) {
        counts.iter().for_each(|(path, kills)| write(root, path, &format!("oom 9\noom_kill {kills}\nnr_x 3\n")));
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    const MACHINE: &str = "proc/vmstat";
    const JOB: &str = "sys/fs/cgroup/slurmstepd.scope/job_31/memory.events";

    #[test]
    fn a_jobs_own_group_is_asked_and_others_do_not_count() {
        let dir = machine("/slurmstepd.scope/job_31/step_0/user/task_0", &[(MACHINE, 5), (JOB, 1)]);
        let here = || OomKills::below(dir.path(), true);
        let before = here().unwrap();
        assert_eq!(before.oom_kills, 1);
        set(dir.path(), &[(MACHINE, 6)]);
        assert!(!here().unwrap().has_killed_since(&before), "another job's");
        set(dir.path(), &[(JOB, 2)]);
        assert!(here().unwrap().has_killed_since(&before));
        write(dir.path(), "proc/sys/kernel/random/boot_id", "c\n");
        assert!(!here().unwrap().has_killed_since(&before), "the machine was started anew");
        fs::remove_dir_all(dir.path().join("sys")).unwrap();
        assert_eq!(here(), None, "what the machine counts is not of the job");
    }

    #[test]
    fn a_group_that_all_jobs_of_a_node_share_is_nobodys_own() {
        let counts = [(MACHINE, 5), ("sys/fs/cgroup/system.slice/slurmd.service/memory.events", 1)];
        let dir = machine("/system.slice/slurmd.service", &counts);
        let kills = |in_job| OomKills::below(dir.path(), in_job).map(|kills| kills.oom_kills);
        assert_eq!([kills(true), kills(false)], [None, Some(1)]);
    }

    #[test]
    fn a_group_that_is_not_the_one_before_says_nothing_of_it() {
        let kills = |group, oom_kills| OomKills { boot: "b".into(), group, oom_kills };
        assert!(!kills(7, 0).has_killed_since(&kills(6, 1)));
        assert!(kills(7, 2).has_killed_since(&kills(7, 1)));
    }

    #[test]
    fn a_container_sees_its_group_as_the_root() {
        let root = "sys/fs/cgroup/memory.events";
        for (group, in_job) in [("/", false), ("/kubepods/pod1/abc", false), ("/", true)] {
            let dir = machine(group, &[(MACHINE, 5), (root, 3)]);
            assert_eq!(OomKills::below(dir.path(), in_job).unwrap().oom_kills, 3, "{group}");
        }
        assert_eq!(OomKills::below(machine("/", &[(MACHINE, 5)]).path(), false), None);
        assert_eq!(OomKills::below(Path::new("/nowhere"), false), None);
    }

    #[test]
    fn the_group_of_a_job_is_above_those_of_its_steps() {
        let of = |group: &str| job(group).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(of("a/job_31/step_batch/user/task_0").as_deref(), Some("a/job_31"));
        assert_eq!([of("user.slice/session-1.scope"), of("job_x/y"), of("")], [None, None, None]);
    }
}
