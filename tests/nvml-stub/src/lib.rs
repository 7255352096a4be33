//! A stand-in for NVIDIA's management library that a test can steer. It measures nothing: what it says is made up, and who
//! loads it must say so with every figure.
//!
//! It is loaded by its path alone, and reads its script, `<path of the library>.script`, anew at every call, so that a test
//! can change the device while a program runs. Copies of the library are devices of their own. A line of the script is a
//! key and words; `#` begins a remark; of several lines with one key the last counts. A key may begin with the number of a
//! device, `1.name`; without one it is for all.
//!
//! ```text
//! count 2                              devices (1)
//! driver 590.48.01                     the driver's version; from 580.82 on some fields have other numbers
//! uuid GPU-…                           (GPU-0000000N-stub)
//! name NVIDIA H200
//! memory.used 33934016512              bytes; also memory.free, memory.reserved, memory.total
//! memory.used ramp 1000 50             begins at 1000 when the library is loaded and grows by 50 a second
//! utilisation 100                      per cent; memory_utilisation
//! power 627300                         mW: nvmlDeviceGetPowerUsage; power_limit
//! energy ramp 0 627300                 mJ; without it the integral of 627.3 W
//! temperature 52                       °C
//! clock.1 1980                         MHz, by the number of the clock: 1 multiprocessors, 2 memory
//! throttle 0x4                         the bits of what holds clocks down
//! ecc.0 3                              corrected memory errors; ecc.1 those that were not
//! field.186/0 625200                   a field by its number, as this driver counts, and its scope; others are not
//!                                      supported. Words after the value: the tag of its type (3)
//! field.251/0 error 999                it fails
//! samples.1 80 20                      the driver's own samples, by their kind (1 device, 2 memory): 80 % each 20 ms
//! samples.1 none                       it keeps none
//! process self 33912000000             one line for each process; `unavailable` instead of bytes
//! gpm 2 85.5                           one line for each metric; without any the device has none
//! xid 79                               one line for each error of the driver, told in their order
//! slice MIG-… 7 0                      a part of the device: GPU instance, compute instance
//! fault nvmlDeviceGetMemoryInfo_v2 15  a function fails with this code; 0: it does not. Words after the code:
//!                                      `after 3` calls, `times 2` at most, and `delay 500` ms before
//! ```

#![allow(non_snake_case)]

/// What this library is, also where the loader finds it under the driver's name.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name of a symbol")]
pub static ndbench_nvml_stub: u8 = 1;

mod device;
mod events;
mod fields;
mod gpm;
mod script;
mod system;
