//! A history on the terminal, as JSON and as a page: each series with its shifts, and how far to trust them.

use super::figure::study::Figure;
use super::html::standalone;
use super::table::Table;
use super::words::{clean, plural};
use crate::record::{AaRecord, Alarms, Point, Series};
use crate::stats::{Shift, ShiftRule, median, shifts};
use crate::units::Seconds;
use serde_json::{Value, json};

/// So many of the last points are drawn in a line of text.
const LINE: usize = 40;

/// Eighths of a line's height.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// So many commits between two points are told, the newest of them.
const COMMITS: usize = 20;

/// A row a series, a line a shift with the commits that it lies between, of which `commits` tells those after one and up to
/// another, and what is known of false alarms.
pub fn history_table(series: &[Series], aa: &[AaRecord], commits: impl Fn(&str, &str) -> Vec<String>) -> String {
    let mut table = Table::new(2, &["Series", "Environment", "Points", "Newest", "To the one before", "History"]);
    for one in series {
        let times: Vec<f64> = one.points.iter().map(|point| point.seconds.0).collect();
        let newest = times.last().map_or("-".into(), |&s| Seconds(s).to_string());
        let change = times.last_chunk::<2>().map_or("-".into(), |[before, last]| percent((last / before).ln()));
        let cells = [one.arm.name(), one.environment.clone(), times.len().to_string(), newest, change];
        table.row(cells.into_iter().chain([sparkline(&times)]).collect());
    }
    let mut out = table.render();
    let found: Vec<(&Series, Shift)> =
        series.iter().flat_map(|one| one.shifts().into_iter().map(move |s| (one, s))).collect();
    out += &format!("\n{}{}\n", plural(found.len(), "change point"), if found.is_empty() { "." } else { ":" });
    for (one, shift) in &found {
        out += &format!("- {}\n", words(one, shift));
        let all = commits(&one.points[shift.at - 1].commit, &one.points[shift.at].commit);
        all.iter().take(COMMITS).for_each(|line| out += &format!("  - {}\n", clean(line)));
        if all.len() > COMMITS {
            out += &format!("  - and {} before them\n", plural(all.len() - COMMITS, "commit"));
        }
    }
    out += "\n";
    let mut environments: Vec<&str> = series.iter().map(|one| one.environment.as_str()).collect();
    environments.dedup();
    environments.iter().for_each(|label| out += &format!("False alarms on {label}: {}\n", false_alarms(aa, label)));
    out
}

/// What comparisons of a program with itself say of alarms on a machine.
pub fn false_alarms(aa: &[AaRecord], environment: &str) -> String {
    let here = || aa.iter().filter(|record| record.environment == environment);
    let gate = here().map(|record| record.gate).fold(Alarms::default(), Alarms::and);
    let points = here().flat_map(|record| &record.series).map(|series| {
        let points = series.points();
        Alarms { alarms: shifts(&points, &ShiftRule::default()).len(), of: points.len() }
    });
    let points = points.fold(Alarms::default(), Alarms::and);
    if gate.of == 0 {
        return "not measured here; `ndbench track aa` does".into();
    }
    format!(
        "comparing a program with itself, the gate failed {} of {} times (at most {:.1} % with 95 % confidence), and the \
         medians of three turns, {}, had {}.",
        gate.alarms,
        gate.of,
        100.0 * gate.upper(),
        points.of,
        plural(points.alarms, "change point"),
    )
}

/// Every series with its points and shifts.
pub fn history_json(series: &[Series], aa: &[AaRecord], commits: impl Fn(&str, &str) -> Vec<String>) -> String {
    let point = |p: &Point| json!({"at": p.at, "commit": p.commit, "seconds": p.seconds, "probes": p.probes});
    let shift = |one: &Series, s: &Shift| {
        let (after, until) = (&one.points[s.at - 1].commit, &one.points[s.at].commit);
        json!({
            "point": s.at, "seen": s.seen, "change": s.change.exp_m1(), "deviations": s.deviations,
            "after_commit": after, "commit": until, "commits": commits(after, until),
        })
    };
    let one = |one: &Series| {
        json!({
            "series": one.arm.name(), "environment": one.environment,
            "points": one.points.iter().map(point).collect::<Vec<_>>(),
            "shifts": one.shifts().iter().map(|s| shift(one, s)).collect::<Vec<_>>(),
            "false_alarms": false_alarms(aa, &one.environment),
        })
    };
    format!("{:#}\n", Value::from(series.iter().map(one).collect::<Vec<_>>()))
}

