//! Is one program slower than another? Turns of both side by side, and bounds within which a change does not matter.
//!
//! A pair of turns lies as close in time as can be, and which program begins alternates: A B, B A, A B, … What slows both
//! cancels in the ratio of a pair. The interval of the mean logarithm of the ratios, by Student's t, decides: below the
//! tolerance the arm passes, above it fails, across it nothing is known, and the comparison is repeated once with twice the
//! rounds. The level is shared among both looks and all arms (Bonferroni), so that the rate at which any comparison fails
//! that should not is [`Plan::rate`] at most, as far as ratios are symmetric about their mean; `ndbench track aa` measures
//! it.

use crate::stats::{Interval, mean, t_interval};
use serde::Serialize;
use std::collections::BTreeMap;

/// The looks at the pairs: after the rounds, and after the repetition.
const LOOKS: f64 = 2.0;

/// How programs are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Pairs of turns.
    pub rounds: u32,
    /// A change up to this share does not matter.
    pub tolerance: f64,
    /// The rate of wrong failures over all arms, and of wrong passes of each.
    pub rate: f64,
}

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// With which is compared.
    Baseline,
    /// Which is compared.
    Candidate,
}

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Not slower than the tolerance.
    Pass,
    /// The pairs do not tell.
    Ambiguous,
    /// Slower than the tolerance.
    Fail,
}

impl Verdict {
    /// `PASS`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Ambiguous => "AMBIGUOUS",
            Self::Fail => "FAIL",
        }
    }
}

/// One arm of both programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The arm.
    pub name: String,
    /// Time of the candidate over that of the baseline, less 1.
    pub change: f64,
    /// Its interval.
    pub interval: Interval,
    /// How many pairs.
    pub pairs: usize,
    /// What they say.
    pub verdict: Verdict,
}

/// Seconds of a step by arm.
type Times = BTreeMap<String, f64>;

/// Logarithms of the ratios of pairs, by arm of the baseline.
type Pairs = BTreeMap<String, Vec<f64>>;

/// All arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Sorted by name.
    pub comparisons: Vec<Comparison>,
    /// Arms of the baseline of which there are no two pairs, and how many there are: the candidate lacks them, or their times do
    /// not count.
    pub uncompared: BTreeMap<String, usize>,
    /// Whether it was repeated.
    pub repeated: bool,
    /// Seconds of every turn by arm, in their order, of both sides.
    pub turns: BTreeMap<String, Vec<f64>>,
}

impl Outcome {
    /// The gravest of the arms; of those that were not compared nothing is known.
    pub fn verdict(&self) -> Verdict {
        let unknown = self.uncompared.values().map(|_| Verdict::Ambiguous);
        self.comparisons.iter().map(|c| c.verdict).chain(unknown).max().unwrap_or(Verdict::Ambiguous)
    }
}

/// Lets both sides take their turns, and judges; repeats once where that tells nothing. Arms that only the candidate has are
/// left out.
///
/// # Errors
/// Those of `turn`.
pub fn compare<E>(plan: &Plan, turn: &mut dyn FnMut(Side) -> Result<Times, E>) -> Result<Outcome, E> {
    let (mut pairs, mut turns) = (Pairs::new(), BTreeMap::new());
    let mut rounds = plan.rounds;
    let mut repeated = false;
    loop {
        for round in 0..rounds {
            take_turns(round, turn, &mut pairs, &mut turns)?;
        }
        let comparisons = judge(&pairs, plan);
        let compared = |name: &String| comparisons.iter().any(|c| c.name == *name);
        let others = pairs.iter().filter(|(name, _)| !compared(name));
        let uncompared = others.map(|(name, logs)| (name.clone(), logs.len())).collect();
        let outcome = Outcome { comparisons, uncompared, repeated, turns };
        if repeated || outcome.verdict() != Verdict::Ambiguous {
            return Ok(outcome);
        }
        (rounds, repeated, turns) = (2 * plan.rounds, true, outcome.turns);
    }
}

fn take_turns<E>(
    round: u32,
    turn: &mut dyn FnMut(Side) -> Result<Times, E>,
    pairs: &mut Pairs,
    turns: &mut BTreeMap<String, Vec<f64>>,
) -> Result<(), E> {
    let baseline_first = round.is_multiple_of(2);
    let order = if baseline_first { [Side::Baseline, Side::Candidate] } else { [Side::Candidate, Side::Baseline] };
    let (first, second) = (turn(order[0])?, turn(order[1])?);
    for (name, seconds) in first.iter().chain(&second) {
        turns.entry(name.clone()).or_default().push(*seconds);
    }
    let (baseline, candidate) = if baseline_first { (first, second) } else { (second, first) };
    for (name, before) in baseline {
        let after = candidate.get(&name);
        pairs.entry(name).or_default().extend(after.map(|after| (after / before).ln()));
    }
    Ok(())
}

