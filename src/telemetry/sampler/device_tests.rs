//! The life of a device, call by call, on a clock that the test turns.

use super::super::clock::Clock;
use super::super::worker::round_here;
use super::*;
use crate::telemetry::snapshot::{Memory, Peaks, ThrottleReason, Xid};
use crate::telemetry::source::scripted::{HandClock, Script};
use crate::units::{Bytes, Joules, Ratio, Watts};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn memory(used: u64) -> Answer {
    let [used, free] = [used, 100 - used].map(Bytes);
    Answer::Memory(Memory { used, free, reserved: Bytes(10), total: Bytes(110) })
}

/// A device with its script and its clock.
struct Bench {
    device: Device,
    script: Script,
    clock: HandClock,
}

impl Bench {
    fn new(level: Level) -> Self {
        let script = Script::default();
        script.says(Call::Open, Answer::Opened(Box::default())).says(Call::Memory, memory(50));
        Self { device: Device::new(level, true), script, clock: HandClock::default() }
    }

    /// The calls that are due now, made.
    fn tick(&mut self) -> Vec<Call> {
        let calls = self.device.due(self.clock.now());
        if !calls.is_empty() {
            let done = round_here(&mut self.script, calls.clone(), &self.clock);
            self.device.absorb(done, &Processes::default());
        }
        calls
    }

    /// So many ticks, 100 ms from each other.
    fn ticks(&mut self, n: usize) -> GpuSnapshot {
        (0..n).for_each(|_| {
            self.tick();
            self.clock.turn(ms(100));
        });
        self.device.snapshot(self.clock.now())
    }

    fn hear(&mut self, heard: Heard) -> Duration {
        self.device.hear(&heard, self.clock.now(), Seconds(5.0))
    }

    /// A wait for errors of the driver fails.
    fn hear_failure(&mut self, code: Code) {
        let why = format!("{} as the test wants it", code.word());
        assert_eq!(self.hear(Err(CallError { code, why })), Duration::ZERO, "nobody waited");
    }

    fn errors(&self, call: Call, code: Code) -> u64 {
        self.device.stats().find(|s| s.call == call).map_or(0, |s| s.errors.get(&code).copied().unwrap_or(0))
    }
}

#[test]
fn a_device_without_a_driver_is_not_asked_again() {
    for code in [Code::NoLibrary, Code::DriverNotLoaded, Code::DriverMismatch, Code::NoFunction] {
        let mut bench = Bench::new(Level::Full);
        bench.script.fails(Call::Open, code);
        let snapshot = bench.ticks(100);
        assert!(matches!(snapshot.state, GpuState::Absent { .. }), "{snapshot:?}");
        assert_eq!((bench.errors(Call::Open, code), bench.device.notices.len()), (1, 1), "{code:?}");
    }
}

#[test]
fn what_a_device_cannot_do_is_asked_once() {
    for code in [Code::NotSupported, Code::NoFunction, Code::CallVersion, Code::Deprecated, Code::NoPermission] {
        let mut bench = Bench::new(Level::Full);
        bench.script.fails(Call::Power, code);
        let snapshot = bench.ticks(30);
        assert!(snapshot.state.is_up() && snapshot.power.is_none() && snapshot.memory.is_some());
        assert!(snapshot.off.contains(&Off { call: Call::Power, code }));
        assert_eq!((bench.errors(Call::Power, code), bench.device.samples), (1, 30));
        assert_eq!(bench.device.notices.len(), usize::from(code == Code::NoPermission), "{code:?}");
    }
}

#[test]
fn what_passes_is_asked_again_at_the_next_tick() {
    let passing = [
        Code::InvalidArgument,
        Code::NotFound,
        Code::InsufficientSize,
        Code::Timeout,
        Code::NoData,
        Code::NotReady,
        Code::Implausible,
        Code::Other,
    ];
    for code in passing {
        let mut bench = Bench::new(Level::Full);
        bench.ticks(1);
        bench.script.fails(Call::Memory, code);
        let snapshot = bench.ticks(5);
        assert!(snapshot.state.is_up() && snapshot.memory.is_none(), "{code:?}: what is not known is not shown");
        assert_eq!((bench.errors(Call::Memory, code), bench.device.missed), (5, 5));
        bench.script.says(Call::Memory, memory(60));
        assert_eq!(bench.ticks(1).memory.map(|m| m.used), Some(Bytes(60)));
    }
}

