//! Step times of networks side by side, in minutes instead of trainings.
//!
//! The arms of a cell, such as a network with BN and with ND, take turns on one device: in one round in their order, in
//! the next in the opposite one (A B B A), so that what drifts (clocks, temperature, other users) hits all alike. Each
//! turn is a few training steps on made-up images; the first of a turn does not count. What arms have in common falls out
//! of the ratio of their times in one round. Arms may also differ in how much is watched: then one network takes all turns,
//! and they come in pieces that alternate, since what watching costs is less than what a shared machine's steps differ by
//! from one second to the next.

mod arm;
mod floor;
mod parts;
mod schedule;
mod watch;

pub use parts::parts_of;

use crate::event::{MemoryPeak, Outcome};
use crate::plan::Trial;
use crate::record::{CallCost, Floor, ProbeArm, ProbeCell, Turn};
use crate::telemetry::{Level, Telemetry};
use crate::train::{catch, classify, live_memory, stream_for, with_memory_left};
use crate::units::{Bytes, Seconds};
use arm::{Arm, Images};
use schedule::{Piece, pieces, schedule, steps_of_piece, steps_of_turn};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tch::Device;
use watch::{Instruments, Watch};

/// Turns that show what watching costs last so long at least: the slow readings come once a second.
const READINGS: Duration = Duration::from_millis(2500);

/// How cells are probed.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    /// Where.
    pub device: Device,
    /// How often each arm has its turn.
    pub rounds: u32,
    /// About how long one cell may take, warm-up excluded; a turn has at least one step that counts.
    pub budget: Duration,
    /// Whether to measure the least time that whitening can take, too.
    pub floor: bool,
    /// Starts the instruments at a level.
    pub instruments: &'a dyn Fn(Level) -> Telemetry,
    /// Once true, the probe ends after the piece of a turn that is under way.
    pub interrupt: &'a AtomicBool,
}

/// What takes turns.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The network, how it normalises, and its recipe. Entries of the same trial share one network in training.
    pub trial: &'a Trial,
    /// How much is watched in its turns.
    pub level: Level,
    /// Where its readings go at [`Level::Full`].
    pub series: PathBuf,
}

/// A turn ended.
#[derive(Debug, Clone, Copy)]
pub struct TurnEnded<'a> {
    /// What had its turn.
    pub entry: &'a Entry<'a>,
    /// The round, from 1.
    pub round: u32,
    /// Median of its steps.
    pub step: Seconds,
}

/// What a probe of a cell brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// The turns.
    pub cell: ProbeCell,
    /// What the calls to the device's driver cost.
    pub calls: Vec<CallCost>,
    /// What a user should know, from the instruments.
    pub notices: Vec<String>,
}

/// An entry with what was measured of it.
struct Runner<'a> {
    entry: &'a Entry<'a>,
    /// Which of the networks in training is its own.
    arm: usize,
    watch: Watch,
    /// The turn under way, as far as it has got.
    begun: Option<Turn>,
    turns: Vec<Turn>,
}

