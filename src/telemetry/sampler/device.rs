//! One device: what is due, and what follows from the answers. It has no clock and no thread.

use super::lanes::{Hurry, Lanes};
use super::readings::Readings;
use super::worker::Done;
use crate::telemetry::Level;
use crate::telemetry::processes::Processes;
use crate::telemetry::recorder::Counts;
use crate::telemetry::snapshot::{Call, CallStats, Code, GpuSnapshot, GpuState, Off};
use crate::telemetry::source::{Answer, CallError, Heard, Reaction};
use crate::units::Seconds;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many unknown errors in a row, and the device counts as lost.
const UNKNOWN_IN_A_ROW: u32 = 10;

/// So many failures of a call in a row, and the user is told.
const FAILED_IN_A_ROW: u32 = 5;

/// The first wait before a lost device is looked for again, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A call that takes longer hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Where a device is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// To be looked for at `at`.
    Opening {
        at: Duration,
    },
    Running,
    Ended,
}

/// What became of a round of calls.
#[derive(Debug, Default)]
pub(super) struct Absorbed {
    /// The calls whose readings are new.
    pub fresh: BTreeSet<Call>,
    /// A call succeeded.
    pub success: bool,
}

/// One device.
#[derive(Debug)]
pub(super) struct Device {
    phase: Phase,
    lanes: Lanes,
    readings: Readings,
    stats: BTreeMap<Call, CallStats>,
    off: BTreeSet<Call>,
    /// Since when nothing was heard of errors of the driver; absent where they are not awaited.
    awaits_since: Option<Duration>,
    /// A wait for them failed before the round that began it was back.
    failed_early: Option<CallError>,
    /// The driver's library is to be let go.
    lets_go: bool,
    unknown_in_a_row: u32,
    /// Failures of each call since it last succeeded.
    failed_in_a_row: BTreeMap<Call, u32>,
    /// After the next loss it is looked for so much later.
    wait: Duration,
    /// No loss since a whole round brought readings, or since the beginning: the next loss is a new one.
    is_sound: bool,
    /// It was lost, and has not come back.
    is_gone: bool,
    /// The state before the call that hangs.
    hanging: Option<GpuState>,
    /// Rounds that brought readings, and those that did not.
    pub samples: u64,
    pub missed: u64,
    /// For the user; taken by who tells.
    pub notices: Vec<String>,
    /// The driver's own samples are read too.
    is_full: bool,
    /// Something stands in the driver's place.
    is_stub: bool,
}

impl Device {
    /// A device that is looked for at the first tick; `is_stub`: something stands in its driver's place.
    pub fn new(level: Level, is_stub: bool) -> Self {
        Self {
            phase: Phase::Opening { at: Duration::ZERO },
            lanes: Lanes::new(level),
            readings: Readings::default(),
            stats: BTreeMap::new(),
            off: BTreeSet::new(),
            awaits_since: None,
            failed_early: None,
            lets_go: false,
            unknown_in_a_row: 0,
            failed_in_a_row: BTreeMap::new(),
            wait: BACKOFF.0,
            is_sound: true,
            is_gone: false,
            hanging: None,
            samples: 0,
            missed: 0,
            notices: Vec::new(),
            is_full: level == Level::Full,
            is_stub,
        }
    }

    /// The calls to make at `now`; none where it is not yet time.
    pub fn due(&mut self, now: Duration) -> Vec<Call> {
        match self.phase {
            Phase::Ended if !self.is_gone => Vec::new(),
            Phase::Opening { at } if at <= now => self.everything(now),
            Phase::Ended | Phase::Opening { .. } => {
                let due = self.lanes.due(now);
                let ticked = due.calls.iter().any(|call| self.lanes.is_fastest(*call));
                self.missed += due.missed + u64::from(ticked);
                Vec::new()
            }
            Phase::Running => {
                let due = self.lanes.due(now);
                self.missed += due.missed;
                due.calls.into_iter().filter(|call| self.is_asked(*call)).collect()
            }
        }
    }

    fn is_asked(&self, call: Call) -> bool {
        !self.off.contains(&call) && (call != Call::Events || self.awaits_since.is_none())
    }

    /// What is asked of a device that is looked for: all that is not off.
    fn everything(&mut self, now: Duration) -> Vec<Call> {
        self.lanes.restart(now);
        self.failed_early = None;
        let all = self.lanes.due(now).calls;
        [Call::Open].into_iter().chain(all).filter(|call| self.is_asked(*call)).collect()
    }

