//! The peaks that live metrics have of some readings.

use super::{Family, Millis, gauge};
use crate::telemetry::Peak;
use crate::telemetry::snapshot::Peaks;
use std::collections::HashMap;
use std::time::Duration;

/// The label of a peak's window.
const WINDOW: &str = "window";

/// A peak as it stands, with the label of its window where it has one.
type Standing = (Family, Option<(&'static str, &'static str)>, f64);

/// The peaks of one training so far, by metric and device.
#[derive(Debug, Default)]
pub(super) struct PeaksSoFar(HashMap<(&'static str, String), Peak<f64>>);

impl PeaksSoFar {
    /// Takes a reading of a column. The peaks as they stand then, each with its window; none for a column whose peaks live
    /// metrics do not have.
    pub fn read(&mut self, (column, uuid): (&str, &str), at: Millis, value: f64) -> Vec<Standing> {
        let (name, slides, device) = match column {
            "memory_used_bytes" => ("gpu_memory_used_peak_bytes", true, uuid),
            "power_watts" => ("gpu_power_peak_watts", true, uuid),
            "process_resident_bytes" => ("process_resident_memory_peak_bytes", false, ""),
            _ => return Vec::new(),
        };
        let peak = self.0.entry((name, device.into())).or_default();
        let at = Duration::from_millis(at.unsigned_abs());
        peak.read(at, value);
        let Peaks { last_30s, run } = peak.at(at);
        let peaks = if slides {
            vec![(Some((WINDOW, "30s")), last_30s), (Some((WINDOW, "run")), run)]
        } else {
            vec![(None, run)]
        };
        peaks.into_iter().filter_map(|(window, value)| Some((gauge(name), window, value?))).collect()
    }
}
