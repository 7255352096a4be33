//! Memory over batch, with the devices' limits.

use super::machines::Machine;
use super::seen::Seen;
use super::{cells, norm};
use crate::plan::{ResolvedTrial, Trial, need};
use crate::report::{MemoryLine, MemoryPanel, memory_figure};
use crate::scenario::Recipe;

/// Images of the steps that are drawn.
const BATCHES: [u32; 9] = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];

/// A panel for each network, a line for each norm. The first device says what the memory is of; all say where it ends.
pub(super) fn draw(machines: &[Machine], trials: &[ResolvedTrial], seen: &Seen) -> String {
    let limits: Vec<(String, u64)> =
        machines.iter().map(|machine| (machine.name.clone(), machine.profile.memory().0)).collect();
    let mut panels: Vec<MemoryPanel> = Vec::new();
    for cell in cells(trials) {
        let trial = &cell[0].trial;
        let title = format!("{}, {}", trial.architecture.title(), trial.dataset);
        let line = line(cell[0], &machines[0], seen);
        match panels.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.lines.push(line),
            None => panels.push(MemoryPanel { title, lines: vec![line] }),
        }
    }
    memory_figure(&panels, &limits)
}

fn line(resolved: &ResolvedTrial, machine: &Machine, seen: &Seen) -> MemoryLine {
    let trial = &resolved.trial;
    let sightings = if machine.memory_only { Default::default() } else { seen.memory(&machine.profile) };
    let device = |batch_size: &u32| {
        let recipe = Recipe { batch_size: *batch_size, ..trial.recipe };
        let ample = machine.profile.clone().with_memory(crate::units::Bytes(1 << 50));
        let need = need(&Trial { recipe, train_images: None, ..trial.clone() }, &ample, &sightings)?;
        Some((*batch_size, need.device.0))
    };
    MemoryLine { name: norm(resolved), norm: trial.norm, points: BATCHES.iter().filter_map(device).collect() }
}
