//! Sums over time: counters that outlive a reset, and integrals.

use std::time::Duration;

/// A longer gap between two readings is not bridged: missing is not interpolated.
pub(in crate::telemetry) const GAP: Duration = Duration::from_secs(5);

/// The growth of a counter of the driver since the first look. Where the counter falls, it began anew, and what it grew by
/// meanwhile is not known.
#[derive(Debug, Default)]
pub(super) struct Counter {
    last: Option<f64>,
    pub total: f64,
}

impl Counter {
    /// Whether the counter would fall by this reading.
    pub fn falls_by(&self, raw: f64) -> bool {
        self.last.is_some_and(|last| raw < last)
    }

    /// Takes a reading and returns the growth so far.
    pub fn read(&mut self, raw: f64) -> f64 {
        let grown = match self.last {
            None => 0.0,
            Some(last) if raw >= last => raw - last,
            Some(_) => 0.0,
        };
        self.last = Some(raw);
        self.total += grown;
        self.total
    }
}

/// The integral of a rate over time, by trapezoids; gaps longer than [`GAP`] are left out.
#[derive(Debug, Default)]
pub(super) struct Integral {
    last: Option<(Duration, f64)>,
    pub total: f64,
}

impl Integral {
    /// Takes a reading and returns the integral so far.
    pub fn read(&mut self, at: Duration, rate: f64) -> f64 {
        if let Some((before, last)) = self.last
            && at.saturating_sub(before) <= GAP
        {
            self.total += (last + rate) / 2.0 * at.saturating_sub(before).as_secs_f64();
        }
        self.last = Some((at, rate));
        self.total
    }
}

/// Time in use, from shares of consecutive spans: never more than the time that went by.
#[derive(Debug, Default)]
pub(super) struct BusyTime {
    until: Option<Duration>,
    pub total: f64,
}

impl BusyTime {
    /// The span since the last look was in use to this share; returns the time in use so far. `gap_counts`: the share is a
    /// mean over the whole span, however long.
    pub fn read(&mut self, at: Duration, share: f64, gap_counts: bool) -> f64 {
        if let Some(until) = self.until
            && (gap_counts || at.saturating_sub(until) <= GAP)
        {
            self.total += share.clamp(0.0, 1.0) * at.saturating_sub(until).as_secs_f64();
        }
        self.until = Some(at);
        self.total
    }

    /// What goes by from now until the next look is unknown.
    pub fn interrupt(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_counter_that_falls_goes_on_from_there() {
        let mut counter = Counter::default();
        assert_eq!([100.0, 130.0, 130.0, 5.0, 25.0].map(|raw| counter.read(raw)), [0.0, 30.0, 30.0, 30.0, 50.0]);
    }

    #[test]
    fn integrals_leave_gaps_out() {
        let mut energy = Integral::default();
        let readings = [(0.0, 100.0), (1.0, 300.0), (100.0, 300.0), (100.5, 100.0)];
        assert_eq!(readings.map(|(at, watts)| energy.read(s(at), watts)), [0.0, 200.0, 200.0, 300.0]);
    }

    #[test]
    fn time_in_use_counts_what_is_known() {
        let mut busy = BusyTime::default();
        assert_eq!(busy.read(s(10.0), 1.0, false), 0.0, "what was before is unknown");
        assert_eq!(busy.read(s(11.0), 0.5, false), 0.5);
        assert_eq!(busy.read(s(31.0), 0.5, true), 10.5);
        assert_eq!(busy.read(s(51.0), 0.5, false), 10.5);
        busy.interrupt();
        assert_eq!(busy.read(s(52.0), 1.0, true), 10.5);
        assert_eq!(busy.read(s(53.0), 8.08, true), 11.5);
    }

    proptest! {
        #[test]
        fn time_in_use_is_never_more_than_time(looks in prop::collection::vec((0u64..9000, 0.0..2.0f64), 1..60)) {
            let (mut busy, mut now) = (BusyTime::default(), 0);
            for (step, share) in looks {
                now += step;
                prop_assert!(busy.read(Duration::from_millis(now), share, step % 2 == 0) <= now as f64 / 1e3 + 1e-9);
            }
        }

        #[test]
        fn counters_never_fall(raws in prop::collection::vec(0.0..1e9f64, 1..60)) {
            let mut counter = Counter::default();
            let totals: Vec<f64> = raws.into_iter().map(|raw| counter.read(raw)).collect();
            prop_assert!(totals.is_sorted());
        }
    }
}
