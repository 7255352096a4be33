//! What a program has used, for people and for programs.

use crate::export::metrics::Seen;
use crate::telemetry::{GpuSummary, TelemetrySummary};
use crate::units::Seconds;
use crate::watch::Ended;
use serde_json::json;

/// What a program has used.
pub(super) struct Summary {
    pub name: String,
    pub command: Vec<String>,
    pub started: jiff::Timestamp,
    pub ended: Ended,
    pub seen: Seen,
    pub telemetry: Option<TelemetrySummary>,
    pub notices: Vec<String>,
}

impl Summary {
    pub fn text(&self) -> String {
        let time = Seconds::from(self.ended.time);
        let mut text = format!("watch: {} ended with exit code {} after {time}", self.name, self.ended.code());
        if let Some(cpu) = self.seen.cpu {
            let cores = cpu.0 / time.0.max(1e-9);
            text += &format!("\n  CPU time {cpu} ({cores:.2} cores), {} process(es) at most", self.seen.processes_peak);
        }
        if let Some(peak) = self.seen.resident_peak {
            text += &format!("\n  resident memory {peak} at most, as seen");
        }
        for gpu in self.telemetry.iter().flat_map(|telemetry| &telemetry.gpus) {
            text += &device(gpu);
        }
        for notice in &self.notices {
            text += &format!("\n  {notice}");
        }
        text
    }

    pub fn json(&self) -> String {
        let Seen { processes_peak, cpu, resident_peak, .. } = self.seen;
        let value = json!({
            "schema": "ndbench.watch/1",
            "name": self.name,
            "command": self.command,
            "exit_code": self.ended.code(),
            "started": self.started.to_string(),
            "seconds": self.ended.time.as_secs_f64(),
            "cpu_seconds": cpu,
            "processes_peak": processes_peak,
            "resident_peak_bytes": resident_peak,
            "telemetry": self.telemetry,
            "notices": self.notices,
        });
        format!("{value:#}\n")
    }
}

/// The line of a device; what it did not tell is left out.
fn device(gpu: &GpuSummary) -> String {
    let name = if gpu.device.name.is_empty() { "a device that was not found" } else { &gpu.device.name };
    let parts = [
        gpu.memory.device.map(|memory| format!("memory {} at most", memory.peak)),
        gpu.memory.process.map(|memory| format!("of it {} of the program", memory.peak)),
        gpu.busy.map(|busy| format!("busy {busy}")),
        gpu.power.map(|power| format!("{:.0} W", power.mean.0)),
        gpu.energy.map(|energy| format!("{:.0} J", energy.joules.0)),
        (gpu.lost > 0).then(|| "LOST meanwhile".to_owned()),
    ];
    let mut parts: Vec<String> = parts.into_iter().flatten().collect();
    if gpu.device.stub && !parts.is_empty() {
        parts.push("NO MEASUREMENT: figures of a stand-in for the driver".into());
    }
    format!("\n  {name}: {}", if parts.is_empty() { "it told nothing".into() } else { parts.join(", ") })
}
