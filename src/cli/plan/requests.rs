//! What to ask Slurm for.

use super::machines::Machine;
use crate::plan::ResolvedTrial;
use crate::profile::{Device, time_limit, time_minutes};
use crate::submit::time_class;
use crate::units::Seconds;
use serde::Serialize;
use std::collections::BTreeMap;

/// The longest time limit that is asked for where the profile does not say, minutes: a week.
const LONGEST: u64 = 10_080;

/// The options of a job array, whose tasks train a block each.
#[derive(Debug, Serialize)]
pub(super) struct Request {
    /// Of the GPU, where there is one.
    pub gres: Option<String>,
    /// Main memory, MiB.
    pub memory_mib: u64,
    /// The time limit, minutes; absent where nothing is known of the times.
    pub minutes: Option<u64>,
    /// The blocks are estimated to take longer than that, and go on in further jobs.
    pub longer: bool,
    /// How many blocks.
    pub tasks: usize,
}

impl Request {
    /// As options of `sbatch`.
    pub fn options(&self) -> String {
        let gres = self.gres.iter().map(|gres| format!("--gres={gres}"));
        let time = self.minutes.map(|minutes| format!("--time={}", time_limit(minutes)));
        let all = gres.chain([format!("--mem={}M", self.memory_mib)]).chain(time);
        all.collect::<Vec<_>>().join(" ")
    }
}

/// The arrays that `trials` make on a machine: blocks of like length together.
pub(super) fn requests(
    machine: &Machine,
    trials: &[&ResolvedTrial],
    seconds: &dyn Fn(&ResolvedTrial) -> Option<Seconds>,
) -> Vec<Request> {
    let mut blocks: BTreeMap<&str, Option<Seconds>> = BTreeMap::new();
    for trial in trials {
        let sum = blocks.entry(&trial.block.id).or_insert(Some(Seconds(0.0)));
        *sum = sum.zip(seconds(trial)).map(|(sum, own)| sum + own);
    }
    let slurm = machine.profile.slurm();
    let longest = slurm.max_time.as_deref().and_then(time_minutes).unwrap_or(LONGEST);
    let mut tasks: BTreeMap<(Option<u64>, bool), usize> = BTreeMap::new();
    for seconds in blocks.into_values() {
        let minutes = seconds.map(|seconds| time_class(Some(seconds), longest));
        let longer = seconds.zip(minutes).is_some_and(|(seconds, minutes)| seconds.0 > 60.0 * minutes as f64);
        *tasks.entry((minutes, longer)).or_default() += 1;
    }
    let gres = match &machine.slice {
        Some(slice) => Some(format!("gpu:{slice}:1")),
        None => slurm.gres.clone().filter(|_| machine.profile.device() == Device::Cuda),
    };
    let memory_mib = slurm.memory_mib().unwrap_or(machine.profile.host_memory().0 >> 20);
    let request = |((minutes, longer), tasks)| Request { gres: gres.clone(), memory_mib, minutes, longer, tasks };
    tasks.into_iter().map(request).collect()
}
