//! Printed values: which agree, which do not, and why.

use super::{cell, measure};
use crate::report::audit::explanation::Explanation;
use crate::report::audit::model::{Audit, Column, ColumnPattern, Finding, Place, TableTotal};
use crate::report::matrix::group_by;
use crate::report::table::Table;
use crate::report::words::{NOTHING, norm_title};

/// How many values of each table agree.
pub(super) fn tables(audit: &Audit) -> String {
    let mut table = Table::new(2, &["Table", "Printed", "Compared", "Agree", "Last digit", "Disagree", "Missing"]);
    for t in &audit.totals.tables {
        let TableTotal { table: number, compared, missing, agree, last_digit, disagree, .. } = *t;
        let counts = [compared, agree, last_digit, disagree, missing].map(|n| n.to_string());
        table.row([number.to_string(), measure(t.measure).into()].into_iter().chain(counts).collect());
    }
    table.render()
}

/// The findings table by table, what explains whole columns first.
pub(super) fn findings(audit: &Audit) -> String {
    let mut parts = Vec::new();
    for group in group_by(&audit.findings, |f| (f.table, f.measure)) {
        let (number, what) = (group[0].table, group[0].measure);
        let mut part = format!("### Table {number}: {}, {}\n\n", measure(what), group[0].unit);
        let columns = audit.columns.iter().filter(|c| (c.table, c.measure) == (number, what));
        let lines: String = columns.map(pattern).collect();
        if !lines.is_empty() {
            part += &format!("{lines}\n");
        }
        parts.push(part + &table(&group));
    }
    parts.join("\n")
}

/// What a printed column holds.
fn pattern(p: &ColumnPattern) -> String {
    let what = match &p.holds {
        Some(holds) => format!("holds the {} of {holds}, in {} of {} rows", holds.what(), p.matching, p.rows),
        None if p.matching == 0 => "matches the means of no column of any table, in any row".into(),
        None => {
            format!("matches the means of no column of any table; the best fits in {} of {} rows", p.matching, p.rows)
        }
    };
    format!("- Column {} {what}; {} of {} rows disagree.\n", p.column, p.disagree, p.rows)
}

fn table(findings: &[&Finding]) -> String {
    let mut table = Table::new(2, &["Network", "Column", "Printed", "Recomputed", "Explanation"]);
    for f in findings {
        let (network, column) = match &f.place {
            Place::Cifar(cell) => (cell.architecture.title(), Column::of(cell).to_string()),
            Place::Imagenet { architecture, norm, .. } => {
                (architecture.title(), norm.map_or(NOTHING, norm_title).to_string())
            }
        };
        let explanation = match &f.explanation {
            Some(Explanation::Column { holds, .. }) => {
                format!("{}{holds}", if holds.original { "" } else { "the mean of " })
            }
            Some(e) => e.to_string(),
            None => NOTHING.into(),
        };
        let [printed, recomputed] = [f.printed, f.recomputed].map(|v| format!("{v:.2}"));
        table.row(vec![network.into(), column, printed, recomputed, explanation]);
    }
    table.render()
}

/// Values that rounding does not explain, though nearly.
pub(super) fn last_digit(audit: &Audit) -> String {
    let line = |f: &Finding| {
        let place = match &f.place {
            Place::Cifar(c) => cell(c),
            Place::Imagenet { dataset, architecture, .. } => format!("{}, {dataset}", architecture.title()),
        };
        format!("- Table {}, {place}: {} printed, {:.4} recomputed.\n", f.table, f.printed, f.recomputed)
    };
    audit.last_digit.iter().map(line).collect()
}
