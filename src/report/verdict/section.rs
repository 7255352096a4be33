//! The verdicts in the report's Markdown: one line a cell, one line a direction.

use super::{CellVerdict, Direction, DirectionOutcome, Judgement, Verdict};
use crate::report::matrix::group_by;
use crate::report::model::Report;
use crate::report::table::Table;
use crate::report::words::{NOTHING, clean, dataset_title, length, norm_title, plural};
use crate::scenario::Architecture;
use crate::stats::SignTest;

/// What the columns mean.
const LEGEND: &str = "\
    Difference: mean test accuracy less the original, percentage points, with its 90 % interval. REPRODUCED: the interval \
    lies within ± 1 point at 100 epochs, ± 2 points at 20; no margin is stated for one epoch. IMPLAUSIBLE, from 20 \
    epochs on: more than 3 points above the training accuracy or 5 above the original. Rules 1 and 2 are the study's: rule 1 with its 10 % relative / in points, rule 2 a mean squared \
    deviation below 0.5; they can hardly fail. `ndbench report SCENARIO --explain CELL` shows each rule at work.\n";

/// The section; nothing where nothing can be compared.
pub(in crate::report) fn section(report: &Report) -> String {
    let several = report.environments.len() > 1;
    let nothing_to_say = |v: &&CellVerdict| v.judgement.evidence.original.is_some() || implausible(&v.judgement);
    let (rows, empty): (Vec<&CellVerdict>, Vec<&CellVerdict>) =
        report.verdicts.iter().filter(nothing_to_say).partition(|v| !v.judgement.evidence.test.is_empty());
    if rows.is_empty() && !empty.is_empty() {
        return format!("\n## Verdicts\n\n{}\n", without_a_training(&empty));
    }
    let mut out = String::new();
    for rows in group_by(rows, |v| v.dataset.clone()) {
        out += &format!("\n### {}\n\n{}", dataset_title(&rows[0].dataset), table(&rows, several).render());
    }
    if !empty.is_empty() {
        out += &format!("\n{}\n", without_a_training(&empty));
    }
    if !out.is_empty() {
        out += &format!("\n{LEGEND}");
    }
    if !report.directions.is_empty() {
        out += "\nND against BN on test accuracy, a sign test over the networks' mean differences; fewer than six networks \
                settle nothing:\n\n";
        for d in &report.directions {
            out += &format!("- {}\n", direction_line(d, several));
        }
    }
    if out.is_empty() { out } else { format!("\n## Verdicts\n{out}") }
}

/// Cells without a finished training, in a line.
fn without_a_training(cells: &[&CellVerdict]) -> String {
    let verdicts = group_by(cells, |v| v.judgement.verdict.word());
    let counts: Vec<String> =
        verdicts.iter().map(|v| format!("{} {}", v.len(), v[0].judgement.verdict.word())).collect();
    let cells = plural(cells.len(), "cell");
    format!(
        "Without a finished training: {cells} ({}). `--explain CELL` shows what the rules say of the study's attempts.",
        counts.join(", ")
    )
}

fn implausible(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Verdict::Implausible { .. })
}

fn table(rows: &[&CellVerdict], several: bool) -> Table {
    let mut head = vec!["Network", "Norm"];
    head.extend(several.then_some("Env."));
    let left = head.len();
    head.extend(["Epochs", "Verdict", "Difference [90 % CI]", "Rule 1", "Rule 2", "The study's attempts"]);
    let mut table = Table::new(left, &head);
    for row in rows {
        let mut cells = vec![row.architecture.title().into(), norm_title(row.norm).into()];
        cells.extend(several.then(|| row.environment.clone().unwrap_or_else(|| NOTHING.into())));
        cells.extend([row.epochs.to_string(), short(&row.judgement.verdict), difference(&row.judgement)]);
        cells.extend(study_rules(&row.judgement));
        cells.push(row.study.as_ref().map_or(NOTHING.into(), |s| short(&s.verdict)));
        table.row(cells);
    }
    table
}

/// `AMBIGUOUS (7 attempts needed)`, `INCOMPLETE (2 of 3)`, otherwise the name.
pub(super) fn short(verdict: &Verdict) -> String {
    let word = verdict.word();
    match verdict {
        Verdict::Ambiguous { attempts_needed: Some(n) } => format!("{word} ({n} attempts needed)"),
        Verdict::Incomplete { have, want } => format!("{word} ({have} of {want})"),
        _ => word.into(),
    }
}

/// `+0.12 [-0.30, +0.54]`; without an equivalence rule the plain difference.
fn difference(judgement: &Judgement) -> String {
    let interval = judgement.equivalence.as_ref().and_then(|e| e.tost).map(|t| t.interval);
    match (judgement.plausibility.above_original, interval) {
        (Some(d), Some(i)) => format!("{d:+.2} [{:+.2}, {:+.2}]", i.low, i.high),
        (Some(d), None) => format!("{d:+.2}"),
        (None, _) => NOTHING.into(),
    }
}

/// Rule 1 in both readings, one word where they agree; rule 2.
fn study_rules(judgement: &Judgement) -> [String; 2] {
    let Some(rules) = judgement.study_rules else { return [NOTHING, NOTHING].map(Into::into) };
    let (relative, points) = (rules.threshold.relative.word(), rules.threshold.points.word());
    let first = if relative == points { relative.into() } else { format!("{relative} / {points}") };
    [first, consistency_word(rules.consistency.consistent).into()]
}

pub(super) fn consistency_word(consistent: bool) -> &'static str {
    if consistent { "CONSISTENT" } else { "INCONSISTENT" }
}

/// `CIFAR-10, 20 epochs: ND above BN in 9 of 10 networks, p = 0.021: ND_BETTER. The study: …`
pub(super) fn direction_line(d: &Direction, several: bool) -> String {
    let place = match &d.environment {
        Some(label) if several => format!(", environment {label}"),
        _ => String::new(),
    };
    let ours = signs(d.sign.as_ref(), d.outcome, &d.implausible);
    let mut line = format!("{}, {}{place}: {ours}.", dataset_title(&d.dataset), length(d.epochs));
    if d.study.sign.is_some() || !d.study.implausible.is_empty() {
        line += &format!(" The study: {}.", signs(d.study.sign.as_ref(), d.study.outcome, &d.study.implausible));
    }
    clean(&line)
}

fn signs(sign: Option<&SignTest>, outcome: DirectionOutcome, implausible: &[Architecture]) -> String {
    let counts = sign.map_or("no network to compare".into(), |s| {
        let networks = plural((s.positive + s.negative + s.ties) as usize, "network");
        format!("ND above BN in {} of {networks}, p = {:.3}", s.positive, s.p)
    });
    let left_out = match implausible.len() {
        0 => String::new(),
        n => format!(", {} left out as implausible", plural(n, "network")),
    };
    format!("{counts}{left_out}: {}", outcome.word())
}