    /// The driver does not answer.
    pub fn is_hanging(&self) -> bool {
        self.hanging.is_some()
    }

    /// What `lanes` read is due now.
    pub fn hurry(&mut self, lanes: Hurry, now: Duration) {
        self.lanes.hurry(lanes, now);
    }

    /// What the lanes read is due by so much later.
    pub fn postpone(&mut self, by: Duration) {
        self.lanes.postpone(by);
    }

    /// A tick came while `call` had not answered for `since`.
    pub fn still_busy(&mut self, now: Duration, call: Call, since: Duration) {
        self.missed += self.lanes.pass(now);
        if since >= PATIENCE && self.hanging.is_none() {
            let why = format!("the driver has not answered `{}` for {} s", call.word(), PATIENCE.as_secs());
            self.count(call).failed(Code::Hanging);
            self.notices.push(format!("{why}; its readings are missing"));
            self.readings.clear_all();
            self.hanging = Some(std::mem::replace(&mut self.readings.now.state, GpuState::Lost { why }));
        }
    }

    /// Takes what the driver said to a round of calls.
    pub fn absorb(&mut self, round: Vec<Done>, processes: &Processes) -> Absorbed {
        let mut absorbed = Absorbed::default();
        if let Some(before) = self.hanging.take() {
            self.readings.now.state = before;
        }
        if self.phase != Phase::Running && round.first().is_none_or(|done| done.call != Call::Open) {
            // It was lost while it was asked: what it said is not of now.
            self.missed += 1;
            return absorbed;
        }
        self.lanes.cost(&round.iter().map(|done| (done.call, done.took)).collect::<Vec<_>>());
        // A tick that only looks for the device is one without readings.
        let asked = round.iter().any(|done| done.call == Call::Open || self.lanes.is_fastest(done.call));
        for Done { call, at, took, result } in round {
            if result != Ok(Answer::NotAsked) {
                self.count(call).took(took.into());
            }
            match result {
                Ok(answer) => {
                    self.unknown_in_a_row = 0;
                    self.failed_in_a_row.remove(&call);
                    absorbed.success = true;
                    if call == Call::Open {
                        (self.phase, self.readings.now.state, self.is_gone) = (Phase::Running, GpuState::Up, false);
                    }
                    if answer == Answer::Awaiting {
                        self.awaits_since = Some(at);
                        if let Some(error) = self.failed_early.take() {
                            self.fail_to_await(error, at);
                        }
                    }
                    if !matches!(answer, Answer::Nothing | Answer::NotAsked) {
                        absorbed.fresh.insert(call);
                    }
                    let busy_samples = self.is_full && !self.off.contains(&Call::BusySamples);
                    self.readings.take(call, answer, at, busy_samples, processes);
                }
                Err(error) => {
                    self.count(call).failed(error.code);
                    self.react(call, error, at);
                }
            }
            if self.phase != Phase::Running {
                break;
            }
        }
        let read = absorbed.fresh.iter().any(|call| self.lanes.is_fastest(*call));
        self.samples += u64::from(read);
        self.missed += u64::from(asked && !read);
        if (read || !asked && absorbed.success) && self.phase == Phase::Running {
            (self.is_sound, self.wait) = (true, BACKOFF.0);
        }
        absorbed
    }

    fn react(&mut self, call: Call, error: CallError, at: Duration) {
        self.readings.clear(call);
        let mut reaction = Reaction::to(call, error.code);
        if reaction == Reaction::Absent && self.readings.now.identity.is_some() {
            // A device that was there comes back with its driver: after an upgrade or a reset no driver is loaded for a while.
            reaction = Reaction::Lost;
        }
        if error.code == Code::Unknown {
            self.unknown_in_a_row += 1;
            if self.unknown_in_a_row >= UNKNOWN_IN_A_ROW {
                reaction = Reaction::Lost;
            }
        }
        match reaction {
            Reaction::Retry => self.tell_if_it_goes_on(call, &error),
            Reaction::Off | Reaction::OffAndTell => {
                self.off.insert(call);
                self.readings.now.off.push(Off { call, code: error.code });
                if reaction == Reaction::OffAndTell {
                    self.notices.push(format!("no `{}` readings: {}", call.word(), error.why));
                }
            }
            Reaction::Lost => {
                self.lose(error);
                self.phase = Phase::Opening { at: at + self.wait };
                self.wait = (self.wait * 2).min(BACKOFF.1);
            }
            Reaction::LostForGood => {
                self.lose(error);
                self.phase = Phase::Ended;
            }
            Reaction::Absent => {
                self.notices.push(format!("no telemetry of the device: {}", error.why));
                self.readings.lose_all();
                self.readings.now.state = GpuState::Absent { why: error.why };
                self.phase = Phase::Ended;
            }
        }
    }

