//! The Rust face of `native/autocast.cpp`: convolutions and matrix products in bfloat16.

use super::{NativeError, checked};
use std::ffi::c_char;
use tch::Device;

unsafe extern "C" {
    fn ndb_autocast(cuda: bool, on: bool, before: *mut bool) -> *mut c_char;
}

/// While this lives, autocast is on or off for this thread's operations on a kind of device; then it is as before.
#[derive(Debug)]
pub(crate) struct Autocast {
    cuda: bool,
    before: bool,
}

impl Autocast {
    /// Convolutions and matrix products on such a device compute in bfloat16. The way back of what was computed so is in the
    /// same numbers by itself, and belongs outside.
    ///
    /// # Panics
    /// Like tch, with libtorch's words, where it fails.
    pub fn on(device: Device) -> Self {
        Self::set(device, true)
    }

    /// Operations on such a device compute in the numbers of their inputs.
    ///
    /// # Panics
    /// Like tch, with libtorch's words, where it fails.
    pub fn off(device: Device) -> Self {
        Self::set(device, false)
    }

    fn set(device: Device, on: bool) -> Self {
        let cuda = device.is_cuda();
        let before = switch(cuda, on).unwrap_or_else(|e| panic!("{e}"));
        Self { cuda, before }
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // It was set before on the same kind of device.
        drop(switch(self.cuda, self.before));
    }
}

/// Switches autocast, and says whether it was on.
fn switch(cuda: bool, on: bool) -> Result<bool, NativeError> {
    let mut before = false;
    // SAFETY: it points to a live bool.
    checked(unsafe { ndb_autocast(cuda, on, &raw mut before) })?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    /// The kind of a product of two matrices in single precision.
    fn product() -> Kind {
        let matrix = Tensor::ones([2, 2], (Kind::Float, Device::Cpu));
        matrix.matmul(&matrix).kind()
    }

    #[test]
    fn it_holds_until_it_is_dropped_also_by_a_panic_and_one_within_another() {
        let on = Autocast::on(Device::Cpu);
        assert_eq!(product(), Kind::BFloat16);
        let off = Autocast::off(Device::Cpu);
        assert_eq!(product(), Kind::Float);
        drop(off);
        assert_eq!(product(), Kind::BFloat16);
        drop(on);
        assert_eq!(product(), Kind::Float);
        let caught = std::panic::catch_unwind(|| {
            let _on = Autocast::on(Device::Cpu);
            panic!("as tch does");
        });
        assert!(caught.is_err() && product() == Kind::Float);
    }

    #[test]
    fn other_devices_and_threads_compute_as_before() {
        let _on = Autocast::on(Device::Cuda(0));
        assert_eq!(product(), Kind::Float);
        let _on = Autocast::on(Device::Cpu);
        assert_eq!(std::thread::spawn(product).join().unwrap(), Kind::Float);
    }

    #[test]
    fn a_changed_weight_is_cast_anew() {
        let mut weight = Tensor::ones([1, 1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let x = Tensor::ones([1, 1], (Kind::Float, Device::Cpu));
        let _on = Autocast::on(Device::Cpu);
        let product = |weight: &Tensor| x.matmul(weight).double_value(&[0, 0]);
        assert_eq!(product(&weight), 1.0);
        tch::no_grad(|| {
            let _ = weight.fill_(2.0);
        });
        assert_eq!(product(&weight), 2.0);
    }
}
