//! The machine.

use super::Host;
use crate::units::Bytes;
use std::io;
use std::path::{Path, PathBuf};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The environment variable that names the machine to a program in a container, which has a name of its own.
pub const NODE_VARIABLE: &str = "NDBENCH_NODE";

impl Host {
    /// What this machine says of itself; a name it does not know is `unknown`. Takes some milliseconds.
    pub fn read() -> Self {
        let kinds = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kinds);
        let unknown = || String::from("unknown");
        let os = System::long_os_version().unwrap_or_else(unknown);
        let kernel = System::kernel_version().unwrap_or_else(unknown);
        let cpu = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
        Self {
            name: name(std::env::var(NODE_VARIABLE).ok(), System::host_name()),
            os: format!("{os}, kernel {kernel}"),
            cpu: cpu.filter(|brand| !brand.is_empty()).unwrap_or_else(unknown),
            cores: cores(),
            memory: Bytes(system.total_memory()),
        }
    }
}

/// What this machine is called where nodes are told apart: by whoever runs a container on it, by Slurm, or by itself.
pub fn node_name() -> String {
    let variable = |key: &str| std::env::var(key).ok().filter(|name| !name.is_empty());
    name(variable(NODE_VARIABLE).or_else(|| variable("SLURMD_NODENAME")), System::host_name())
}

/// The name that somebody `told`, or that the system is `called`.
fn name(told: Option<String>, called: Option<String>) -> String {
    told.filter(|name| !name.is_empty()).or(called).unwrap_or_else(|| "unknown".into())
}

/// Logical cores that this process may use: affinity and control groups count.
fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

/// `path` made absolute, or the nearest folder above it that exists.
///
/// # Errors
/// When `path` is empty, or the current folder is gone.
pub fn nearest_folder(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    Ok(absolute.ancestors().find(|p| p.is_dir()).unwrap_or(&absolute).to_path_buf())
}

/// Bytes that an unprivileged user may still write on the disk that holds `path`, or its nearest folder that exists.
///
/// # Errors
/// What the operating system says.
pub fn free_disk(path: &Path) -> io::Result<Bytes> {
    use std::os::unix::ffi::OsStrExt;
    let existing = nearest_folder(path)?;
    let name = std::ffi::CString::new(existing.as_os_str().as_bytes()).map_err(io::Error::other)?;
    // SAFETY: `statvfs` is plain numbers, for which zero is valid; the call only writes to it and reads the string.
    let (status, found) = unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(name.as_ptr(), &raw mut found), found)
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Bytes(found.f_bavail * found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_knows_itself() {
        let host = Host::read();
        assert!(host.cores >= 1 && host.memory > Bytes(1 << 28), "{host:?}");
        assert!(host.os.contains("kernel ") && !host.cpu.is_empty() && !host.name.is_empty(), "{host:?}");
        assert_eq!(host, Host::read());
    }

    #[test]
    fn a_container_is_named_by_its_machine() {
        let of = |told: Option<&str>, called: Option<&str>| name(told.map(Into::into), called.map(Into::into));
        assert_eq!(
            [of(Some("node7"), Some("pod")), of(Some(""), Some("pod")), of(None, None)],
            ["node7", "pod", "unknown"]
        );
    }

    #[test]
    fn free_disk_is_that_of_the_nearest_existing_folder() {
        let folder = tempfile::tempdir().unwrap();
        let free = free_disk(&folder.path().join("not/yet/there")).unwrap();
        assert!(free > Bytes(0));
        assert!(free_disk(Path::new("")).is_err());
    }
}
