//! One CUDA device, as the driver itself numbers it: after `CUDA_VISIBLE_DEVICES` and in the order that libtorch sees.
//! NVML numbers all devices of the machine, so its numbers cannot be used for that.

use super::Reading;
use crate::units::Bytes;
use libloading::os::unix::{Library, RTLD_NOW};
use std::ffi::{CStr, c_char, c_int, c_uint};
use std::path::Path;

/// What the driver says of a visible device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleGpu {
    /// Model.
    pub name: Reading<String>,
    /// Unique identifier, `GPU-…`, or `MIG-…` of a part of a device; the same that NVML and `nvidia-smi -L` show.
    pub uuid: Reading<String>,
    /// Device memory.
    pub memory: Reading<Bytes>,
}

/// Asks the driver for visible device `index`.
///
/// # Errors
/// Why there is no such device to ask.
pub fn visible_gpu(index: usize) -> Result<VisibleGpu, String> {
    let driver = Driver::open()?;
    let device = driver.device(index)?;
    Ok(VisibleGpu { name: driver.name(device), uuid: driver.uuid(device), memory: driver.memory(device) })
}

/// `libcuda.so.1`, started. The functions used here have had these signatures since CUDA 9.2 (the second form of the
/// identifier since 11.4), and the driver keeps them.
struct Driver(Library);

/// Zero is success.
type Status = c_int;

impl Driver {
    fn open() -> Result<Self, String> {
        // SAFETY: the initialisers of NVIDIA's driver are trusted; libtorch opens the same library.
        let library = unsafe { Library::open(Some(Path::new("libcuda.so.1")), RTLD_NOW) };
        let driver = Self(library.map_err(|e| format!("no NVIDIA driver: {e}"))?);
        driver.call("cuInit", |symbol| {
            // SAFETY: `CUresult cuInit(unsigned int flags)`; flags must be 0, and starting twice is harmless.
            unsafe { symbol.cast::<unsafe extern "C" fn(c_uint) -> Status>()(0) }
        })?;
        Ok(driver)
    }

    /// Calls a function of the driver.
    fn call(&self, name: &str, call: impl FnOnce(Symbol) -> Status) -> Result<(), String> {
        // SAFETY: the address is only called below, with the signature that belongs to the name.
        let symbol = unsafe { self.0.get::<unsafe extern "C" fn()>(name.as_bytes()) };
        let symbol = symbol.map_err(|e| format!("{name}: {e}"))?;
        match call(Symbol(*symbol)) {
            0 => Ok(()),
            code => Err(format!("{name}: CUDA error {code}")),
        }
    }

    fn device(&self, index: usize) -> Result<c_int, String> {
        let ordinal = c_int::try_from(index).map_err(|_| format!("no CUDA device {index}"))?;
        let mut device = 0;
        self.call("cuDeviceGet", |symbol| {
            // SAFETY: `CUresult cuDeviceGet(CUdevice *device, int ordinal)`; `CUdevice` is an int.
            unsafe { symbol.cast::<unsafe extern "C" fn(*mut c_int, c_int) -> Status>()(&raw mut device, ordinal) }
        })?;
        Ok(device)
    }

    fn name(&self, device: c_int) -> Reading<String> {
        let mut text: [c_char; 256] = [0; 256];
        let told = self.call("cuDeviceGetName", |symbol| {
            type Get = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> Status;
            // SAFETY: `CUresult cuDeviceGetName(char *name, int len, CUdevice dev)`; the last byte stays zero.
            unsafe { symbol.cast::<Get>()(text.as_mut_ptr(), text.len() as c_int - 1, device) }
        });
        // SAFETY: the text ends within the array.
        reading(told.map(|()| unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().trim().to_owned()))
    }

    fn memory(&self, device: c_int) -> Reading<Bytes> {
        let mut bytes: usize = 0;
        let told = self.call("cuDeviceTotalMem_v2", |symbol| {
            // SAFETY: `CUresult cuDeviceTotalMem(size_t *bytes, CUdevice dev)`, in its 64-bit form.
            unsafe { symbol.cast::<unsafe extern "C" fn(*mut usize, c_int) -> Status>()(&raw mut bytes, device) }
        });
        reading(told.map(|()| Bytes(bytes as u64)))
    }

    /// The first form of the question names the whole device, the second the part of it that is visible.
    fn uuid(&self, device: c_int) -> Reading<String> {
        let ask = |name: &str| {
            let mut uuid = [0u8; 16];
            self.call(name, |symbol| {
                // SAFETY: `CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)`; `CUuuid` is 16 bytes.
                unsafe { symbol.cast::<unsafe extern "C" fn(*mut [u8; 16], c_int) -> Status>()(&raw mut uuid, device) }
            })
            .map(|()| uuid)
        };
        let whole = ask("cuDeviceGetUuid");
        reading(whole.map(|whole| identifier(whole, ask("cuDeviceGetUuid_v2").ok())))
    }
}

/// An address in the driver.
#[derive(Clone, Copy)]
struct Symbol(unsafe extern "C" fn());

impl Symbol {
    /// The function at the address.
    ///
    /// # Safety
    /// `F` is the type of that function.
    unsafe fn cast<F: Copy>(self) -> F {
        assert_eq!(size_of::<F>(), size_of::<Self>(), "a function is one address");
        // SAFETY: the caller promises the type; both are addresses of functions.
        unsafe { std::mem::transmute_copy(&self.0) }
    }
}

fn reading<T>(told: Result<T, String>) -> Reading<T> {
    told.map_or_else(|why| Reading::Failed { why }, Reading::Value)
}

/// The identifier as NVML writes it, of a whole device and of what is visible of it.
fn identifier(whole: [u8; 16], visible: Option<[u8; 16]>) -> String {
    let (kind, bytes) = match visible {
        Some(part) if part != whole => ("MIG", part),
        _ => ("GPU", whole),
    };
    let hex = |range: std::ops::Range<usize>| bytes[range].iter().map(|b| format!("{b:02x}")).collect::<String>();
    [kind.into(), hex(0..4), hex(4..6), hex(6..8), hex(8..10), hex(10..16)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_read_as_those_of_the_management_library() {
        let whole: [u8; 16] = std::array::from_fn(|i| 16 * (i as u8 % 16) + 15 - i as u8);
        assert_eq!(identifier(whole, None), "GPU-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
        assert_eq!(identifier(whole, Some(whole)), identifier(whole, None));
        assert_eq!(identifier(whole, Some([0xab; 16])), "MIG-abababab-abab-abab-abab-abababababab");
    }

    #[test]
    fn without_such_a_device_there_is_a_reason() {
        let why = visible_gpu(usize::MAX).unwrap_err();
        assert!(why.contains("CUDA") || why.contains("NVIDIA"), "{why}");
    }
}
