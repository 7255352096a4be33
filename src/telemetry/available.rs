//! Memory that is left.

use super::cgroup;
use crate::units::Bytes;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Main memory that this process could still take without swapping, within the limits of its control groups; absent
/// where the system does not say.
pub fn available_memory() -> Option<Bytes> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let bytes = System::new_with_specifics(ram).available_memory();
    let machine = (bytes > 0).then_some(Bytes(bytes));
    machine.into_iter().chain(cgroup::room()).min()
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn some_memory_is_left() {
        assert!(super::available_memory().unwrap().0 > 1 << 20);
    }
}