fn judge(pairs: &Pairs, plan: &Plan) -> Vec<Comparison> {
    let side = plan.rate / LOOKS / pairs.len() as f64;
    let limit = plan.tolerance.ln_1p();
    let of = |(name, logs): (&String, &Vec<f64>)| {
        let interval = t_interval(logs, 1.0 - 2.0 * side)?;
        let verdict = match interval {
            i if i.high < limit => Verdict::Pass,
            i if i.low > limit => Verdict::Fail,
            _ => Verdict::Ambiguous,
        };
        let share = Interval { low: interval.low.exp_m1(), high: interval.high.exp_m1(), level: interval.level };
        Some(Comparison {
            name: name.clone(),
            change: mean(logs)?.exp_m1(),
            interval: share,
            pairs: logs.len(),
            verdict,
        })
    };
    pairs.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use std::convert::Infallible;

    const PLAN: Plan = Plan { rounds: 6, tolerance: 0.03, rate: 0.05 };

    /// A candidate slower by `change`, on a machine that drifts, with noise of so much; which sides had their turns.
    fn outcome(change: f64, noise: f64, seed: u64) -> (Outcome, Vec<Side>) {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut sides = Vec::new();
        let mut turn = |side: Side| {
            sides.push(side);
            let machine = 1.0 + 0.01 * sides.len() as f64;
            let mut time = |arm: f64| {
                let wild = 1.0 + noise * (generator.random::<f64>() - 0.5);
                arm * machine * wild * if side == Side::Candidate { 1.0 + change } else { 1.0 }
            };
            Ok::<_, Infallible>(BTreeMap::from([("bn".to_owned(), time(1.0)), ("nd".to_owned(), time(3.0))]))
        };
        let outcome = compare(&PLAN, &mut turn).unwrap();
        (outcome, sides)
    }

    #[test]
    fn verdicts_follow_the_change() {
        let (same, sides) = outcome(0.0, 0.01, 1);
        assert_eq!((same.verdict(), same.repeated, sides.len()), (Verdict::Pass, false, 12));
        assert_eq!(sides[..4], [Side::Baseline, Side::Candidate, Side::Candidate, Side::Baseline]);
        assert!((same.turns["nd"].len(), same.comparisons[1].pairs) == (12, 6), "{same:?}");
        let (slower, _) = outcome(0.1, 0.01, 1);
        assert_eq!(slower.verdict(), Verdict::Fail);
        assert!((slower.comparisons[0].change - 0.1).abs() < 0.02, "{slower:?}");
        assert_eq!(outcome(-0.5, 0.01, 1).0.verdict(), Verdict::Pass, "faster is no failure");
    }

    #[test]
    fn what_is_not_known_is_repeated_once_with_twice_the_rounds() {
        let (unknown, sides) = outcome(0.03, 0.02, 1);
        assert_eq!((unknown.verdict(), unknown.repeated, sides.len()), (Verdict::Ambiguous, true, 36));
        assert_eq!(unknown.comparisons[0].pairs, 18);
    }

    #[test]
    fn an_arm_that_the_candidate_lacks_is_no_pass() {
        let mut turn = |side: Side| {
            let arms: &[&str] = if side == Side::Baseline { &["bn", "nd"] } else { &["bn", "new"] };
            Ok::<_, Infallible>(arms.iter().map(|arm| ((*arm).to_owned(), 1.0)).collect())
        };
        let outcome = compare(&PLAN, &mut turn).unwrap();
        assert_eq!((outcome.comparisons.len(), outcome.comparisons[0].verdict), (1, Verdict::Pass));
        assert_eq!(outcome.uncompared, BTreeMap::from([("nd".to_owned(), 0)]));
        assert_eq!((outcome.verdict(), outcome.repeated), (Verdict::Ambiguous, true));
    }

    #[test]
    fn at_the_tolerance_itself_failures_are_as_rare_as_stated() {
        let failed = (0..400).filter(|seed| outcome(0.03, 0.05, *seed).0.verdict() == Verdict::Fail).count();
        // 20 expected at most, standard deviation 4.4.
        assert!(failed <= 33, "{failed} of 400");
        let missed = (0..400).filter(|seed| outcome(0.03, 0.05, *seed).0.verdict() == Verdict::Pass).count();
        assert!(missed <= 33, "{missed} of 400");
    }
}
