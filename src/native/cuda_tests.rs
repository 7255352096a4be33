//! What CUDA's allocator and events say, by a made-up device in libtorch's place of one.

use super::*;
use std::path::Path;
use std::process::Command;

/// Names the library of the made-up device, in the process that has it.
const DEVICE: &str = "NDBENCH_TEST_SCRIPTED_DEVICE";

/// The made-up device belongs into a process of its own: all of libtorch believes in it.
#[test]
fn figures_of_the_allocator_and_times_between_events_are_those_of_the_device() {
    if let Some(library) = std::env::var_os(DEVICE) {
        return on_the_scripted_device(Path::new(&library));
    }
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libscripted_device.so");
    compile(&library);
    let test = std::thread::current().name().unwrap().to_owned();
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let output = alone.args(["--exact", &test, "--nocapture"]).env(DEVICE, &library).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Compiles the device as the shim was compiled.
fn compile(library: &Path) {
    let libtorch = Path::new(env!("NDBENCH_LIBTORCH_LIB"));
    let include = libtorch.parent().unwrap().join("include");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    // Such as `ccache c++`.
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["-std=c++17", "-shared", "-fPIC", "-w", "-I"]).arg(include);
    command.args(["tests/native/scripted_device.cpp", "-o"]).arg(library);
    let output = command.arg("-L").arg(libtorch).arg("-lc10").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn on_the_scripted_device(library: &Path) {
    // SAFETY: the library and its function are those of `tests/native/scripted_device.cpp`; nothing else runs.
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        library.get::<extern "C" fn()>(b"script_device").unwrap()();
        std::mem::forget(library);
    }
    let amount = |now, peak| Amount { now: Bytes(now), peak: Bytes(peak) };
    let says = |i: u64| Memory {
        allocated: amount(1000 + i, 2000 + i),
        reserved: amount(3000 + i, 4000 + i),
        active: amount(5000 + i, 6000 + i),
        retries: 70 + i,
        ooms: 80 + i,
    };
    assert_eq!([cuda_memory(0).unwrap(), cuda_memory(1).unwrap()], [says(0), says(1)]);
    reset_cuda_memory(1).unwrap();
    let fresh =
        Memory { allocated: amount(1001, 1001), reserved: amount(3001, 3001), active: amount(5001, 5001), ..says(1) };
    assert_eq!([cuda_memory(0).unwrap(), cuda_memory(1).unwrap()], [says(0), fresh], "the other device's peaks stay");
    release_cuda_memory().unwrap();
    assert_eq!(cuda_memory(0).unwrap().reserved, amount(3, 4000));
    assert!(cuda_memory(7).unwrap_err().to_string().contains("no device 7"));
    assert!(reset_cuda_memory(7).is_err() && Event::record(7).is_err());

    let [first, second, third] = [(); 3].map(|()| Event::record(1).unwrap());
    let milliseconds = |from: &Event, to: &Event| from.until(to).unwrap().0 * 1e3;
    assert!((milliseconds(&first, &second) - 2.5).abs() < 1e-9);
    assert!((milliseconds(&first, &third) - 5.0).abs() < 1e-9);
}
