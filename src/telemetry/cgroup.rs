//! What control groups leave of the machine's memory to this process.

use crate::units::Bytes;
use std::path::{Path, PathBuf};

/// A version of the interface, and where systems mount it.
struct Interface {
    root: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// Caches of files, in `memory.stat`, which the kernel drops before it kills.
    caches: [&'static str; 2],
}

const V1: Interface = Interface {
    root: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    caches: ["total_inactive_file", "total_active_file"],
};
const V2: Interface = Interface {
    root: "sys/fs/cgroup",
    limit: "memory.max",
    usage: "memory.current",
    caches: ["inactive_file", "active_file"],
};

/// More than any machine has: v1 writes the largest number of pages where there is no limit.
const NO_LIMIT: u64 = 1 << 60;

/// The memory of a group that has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// What the kernel counts, without the caches that it would drop before it kills.
    pub used: Bytes,
    /// The limit.
    pub limit: Bytes,
}

impl Group {
    fn room(self) -> Bytes {
        Bytes(self.limit.0.saturating_sub(self.used.0))
    }
}

/// Memory that this process may still take before the tightest of its groups is full; absent without a limit.
pub(super) fn room() -> Option<Bytes> {
    tightest().map(Group::room)
}

/// The group of this process, or above it, that leaves least; absent without a limit.
pub(super) fn tightest() -> Option<Group> {
    tightest_below(Path::new("/"))
}

/// The same, with the files of `/proc` and `/sys` below another folder.
fn tightest_below(root: &Path) -> Option<Group> {
    let text = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    text.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            match controllers {
                "" => Some((V2, path)),
                list if list.split(',').any(|c| c == "memory") => Some((V1, path)),
                _ => None,
            }
        })
        .flat_map(|(interface, path)| {
            // A limit of any group above counts too. Inside a container the path may be that of the host: then only the
            // root, which is the container's own group, is found.
            let mount = root.join(interface.root);
            let folders: Vec<PathBuf> =
                Path::new(path.trim_start_matches('/')).ancestors().map(|p| mount.join(p)).collect();
            folders.into_iter().filter_map(move |folder| interface.group(&folder))
        })
        .min_by_key(|group| group.room())
}

impl Interface {
    /// One group; absent where it has no limit.
    fn group(&self, folder: &Path) -> Option<Group> {
        let number = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        // Without a limit v2 says `max`, and v1 a number beyond any machine.
        let (limit, usage) = (number(self.limit).filter(|limit| *limit < NO_LIMIT)?, number(self.usage)?);
        let stat = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let cached: u64 = stat
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(key, _)| self.caches.contains(key))
            .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
            .sum();
        Some(Group { used: Bytes(usage.saturating_sub(cached)), limit: Bytes(limit) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn the_tightest_group_above_the_process_counts() {
        let dir = tree(&[
            ("proc/self/cgroup", "0::/job/step\n"),
            ("sys/fs/cgroup/job/step/memory.max", "max\n"),
            ("sys/fs/cgroup/job/step/memory.current", "500\n"),
            ("sys/fs/cgroup/job/memory.max", "1000\n"),
            ("sys/fs/cgroup/job/memory.current", "900\n"),
            ("sys/fs/cgroup/job/memory.stat", "anon 600\ninactive_file 200\nactive_file 50\n"),
        ]);
        assert_eq!(tightest_below(dir.path()), Some(Group { used: Bytes(650), limit: Bytes(1000) }));
    }

    #[test]
    fn the_first_version_is_understood_and_a_container_sees_its_root() {
        let dir = tree(&[
            ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "400\n"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 100\n"),
        ]);
        assert_eq!(tightest_below(dir.path()).map(Group::room), Some(Bytes(700)));
    }

    #[test]
    fn without_a_limit_there_is_no_figure() {
        assert_eq!(tightest_below(tree(&[("proc/self/cgroup", "0::/\n")]).path()), None);
        assert_eq!(tightest_below(Path::new("/nowhere")), None);
    }
}
