//! Calls to a device's driver: their names, what they cost, and how they fail.

use crate::units::Seconds;
use std::collections::BTreeMap;

/// Upper bounds of the buckets of [`CallStats::buckets`]: 10 µs to 100 ms, by about three each.
pub const CALL_BOUNDS: [Seconds; 9] = [
    Seconds(10e-6),
    Seconds(30e-6),
    Seconds(100e-6),
    Seconds(300e-6),
    Seconds(1e-3),
    Seconds(3e-3),
    Seconds(10e-3),
    Seconds(30e-3),
    Seconds(100e-3),
];

/// What one kind of call has cost, and how it failed.
#[derive(Debug, Clone, PartialEq)]
pub struct CallStats {
    /// Which.
    pub call: Call,
    /// How many calls took no longer than each of [`CALL_BOUNDS`] and longer than the one before; the last entry is for
    /// all longer ones.
    pub buckets: [u64; CALL_BOUNDS.len() + 1],
    /// Time of all calls.
    pub sum: Seconds,
    /// Calls that failed, by the driver's code; with a zero for each code of [`Code::COMMON`] that never came.
    pub errors: BTreeMap<Code, u64>,
}

impl CallStats {
    /// No call yet.
    pub fn new(call: Call) -> Self {
        let errors = Code::COMMON.into_iter().map(|code| (code, 0)).collect();
        Self { call, buckets: Default::default(), sum: Seconds(0.0), errors }
    }

    /// Counts a call that took so long.
    pub fn took(&mut self, seconds: Seconds) {
        let bucket = CALL_BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(CALL_BOUNDS.len());
        self.buckets[bucket] += 1;
        self.sum += seconds;
    }

    /// Counts a failure.
    pub fn failed(&mut self, code: Code) {
        *self.errors.entry(code).or_default() += 1;
    }

    /// How many calls there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Adds the calls of another device.
    pub fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(mine, theirs)| *mine += theirs);
        self.sum += other.sum;
        other.errors.iter().for_each(|(code, n)| *self.errors.entry(*code).or_default() += n);
    }
}

macro_rules! calls {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// One kind of call to a device's driver.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Call { $($(#[doc = $doc])+ $name,)+ }

        impl Call {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word used in labels and records.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

calls! {
    /// Starting the library and finding the device.
    Open = "open",
    /// Memory of the device.
    Memory = "memory",
    /// Utilisation of the device and its memory, last sample period.
    Utilisation = "utilisation",
    /// The driver's own samples of the device's utilisation since the last look.
    BusySamples = "busy_samples",
    /// The driver's own samples of the memory's utilisation since the last look.
    MemoryBusySamples = "memory_busy_samples",
    /// Power now.
    Power = "power",
    /// Power, mean of the last second.
    PowerAverage = "power_average",
    /// Power of the memory.
    MemoryPower = "memory_power",
    /// The limit of power that is enforced.
    PowerLimit = "power_limit",
    /// The energy counter.
    Energy = "energy",
    /// Temperature of the die.
    Temperature = "temperature",
    /// Temperature of the memory.
    MemoryTemperature = "memory_temperature",
    /// Clock of the multiprocessors.
    SmClock = "sm_clock",
    /// Clock of the memory.
    MemoryClock = "memory_clock",
    /// The counters of throttled time.
    ThrottleTimes = "throttle_times",
    /// The reasons that hold clocks down now.
    ThrottleReasons = "throttle_reasons",
    /// Shares of the device in use (GPM).
    Activities = "activities",
    /// The processes that compute on the device.
    Processes = "processes",
    /// Memory errors.
    Ecc = "ecc",
    /// Bytes over PCIe.
    Pcie = "pcie",
    /// Bytes over NVLink.
    NvLink = "nvlink",
    /// Waiting for errors of the driver (XID), on a thread of its own.
    Events = "events",
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// How a call to a device's driver fails.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word used in labels and records.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

codes! {
    /// The library cannot be opened.
    NoLibrary = "no_library",
    /// The library has no such function.
    NoFunction = "no_function",
    /// Code 1.
    Uninitialised = "uninitialised",
    /// Code 2.
    InvalidArgument = "invalid_argument",
    /// Code 3.
    NotSupported = "not_supported",
    /// Code 4.
    NoPermission = "no_permission",
    /// Code 6.
    NotFound = "not_found",
    /// Code 7.
    InsufficientSize = "insufficient_size",
    /// Code 9.
    DriverNotLoaded = "driver_not_loaded",
    /// Code 10.
    Timeout = "timeout",
    /// Code 15.
    GpuLost = "gpu_lost",
    /// Code 16.
    ResetRequired = "reset_required",
    /// Code 18: the library and the driver are of different versions.
    DriverMismatch = "driver_mismatch",
    /// Code 21.
    NoData = "no_data",
    /// Code 25: the driver does not know this version of the call.
    CallVersion = "call_version",
    /// Code 26.
    Deprecated = "deprecated",
    /// Code 27.
    NotReady = "not_ready",
    /// Code 28.
    GpuNotFound = "gpu_not_found",
    /// Code 999.
    Unknown = "unknown",
    /// Any other code.
    Other = "other",
    /// It answered with a value that cannot be, such as a utilisation of 808 %.
    Implausible = "implausible",
    /// It has not answered in time.
    Hanging = "hanging",
}

impl Code {
    /// Those that every call shows, with a zero where they never came, so that their rate has a beginning.
    pub const COMMON: [Self; 5] = [Self::Timeout, Self::GpuLost, Self::NotReady, Self::Unknown, Self::Hanging];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_fall_into_the_buckets_of_their_bounds() {
        let mut stats = CallStats::new(Call::Memory);
        [10e-6, 11e-6, 0.1, 0.2].iter().for_each(|s| stats.took(Seconds(*s)));
        assert_eq!(stats.buckets, [1, 1, 0, 0, 0, 0, 0, 0, 1, 1]);
        stats.failed(Code::GpuLost);
        let mut both = stats.clone();
        both.add(&stats);
        assert_eq!((both.count(), both.errors[&Code::GpuLost], both.errors[&Code::Timeout]), (8, 2, 0));
        assert!((both.sum.0 - 2.0 * 0.300021).abs() < 1e-12);
    }
}
