//! Which devices a profile describes.

use crate::profile::{self, Profile};
use crate::telemetry::Device;

/// Whether the device is one that the profile describes.
pub fn fits(profile: &Profile, device: &Device) -> bool {
    match (profile.device(), device, profile.model()) {
        (profile::Device::Cpu, Device::Cpu, _) | (profile::Device::Cuda, Device::Cuda(_), None) => true,
        (profile::Device::Cuda, Device::Cuda(cuda), Some(model)) => {
            let (name, model) = (cuda.name.as_deref().unwrap_or_default().to_lowercase(), model.to_lowercase());
            // A slice has the name of its GPU in its own, and less memory.
            let slice = |name: &str| name.split_whitespace().any(|word| word == "mig");
            slice(&name) == slice(&model) && model.split_whitespace().all(|word| name.contains(word))
        }
        _ => false,
    }
}
