//! The thread that watches: at each tick it looks at the host and asks the devices' threads for what is due, takes what
//! they say, publishes a snapshot and feeds the recording under way. It never waits for a driver.

mod clock;
mod counters;
mod device;
mod host;
mod lanes;
mod readings;
mod worker;

pub(super) use clock::{Clock, SystemClock};
pub(super) use counters::GAP;
pub use host::AllocatorProbe;

use super::Level;
use super::cpu_time::thread_cpu;
use super::processes::Processes;
use super::recorder::{Counts, GpuLook, Look, Recorder};
use super::snapshot::Latest;
use super::snapshot::{Call, CallStats, Health, Publisher, Snapshot};
use super::source::{Heard, Source};
use crate::units::Seconds;
use device::Device;
use host::HostWatch;
use lanes::{Hurry, Lanes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;
use worker::{Round, Worker};

/// What the sampler is told.
pub(super) enum Message {
    /// A device's thread has made its calls.
    Round(usize, Round),
    /// Something, or nothing, was heard of a device's errors, however long its calls take.
    Heard(usize, Heard),
    /// A recording begins.
    Begin(Recorder),
    /// The recording ends: answer once the last readings are in, or cannot be had.
    End(Sender<()>),
    /// Nobody waits for the last readings of the recording any more.
    Release,
    /// From now on the processes below this one are watched, every so often, instead of this one.
    Below(Duration),
    /// From now on nothing is looked at, or, with `false`, everything again.
    Rest(bool),
    /// The end.
    Stop,
}

/// A device and its thread.
struct Watched {
    device: Device,
    /// Absent where the system had no thread for it.
    worker: Option<Worker>,
    cpu: Duration,
}

impl Watched {
    /// Before the device is looked for again: the library starts anew only where no device holds it.
    fn let_go_if_lost(&mut self) {
        if self.device.lets_go() {
            self.worker.iter().for_each(Worker::close);
        }
    }
}

/// The state of the thread.
pub(super) struct Sampler {
    level: Level,
    clock: Arc<dyn Clock>,
    devices: Vec<Watched>,
    processes: Processes,
    host: HostWatch,
    publisher: Publisher,
    recorder: Option<Recorder>,
    /// Who waits for the last readings of the recording.
    ending: Option<Sender<()>>,
    /// To be read as soon as no device is making calls.
    hurry: Option<Hurry>,
    /// Since when it rests, by the clock.
    rests: Option<Duration>,
    /// How long it rested before.
    rested: Duration,
    ticks: u64,
    missed: u64,
    last_success: Option<Seconds>,
    notices: Vec<String>,
    /// What the look at the host brought is in no row of the series yet.
    host_is_new: bool,
    machine_is_new: bool,
}

impl Sampler {
    /// A sampler of this process, the machine and `sources`, each with a thread that answers to `inbox`.
    pub fn new(
        level: Level,
        sources: Vec<Box<dyn Source>>,
        allocator: Option<AllocatorProbe>,
        clock: Arc<dyn Clock>,
        inbox: &Sender<Message>,
    ) -> Self {
        let mut notices = Vec::new();
        let devices = sources.into_iter().enumerate().map(|(number, source)| {
            let device = Device::new(level, source.is_stub());
            let worker = Worker::start(number, source, Arc::clone(&clock), inbox.clone());
            let worker = worker.map_err(|e| notices.push(format!("no thread for the telemetry of a device: {e}")));
            Watched { device, worker: worker.ok(), cpu: Duration::ZERO }
        });
        let devices = devices.collect();
        Self {
            level,
            clock,
            devices,
            processes: Processes::of([std::process::id()]),
            host: HostWatch::new(allocator),
            publisher: Publisher::default(),
            recorder: None,
            ending: None,
            hurry: None,
            rests: None,
            rested: Duration::ZERO,
            ticks: 0,
            missed: 0,
            last_success: None,
            notices,
            host_is_new: false,
            machine_is_new: false,
        }
    }

    /// Where the snapshots appear.
    pub fn latest(&self) -> Latest {
        self.publisher.latest()
    }

    /// Watches until it is told to stop.
    pub fn run(mut self, inbox: &Receiver<Message>) {
        let tick = Lanes::tick(self.level);
        let mut next = self.clock.now();
        loop {
            let message = match self.rests {
                Some(_) => inbox.recv().map_err(RecvTimeoutError::from),
                None => inbox.recv_timeout(next.saturating_sub(self.clock.now())),
            };
            match message {
                Ok(Message::Round(number, round)) => self.absorb(number, round),
                Ok(Message::Heard(number, heard)) => self.hear(number, heard),
                Ok(Message::Begin(recorder)) => {
                    recorder.begin(self.watched(), &self.counts());
                    // Who waited for the one before has lost patience.
                    (self.recorder, self.ending, self.hurry) = (Some(recorder), None, Some(Hurry::AllButSlow));
                }
                Ok(Message::Release) => (self.recorder, self.ending) = (None, None),
                // Ended before: nothing is left to be read.
                Ok(Message::End(waiting)) if self.recorder.is_none() => drop(waiting.send(())),
                Ok(Message::End(waiting)) => (self.ending, self.hurry) = (Some(waiting), Some(Hurry::All)),
                Err(RecvTimeoutError::Timeout) => {
                    let late = self.clock.now().saturating_sub(next).as_nanos() / tick.as_nanos();
                    next += tick * (late as u32 + 1);
                    self.missed += late as u64;
                    self.tick(None);
                }
                Ok(Message::Below(every)) => self.host.watch_below(every),
                Ok(Message::Rest(true)) => self.rest(),
                Ok(Message::Rest(false)) => next += self.wake(),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.hurry.is_some() && !self.is_owed_readings() {
                let hurry = self.hurry.take();
                self.tick(hurry);
            }
            self.end_if_all_is_in();
        }
    }

    /// Begins to rest: for a recording this is no time at all.
    fn rest(&mut self) {
        if self.rests.is_none() {
            self.rests = Some(self.clock.now());
            self.recorder.iter().for_each(Recorder::rest);
        }
    }

    /// Goes on after a rest; how long it was. All that was due by then is due so much later.
    fn wake(&mut self) -> Duration {
        let rest = self.rests.take().map_or(Duration::ZERO, |since| self.clock.now().saturating_sub(since));
        self.rested += rest;
        self.host.postpone(rest);
        self.devices.iter_mut().for_each(|watched| watched.device.postpone(rest));
        rest
    }

    /// Time by the clock, without rests.
    fn watched(&self) -> Duration {
        self.rests.unwrap_or_else(|| self.clock.now()).saturating_sub(self.rested)
    }

    /// Looks at the host and asks the devices for what is due, and for what is to be read out of turn.
    fn tick(&mut self, hurry: Option<Hurry>) {
        let now = self.clock.now();
        self.ticks += 1;
        let new = self.host.look(now, hurry.is_some());
        if let Some(below) = self.host.below().filter(|_| new.process) {
            self.processes = Processes::of(below.iter().copied());
        }
        self.machine_is_new |= new.machine;
        self.host_is_new |= new.process;
        let mut asked = false;
        for Watched { device, worker, .. } in &mut self.devices {
            let Some(worker) = worker else { continue };
            if let Some(lanes) = hurry {
                device.hurry(lanes, now);
            }
            let calls = if worker.is_busy() { Vec::new() } else { device.due(now) };
            match worker.ask(calls) {
                Ok(()) => asked |= worker.is_busy(),
                Err((call, since)) if hurry.is_none() => device.still_busy(now, call, now.saturating_sub(since)),
                Err(_) => {}
            }
        }
        if self.devices.is_empty() {
            self.last_success = Some(self.clock.unix());
        }
        if !asked {
            self.record(None);
            self.publish();
        }
    }

    /// Takes what a device said.
    fn absorb(&mut self, number: usize, round: Round) {
        let unix = self.clock.unix();
        let watched = &mut self.devices[number];
        if let Some(worker) = &mut watched.worker {
            worker.returned();
        }
        watched.cpu = round.cpu;
        let absorbed = watched.device.absorb(round.done, &self.processes);
        watched.let_go_if_lost();
        if absorbed.success {
            self.last_success = Some(unix);
        }
        self.record(Some((number, absorbed.fresh)));
        self.publish();
    }

    /// Takes what was heard of a device's errors.
    fn hear(&mut self, number: usize, heard: Heard) {
        let watched = &mut self.devices[number];
        let waited = watched.device.hear(&heard, self.clock.now(), self.clock.unix());
        watched.let_go_if_lost();
        self.recorder.iter().for_each(|recorder| recorder.hear(number, &heard, waited));
        if heard != Ok(None) {
            self.publish();
        }
    }

    /// Feeds the recording under way, unless it rests.
    fn record(&mut self, device: Option<(usize, BTreeSet<Call>)>) {
        if self.rests.is_some() {
            return;
        }
        let (now, at) = (self.clock.now(), self.watched());
        let gpu = device.map(|(number, fresh)| {
            let device = &mut self.devices[number].device;
            (number, device.snapshot(now), fresh)
        });
        let counts = self.counts();
        let devices_cpu = self.devices.iter().map(|w| w.cpu).sum::<Duration>();
        let Some(recorder) = &mut self.recorder else { return };
        let own_cpu = thread_cpu() + devices_cpu + recorder.series_cpu();
        recorder.look(&Look {
            at,
            unix: self.clock.unix(),
            host: &self.host.host,
            process: &self.host.process,
            allocator: self.host.allocated,
            host_is_new: std::mem::take(&mut self.host_is_new),
            machine_is_new: std::mem::take(&mut self.machine_is_new),
            own_cpu,
            ticks: (self.ticks, self.missed),
            counts: &counts,
            gpu: gpu.as_ref().map(|(number, snapshot, fresh)| GpuLook { number: *number, snapshot, fresh }),
        });
    }

    /// What has become of each device so far.
    fn counts(&self) -> Vec<Counts> {
        self.devices.iter().map(|w| w.device.counts()).collect()
    }

    /// A device that does not hang is making calls.
    fn is_owed_readings(&self) -> bool {
        self.devices.iter().any(|w| !w.device.is_hanging() && w.worker.as_ref().is_some_and(Worker::is_busy))
    }

    /// Lets go of the recording that is to end, once its last readings are in.
    fn end_if_all_is_in(&mut self) {
        if self.hurry.is_some() || self.is_owed_readings() {
            return;
        }
        if let Some(waiting) = self.ending.take() {
            self.recorder = None;
            // Who waited may have lost patience.
            let _ = waiting.send(());
        }
    }

    /// Puts what is known now where readers look.
    pub fn publish(&mut self) {
        let now = self.clock.now();
        for watched in &mut self.devices {
            for notice in std::mem::take(&mut watched.device.notices) {
                if !self.notices.contains(&notice) {
                    self.notices.push(notice);
                }
            }
        }
        let devices = &self.devices;
        let sum = |count: fn(&Device) -> u64| devices.iter().map(|w| count(&w.device)).sum::<u64>();
        let (samples, missed) =
            if devices.is_empty() { (self.ticks, self.missed) } else { (sum(|d| d.samples), sum(|d| d.missed)) };
        let health = Health {
            samples,
            missed,
            last_success: self.last_success,
            cpu: Seconds::from(thread_cpu() + devices.iter().map(|w| w.cpu).sum::<Duration>()),
            intervals: devices.first().map(|w| w.device.intervals()).unwrap_or_default(),
            notices: self.notices.clone(),
        };
        let calls = calls(devices);
        self.publisher.publish(Snapshot {
            at: self.clock.unix(),
            level: self.level,
            gpus: self.devices.iter_mut().map(|w| w.device.snapshot(now)).collect(),
            host: self.host.host,
            process: self.host.process,
            allocator: self.host.allocated,
            calls,
            health,
        });
    }
}

/// The calls of all devices together.
fn calls(devices: &[Watched]) -> Vec<CallStats> {
    let mut all: BTreeMap<Call, CallStats> = BTreeMap::new();
    for stats in devices.iter().flat_map(|w| w.device.stats()) {
        all.entry(stats.call).and_modify(|sum| sum.add(stats)).or_insert_with(|| stats.clone());
    }
    all.into_values().collect()
}
