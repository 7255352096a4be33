//! When each reading is due. What is cheap and changes fast has the fast lane; a lane whose calls turn out to be slow is
//! stretched, so that the sampler takes no more than about a tenth of the driver's time.

use super::device::PATIENCE;
use crate::telemetry::Level;
use crate::telemetry::snapshot::Call;
use crate::units::Seconds;
use std::collections::VecDeque;
use std::time::Duration;

/// Costs that are remembered of a lane; of so many, the 99th percentile forgives one outlier.
const REMEMBERED: usize = 100;

/// Of so many costs the largest may be an outlier; of fewer all may be, but the smallest.
const ENOUGH: usize = 20;

/// No lane is stretched before so many costs are known.
const FEW: usize = 3;

/// No lane is stretched beyond this.
const SLOWEST: Duration = Duration::from_secs(60);

/// The lanes of a device.
#[derive(Debug)]
pub(super) struct Lanes(Vec<Lane>);

/// Readings that are due together.
#[derive(Debug)]
struct Lane {
    name: &'static str,
    calls: &'static [Call],
    /// As planned.
    base: Duration,
    /// As it is now.
    interval: Duration,
    /// When it is due.
    next: Duration,
    /// What its last turns cost.
    costs: VecDeque<Duration>,
}

/// Lanes that are read at the ends of a span, so that its readings are fresh there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hurry {
    /// At its beginning: the calls of the slow lane would fall into the first steps.
    AllButSlow,
    /// At its end, when nothing is timed any more.
    All,
}

/// What is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// The calls to make, the fastest lane's first.
    pub calls: Vec<Call>,
    /// Turns of the fastest lane that went by unused.
    pub missed: u64,
}

impl Lanes {
    /// The lanes of `level`, all due at once.
    pub fn new(level: Level) -> Self {
        let lane = |name, ms, calls| {
            let base = Duration::from_millis(ms);
            Lane { name, calls, base, interval: base, next: Duration::ZERO, costs: VecDeque::new() }
        };
        Self(match level {
            Level::Off => Vec::new(),
            Level::Minimal => vec![
                lane("middle", 1000, &[Call::Memory, Call::Utilisation, Call::Power, Call::Energy]),
                lane("slow", 10_000, &[Call::Processes]),
            ],
            Level::Full => vec![
                lane("fast", 100, &[Call::Memory, Call::Utilisation, Call::Power]),
                lane(
                    "middle",
                    1000,
                    &[
                        Call::Energy,
                        Call::BusySamples,
                        Call::MemoryBusySamples,
                        Call::SmClock,
                        Call::MemoryClock,
                        Call::ThrottleTimes,
                        Call::ThrottleReasons,
                        Call::Temperature,
                        Call::MemoryTemperature,
                        Call::PowerAverage,
                        Call::MemoryPower,
                        Call::Activities,
                    ],
                ),
                lane(
                    "slow",
                    5000,
                    &[Call::Processes, Call::PowerLimit, Call::Ecc, Call::Pcie, Call::NvLink, Call::Events],
                ),
            ],
        })
    }

    /// The time between two ticks of `level`.
    pub fn tick(level: Level) -> Duration {
        Duration::from_millis(if level == Level::Full { 100 } else { 1000 })
    }

    /// Whether `call` is one of those that every tick makes.
    pub fn is_fastest(&self, call: Call) -> bool {
        self.0.first().is_some_and(|lane| lane.calls.contains(&call))
    }

    /// Takes what is due at `now`. A turn that comes too late is not made up for.
    pub fn due(&mut self, now: Duration) -> Due {
        let mut due = Due::default();
        for (number, lane) in self.0.iter_mut().enumerate() {
            if lane.next > now {
                continue;
            }
            due.calls.extend(lane.calls);
            let late = (now - lane.next).as_nanos() / lane.interval.as_nanos();
            if number == 0 {
                due.missed = late as u64;
            }
            lane.next += lane.interval * (late as u32 + 1);
        }
        due
    }

    /// Turns of the fastest lane that are due at `now`, and pass unused: the other lanes wait.
    pub fn pass(&mut self, now: Duration) -> u64 {
        let Some(lane) = self.0.first_mut().filter(|lane| lane.next <= now) else { return 0 };
        let turns = (now - lane.next).as_nanos() / lane.interval.as_nanos() + 1;
        lane.next += lane.interval * turns as u32;
        turns as u64
    }

    /// Makes every lane due by so much later.
    pub fn postpone(&mut self, by: Duration) {
        self.0.iter_mut().for_each(|lane| lane.next += by);
    }

    /// Makes `lanes` due at `now`, if they were due later.
    pub fn hurry(&mut self, lanes: Hurry, now: Duration) {
        let left_out = if lanes == Hurry::AllButSlow { 1 } else { 0 };
        let hurried = self.0.len().saturating_sub(left_out);
        self.0[..hurried].iter_mut().for_each(|lane| lane.bring_forward(now));
    }

    /// Makes every lane due at `now`.
    pub fn restart(&mut self, now: Duration) {
        self.0.iter_mut().for_each(|lane| lane.bring_forward(now));
    }

    /// Takes note of what calls cost, and stretches the lanes where that is too much.
    pub fn cost(&mut self, calls: &[(Call, Duration)]) {
        for lane in &mut self.0 {
            let own: Vec<Duration> =
                calls.iter().filter(|(call, _)| lane.calls.contains(call)).map(|(_, took)| *took).collect();
            // However long a call has hung, it is one that took too long.
            if !own.is_empty() {
                lane.add(own.into_iter().map(|took| took.min(PATIENCE)).sum());
            }
        }
    }

