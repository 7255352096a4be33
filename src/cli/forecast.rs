//! How far a matrix is and how long it will still take: the estimates of its trials, held against the time that this run
//! has really needed.

use crate::plan::TrialId;
use crate::units::Seconds;

/// So many steps come before a forecast: the first ones take longer.
const WARM_UP: u64 = 10;

/// A trial of the matrix as it was planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Which.
    pub id: TrialId,
    /// Length of the training.
    pub epochs: u32,
    /// Estimated training and evaluation, where anything is known.
    pub seconds: Option<Seconds>,
    /// It was done before this run.
    pub done: bool,
}

/// Follows a run through its matrix. Weights are estimated seconds; only their proportions count.
#[derive(Debug, Clone, Default)]
pub struct Forecast {
    trials: Vec<Weighed>,
    current: Option<Current>,
    /// Weight that this run has worked off in the trials before the current one.
    worked: f64,
    /// Steps seen in this run.
    steps: u64,
}

#[derive(Debug, Clone)]
struct Weighed {
    id: TrialId,
    weight: f64,
    done: bool,
}

/// The trial under way: where it stands in the list, and the shares of it at its start in this run and now.
#[derive(Debug, Clone)]
struct Current {
    index: usize,
    from: f64,
    share: f64,
}

impl Forecast {
    /// For the trials of a matrix in the order in which they run. Where nothing is known of one, an epoch of it counts as
    /// the mean of those that are known.
    pub fn new(trials: Vec<Planned>) -> Self {
        let known = trials.iter().filter_map(|t| Some((t.seconds?.0, f64::from(t.epochs))));
        let (seconds, epochs) = known.fold((0.0, 0.0), |sum, (seconds, epochs)| (sum.0 + seconds, sum.1 + epochs));
        let usual = if seconds > 0.0 { seconds / epochs } else { 1.0 };
        let weigh = |t: Planned| {
            let weight = t.seconds.map_or(usual * f64::from(t.epochs), |s| s.0);
            Weighed { id: t.id, weight, done: t.done }
        };
        Self { trials: trials.into_iter().map(weigh).collect(), ..Self::default() }
    }

    /// A trial begins. Trials before it are over, or were left out.
    pub fn begin(&mut self, id: &TrialId) {
        self.worked += self.worked_in_current();
        let index = self.trials.iter().position(|t| t.id == *id);
        self.current = index.map(|index| Current { index, from: 0.0, share: 0.0 });
    }

    /// An earlier run has done this share of the trial that has begun.
    pub fn resume(&mut self, share: f64) {
        if let Some(current) = &mut self.current {
            (current.from, current.share) = (share, share);
        }
    }

    /// A step ended, and this share of the trial is done.
    pub fn step(&mut self, share: f64) {
        self.steps += 1;
        self.reach(share);
    }

    /// This share of the trial is done.
    pub fn reach(&mut self, share: f64) {
        if let Some(current) = &mut self.current {
            current.share = share;
        }
    }

    /// The part of the whole matrix that is done or passed over, 0 to 1.
    pub fn share(&self) -> f64 {
        let all: f64 = self.trials.iter().map(|t| t.weight).sum();
        if all > 0.0 { 1.0 - self.ahead() / all } else { 0.0 }
    }

    /// The time that the rest will take if it goes on as in the first `passed` of this run; absent as long as too little
    /// is known.
    pub fn left(&self, passed: Seconds) -> Option<Seconds> {
        let worked = self.worked + self.worked_in_current();
        (self.steps >= WARM_UP && worked > 0.0).then(|| Seconds(passed.0 * self.ahead() / worked))
    }

    fn worked_in_current(&self) -> f64 {
        self.current.as_ref().map_or(0.0, |c| self.trials[c.index].weight * (c.share - c.from))
    }

    /// The weight that is still to do.
    fn ahead(&self) -> f64 {
        let (next, rest) =
            self.current.as_ref().map_or((0, 0.0), |c| (c.index + 1, self.trials[c.index].weight * (1.0 - c.share)));
        rest + self.trials[next..].iter().filter(|t| !t.done).map(|t| t.weight).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(name: &str, epochs: u32, seconds: Option<f64>, done: bool) -> Planned {
        Planned { id: TrialId(name.into()), epochs, seconds: seconds.map(Seconds), done }
    }

    #[test]
    fn trials_count_by_their_estimates_and_the_pace_of_this_run() {
        let all = [("a", 1, Some(10.0)), ("b", 1, Some(30.0)), ("c", 100, Some(1000.0))];
        let mut forecast = Forecast::new(all.map(|(n, e, s)| planned(n, e, s, false)).into());
        assert_eq!((forecast.share(), forecast.left(Seconds(5.0))), (0.0, None));
        forecast.begin(&TrialId("a".into()));
        (1..WARM_UP).for_each(|step| forecast.step(step as f64 / 20.0));
        assert_eq!(forecast.left(Seconds(9.0)), None, "too early");
        forecast.step(0.5);
        // 5 of the 1040 estimated seconds took 10: everything takes twice as long.
        assert_eq!(forecast.left(Seconds(10.0)), Some(Seconds(2.0 * 1035.0)));
        forecast.reach(1.0);
        forecast.begin(&TrialId("b".into()));
        assert_eq!(forecast.left(Seconds(20.0)), Some(Seconds(2.0 * 1030.0)));
        assert!((forecast.share() - 10.0 / 1040.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_done_passed_over_or_resumed_is_not_worked_off_by_this_run() {
        let trials = vec![
            planned("before", 1, Some(10.0), true),
            planned("left out", 1, Some(10.0), false),
            planned("resumed", 1, Some(10.0), false),
            planned("later, done", 1, Some(10.0), true),
            planned("later", 1, Some(10.0), false),
        ];
        let mut forecast = Forecast::new(trials);
        forecast.begin(&TrialId("resumed".into()));
        forecast.resume(0.5);
        (0..WARM_UP).for_each(|_| forecast.step(0.75));
        assert_eq!(forecast.left(Seconds(5.0)), Some(Seconds(5.0 * 12.5 / 2.5)));
        assert!((forecast.share() - 37.5 / 50.0).abs() < 1e-12);
    }

    #[test]
    fn unknown_trials_count_by_their_length() {
        let mut forecast = Forecast::new(vec![planned("a", 2, Some(20.0), false), planned("b", 3, None, false)]);
        forecast.begin(&TrialId("a".into()));
        forecast.reach(1.0);
        assert!((forecast.share() - 0.4).abs() < 1e-12);
        let mut nothing = Forecast::new(vec![planned("a", 1, None, false), planned("b", 99, None, false)]);
        nothing.begin(&TrialId("b".into()));
        assert!((nothing.share() - 0.01).abs() < 1e-12);
    }
}
