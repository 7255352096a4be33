//! GPUs that break or go in the middle of a training.

use super::{Device, RunError};
use crate::train::has_broken_gpu;

/// Whether the run can go on on `device` after a trial that failed so.
///
/// # Errors
/// The GPU has broken: the next trial would fail as well, and elsewhere both may be trained.
pub(super) fn check(device: Device, message: String) -> Result<(), RunError> {
    if device.is_cuda() && has_broken_gpu(&message) { Err(RunError::Gpu(message)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_where_its_gpu_has_broken_and_not_where_a_trial_has_failed() {
        let ended = |device, message: &str| check(device, message.into()).map_err(|error| error.to_string());
        let broken = "CUDA error: uncorrectable ECC error encountered";
        let said = "the GPU failed in the middle of a training: CUDA error: uncorrectable ECC error encountered";
        assert_eq!(ended(Device::Cuda(0), broken), Err(said.into()));
        assert_eq!(ended(Device::Cpu, broken), Ok(()));
        assert_eq!(ended(Device::Cuda(0), "mat1 and mat2 shapes cannot be multiplied"), Ok(()));
    }
}
