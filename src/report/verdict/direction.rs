//! Is ND better than BN on test accuracy? Per network by attempts in pairs, over the networks by a sign test.

use super::{ALPHA, CellVerdict, Judgement, Verdict};
use crate::plan::TrialId;
use crate::report::matrix::group_by;
use crate::report::model::{AccuracyRow, AttemptAccuracy, TimeRow};
use crate::scenario::{Architecture, Dataset};
use crate::stats::{LEVEL, Paired, SignTest, paired_t, sign_test};
use serde::Serialize;

/// Fewer networks than this cannot settle a direction, even if they all agree: five have p = 0.0625.
pub const FEWEST_NETWORKS: usize = 6;

/// ND against BN over the networks of one data set and length, in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Direction {
    /// The data.
    pub dataset: Dataset,
    /// Length of the trainings.
    pub epochs: u32,
    /// Label of the environment; absent where there is no record.
    pub environment: Option<String>,
    /// The networks with a pair of attempts.
    pub networks: Vec<NetworkDirection>,
    /// Networks that do not count since their BN or ND accuracy is implausible.
    pub implausible: Vec<Architecture>,
    /// Over the networks' mean differences.
    pub sign: Option<SignTest>,
    /// What it says.
    #[serde(flatten)]
    pub outcome: DirectionOutcome,
    /// The study's attempts, by the same rules.
    pub study: StudyDirection,
}

/// ND less BN for one network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkDirection {
    /// The network.
    pub architecture: Architecture,
    /// Hash of the BN cell.
    pub bn: TrialId,
    /// Hash of the ND cell.
    pub nd: TrialId,
    /// Percentage points, over the attempts that both have.
    pub points: Paired,
    /// Attempts in which ND is better.
    pub nd_better: usize,
    /// Attempts in which BN is better.
    pub bn_better: usize,
    /// By the interval of the mean difference.
    #[serde(flatten)]
    pub outcome: DirectionOutcome,
}

/// The direction in the study's attempts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyDirection {
    /// Networks that do not count since their BN or ND accuracy is implausible.
    pub implausible: Vec<Architecture>,
    /// Over the networks' mean differences.
    pub sign: Option<SignTest>,
    /// What it says.
    #[serde(flatten)]
    pub outcome: DirectionOutcome,
}

/// Which is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DirectionOutcome {
    /// ND, beyond chance.
    NdBetter,
    /// BN, beyond chance.
    BnBetter,
    /// Chance explains it.
    Undecided,
    /// So few networks, or attempts, that nothing could settle it.
    TooFew {
        /// There are so many.
        have: usize,
        /// There must be so many at least.
        want: usize,
    },
}

impl DirectionOutcome {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::NdBetter => "ND_BETTER",
            Self::BnBetter => "BN_BETTER",
            Self::Undecided => "UNDECIDED",
            Self::TooFew { .. } => "TOO_FEW",
        }
    }
}

