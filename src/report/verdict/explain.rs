//! Why a cell has its verdict: every rule with its inputs, its numbers and its outcome, as text.

use super::section::{consistency_word, direction_line, short};
use super::select::{UnknownCell, select};
use super::{
    ABOVE_TRAIN_POINTS, CellVerdict, Equivalence, EquivalenceOutcome, Evidence, Judgement, NetworkDirection,
    Plausibility, SETTLED_EPOCHS, StudyRules, Verdict,
};
use crate::report::json;
use crate::report::model::{IMPLAUSIBLE_POINTS, Report};
use crate::report::words::{dataset_title, length, norm_title, states};
use std::fmt::Write as _;

/// The verdicts on the cells that `name` means, in every environment: [`CellVerdict::name`], or the names in the tables; a
/// part that is left out stands for any.
///
/// # Errors
/// [`UnknownCell`], with the nearest names that there are.
pub fn explain(report: &Report, name: &str) -> Result<String, UnknownCell> {
    let texts: Vec<String> = select(report, name)?.into_iter().map(|cell| text(report, cell)).collect();
    Ok(texts.join("\n"))
}

/// The same verdicts as indented JSON, a list.
///
/// # Errors
/// As [`explain`].
pub fn to_json(report: &Report, name: &str) -> Result<String, UnknownCell> {
    Ok(json::text(&select(report, name)?))
}

/// One cell in one environment.
fn text(report: &Report, cell: &CellVerdict) -> String {
    let place = cell.environment.as_ref().map_or(String::new(), |label| format!(", environment {label}"));
    let (network, norm) = (cell.architecture.title(), norm_title(cell.norm));
    let mut out = format!("{network} {norm}, {}, {}{place}\n\n", dataset_title(&cell.dataset), length(cell.epochs));
    judgement(&mut out, "The records", &cell.judgement);
    if let Some(row) = report.accuracy.iter().find(|row| row.cell == cell.cell && row.environment == cell.environment)
        && !row.unfinished.is_empty()
    {
        let _ = writeln!(out, "  not finished  {}", states(&row.unfinished));
    }
    direction(&mut out, report, cell);
    if let Some(study) = &cell.study {
        out += "\n";
        judgement(&mut out, "The study's attempts, by the same rules", study);
    }
    out
}

fn judgement(out: &mut String, title: &str, j: &Judgement) {
    let _ = writeln!(out, "{title}: {}", short(&j.verdict));
    if let Verdict::NotComparable { why } | Verdict::Implausible { why } = &j.verdict {
        let _ = writeln!(out, "  why           {why}");
    }
    inputs(out, &j.evidence);
    plausibility(out, &j.plausibility);
    equivalence(out, j);
    study_rules(out, j.study_rules.as_ref(), j.evidence.original);
}

fn inputs(out: &mut String, e: &Evidence) {
    let list = |values: &[f64]| match values {
        [] => "none".into(),
        some => some.iter().map(|v| format!("{v:.2}")).collect::<Vec<_>>().join(", "),
    };
    let original = e.original.map_or("none to compare with".into(), |v| format!("{v:.2} %"));
    let train = if e.train.is_empty() { "not known".into() } else { list(&e.train) };
    let _ = writeln!(out, "  original      {original}");
    let _ = writeln!(out, "  test, %       {} ({} of {} attempts)", list(&e.test), e.test.len(), e.planned);
    let _ = writeln!(out, "  train, %      {train}");
}

fn plausibility(out: &mut String, p: &Plausibility) {
    let rule = |above: Option<f64>, most: f64, what: &str| match above {
        Some(a) if !p.counts => format!("test less {what} {a:+.2} points"),
        Some(a) if a > most => format!("test less {what} {a:+.2} points, more than {most:+}: BROKEN"),
        Some(a) => format!("test less {what} {a:+.2} points, at most {most:+}: kept"),
        None => format!("test less {what}: not known"),
    };
    let train = rule(p.above_train, ABOVE_TRAIN_POINTS, "train");
    let outcome = match (p.counts, p.plausible) {
        (false, _) => format!("not judged below {SETTLED_EPOCHS} epochs, where both differ widely"),
        (true, true) => "nothing implausible".into(),
        (true, false) => "IMPLAUSIBLE".into(),
    };
    let _ = writeln!(out, "  plausibility  {train}");
    let _ = writeln!(out, "                {}", rule(p.above_original, IMPLAUSIBLE_POINTS, "original"));
    let _ = writeln!(out, "                -> {outcome}");
}

