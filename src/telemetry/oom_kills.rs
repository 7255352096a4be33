//! Whom the kernel has killed for want of memory, as its counters have it.

use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many processes the kernel has killed for want of memory so far; its counters never fall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OomKills {
    /// The machine, since it was started.
    pub boot: String,
    /// On all of it.
    pub oom_kills: u64,
    /// In this process's own group; absent where there is none that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupKills>,
}

/// The same of a control group and those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupKills {
    /// Which one: no other has this number until the machine is started anew.
    pub number: u64,
    /// In it, whether its own memory ran out or the machine's.
    pub oom_kills: u64,
}

/// Where the kernel has killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In this process's own group: its job of Slurm, its container, or its session.
    Group,
    /// Somewhere on the machine: no group is known that was there before and still is.
    Machine,
}

impl OomKills {
    /// Of this process and its machine; absent where the kernel does not say.
    pub fn here() -> Option<Self> {
        Self::below(Path::new("/"))
    }

    /// The same, with the files of `/proc` and `/sys` below another folder.
    fn below(root: &Path) -> Option<Self> {
        let boot = fs::read_to_string(root.join("proc/sys/kernel/random/boot_id")).ok()?.trim().to_owned();
        let oom_kills = count(&root.join("proc/vmstat"))?;
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        // The second version; the first one does not count what is killed in a group below.
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"));
        let mount = root.join("sys/fs/cgroup");
        // A container may say what its group is called outside of it, and see it as the root.
        let found = own.into_iter().flat_map(|own| [mount.join(job(own)), mount.clone()]).find_map(|folder| {
            let oom_kills = count(&folder.join("memory.events"))?;
            Some(GroupKills { number: fs::metadata(folder).ok()?.ino(), oom_kills })
        });
        Some(Self { boot, oom_kills, group: found })
    }

    /// Where the kernel has killed since `before`, as far as that concerns this process; absent where it has not, or nobody
    /// knows.
    pub fn since(&self, before: &Self) -> Option<Scope> {
        match (self.group, before.group) {
            _ if self.boot != before.boot => None,
            (Some(now), Some(then)) if now.number == then.number => {
                (now.oom_kills != then.oom_kills).then_some(Scope::Group)
            }
            _ => (self.oom_kills != before.oom_kills).then_some(Scope::Machine),
        }
    }
}

/// The group of the job of Slurm in which a group is, or itself: of a job each step has one of its own, which ends with it.
fn job(group: &str) -> PathBuf {
    let group = Path::new(group);
    let is_job = |path: &Path| {
        let number = path.file_name().and_then(|name| name.to_str()?.strip_prefix("job_"));
        number.is_some_and(|number| number.parse::<u64>().is_ok())
    };
    group.ancestors().find(|path| is_job(path)).unwrap_or(group).to_path_buf()
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
        let before = OomKills::below(dir.path()).unwrap();
        assert_eq!((before.oom_kills, before.group.unwrap().oom_kills), (5, 1));
        set(dir.path(), &[(MACHINE, 6)]);
        let since = || OomKills::below(dir.path()).unwrap().since(&before);
        assert_eq!(since(), None, "another job's");
        set(dir.path(), &[(JOB, 2)]);
        assert_eq!(since(), Some(Scope::Group));
        fs::remove_dir_all(dir.path().join("sys")).unwrap();
        assert_eq!(since(), Some(Scope::Machine), "the job has ended and its group with it");
        write(dir.path(), "proc/sys/kernel/random/boot_id", "c\n");
        assert_eq!(since(), None, "the machine was started anew");
    }

    #[test]
    fn a_group_that_is_not_the_one_before_says_nothing_of_it() {
        let kills = |number, oom_kills| OomKills {
            boot: "b".into(),
            oom_kills: 4,
            group: Some(GroupKills { number, oom_kills }),
        };
        assert_eq!(kills(7, 0).since(&kills(6, 1)), None, "nor has the machine killed");
        assert_eq!(OomKills { oom_kills: 5, ..kills(7, 1) }.since(&kills(6, 1)), Some(Scope::Machine));
    }

    #[test]
    fn a_container_sees_its_group_as_the_root_and_without_groups_the_machine_is_asked() {
        let root = "sys/fs/cgroup/memory.events";
        for group in ["/", "/kubepods/pod1/abc"] {
            let dir = machine(group, &[(MACHINE, 5), (root, 3)]);
            assert_eq!(OomKills::below(dir.path()).unwrap().group.unwrap().oom_kills, 3, "{group}");
        }
        let dir = machine("/", &[(MACHINE, 5)]);
        let before = OomKills::below(dir.path()).unwrap();
        assert_eq!(before.group, None);
        set(dir.path(), &[(MACHINE, 6)]);
        assert_eq!(OomKills::below(dir.path()).unwrap().since(&before), Some(Scope::Machine));
        assert_eq!(OomKills::below(Path::new("/nowhere")), None);
    }

    #[test]
    fn the_group_of_a_job_is_above_those_of_its_steps() {
        let of = |group: &str| job(group).to_string_lossy().into_owned();
        assert_eq!(of("a/job_31/step_batch/user/task_0"), "a/job_31");
        assert_eq!(
            [of("user.slice/session-1.scope"), of("job_x/y"), of("")],
            ["user.slice/session-1.scope", "job_x/y", ""]
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_of_this_machine_counts() {
        assert!(OomKills::here().is_some());
    }
}
