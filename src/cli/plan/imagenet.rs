//! The study's trainings on ImageNet: whether they fit.

use super::machines::Machine;
use crate::cli::exit::Failure;
use crate::cli::talk;
use crate::plan::{ImagenetRun, imagenet_runs};
use crate::units::Bytes;
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use std::io;

/// A training on the devices.
#[derive(Debug, Serialize)]
struct Row {
    network: &'static str,
    norm: String,
    batch_size: u64,
    /// In live tensors at the peak.
    allocated: Bytes,
    /// What libtorch's allocator takes for them where there is room.
    reserved: Bytes,
    devices: Vec<Fit>,
}

/// Whether it fits a device.
#[derive(Debug, Serialize)]
struct Fit {
    device: String,
    fits: bool,
    /// Without the allocator starting anew, and with the band more.
    safe: bool,
}

/// Prints whether each training fits each device.
pub(super) fn run(machines: &[Machine], json: bool) -> Result<(), Failure> {
    let rows: Vec<Row> = imagenet_runs().iter().map(|run| row(run, machines)).collect();
    let text = if json {
        format!("{:#}\n", serde_json::to_value(&rows).expect("a plan is plain data"))
    } else {
        text(&rows, machines)
    };
    Ok(talk::write_all(&mut io::stdout(), &text)?)
}

fn row(run: &ImagenetRun, machines: &[Machine]) -> Row {
    let ample = run.on(Bytes(1 << 50));
    let fit = |machine: &Machine| {
        let base = machine.profile.estimates().base_memory;
        let room = |memory: u64| Bytes(memory.saturating_sub(base.0));
        let memory = machine.profile.memory().0;
        let (all, cautious) = (run.on(room(memory)), run.on(room((memory as f64 / (1.0 + run.band())) as u64)));
        Fit { device: machine.name.clone(), fits: !all.fails, safe: !cautious.fails && cautious.retries == 0 }
    };
    Row {
        network: run.title,
        norm: run.norm.to_string(),
        batch_size: run.batch,
        allocated: ample.allocated,
        reserved: ample.reserved,
        devices: machines.iter().map(fit).collect(),
    }
}

fn text(rows: &[Row], machines: &[Machine]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let header = ["network", "norm", "batch", "allocated", "reserved"].map(String::from);
    let device = |machine: &Machine| format!("{}, {}", machine.name, machine.profile.memory());
    table.set_header(header.into_iter().chain(machines.iter().map(device)));
    for row in rows {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let start = [Cell::new(row.network), Cell::new(&row.norm)];
        let numbers = [row.batch_size.to_string(), row.allocated.to_string(), row.reserved.to_string()].map(right);
        let word = |fit: &Fit| match (fit.fits, fit.safe) {
            (_, true) => "fits",
            (true, false) => "barely",
            (false, false) => "does not fit",
        };
        let fits = row.devices.iter().map(|fit| Cell::new(word(fit)));
        table.add_row(start.into_iter().chain(numbers).chain(fits).collect::<Vec<_>>());
    }
    format!(
        "{}\n\nImages of 224 x 224, 1000 classes, single precision, on one device, without the images that wait for their \
         turn. Barely: it fits if it takes what is estimated, and the allocator may have to start anew. The memory is from \
         the networks' layers alone; of GPUs nothing was measured.\n",
        table.trim_fmt()
    )
}