impl Probe<'_> {
    /// Probes `entries`: of one network on one data set, different in how they normalise or in what is watched. Their
    /// recipes say batch size and precision; images are noise. Tells `each` of every turn. `None` where it was interrupted.
    ///
    /// # Errors
    /// What ended it: out of memory, or libtorch's failure.
    pub fn cell(&self, entries: &[Entry], each: &mut dyn FnMut(TurnEnded)) -> Result<Option<Probed>, Outcome> {
        let probed = catch(|| self.probed(entries, each)).and_then(|inner| inner);
        probed.map_err(|outcome| with_memory_left(outcome, self.device))
    }

    fn probed(&self, entries: &[Entry], each: &mut dyn FnMut(TurnEnded)) -> Result<Option<Probed>, Outcome> {
        let by_graphs = entries.iter().find(|entry| entry.trial.recipe.cuda_graph).unwrap_or(&entries[0]);
        // Left after everything that runs there has ended.
        let _stream = stream_for(&by_graphs.trial.recipe, self.device).map_err(|e| classify(&e.to_string()))?;
        let images = Images::new(entries[0].trial, self.device);
        let (mut arms, mut runners, mut warm) = (Vec::<Arm>::new(), Vec::new(), Vec::new());
        for entry in entries {
            let known = arms.iter().position(|arm| arm.trial() == entry.trial);
            let arm = known.unwrap_or(arms.len());
            if known.is_none() {
                let mut arm = Arm::new(entry.trial, self.device);
                // The first step makes what the optimiser keeps, the second finds everything in its place.
                let [_, second] = [arm.warm_up(&images)?, arm.warm_up(&images)?];
                warm.push(second.0);
                arms.push(arm);
            }
            runners.push(Runner::new(entry, arm));
        }
        let round_seconds = runners.iter().map(|runner| warm[runner.arm]).sum();
        let levels_differ = entries.iter().any(|entry| entry.level != entries[0].level);
        let least = if levels_differ { READINGS.as_secs_f64() } else { 0.0 };
        let longest = warm.iter().copied().fold(0.0, f64::max);
        let seconds = self.budget.as_secs_f64() / f64::from(self.rounds.max(1));
        let most = if levels_differ { steps_of_piece(longest) } else { usize::MAX };
        let steps = steps_of_turn(seconds, round_seconds, (least, longest), most);
        let mut instruments = Instruments::new(self.instruments);
        for piece in schedule(self.rounds, runners.len(), &pieces(steps, most)) {
            if self.interrupt.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let runner = &mut runners[piece.of];
            if let Some(step) = runner.piece(&mut arms, &images, piece, &mut instruments)? {
                each(TurnEnded { entry: runner.entry, round: piece.round, step });
            }
        }
        let calls = instruments.calls();
        let floor = |arm: &Arm| self.floor.then(|| arm.floor()).transpose();
        let floors = runners.iter().map(|runner| floor(&arms[runner.arm])).collect::<Result<Vec<_>, _>>()?;
        let finished = runners.into_iter().zip(floors).map(|(runner, floor)| runner.finish(&arms, floor.flatten()));
        let (arms, notices): (Vec<_>, Vec<_>) = finished.unzip();
        let Trial { architecture, dataset, .. } = entries[0].trial;
        let cell = ProbeCell { architecture: *architecture, dataset: dataset.clone(), arms };
        Ok(Some(Probed { cell, calls, notices: notices.concat() }))
    }
}

impl<'a> Runner<'a> {
    fn new(entry: &'a Entry<'a>, arm: usize) -> Self {
        Self { entry, arm, watch: Watch::new(entry.series.clone()), begun: None, turns: Vec::new() }
    }

    /// A piece of its turn; the median of the turn's steps where it is the last one.
    fn piece(
        &mut self,
        arms: &mut [Arm],
        images: &Images,
        Piece { steps, is_last, .. }: Piece,
        instruments: &mut Instruments,
    ) -> Result<Option<Seconds>, Outcome> {
        let telemetry = instruments.at(self.entry.level);
        let held = held_by_others(arms, self.arm);
        let arm = &mut arms[self.arm];
        let batch = u64::from(self.entry.trial.recipe.batch_size);
        let watched = Arm::steps_in_all(steps) * batch;
        let mut piece = self.watch.during(telemetry, watched, is_last, || arm.piece(images, steps, held))?;
        if is_last {
            // No step as the others are: it waits after each part.
            let (split, parts) = arm.parts(images)?;
            (piece.split, piece.parts) = (split, Some(parts));
        }
        let turn = match self.begun.take() {
            Some(begun) => begun.joined(piece),
            None => piece,
        };
        if !is_last {
            self.begun = Some(turn);
            return Ok(None);
        }
        let median = crate::stats::median(&turn.steps.iter().map(|s| s.0).collect::<Vec<_>>());
        self.turns.push(turn);
        Ok(median.map(Seconds))
    }

    /// What is recorded of it, and what a user should know.
    fn finish(self, arms: &[Arm], floor: Option<Floor>) -> (ProbeArm, Vec<String>) {
        let arm = &arms[self.arm];
        let memory = self.turns.iter().map(|turn| turn.memory).reduce(MemoryPeak::max).unwrap_or_default();
        let Trial { norm, deconvolution, recipe, .. } = self.entry.trial;
        let (telemetry, notices) = self.watch.finish();
        let arm = ProbeArm {
            norm: *norm,
            deconvolution: *deconvolution,
            batch_size: recipe.batch_size,
            precision: recipe.precision,
            cuda_graph: recipe.cuda_graph,
            channels_last: recipe.channels_last,
            resident: live_memory(arm.device()).map(|_| arm.resident()),
            memory,
            floor,
            telemetry: telemetry.map(Box::new),
            telemetry_overhead: None,
            turns: self.turns,
        };
        (arm, notices)
    }
}

/// Bytes that live while `index` has its turn and belong to the other arms.
fn held_by_others(arms: &[Arm], index: usize) -> Bytes {
    Bytes(arms.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, arm)| arm.resident().0).sum())
}