    /// The name of each lane and its interval now.
    pub fn intervals(&self) -> Vec<(&'static str, Seconds)> {
        self.0.iter().map(|lane| (lane.name, lane.interval.into())).collect()
    }
}

impl Lane {
    /// Makes it due at `now`, on the grid of its turns: off it, a tick that comes a little earlier than others would find
    /// nothing due.
    fn bring_forward(&mut self, now: Duration) {
        while self.next > now {
            self.next = self.next.saturating_sub(self.interval);
        }
    }

    fn add(&mut self, cost: Duration) {
        self.costs.push_back(cost);
        if self.costs.len() > REMEMBERED {
            self.costs.pop_front();
        }
        if self.costs.len() < FEW {
            return;
        }
        let mut sorted: Vec<Duration> = self.costs.iter().copied().collect();
        sorted.sort_unstable();
        let typical = if sorted.len() < ENOUGH { 0 } else { sorted.len() * 99 / 100 - 1 };
        self.interval = (sorted[typical] * 10).clamp(self.base, SLOWEST.max(self.base));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Intervals in milliseconds.
    fn intervals(lanes: &Lanes) -> Vec<u64> {
        lanes.intervals().iter().map(|(_, seconds)| (seconds.0 * 1e3).round() as u64).collect()
    }

    #[test]
    fn each_lane_has_its_turn_and_late_turns_are_missed() {
        let mut lanes = Lanes::new(Level::Full);
        assert_eq!(lanes.due(ms(0)).calls.len(), 21, "at first all");
        assert_eq!(lanes.due(ms(99)), Due::default());
        assert_eq!(lanes.due(ms(100)), Due { calls: vec![Call::Memory, Call::Utilisation, Call::Power], missed: 0 });
        assert_eq!(lanes.due(ms(560)).missed, 3, "200, 300, 400");
        assert_eq!(lanes.due(ms(600)).missed, 0, "on the grid again");
        assert!(lanes.due(ms(1000)).calls.contains(&Call::Energy));
        assert!(!lanes.due(ms(1100)).calls.contains(&Call::Energy));
        let mut hurried = |lanes_of, now| {
            lanes.hurry(lanes_of, ms(now));
            let calls = lanes.due(ms(now)).calls;
            [Call::Energy, Call::Processes].map(|call| calls.contains(&call))
        };
        assert_eq!(hurried(Hurry::AllButSlow, 1150), [true, false]);
        assert_eq!(hurried(Hurry::All, 1160), [true, true]);
        assert!(Lanes::new(Level::Off).due(ms(0)).calls.is_empty());
    }

    #[test]
    fn slow_calls_stretch_their_lane_and_fast_ones_bring_it_back() {
        let mut lanes = Lanes::new(Level::Full);
        let mut cost = |n: usize, took: u64| {
            (0..n).for_each(|_| lanes.cost(&[(Call::Memory, ms(took)), (Call::Power, ms(0))]));
            intervals(&lanes)
        };
        assert_eq!(cost(100, 1), [100, 1000, 5000]);
        assert_eq!(cost(1, 400), [100, 1000, 5000], "one outlier is forgiven");
        assert_eq!(cost(3, 30), [300, 1000, 5000]);
        assert_eq!(cost(100, 1), [100, 1000, 5000]);
        assert_eq!(cost(100, 1999)[0], 19_990);
        assert_eq!(cost(100, 60_000)[0], 20_000, "an hour's hang is no more than a slow call");
        assert_eq!(cost(100, 1)[0], 100);
        assert_eq!(cost(1, 60_000)[0], 100, "one hang is an outlier");
        let mut lanes = Lanes::new(Level::Full);
        (0..20).for_each(|n| lanes.cost(&[(Call::Memory, ms(if n == 7 { 1500 } else { 1 }))]));
        assert_eq!(intervals(&lanes)[0], 100, "one outlier of twenty");
        let mut slow = |took: u64| {
            lanes.cost(&[(Call::Processes, ms(took))]);
            intervals(&lanes)[2]
        };
        assert_eq!(
            [1500, 1600, 1700, 1800].map(&mut slow),
            [5000, 5000, 15_000, 15_000],
            "not only after twenty turns"
        );
        assert_eq!(slow(1), 5000, "the others may have been outliers");
    }

    #[test]
    fn a_lane_that_is_read_out_of_turn_stays_on_its_grid() {
        let mut lanes = Lanes::new(Level::Full);
        lanes.due(ms(0));
        lanes.due(ms(103));
        lanes.restart(ms(207));
        assert_eq!(lanes.due(ms(207)).calls.len(), 21, "all");
        // Ticks come with delays of their own.
        for (tick, delay) in [(300, 1), (400, 0), (500, 9), (600, 0)] {
            let due = lanes.due(ms(tick + delay));
            assert_eq!((due.calls.len(), due.missed), (3, 0), "{tick}");
        }
        lanes.hurry(Hurry::All, ms(655));
        assert_eq!(lanes.due(ms(655)).calls.len(), 21);
        assert_eq!((lanes.due(ms(700)).calls.len(), lanes.due(ms(800)).missed), (3, 0));
    }

    #[test]
    fn while_nothing_can_be_asked_only_the_fastest_lane_passes() {
        let mut lanes = Lanes::new(Level::Full);
        lanes.due(ms(0));
        assert_eq!([lanes.pass(ms(99)), lanes.pass(ms(100)), lanes.pass(ms(2350))], [0, 1, 22]);
        let due = lanes.due(ms(2400));
        assert!(due.calls.contains(&Call::Energy) && due.missed == 0, "its turn at 1000 is made up for");
        assert_eq!(Lanes::new(Level::Off).pass(ms(5)), 0);
    }
}