fn equivalence(out: &mut String, j: &Judgement) {
    let Some(e) = &j.equivalence else {
        let _ =
            writeln!(out, "  equivalence   not judged: needs an original, a margin (20 or 100 epochs) and an attempt");
        return;
    };
    let Equivalence { margin, difference, .. } = e;
    let _ = writeln!(out, "  equivalence   margin ± {margin} points; difference {difference:+.2} points");
    match e.tost {
        Some(t) => {
            let (low, high, level) = (t.interval.low, t.interval.high, 100.0 * t.interval.level);
            let _ = writeln!(
                out,
                "                {level:.0} % interval [{low:+.2}, {high:+.2}]; two one-sided t tests, p = {:.4}",
                t.p
            );
            if t.interval.width() == 0.0 {
                *out += "                the attempts are identical: their spread says nothing about chance\n";
            }
        }
        None => *out += "                one attempt has no interval\n",
    }
    let _ = writeln!(out, "                -> {}", outcome(e.outcome));
}

fn outcome(outcome: EquivalenceOutcome) -> String {
    match outcome {
        EquivalenceOutcome::Equivalent => "EQUIVALENT: the interval lies inside the margin".into(),
        EquivalenceOutcome::Above => "ABOVE: the interval lies beyond the upper end of the margin".into(),
        EquivalenceOutcome::Below => "BELOW: the interval lies beyond the lower end of the margin".into(),
        EquivalenceOutcome::Undecided { attempts_needed: Some(n) } => {
            format!("UNDECIDED: {n} attempts would settle it, should mean and spread stay as they are")
        }
        EquivalenceOutcome::Undecided { attempts_needed: None } => {
            "UNDECIDED: how many attempts would settle it is not known".into()
        }
    }
}

fn study_rules(out: &mut String, rules: Option<&StudyRules>, original: Option<f64>) {
    let (Some(rules), Some(original)) = (rules, original) else {
        let _ = writeln!(out, "  study's rules not judged: they need an original and an attempt");
        return;
    };
    let t = rules.threshold;
    let mean = t.mean;
    let _ = writeln!(
        out,
        "  study, rule 1 threshold: mean {mean:.2} against {original:.2} and {:.2} (10 % relative): {}",
        t.relative_limit,
        t.relative.word()
    );
    let _ = writeln!(
        out,
        "                threshold: mean {mean:.2} against {original:.2} and {:.2} (10 points): {}",
        t.points_limit,
        t.points.word()
    );
    let _ = writeln!(
        out,
        "  study, rule 2 consistency: mean squared deviation {:.6} against 0.5, accuracies as fractions: {}",
        rules.consistency.mean_squared_deviation,
        consistency_word(rules.consistency.consistent)
    );
}

/// ND against BN, for the cell's network and for all.
fn direction(out: &mut String, report: &Report, cell: &CellVerdict) {
    let same = |d: &&super::Direction| {
        d.dataset == cell.dataset && d.epochs == cell.epochs && d.environment == cell.environment
    };
    let Some(d) = report.directions.iter().find(same) else { return };
    *out += "\nND against BN on test accuracy\n";
    let own = d.networks.iter().find(|n| [&n.bn, &n.nd].contains(&&cell.cell));
    let line = own.map_or("no pair of attempts that counts".into(), network);
    let _ = writeln!(out, "  this network  {line}");
    let _ = writeln!(out, "  sign test     {}", direction_line(d, false));
}

fn network(n: &NetworkDirection) -> String {
    let interval = n.points.interval.map_or("one pair, no interval".into(), |i| {
        format!("{:.0} % interval [{:+.2}, {:+.2}]", 100.0 * i.level, i.low, i.high)
    });
    let test = match n.points.test {
        Some(t) => format!(", paired t test p = {:.4}", t.p),
        None if n.points.n > 1 => ", the differences are identical: their spread says nothing about chance".into(),
        None => String::new(),
    };
    let (won, lost, pairs) = (n.nd_better, n.bn_better, n.points.n);
    format!(
        "ND less BN {:+.2} points, {interval}{test}; ND better in {won} and BN in {lost} of {pairs}: {}",
        n.points.difference,
        n.outcome.word()
    )
}
