//! Step times of networks side by side, in minutes instead of trainings.
//!
//! The arms of a cell, such as a network with BN and with ND, take turns on one device: in one round in their order, in
//! the next in the opposite one (A B B A), so that what drifts (clocks, temperature, other users) hits all alike. Each
//! turn is a few training steps on made-up images; the first of a turn does not count. What arms have in common falls out
//! of the ratio of their times in one round.

mod arm;
mod schedule;

use crate::event::{MemoryPeak, Outcome};
use crate::plan::Trial;
use crate::record::{ProbeArm, ProbeCell, Turn};
use crate::train::{catch, live_memory, with_memory_left};
use crate::units::{Bytes, Seconds};
use arm::{Arm, Images};
use schedule::{round, steps_of_turn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tch::Device;

/// How cells are probed.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// Where.
    pub device: Device,
    /// How often each arm has its turn.
    pub rounds: u32,
    /// About how long one cell may take, warm-up excluded; a turn has at least one step that counts.
    pub budget: Duration,
    /// Once true, the probe ends after the turn under way.
    pub interrupt: &'a AtomicBool,
}

/// A turn ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TurnEnded<'a> {
    /// The arm.
    pub arm: &'a Trial,
    /// The round, from 1.
    pub round: u32,
    /// Median of its steps.
    pub step: Seconds,
}

impl Probe<'_> {
    /// Probes `arms`: trials of one network on one data set that differ in how they normalise. Their recipes say batch
    /// size and precision; images are noise. Tells `each` of every turn. `None` where it was interrupted.
    ///
    /// # Errors
    /// What ended it: out of memory, or libtorch's failure.
    pub fn cell(&self, arms: &[&Trial], each: &mut dyn FnMut(TurnEnded)) -> Result<Option<ProbeCell>, Outcome> {
        let probed = catch(|| self.turns(arms, each)).and_then(|inner| inner);
        probed.map_err(|outcome| with_memory_left(outcome, self.device))
    }

    fn turns(&self, trials: &[&Trial], each: &mut dyn FnMut(TurnEnded)) -> Result<Option<ProbeCell>, Outcome> {
        let images = Images::new(trials[0], self.device);
        let mut arms = Vec::with_capacity(trials.len());
        for trial in trials {
            let mut arm = Arm::new(trial, self.device);
            // The first step makes what the optimiser keeps, the second finds everything in its place.
            let [_, warm] = [arm.warm_up(&images)?, arm.warm_up(&images)?];
            arms.push((arm, warm, Vec::new()));
        }
        let round_seconds: f64 = arms.iter().map(|(_, warm, _)| warm.0).sum();
        let steps = steps_of_turn(self.budget.as_secs_f64() / f64::from(self.rounds.max(1)), round_seconds);
        for number in 0..self.rounds {
            for index in round(arms.len(), number) {
                if self.interrupt.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let held: u64 = held_by_others(&arms, index);
                let (arm, _, turns) = &mut arms[index];
                let turn = arm.turn(&images, steps, Bytes(held))?;
                let median = crate::stats::median(&turn.steps.iter().map(|s| s.0).collect::<Vec<_>>());
                each(TurnEnded { arm: trials[index], round: number + 1, step: Seconds(median.unwrap_or(f64::NAN)) });
                turns.push(turn);
            }
        }
        let arms = arms.into_iter().map(|(arm, _, turns)| finish(arm, turns)).collect();
        Ok(Some(ProbeCell { architecture: trials[0].architecture, dataset: trials[0].dataset.clone(), arms }))
    }
}

/// Bytes that live while `index` has its turn and belong to the other arms.
fn held_by_others(arms: &[(Arm, Seconds, Vec<Turn>)], index: usize) -> u64 {
    arms.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, (arm, ..))| arm.resident().0).sum()
}

fn finish(arm: Arm, turns: Vec<Turn>) -> ProbeArm {
    let memory = turns.iter().map(|turn| turn.memory).reduce(MemoryPeak::max).unwrap_or_default();
    let Trial { norm, deconvolution, recipe, .. } = arm.trial();
    ProbeArm {
        norm: *norm,
        deconvolution: *deconvolution,
        batch_size: recipe.batch_size,
        precision: recipe.precision,
        resident: live_memory(arm.device()).map(|_| arm.resident()),
        memory,
        turns,
    }
}
