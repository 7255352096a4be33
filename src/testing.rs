//! What unit tests share.

/// Tests are threads of one process, and a process has one generator of libtorch and one memory peak: whoever seeds or
/// draws from the one, or starts the other anew, holds this meanwhile.
#[cfg(feature = "torch")]
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    use std::sync::{Mutex, PoisonError};
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `body` in a process of its own, for what changes or measures the whole process: the test calls itself again, by
/// its `name` (`module::tests::function`, without the crate).
///
/// # Panics
/// Where `body` does, with what it said.
#[cfg(target_os = "linux")]
pub fn in_own_process(name: &str, body: impl FnOnce()) {
    const ALONE: &str = "NDBENCH_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let program = std::env::current_exe().expect("the test program has a path");
    let output = std::process::Command::new(program).args(["--exact", name]).env(ALONE, "1").output();
    let output = output.expect("the test program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