/// A page that stands alone: the figure, then the table as [`history_table`] has it.
pub fn history_html(table: &str, figure: Option<&Figure>) -> String {
    let title = "Time of a training step from commit to commit";
    standalone(title, &format!("# {title}\n\n{table}"), figure)
}

/// `vgg16/cifar10/bn/b128-fp32 on cpu-…: +5.0 % from commit b on, 2026-01-21 (after commit a; seen with commit c)`.
pub(super) fn words(series: &Series, shift: &Shift) -> String {
    let (before, first, seen) =
        (&series.points[shift.at - 1], &series.points[shift.at], &series.points[shift.seen].commit);
    let line = format!(
        "{} on {}: {} from commit {} on, {} (after commit {}; seen with commit {seen})",
        series.arm.name(),
        series.environment,
        percent(shift.change),
        first.commit,
        first.at.strftime("%Y-%m-%d"),
        before.commit,
    );
    clean(&line)
}

/// A change of logarithms: `+5.0 %`.
fn percent(change: f64) -> String {
    format!("{:+.1} %", 100.0 * change.exp_m1())
}

/// The last values between the least and the greatest of them; a tenth of the median at least, so that noise stays flat.
fn sparkline(values: &[f64]) -> String {
    let last = &values[values.len().saturating_sub(LINE)..];
    let low = last.iter().copied().fold(f64::INFINITY, f64::min);
    let high = last.iter().copied().fold(0.0, f64::max);
    let span = (high - low).max(0.1 * median(last).unwrap_or(1.0));
    last.iter().map(|v| LEVELS[((v - low) / span * 7.99) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Entry, made_up, series};

    /// Nights of VGG-16 whose steps with BN become a twentieth longer.
    pub(crate) fn nights() -> Vec<Series> {
        let entry = |day: i64| {
            let noise = 1.0 + 0.002 * f64::from([0, 3, -2, 1, -3, 2, -1][day as usize % 7]);
            let mut probe = made_up::probe(&[&[noise * if day < 20 { 0.2 } else { 0.21 }], &[0.6 * noise]]);
            probe.started = jiff::Timestamp::from_second(86_400 * (20_454 + day)).unwrap();
            probe.environment.software.commit = format!("c{day}");
            Entry::of(&probe).unwrap()
        };
        series(&(0..25).map(entry).collect::<Vec<_>>())
    }

    #[test]
    fn a_shift_is_told_with_its_commits_and_the_rate_of_false_alarms() {
        let text = history_table(&nights(), &[], |after, until| vec![format!("{until} Slower than {after}"); 22]);
        insta::assert_snapshot!(text);
        let environment = nights()[0].environment.clone();
        let aa = AaRecord {
            schema: crate::record::AA_SCHEMA.into(),
            environment,
            commit: "c1".into(),
            started: jiff::Timestamp::UNIX_EPOCH,
            rounds: 6,
            tolerance: 0.03,
            rate: Some(0.05),
            probe: Vec::new(),
            gate: Alarms { alarms: 0, of: 20 },
            ambiguous: 0,
            series: Vec::new(),
        };
        let text = history_table(&nights(), &[aa], |_, _| Vec::new());
        assert!(
            text.contains(
                "failed 0 of 20 times (at most 13.9 % with 95 % confidence), and the medians of three turns, 0, had"
            ),
            "{text}"
        );
    }

    #[test]
    fn json_and_page_have_the_shift_too() {
        let value: Value = serde_json::from_str(&history_json(&nights(), &[], |_, until| vec![until.into()])).unwrap();
        assert_eq!(value[0]["shifts"][0]["after_commit"], "c19");
        assert_eq!(value[0]["shifts"][0]["commits"][0], "c20");
        assert_eq!(value[0]["points"].as_array().unwrap().len(), 25);
        assert!(value[1]["shifts"].as_array().unwrap().is_empty());
        let figure = super::super::history_figure(&nights()).unwrap();
        let table = history_table(&nights(), &[], |_, _| vec!["c20 Slower".into()]);
        let page = history_html(&table, Some(&figure));
        assert!(
            page.contains("<li>c20 Slower</li>")
                && page.contains("<svg")
                && page.contains("from commit c20 on")
                && !page.contains("<script"),
            "{page}"
        );
        assert!(figure.alt.contains("+4.9 % from commit c20"), "{}", figure.alt);
        assert_eq!(super::super::history_figure(&[]), None);
    }

    #[test]
    fn lines_of_text_show_the_level() {
        assert_eq!(sparkline(&[1.0, 1.0, 2.0]), "▁▁█");
        assert_eq!(sparkline(&[1.0, 1.001]), "▁▁", "noise stays flat");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[1.0; 99]).chars().count(), LINE);
    }
}
