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

/// The C++ compiler that compiled the shim, with what its name has besides, such as `ccache c++`.
#[cfg(feature = "torch")]
pub fn compiler() -> std::process::Command {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let mut words = compiler.split_whitespace();
    let mut command = std::process::Command::new(words.next().expect("a compiler has a name"));
    command.args(words);
    command
}

/// Runs `body` in a process of its own that has two made-up CUDA devices: all of libtorch believes in them.
///
/// # Panics
/// Where `body` does, with what it said.
#[cfg(feature = "torch")]
pub fn on_scripted_devices(body: impl FnOnce()) {
    /// Names the library of the devices, in the process that has them.
    const DEVICES: &str = "NDBENCH_TEST_SCRIPTED_DEVICES";
    if let Some(library) = std::env::var_os(DEVICES) {
        // SAFETY: the library and its function are those of `tests/native/scripted_device.cpp`; nothing else runs.
        unsafe {
            let library = libloading::Library::new(library).unwrap();
            library.get::<extern "C" fn()>(b"script_device").unwrap()();
            std::mem::forget(library);
        }
        return body();
    }
    let libtorch = std::path::Path::new(env!("NDBENCH_LIBTORCH_LIB"));
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libscripted_device.so");
    let mut command = compiler();
    command.args(["-std=c++17", "-shared", "-fPIC", "-w", "-I"]).arg(libtorch.parent().unwrap().join("include"));
    command.args(["tests/native/scripted_device.cpp", "-o"]).arg(&library).arg("-L").arg(libtorch).arg("-lc10");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let test = std::thread::current().name().unwrap().to_owned();
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    let output = alone.args(["--exact", &test, "--nocapture"]).env(DEVICES, &library).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