#[test]
fn a_lost_device_is_looked_for_ever_more_rarely_and_its_counters_go_on() {
    for code in [Code::GpuLost, Code::Uninitialised, Code::GpuNotFound] {
        let mut bench = Bench::new(Level::Full);
        bench.script.says(Call::Energy, Answer::Joules(Joules(1000.0)));
        bench.ticks(1);
        bench.script.says(Call::Energy, Answer::Joules(Joules(1500.0)));
        bench.ticks(10);
        bench.script.fails(Call::Memory, code).fails(Call::Open, code);
        let lost = bench.ticks(1);
        assert!(matches!(lost.state, GpuState::Lost { .. }) && lost.memory.is_none(), "{lost:?}");
        assert_eq!((lost.energy, bench.device.counts().lost), (Some(Joules(500.0)), 1));
        // Looked for after 1, 2, 4, 8, 16 s, and then each 30 s.
        bench.ticks(1250);
        assert_eq!(bench.errors(Call::Open, code), 8, "125 s");
        // The driver was loaded anew: its counter begins at zero.
        bench.script.says(Call::Open, Answer::Opened(Box::default())).says(Call::Memory, memory(50));
        bench.script.says(Call::Energy, Answer::Joules(Joules(70.0)));
        let back = bench.ticks(301);
        assert!(back.state.is_up() && back.memory.is_some());
        assert_eq!((back.energy, bench.device.counts().lost), (Some(Joules(500.0)), 1), "what it grew by is not known");
        assert_eq!(bench.device.notices.len(), 1, "{:?}", bench.device.notices);
    }
}

#[test]
fn a_device_that_is_found_and_lost_at_once_is_looked_for_ever_more_rarely_and_lost_once() {
    let mut bench = Bench::new(Level::Full);
    bench.script.fails(Call::Memory, Code::GpuLost);
    let lost = bench.ticks(1250);
    assert!(matches!(lost.state, GpuState::Lost { .. }));
    // At once, after 1, 2, 4, 8, 16 s, and then each 30 s.
    assert_eq!((bench.errors(Call::Memory, Code::GpuLost), bench.device.counts().lost), (9, 1));
    assert!(bench.device.missed >= 1249, "each tick is a sample or a missed one: {}", bench.device.missed);
    bench.script.says(Call::Memory, memory(50));
    assert!(bench.ticks(300).state.is_up());
    bench.script.fails(Call::Memory, Code::GpuLost);
    bench.ticks(12);
    assert_eq!((bench.errors(Call::Memory, Code::GpuLost), bench.device.counts().lost), (11, 2), "after 1 s again");
}

#[test]
fn a_device_that_was_there_comes_back_with_its_driver() {
    let gone = [
        Code::DriverNotLoaded,
        Code::DriverMismatch,
        Code::NotSupported,
        Code::NoPermission,
        Code::CallVersion,
        Code::Deprecated,
    ];
    for code in gone {
        let mut bench = Bench::new(Level::Full);
        bench.script.says(Call::Open, Answer::Opened(Box::default()));
        bench.ticks(10);
        bench.script.fails(Call::Memory, Code::GpuLost).fails(Call::Open, code);
        let lost = bench.ticks(50);
        assert!(matches!(lost.state, GpuState::Lost { .. }) && bench.device.counts().is_gone, "{code:?}");
        assert_eq!((bench.device.counts().lost, bench.device.samples, bench.device.missed), (1, 10, 50));
        bench.script.says(Call::Open, Answer::Opened(Box::default())).says(Call::Memory, memory(50));
        let back = bench.ticks(100);
        assert!(back.state.is_up() && !bench.device.counts().is_gone, "{code:?}");
        assert_eq!((bench.device.counts().lost, bench.device.notices.len()), (1, 1), "{:?}", bench.device.notices);
    }
}

#[test]
fn a_reading_that_keeps_failing_is_told_once_and_one_that_fails_now_and_then_is_not() {
    let mut bench = Bench::new(Level::Full);
    bench.script.says(Call::Power, Answer::Watts(Watts(1.0)));
    bench.ticks(1);
    bench.script.fails(Call::Power, Code::Timeout);
    bench.ticks(4);
    bench.script.says(Call::Power, Answer::Watts(Watts(1.0)));
    bench.ticks(1);
    bench.script.fails(Call::Power, Code::Timeout);
    bench.ticks(4);
    let told =
        |bench: &Bench| bench.device.notices.iter().filter(|n| n.contains("`power`")).cloned().collect::<Vec<_>>();
    assert!(told(&bench).is_empty(), "{:?}", bench.device.notices);
    assert!(bench.ticks(50).state.is_up());
    let told = told(&bench);
    assert!(matches!(&told[..], [one] if one.contains("readings keep failing")), "{told:?}");
}

