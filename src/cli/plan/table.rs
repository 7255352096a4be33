//! The plan as text.

use super::context::Context;
use super::{CellPlan, DevicePlan};
use crate::plan::{Capacity, Risk};
use crate::units::Joules;
use comfy_table::{Cell, CellAlignment, Table, presets};

const COLUMNS: [&str; 15] = [
    "network",
    "data",
    "norm",
    "batch",
    "allocated",
    "from",
    "reserved",
    "device",
    "of it",
    "risk",
    "largest",
    "safe",
    "at a time",
    "epoch",
    "time from",
];

impl DevicePlan {
    pub fn text(&self) -> String {
        let unknown = self.cells.iter().filter(|cell| cell.capacity.is_none()).map(|cell| cell.trials).sum::<usize>();
        let not = [(self.too_large, "are estimated not to fit"), (unknown, "have no account of their memory")];
        let not: Vec<String> = not.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let fits = if not.is_empty() { "all are estimated to fit".into() } else { not.join(", ") };
        let time = self.seconds.map_or("time unknown".into(), |all| format!("{:.1} GPU-hours", all.0 / 3600.0));
        let energy = self.energy.map_or(String::new(), |all| format!(", {} by records", kilowatt_hours(all)));
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(COLUMNS.into_iter().chain(self.knows_energy().then_some("energy")));
        for cell in &self.cells {
            table.add_row(self.row(cell));
        }
        let context = self.context.as_ref().map_or(String::new(), |Context { beside, driver, measured, .. }| {
            format!(
                " (measured, with driver {driver}; a process takes {beside} beside its allocator, median of {measured})"
            )
        });
        let (head, body) = (format!("{}, {}{context}", self.device, self.memory), table.trim_fmt());
        format!("{head}: {} trials, {fits}; {time}{energy}\n\n{body}\n\n{}", self.trials, self.slurm_lines())
    }

    fn slurm_lines(&self) -> String {
        let line = |request: &super::Request| {
            let blocks = if request.tasks == 1 { "1 block" } else { &format!("{} blocks", request.tasks) };
            let longer =
                if request.longer { " (more than that, by the estimate: they go on in further jobs)" } else { "" };
            format!("Slurm, {blocks}: {}{longer}\n", request.options())
        };
        let left_out = match self.slurm_left_out {
            0 => String::new(),
            blocks => format!("Slurm, without {blocks} block(s) that are estimated not to fit\n"),
        };
        self.slurm.iter().map(line).chain([left_out]).collect()
    }

    fn knows_energy(&self) -> bool {
        self.cells.iter().any(|cell| cell.energy.is_some())
    }

    fn row(&self, cell: &CellPlan) -> Vec<Cell> {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let of = |text: &dyn Fn(&Capacity) -> String| right(cell.capacity.as_ref().map_or("?".into(), text));
        let batch = |batch: u32| if batch == 0 { "none".into() } else { batch.to_string() };
        let energy = self.knows_energy().then(|| right(cell.energy.map_or("?".into(), kilowatt_hours)));
        let mut cells = vec![
            Cell::new(&cell.architecture),
            Cell::new(&cell.dataset),
            Cell::new(&cell.norm),
            right(cell.batch_size.to_string()),
            of(&|c| c.need.allocated.to_string()),
            of(&|c| format!("{} +{:.0} %", c.need.rests, 100.0 * c.need.band)),
            of(&|c| c.need.reserved.to_string()),
            of(&|c| c.need.device.to_string()),
            of(&|c| format!("{:.0} %", 100.0 * c.need.device.0 as f64 / self.memory.0 as f64)),
            of(&risk),
            of(&|c| batch(c.largest)),
            of(&|c| batch(c.safe)),
            of(&|c| c.at_a_time.to_string()),
            right(cell.epoch.map_or("?".into(), |seconds| seconds.to_string())),
            Cell::new(cell.epoch_basis.to_string() + &cell.epoch_band.map_or(String::new(), band)),
        ];
        cells.extend(energy);
        cells
    }
}

fn kilowatt_hours(energy: Joules) -> String {
    format!("{:.1} kWh", energy.0 / 3.6e6)
}

fn band(share: f64) -> String {
    format!(" ±{:.0} %", 100.0 * share)
}

fn risk(capacity: &Capacity) -> String {
    let word = match capacity.risk {
        Risk::Low => "low",
        Risk::Watch => "watch",
        Risk::High => "high",
    };
    capacity.ran_out.map_or(word.into(), |batch| format!("{word}, {batch} ran out"))
}

/// What the columns mean and what they rest on.
pub(super) fn footer(plans: &[DevicePlan]) -> String {
    let enough: Vec<&str> = plans.iter().filter(|plan| plan.suffices).map(|plan| plan.device.as_str()).collect();
    let enough = if enough.is_empty() { "none of these".into() } else { enough.join(", ") };
    format!(
        "\nEnough for all, with the band: {enough}.\n\
         Allocated: live tensors at the peak, from the network's layers (analytic), or these corrected by measured steps of \
         such a device (probes), and how far above that it may be. Reserved: what libtorch's allocator takes for them, replayed; \
         on a CPU, that times the profile's factor. Device: reserved and the profile's base, an assumption, and what a process was \
         measured to take beside them. Risk: low where the \
         band more fits too, high where it does not fit. Largest: batch that is estimated to fit; safe: with the band more, and \
         without the allocator starting anew. At a time: trainings on one device, whose times then do not count. Epoch: with \
         evaluation, from finished trainings (records) or probes (turns) of the store, with ± how far one more of these may be from \
         their mean (95 %); else the study's times or measured steps over the speed that the profile assumes, or the profile's \
         rates (assumed). Energy: of all trials of a row, by records of the same on such a device. docs/planning.md says how good all this is.\n"
    )
}
