//! A library in the driver's place, each copy a device of its own, and telemetry through it.

use ndbench::telemetry::snapshot::{Call, Code, GpuSnapshot, Snapshot};
use ndbench::telemetry::{GpuTarget, Level, Settings, Telemetry};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The library that cargo built beside this test.
fn stub() -> PathBuf {
    let beside = std::env::current_exe().unwrap().with_file_name("libndbench_nvml_stub.so");
    assert!(beside.is_file(), "{} is not built", beside.display());
    beside
}

/// A copy of the library, which is a device of its own, and its script.
pub struct Driver {
    dir: Arc<tempfile::TempDir>,
}

impl Driver {
    pub fn new(script: &str) -> Self {
        let driver = Self { dir: Arc::new(tempfile::tempdir().unwrap()) };
        fs::copy(stub(), driver.library()).unwrap();
        driver.script(script);
        driver
    }

    /// Where it lies.
    pub fn library(&self) -> PathBuf {
        self.dir.path().join("stub.so")
    }

    /// Puts it where the loader finds it in the driver's place: a folder for `LD_LIBRARY_PATH`.
    pub fn installed(&self) -> &Path {
        for (from, to) in [("stub.so", "libnvidia-ml.so.1"), ("stub.so.script", "libnvidia-ml.so.1.script")] {
            fs::copy(self.dir.path().join(from), self.dir.path().join(to)).unwrap();
        }
        self.dir.path()
    }

    /// From now on the device does this.
    pub fn script(&self, script: &str) {
        // At once: the library may be reading it.
        let (path, new) = (self.dir.path().join("stub.so.script"), self.dir.path().join("new"));
        fs::write(&new, script).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// Takes a function out of the library.
    pub fn without(self, function: &str) -> Self {
        let mut bytes = fs::read(self.library()).unwrap();
        let name = [b"\0", function.as_bytes(), b"\0"].concat();
        let places: Vec<usize> =
            bytes.windows(name.len()).enumerate().filter(|(_, w)| *w == name).map(|p| p.0).collect();
        assert!(!places.is_empty(), "{function} is not there");
        places.into_iter().for_each(|place| bytes[place + 1] = b'x');
        fs::write(self.library(), bytes).unwrap();
        self
    }

    pub fn watch(&self) -> Watch {
        self.watch_for(GpuTarget::Visible(0))
    }

    pub fn watch_for(&self, target: GpuTarget) -> Watch {
        self.watch_all(vec![target])
    }

    pub fn watch_all(&self, gpus: Vec<GpuTarget>) -> Watch {
        Watch { telemetry: watch(&self.library(), gpus), _library: Some(Arc::clone(&self.dir)) }
    }
}

fn watch(library: &Path, gpus: Vec<GpuTarget>) -> Telemetry {
    let settings = Settings { level: Level::Full, gpus, nvml_library: Some(library.into()), ..Settings::default() };
    Telemetry::start(settings)
}

/// Telemetry, with the library that it has opened or will.
pub struct Watch {
    pub telemetry: Telemetry,
    _library: Option<Arc<tempfile::TempDir>>,
}

impl Watch {
    /// Through a library that is not ours to keep, or is not there.
    pub fn through(library: &Path) -> Self {
        Self { telemetry: watch(library, vec![GpuTarget::Visible(0)]), _library: None }
    }

    pub fn until(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let (begun, latest) = (Instant::now(), self.telemetry.latest());
        loop {
            let snapshot = latest.get();
            if holds(&snapshot) {
                return snapshot;
            }
            assert!(begun.elapsed() < PATIENCE, "not {what}: {snapshot:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn until_gpu(&self, what: &str, holds: impl Fn(&GpuSnapshot) -> bool) -> Arc<Snapshot> {
        self.until(what, |s| holds(&s.gpus[0]))
    }

    pub fn up(&self) -> Arc<Snapshot> {
        self.until_gpu("up", |gpu| gpu.state.is_up() && gpu.memory.is_some())
    }

    pub fn samples(&self, more: u64) -> Arc<Snapshot> {
        let now = self.telemetry.latest().get().health.samples;
        self.until("sampled", |s| s.health.samples >= now + more)
    }
}

pub fn errors(snapshot: &Snapshot, call: Call, code: Code) -> u64 {
    let stats = snapshot.calls.iter().find(|stats| stats.call == call);
    stats.and_then(|stats| stats.errors.get(&code)).copied().unwrap_or(0)
}

pub fn calls(snapshot: &Snapshot, call: Call) -> u64 {
    snapshot.calls.iter().find(|stats| stats.call == call).map_or(0, |stats| stats.count())
}