#[test]
fn a_device_that_is_lost_when_it_is_first_looked_for_is_lost_and_one_that_is_not_ready_is_not() {
    for (code, lost) in [(Code::GpuLost, 1), (Code::NotReady, 0)] {
        let mut bench = Bench::new(Level::Full);
        bench.script.fails(Call::Open, code);
        bench.ticks(10);
        assert_eq!((bench.device.counts().lost, bench.device.counts().is_gone), (lost, lost > 0), "{code:?}");
        assert_eq!(bench.device.notices.len(), 1);
    }
}

#[test]
fn a_device_that_needs_a_reset_is_not_looked_for() {
    let mut bench = Bench::new(Level::Full);
    bench.ticks(1);
    bench.script.fails(Call::Memory, Code::ResetRequired);
    let snapshot = bench.ticks(700);
    assert!(matches!(snapshot.state, GpuState::Lost { .. }));
    assert_eq!((bench.errors(Call::Memory, Code::ResetRequired), bench.device.counts().lost), (1, 1));
}

#[test]
fn ten_unknown_errors_in_a_row_are_a_loss() {
    let busy = || {
        let mut bench = Bench::new(Level::Full);
        bench.script.says(Call::Utilisation, Answer::Utilisation(Ratio(0.5), Ratio(0.5)));
        bench.script.says(Call::Power, Answer::Watts(Watts(1.0)));
        bench.ticks(1);
        bench
    };
    let mut bench = busy();
    for call in [Call::Memory, Call::Utilisation, Call::Power] {
        bench.script.fails(call, Code::Unknown);
    }
    assert!(bench.ticks(3).state.is_up(), "nine");
    bench.script.fails(Call::Open, Code::Unknown);
    assert!(!bench.ticks(1).state.is_up(), "ten");

    let mut bench = busy();
    bench.script.fails(Call::Power, Code::Unknown);
    assert!(bench.ticks(50).state.is_up(), "others answer in between");
}

#[test]
fn a_call_that_hangs_costs_samples_and_is_told_once() {
    let mut bench = Bench::new(Level::Full);
    bench.ticks(10);
    let (missed, since) = (bench.device.missed, bench.clock.now());
    for _ in 0..50 {
        bench.device.still_busy(bench.clock.now(), Call::Power, bench.clock.now() - since);
        bench.clock.turn(ms(100));
    }
    let hanging = bench.device.snapshot(bench.clock.now());
    assert!(matches!(&hanging.state, GpuState::Lost { why } if why.contains("`power`")) && hanging.memory.is_none());
    assert_eq!((bench.device.missed - missed, bench.errors(Call::Power, Code::Hanging)), (50, 1));
    assert_eq!((bench.device.notices.len(), bench.device.is_hanging()), (1, true));
    // It comes back after all.
    bench.tick();
    assert!(bench.device.snapshot(bench.clock.now()).state.is_up() && !bench.device.is_hanging());
}

#[test]
fn peaks_sums_and_errors_of_the_driver() {
    let mut bench = Bench::new(Level::Full);
    bench.script.says(Call::Utilisation, Answer::Utilisation(Ratio(0.5), Ratio(0.25)));
    bench.script.says(Call::BusySamples, Answer::Busy(Some(Ratio(0.75))));
    bench.script.says(Call::Power, Answer::Watts(Watts(600.0)));
    bench.script.says(Call::Memory, memory(90));
    let reasons = vec![ThrottleReason::PowerCap, ThrottleReason::Unknown];
    bench.script.says(Call::ThrottleReasons, Answer::ThrottleReasons(reasons));
    bench.ticks(1);
    bench.script.says(Call::Memory, memory(40));
    let snapshot = bench.ticks(401);
    assert_eq!(snapshot.memory_peak, Peaks { last_30s: Some(Bytes(40)), run: Some(Bytes(90)) });
    let near = |value: f64, want: f64| assert!((value - want).abs() < 1e-6, "{value} {want}");
    near(snapshot.busy.unwrap().0, 0.75 * 40.0);
    near(snapshot.energy_estimated.unwrap().0, 600.0 * 40.1);
    near(snapshot.throttle[&ThrottleReason::PowerCap].0, 40.0);
    near(snapshot.throttle[&ThrottleReason::Unknown].0, 40.0);
    near(snapshot.throttle[&ThrottleReason::GpuIdle].0, 0.0);
    assert_eq!(snapshot.energy, None, "missing is not zero");
    for number in [79, 31, 79] {
        bench.hear(Ok(Some(number)));
    }
    let xids = bench.device.snapshot(bench.clock.now()).xids;
    assert_eq!(xids[&79], Xid { count: 2, last: Seconds(5.0) });
    assert!(bench.device.notices.iter().any(|n| n.contains("XID 79: fatal")));
}