    /// A reading that fails once is one sample less; one that keeps failing leaves a figure of the record absent.
    fn tell_if_it_goes_on(&mut self, call: Call, error: &CallError) {
        let failed = self.failed_in_a_row.entry(call).or_default();
        *failed += 1;
        if *failed == FAILED_IN_A_ROW {
            self.notices.push(format!("`{}` readings keep failing: {}", call.word(), error.why));
        }
    }

    fn lose(&mut self, CallError { code, why }: CallError) {
        // One that was never there, or whose driver is not ready yet, is not lost.
        let was_there = self.readings.now.identity.is_some() || matches!(code, Code::GpuLost | Code::ResetRequired);
        self.is_gone |= was_there;
        if self.is_sound && was_there {
            self.is_sound = false;
            self.readings.now.lost += 1;
            self.notices.push(format!("the device was lost: {why}"));
        } else if self.readings.now.state == GpuState::Starting {
            self.notices.push(format!("the device cannot be watched yet: {why}"));
        }
        self.readings.lose_all();
        self.readings.now.state = GpuState::Lost { why };
        (self.awaits_since, self.hanging, self.lets_go) = (None, None, true);
        self.unknown_in_a_row = 0;
        self.failed_in_a_row.clear();
    }

    /// Whether the driver's library is to be let go, since the device was lost: once for each loss.
    pub fn lets_go(&mut self) -> bool {
        std::mem::take(&mut self.lets_go)
    }

    fn count(&mut self, call: Call) -> &mut CallStats {
        self.stats.entry(call).or_insert_with(|| CallStats::new(call))
    }

    /// Takes what was heard of the driver's errors at `now`; the time in which they were awaited for it.
    pub fn hear(&mut self, heard: &Heard, now: Duration, unix: Seconds) -> Duration {
        let since = self.awaits_since;
        self.awaits_since = since.map(|_| now);
        match heard {
            Ok(xid) => {
                self.failed_in_a_row.remove(&Call::Events);
                if let Some(number) = *xid {
                    self.readings.xid(number, unix);
                    self.notices.push(format!("the driver reports XID {number}: {}", meaning(number)));
                }
                since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
            }
            Err(error) => {
                self.fail_to_await(error.clone(), now);
                Duration::ZERO
            }
        }
    }

    /// A wait for errors of the driver failed. Where waiting has ended, who reads the record must not take it for silence.
    fn fail_to_await(&mut self, error: CallError, now: Duration) {
        if self.phase != Phase::Running {
            self.failed_early = Some(error);
            return;
        }
        self.count(Call::Events).failed(error.code);
        if Reaction::to(Call::Events, error.code) == Reaction::Off {
            self.notices.push(format!("errors of the driver (XID) are not seen any more: {}", error.why));
        }
        self.react(Call::Events, error, now);
    }

    /// What has become of it so far.
    pub fn counts(&self) -> Counts {
        let GpuSnapshot { lost, identity, .. } = &self.readings.now;
        let is_stub = self.is_stub || identity.as_ref().is_some_and(|identity| identity.stub);
        Counts { samples: self.samples, missed: self.missed, lost: *lost, is_gone: self.is_gone, is_stub }
    }

    /// The device as it is known at `now`.
    pub fn snapshot(&mut self, now: Duration) -> GpuSnapshot {
        self.readings.peaks(now);
        self.readings.now.clone()
    }

    /// What the calls cost.
    pub fn stats(&self) -> impl Iterator<Item = &CallStats> {
        self.stats.values()
    }

    /// The lanes and their intervals now.
    pub fn intervals(&self) -> Vec<(&'static str, Seconds)> {
        self.lanes.intervals()
    }
}

/// What an error of the driver means (NVIDIA, "XID Errors").
fn meaning(xid: u32) -> &'static str {
    match xid {
        48 | 62 | 64 | 74 | 79 | 95 | 119 | 120 => "fatal for the device; look at the kernel's log",
        94 => "a memory error that one process lost its work to",
        13 | 31 | 43 => "a fault of the program that ran",
        _ => "see NVIDIA's list of XID errors",
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
