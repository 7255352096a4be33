//! Peak memory of a trial, and the host's allocator.

use crate::event::MemoryPeak;
use crate::native;
use crate::telemetry::snapshot::AllocatorSnapshot;
use crate::telemetry::{AllocatorProbe, PeakResident};
use crate::units::Bytes;
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};
use tch::Device;

/// Beyond each request the heap grows by so much; where it cannot, the request fails.
pub(super) const GROWTH: i32 = 64 << 20;

/// Counts libtorch's tensors, and keeps glibc from handing freed memory back to the kernel.
///
/// With glibc's defaults every tensor above 128 KiB to 32 MiB is a mapping of its own: each step of a training maps its
/// activations anew, and the kernel clears them page by page, which takes as long as the arithmetic of small layers. After
/// this, memory freed by one step is used again by the next. Call it once, before the first tensor; elsewhere than on
/// glibc it only counts. It leaves alone what the user set in the environment (`MALLOC_…_`, `GLIBC_TUNABLES`).
pub fn tune_host_allocator() {
    native::count_host_memory();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let set = |name: &str| std::env::var_os(name).is_some();
        if set("MALLOC_MMAP_THRESHOLD_") || set("MALLOC_TRIM_THRESHOLD_") || set("GLIBC_TUNABLES") {
            return;
        }
        // SAFETY: mallopt only changes numbers of the allocator; it fails by returning 0, and then all stays as it was.
        unsafe {
            // Never a mapping of its own, never trimmed, grown by large pieces.
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
            libc::mallopt(libc::M_TOP_PAD, GROWTH);
            // One heap for all threads: as fast here, since the threads of an operation allocate little, and a tenth less
            // memory in MobileNet v2.
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}

/// Gives the allocator's unused memory back to the kernel, so that a trial's peak is its own.
pub(super) fn release_unused() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim only releases memory that nobody holds.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Bytes in live tensors on `device` now; absent where the allocator does not say.
pub fn live_memory(device: Device) -> Option<Bytes> {
    match device {
        Device::Cuda(index) => Some(native::cuda_memory(index).ok()?.allocated.now),
        _ => Some(native::host_memory_live()),
    }
}

/// The largest amounts since [`reset_peak_memory`]: in live tensors and, of a caching allocator, reserved.
pub fn peak_memory(device: Device) -> (Option<Bytes>, Option<Bytes>) {
    match device {
        Device::Cuda(index) => {
            let memory = native::cuda_memory(index).ok();
            (memory.map(|m| m.allocated.peak), memory.map(|m| m.reserved.peak))
        }
        _ => (Some(native::host_memory_peak()), None),
    }
}

/// Gives unused memory of a caching allocator back to its device and starts new peaks.
pub fn reset_peak_memory(device: Device) {
    match device {
        // A device that cannot be asked now yields no figure at the end either.
        Device::Cuda(index) => {
            if native::release_cuda_memory().and_then(|()| native::reset_cuda_memory(index)).is_ok() {
                ASKABLE.store(index as i64, Ordering::Release);
            }
        }
        _ => native::reset_host_memory(),
    }
}

/// A device of which CUDA's allocator may be asked from other threads: training on it has begun. -1: none.
static ASKABLE: AtomicI64 = AtomicI64::new(-1);

/// Asks CUDA's allocator, for telemetry, what it holds of the device that is being trained on.
pub fn allocator_probe() -> AllocatorProbe {
    Box::new(|| {
        let index = usize::try_from(ASKABLE.load(Ordering::Acquire)).ok()?;
        let memory = native::cuda_memory(index).ok()?;
        Some(AllocatorSnapshot {
            allocated: memory.allocated.now,
            reserved: memory.reserved.now,
            active: memory.active.now,
            retries: memory.retries,
            ooms: memory.ooms,
        })
    })
}

/// Watches peak memory from its start on: CUDA's allocator on CUDA; on the CPU live tensors and the resident set of the
/// process.
#[derive(Debug)]
pub(super) struct Meter {
    instrument: Instrument,
    /// Of the executions before a resume.
    before: Cell<Option<MemoryPeak>>,
}

#[derive(Debug)]
enum Instrument {
    Cuda(usize),
    Host(PeakResident),
}

impl Meter {
    /// Gives back what earlier trials left unused and starts a new peak.
    pub fn start(device: Device) -> Self {
        let instrument = match device {
            Device::Cuda(index) => {
                reset_peak_memory(device);
                Instrument::Cuda(index)
            }
            _ => {
                release_unused();
                reset_peak_memory(device);
                Instrument::Host(PeakResident::start())
            }
        };
        Self { instrument, before: Cell::new(None) }
    }

    /// Counts what earlier executions of the trial took.
    pub fn carry(&self, before: MemoryPeak) {
        self.before.set(Some(before));
    }

    /// The largest amounts since the start, and before it where that is known.
    pub fn peak(&self) -> MemoryPeak {
        let peak = match &self.instrument {
            Instrument::Cuda(index) => {
                let (allocated, reserved) = peak_memory(Device::Cuda(*index));
                MemoryPeak { allocated, reserved, resident: None }
            }
            Instrument::Host(peak) => {
                let (allocated, reserved) = peak_memory(Device::Cpu);
                MemoryPeak { allocated, reserved, resident: peak.bytes().value() }
            }
        };
        self.before.get().map_or(peak, |before| peak.max(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Level, Settings, Telemetry};

    #[test]
    fn the_allocator_is_asked_once_training_on_its_device_has_begun() {
        crate::testing::on_scripted_devices(|| {
            let ask = allocator_probe();
            assert!(ask().is_none());
            reset_peak_memory(Device::Cuda(1));
            let seen = ask().expect("a probe of steps begins so, and so does a training");
            assert_eq!((seen.allocated, seen.active, seen.retries, seen.ooms), (Bytes(1001), Bytes(5001), 71, 81));

            let allocator = Some(allocator_probe());
            let telemetry =
                Telemetry::start(Settings { level: Level::Full, gpus: Vec::new(), nvml_library: None, allocator });
            let recording = telemetry.record(None, None);
            std::thread::sleep(std::time::Duration::from_millis(500));
            let summary = recording.finish(1).0.unwrap();
            assert_eq!((summary.allocated.unwrap().peak, summary.active.unwrap().min), (Bytes(1001), Bytes(5001)));
        });
    }
}
