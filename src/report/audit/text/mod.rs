//! An audit as Markdown that a terminal shows as well.

mod findings;
mod totals;

use super::model::{Audit, ClaimCheck, Measure, Tolerances};
use crate::published::{Cell, Remark};
use crate::report::study::other_names;
use crate::report::table::Table;
use crate::report::words::{NOTHING, dataset_title, length, norm_title, plural};
use crate::scenario::Architecture;

/// The whole audit.
pub fn text(audit: &Audit) -> String {
    let mut out = format!("# Audit of the published study\n\n{}\n", summary(audit));
    if let Some(names) = other_names(&Architecture::ALL) {
        out += &format!("\nNetworks have the names of the other tables; as the study prints them, {names}.\n");
    }
    let sections = [
        ("Tables", findings::tables(audit)),
        ("Findings", findings::findings(audit)),
        ("In the last digit", findings::last_digit(audit)),
        ("Statements", statements(&audit.claims)),
        ("Colours", totals::colours(&audit.totals)),
        ("Deviations and overheads", totals::extremes(&audit.totals)),
        ("Attempts", totals::attempts(audit)),
        ("Comparability", audit.remarks.iter().map(remark).collect()),
        ("Limits", limits(&audit.tolerances)),
    ];
    for (title, body) in sections {
        if !body.is_empty() {
            out += &format!("\n## {title}\n\n{body}");
        }
    }
    out
}

/// What is wrong, in a sentence or two.
fn summary(audit: &Audit) -> String {
    let t = &audit.totals;
    let compared: usize = t.tables.iter().map(|t| t.compared).sum();
    let checked = audit.claims.iter().filter(|c| c.holds.is_some()).count();
    let failed = audit.claims.iter().filter(|c| c.holds == Some(false)).count();
    format!(
        "{} and {} on CIFAR, {} on ImageNet. {} of {} disagree with the study's own figures, {} more in the last digit; {} \
         of {} do not hold.",
        plural(t.cells, "cell"),
        plural(t.attempts, "attempt"),
        plural(t.imagenet_runs, "training"),
        audit.findings.len(),
        plural(compared, "printed value"),
        audit.last_digit.len(),
        failed,
        plural(checked, "statement"),
    )
}

fn statements(claims: &[ClaimCheck]) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let mut table = Table::new(3, &["Statement", "Where", "Unit", "Printed", "Recomputed", "Holds"]);
    let mut notes = String::new();
    for c in claims {
        let name = c.claim.words();
        let recomputed = c.recomputed.map_or(NOTHING.into(), number);
        let holds = c.holds.map_or("unknown", |holds| if holds { "yes" } else { "no" });
        table.row(vec![name.into(), c.place.clone(), c.unit.clone(), number(c.printed), recomputed, holds.into()]);
        let said = said(c);
        if !said.is_empty() {
            notes += &format!("- {name}, printed {}: {}.\n", number(c.printed), said.join("; "));
        }
    }
    let notes = if notes.is_empty() { notes } else { format!("\n{notes}") };
    table.render() + &notes
}

/// Why a statement does not hold, or what other readings of it give.
fn said(c: &ClaimCheck) -> Vec<String> {
    match &c.explanation {
        _ if c.holds != Some(false) => Vec::new(),
        Some(explanation) => vec![explanation.clone()],
        None => c
            .readings
            .iter()
            .map(|r| format!("by {} it is {}, which does not fit either", r.reading, number(r.recomputed)))
            .collect(),
    }
}

fn remark(remark: &Remark) -> String {
    let count = |n: Option<usize>, thing: &str| n.map(|n| plural(n, thing));
    let facts = [
        count(remark.deconvolutions, "deconvolution"),
        count(remark.batch_norms, "batch normalisation"),
        remark.stem_side.map(|side| format!("{side}x{side} after the first convolution")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    format!("- {}{facts}. Source: {}.\n", remark.text, remark.source)
}

fn limits(t: &Tolerances) -> String {
    format!(
        "- A printed value agrees when it is the recomputed one, rounded or cut off after its last digit; up to {} units of \
         that digit it is listed apart and is no finding. The published files lose zeros at the end: a value with one digit \
         fewer than most of its table is taken to end in one. Original values must be equal.\n\
         - Far from the median of its cell: more than {} % of a time, {} points of an accuracy.\n\
         - Implausible for a test accuracy: a mean more than {} points above the original.\n",
        t.last_digit_units,
        100.0 * t.far_seconds_fraction,
        t.far_points,
        t.implausible_points,
    )
}

/// What is printed, in words.
fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Original => "original accuracy",
        Measure::Accuracy => "mean accuracy",
        Measure::Seconds => "mean training time",
        Measure::Time => "time of the run",
    }
}

/// `VGG-16 ND, CIFAR-10, 20 epochs`.
fn cell(cell: &Cell) -> String {
    let Cell { dataset, architecture, norm, epochs } = cell;
    format!("{} {}, {}, {}", architecture.title(), norm_title(*norm), dataset_title(dataset), length(*epochs))
}

/// A number without needless zeros, at most four decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}
