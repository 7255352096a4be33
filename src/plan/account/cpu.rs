//! What libtorch's choice of kernels on a CPU depends on.

use std::thread::available_parallelism;

/// A CPU, as far as convolutions there take other memory than on others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// Whether it has AVX-512.
    pub avx512: bool,
    /// Threads that compute.
    pub threads: u64,
}

impl Cpu {
    /// One with AVX-512, where the number of threads makes no difference.
    pub const WIDE: Self = Self { avx512: true, threads: 1 };

    /// This machine's.
    pub fn here() -> Self {
        #[cfg(target_arch = "x86_64")]
        let avx512 = std::arch::is_x86_feature_detected!("avx512f");
        #[cfg(not(target_arch = "x86_64"))]
        let avx512 = false;
        Self { avx512, threads: available_parallelism().map_or(1, |threads| threads.get() as u64) }
    }

    /// By what libtorch calls the CPU's capability, such as `AVX512` or `AVX2`.
    pub fn of_capability(capability: &str, threads: u64) -> Self {
        Self { avx512: capability.starts_with("AVX512"), threads }
    }

    /// Whether convolutions take the same memory on both.
    pub fn is_like(self, other: Self) -> bool {
        (self.avx512, self.narrow_threads()) == (other.avx512, other.narrow_threads())
    }

    /// Its threads, where it has no AVX-512.
    pub(super) fn narrow_threads(self) -> Option<u64> {
        (!self.avx512).then_some(self.threads)
    }
}
