//! Shares of a device in use, from the difference of two samples (GPM; Hopper and later). One thread owns the samples:
//! sharing them has crashed machines.

use crate::telemetry::snapshot::Activities;
use crate::telemetry::source::{Answer, CallError};
use crate::units::Ratio;
use nvml_wrapper::Device;
use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::error::{NvmlError, nvml_sym};
use nvml_wrapper::gpm::{GpmSample, gpm_metrics_get};
use std::time::{Duration, Instant};

/// Samples closer than this say nothing, and those farther apart say too little.
const SPAN: (Duration, Duration) = (Duration::from_millis(900), Duration::from_secs(600));

/// The sample that the next one is compared with.
pub(super) struct Gpm<'n> {
    before: Option<(GpmSample<'n>, Instant)>,
}

impl<'n> Gpm<'n> {
    pub fn new() -> Self {
        Self { before: None }
    }

    /// Takes a sample of `device`, or of its GPU instance `slice`; the shares since the last one, once there is one.
    pub fn read(&mut self, device: &Device<'n>, slice: Option<u32>) -> Result<Answer, CallError> {
        if self.before.as_ref().is_some_and(|(_, at)| at.elapsed() < SPAN.0) {
            return Ok(Answer::NotAsked);
        }
        // The wrapper panics where a sample cannot be freed.
        nvml_sym(device.nvml().lib().nvmlGpmSampleFree.as_ref())?;
        if self.before.is_none() && !device.gpm_support()? {
            return Err(NvmlError::NotSupported.into());
        }
        let sample = match slice {
            Some(instance) => device.gpm_mig_sample(instance),
            None => device.gpm_sample(),
        }?;
        let before = self.before.replace((sample, Instant::now()));
        match (before, &self.before) {
            (Some((old, then)), Some((new, at))) if *at - then <= SPAN.1 => shares(device, &old, new, *at - then),
            _ => Ok(Answer::Nothing),
        }
    }
}

fn shares(device: &Device, old: &GpmSample, new: &GpmSample, span: Duration) -> Result<Answer, CallError> {
    const WANTED: [GpmMetricId; 4] =
        [GpmMetricId::SmUtil, GpmMetricId::SmOccupancy, GpmMetricId::AnyTensorUtil, GpmMetricId::DramBwUtil];
    let metrics = gpm_metrics_get(device.nvml(), old, new, &WANTED)?;
    let mut shares = metrics.into_iter().map(|metric| {
        let percent = metric.ok()?.value;
        (0.0..=100.0).contains(&percent).then(|| Ratio(percent / 100.0))
    });
    let mut next = || shares.next().flatten();
    Ok(Answer::Activities(Activities { sm: next(), occupancy: next(), tensor: next(), dram: next(), span }))
}