#[test]
fn errors_of_the_driver_are_awaited_until_that_cannot_be_done() {
    let mut bench = Bench::new(Level::Full);
    bench.script.fails(Call::Events, Code::Timeout);
    bench.ticks(10);
    assert_eq!(bench.hear(Ok(None)), Duration::ZERO, "not awaited");
    bench.script.says(Call::Events, Answer::Awaiting);
    bench.ticks(90);
    // Asked for again with the slow lane, at 5 s.
    assert_eq!([bench.hear(Ok(None)), bench.hear(Ok(None))], [ms(5000), ms(0)]);
    let asked = |bench: &Bench| bench.device.stats().find(|s| s.call == Call::Events).unwrap().count();
    assert_eq!(asked(&bench), 2, "and then no more");

    (0..4).for_each(|_| bench.hear_failure(Code::NoData));
    bench.ticks(7);
    assert!(bench.hear(Ok(None)) == ms(700) && bench.device.notices.is_empty());
    (0..9).for_each(|_| bench.hear_failure(Code::NotReady));
    assert!(matches!(&bench.device.notices[..], [one] if one.contains("`events` readings keep failing")));
    let going_on = bench.ticks(1);
    assert!(going_on.state.is_up() && going_on.off.iter().all(|off| off.call != Call::Events));

    let calls = bench.device.due(bench.clock.now());
    bench.hear_failure(Code::GpuLost);
    let late = round_here(&mut bench.script, calls, &bench.clock);
    assert!(!late.is_empty() && bench.device.absorb(late, &Processes::default()).fresh.is_empty());
    let lost = bench.ticks(1);
    assert!(matches!(lost.state, GpuState::Lost { .. }) && lost.memory.is_none());
    bench.hear_failure(Code::GpuLost);
    assert!(bench.ticks(12).state.is_up() && asked(&bench) == 3, "awaited anew");
    assert_eq!((bench.device.counts().lost, bench.errors(Call::Events, Code::GpuLost)), (1, 1));

    bench.hear_failure(Code::NotSupported);
    let off = bench.ticks(100).off;
    assert!(off.contains(&Off { call: Call::Events, code: Code::NotSupported }) && asked(&bench) == 3, "{off:?}");
    assert!(bench.device.notices.iter().any(|n| n.contains("not seen any more")), "{:?}", bench.device.notices);
}

#[test]
fn a_wait_that_fails_before_the_round_that_began_it_is_back_has_failed() {
    for (code, sees) in [(Code::NotSupported, "not seen any more"), (Code::GpuLost, "the device was lost")] {
        let mut bench = Bench::new(Level::Full);
        bench.script.says(Call::Events, Answer::Awaiting);
        let calls = bench.device.due(bench.clock.now());
        bench.hear_failure(code);
        let round = round_here(&mut bench.script, calls, &bench.clock);
        bench.device.absorb(round, &Processes::default());
        assert!(matches!(&bench.device.notices[..], [one] if one.contains(sees)), "{:?}", bench.device.notices);
        assert_eq!(bench.errors(Call::Events, code), 1);
        assert_eq!(bench.device.lets_go(), code == Code::GpuLost);
        assert!(!bench.device.lets_go(), "once for a loss");
        assert!(bench.ticks(30).state.is_up());
    }
}

#[test]
fn slow_calls_are_made_more_rarely() {
    let mut bench = Bench::new(Level::Full);
    let clock = bench.clock.clone();
    bench.script.on(Call::Memory, move || {
        clock.turn(ms(30));
        Ok(memory(1))
    });
    (0..200).for_each(|_| {
        bench.tick();
        bench.clock.turn(ms(70));
    });
    let fast = bench.device.intervals()[0];
    assert_eq!(fast.0, "fast");
    assert!((fast.1.0 - 0.3).abs() < 0.01, "{fast:?}");
}

#[test]
fn at_the_lower_level_less_is_asked() {
    let mut bench = Bench::new(Level::Minimal);
    bench.script.says(Call::Utilisation, Answer::Utilisation(Ratio(1.0), Ratio(0.5)));
    bench.script.says(Call::Open, Answer::Opened(Box::default()));
    let calls: BTreeSet<Call> = (0..150)
        .flat_map(|_| {
            let calls = bench.tick();
            bench.clock.turn(ms(100));
            calls
        })
        .collect();
    let few = [Call::Open, Call::Memory, Call::Utilisation, Call::Power, Call::Energy, Call::Processes];
    assert_eq!(calls, BTreeSet::from(few));
    assert_eq!(bench.device.samples, 15);
    assert_eq!(bench.device.snapshot(bench.clock.now()).busy, Some(Seconds(14.0)));
}
