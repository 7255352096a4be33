//! Memory that is left.

use crate::units::Bytes;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Main memory that a program could still take without swapping; absent where the system does not say.
pub fn available_memory() -> Option<Bytes> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let bytes = System::new_with_specifics(ram).available_memory();
    (bytes > 0).then_some(Bytes(bytes))
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn some_memory_is_left() {
        assert!(super::available_memory().unwrap().0 > 1 << 20);
    }
}