/// BN and ND of one network: accuracies and verdicts.
struct Sides<'a> {
    architecture: Architecture,
    rows: [&'a AccuracyRow; 2],
    verdicts: [&'a CellVerdict; 2],
}

/// One direction a data set, length and environment, where we or the study have a pair. `time` says which cells are
/// pairs; `verdicts` belong to `accuracy`, one by one.
pub(in crate::report) fn directions(
    time: &[TimeRow],
    accuracy: &[AccuracyRow],
    verdicts: &[CellVerdict],
) -> Vec<Direction> {
    let sides = |row: &TimeRow| {
        let find = |cell: &Option<TrialId>| {
            let cell = cell.as_ref()?;
            let fits = |a: &AccuracyRow| a.cell == *cell && a.environment == row.environment;
            // A norm without any record stands in a row without environment.
            let place = accuracy.iter().position(fits).or_else(|| accuracy.iter().position(|a| a.cell == *cell))?;
            Some((&accuracy[place], &verdicts[place]))
        };
        let (bn, nd) = (find(&row.bn.cell)?, find(&row.nd.cell)?);
        Some(Sides { architecture: row.architecture, rows: [bn.0, nd.0], verdicts: [bn.1, nd.1] })
    };
    group_by(time, |row| (row.dataset.clone(), row.epochs))
        .into_iter()
        .flat_map(|rows| {
            let networks: Vec<Sides> = rows.iter().filter_map(|row| sides(row)).collect();
            // The study's attempts are the same beside every environment: each network counts once.
            let study = study(group_by(&networks, |s| s.architecture).into_iter().map(|same| same[0]).collect());
            let by_environment = group_by(rows, |row| row.environment.clone());
            let shown = |first: &TimeRow| first.environment.is_some() || by_environment.len() == 1;
            let firsts = by_environment.iter().map(|rows| rows[0]).filter(|first| shown(first));
            let found: Vec<Direction> = firsts.map(|first| direction(first, &networks, &study)).collect();
            found.into_iter().filter(says_something)
        })
        .collect()
}

/// We or the study have a pair.
fn says_something(d: &Direction) -> bool {
    let (ours, theirs) = (d.networks.len() + d.implausible.len(), d.study.implausible.len());
    ours + theirs > 0 || d.study.sign.is_some()
}

/// The direction in the environment of `first`.
fn direction(first: &TimeRow, sides: &[Sides], study: &StudyDirection) -> Direction {
    let here: Vec<&Sides> =
        sides.iter().filter(|s| s.rows.iter().all(|row| row.environment == first.environment)).collect();
    let (implausible, counted) = part(here, |v| Some(&v.judgement));
    let networks: Vec<NetworkDirection> = counted.iter().filter_map(|s| network(s)).collect();
    let sign = sign_test(&networks.iter().map(|n| n.points.difference).collect::<Vec<_>>());
    Direction {
        dataset: first.dataset.clone(),
        epochs: first.epochs,
        environment: first.environment.clone(),
        networks,
        implausible,
        outcome: settled(sign),
        sign,
        study: study.clone(),
    }
}

/// The direction in the study's attempts.
fn study(sides: Vec<&Sides>) -> StudyDirection {
    let (implausible, counted) = part(sides, |v| v.study.as_ref());
    let differences: Vec<f64> =
        counted.iter().filter_map(|s| Some(points(&s.rows, |row| &row.study_attempts)?.0.difference)).collect();
    let sign = sign_test(&differences);
    StudyDirection { implausible, outcome: settled(sign), sign }
}

/// The networks with an implausible side, and the others.
fn part<'a, 's>(
    sides: Vec<&'s Sides<'a>>,
    judgement: impl Fn(&'a CellVerdict) -> Option<&'a Judgement>,
) -> (Vec<Architecture>, Vec<&'s Sides<'a>>) {
    let implausible =
        |v: &&'a CellVerdict| judgement(v).is_some_and(|j| matches!(j.verdict, Verdict::Implausible { .. }));
    let (out, counted): (Vec<_>, Vec<_>) = sides.into_iter().partition(|s| s.verdicts.iter().any(implausible));
    (out.into_iter().map(|s| s.architecture).collect(), counted)
}

fn network(sides: &Sides) -> Option<NetworkDirection> {
    let (points, differences) = points(&sides.rows, |row| &row.attempts)?;
    let outcome = match points.interval {
        // Without a spread there is nothing to tell a difference from chance by.
        Some(_) if points.test.is_none() => DirectionOutcome::Undecided,
        Some(i) if i.low > 0.0 => DirectionOutcome::NdBetter,
        Some(i) if i.high < 0.0 => DirectionOutcome::BnBetter,
        Some(_) => DirectionOutcome::Undecided,
        None => DirectionOutcome::TooFew { have: points.n, want: 2 },
    };
    Some(NetworkDirection {
        architecture: sides.architecture,
        bn: sides.rows[0].cell.clone(),
        nd: sides.rows[1].cell.clone(),
        nd_better: differences.iter().filter(|&&d| d > 0.0).count(),
        bn_better: differences.iter().filter(|&&d| d < 0.0).count(),
        points,
        outcome,
    })
}

/// ND less BN over the attempts that both have; `None` without one.
fn points(
    rows: &[&AccuracyRow; 2],
    attempts: impl Fn(&AccuracyRow) -> &Vec<AttemptAccuracy>,
) -> Option<(Paired, Vec<f64>)> {
    let nd_of = |number: u32| attempts(rows[1]).iter().find(|a| a.attempt == number);
    let pairs: Vec<(f64, f64)> =
        attempts(rows[0]).iter().filter_map(|bn| Some((bn.test_top1, nd_of(bn.attempt)?.test_top1))).collect();
    Some((paired_t(&pairs, LEVEL)?, pairs.iter().map(|(bn, nd)| nd - bn).collect()))
}

/// What a sign test over networks says.
fn settled(sign: Option<SignTest>) -> DirectionOutcome {
    let have = sign.map_or(0, |s| s.positive + s.negative) as usize;
    match sign {
        Some(s) if have >= FEWEST_NETWORKS => match s.p < ALPHA {
            true if s.positive > s.negative => DirectionOutcome::NdBetter,
            true => DirectionOutcome::BnBetter,
            false => DirectionOutcome::Undecided,
        },
        _ => DirectionOutcome::TooFew { have, want: FEWEST_NETWORKS },
    }
}
