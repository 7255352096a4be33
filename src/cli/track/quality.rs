//! `ndbench track quality`: rules on made-up histories.

use super::super::args::QualityArgs;
use super::super::exit::Failure;
use super::{read, write};
use crate::published::Published;
use crate::record::{AaRecord, AaSeries};
use crate::report::Table;
use crate::track::{Measured, NIGHTS, Noise, Quality, STEP, Score, WITHIN, curves, peers, quality, study_residuals};
use serde_json::json;

/// Measures every rule on the same histories and prints the tables.
///
/// # Errors
/// A history or a file of rows that cannot be read, or output that cannot be written.
pub fn run(args: &QualityArgs) -> Result<(), Failure> {
    let study = study_residuals(&Published::embedded().map_err(|e| Failure::Input(Box::new(e)))?);
    let all = [Noise::Median, Noise::Nights, Noise::Tails, Noise::Drift, Noise::Trainings, Noise::Single];
    let mut noises: Vec<Noise> = all.into_iter().map(|noise| noise(study.clone())).collect();
    if let Some(history) = &args.history {
        let turns = machine(&read(history)?.aa);
        if turns.iter().all(|series| series.len() < NIGHTS) {
            let why = format!(
                "no arm has three times {NIGHTS} turns of a program beside itself; `ndbench track aa` adds some"
            );
            return Err(Failure::Input(why.into()));
        }
        noises.push(Noise::Machine(turns));
    }
    let quality = quality(noises, args.count as usize, args.seed);
    if let Some(path) = &args.made {
        write(&made(&quality), Some(path))?;
    }
    let mut rows: Vec<Measured> = peers().iter().map(|(name, rule)| quality.measure(name, rule)).collect();
    rows.extend(others(args, quality.made().count())?);
    let curves: Vec<Measured> = curves().iter().map(|(name, rule)| quality.measure(name, rule)).collect();
    let text = if args.json {
        format!("{:#}\n", json!({"count": args.count, "seed": args.seed, "rules": rows, "curves": curves}))
    } else {
        markdown(&quality, args, &rows, &curves)
    };
    write(&text, None)
}

/// The turns of programs beside themselves, as points of histories.
fn machine(aa: &[AaRecord]) -> Vec<Vec<f64>> {
    aa.iter().flat_map(|record| &record.series).map(AaSeries::points).collect()
}

/// Times of the histories, for tools that want no logarithms.
fn made(quality: &Quality) -> String {
    let noise = |(noise, made): (&Noise, &[crate::track::Made])| {
        let one = |m: &crate::track::Made| json!({"seconds": m.logs.iter().map(|l| l.exp()).collect::<Vec<f64>>(), "step": m.step});
        json!({"noise": noise.title(), "histories": made.iter().map(one).collect::<Vec<_>>()})
    };
    json!({"within": WITHIN, "noises": quality.made().map(noise).collect::<Vec<_>>()}).to_string()
}

/// Rows that were measured by others on as many noises.
fn others(args: &QualityArgs, noises: usize) -> Result<Vec<Measured>, Failure> {
    let Some(path) = &args.others else { return Ok(Vec::new()) };
    let refused = |why: String| Failure::Input(format!("{}: {why}", path.display()).into());
    let text = std::fs::read(path).map_err(|e| refused(e.to_string()))?;
    let rows: Vec<Measured> = serde_json::from_slice(&text).map_err(|e| refused(e.to_string()))?;
    match rows.iter().find(|row| row.scores.len() != noises) {
        Some(row) => Err(refused(format!("`{}` has scores of {} noises, not {noises}", row.rule, row.scores.len()))),
        None => Ok(rows),
    }
}

fn markdown(quality: &Quality, args: &QualityArgs, rows: &[Measured], curves: &[Measured]) -> String {
    let titles: Vec<&str> = quality.made().map(|(noise, _)| noise.title()).collect();
    let head: Vec<&str> = std::iter::once("Rule").chain(titles.iter().copied()).collect();
    let table = |rows: &[Measured]| {
        let mut table = Table::new(1, &head);
        for row in rows {
            table.row(std::iter::once(row.rule.clone()).chain(row.scores.iter().map(cell)).collect());
        }
        table.render()
    };
    let error = |share| 100.0 * quality.error(share);
    format!(
        "Histories of {NIGHTS} nights, {} without and {} with a step of {:.0} % for each noise, seed {}. In each cell: \
         false alarms, share of the histories without a step; then steps found within {WITHIN} points. At 1 % a share is \
         known to ± {:.1} %, at 95 % to ± {:.1} %.\n\n{}\nOther thresholds:\n\n{}",
        args.count,
        args.count,
        100.0 * STEP,
        args.seed,
        error(0.01),
        error(0.95),
        table(rows),
        table(curves),
    )
}

/// `0.6 %, 97.5 %`.
fn cell(score: &Score) -> String {
    format!("{:.1} %, {:.1} %", 100.0 * score.false_alarms, 100.0 * score.found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn histories_are_written_as_times() {
        let quality = quality(vec![Noise::Single(vec![0.0])], 1, 1);
        let value: Value = serde_json::from_str(&made(&quality)).unwrap();
        let histories = &value["noises"][0]["histories"];
        assert_eq!(histories[0]["seconds"][59], 1.0);
        let step = histories[1]["step"].as_u64().unwrap() as usize;
        assert_ne!(histories[1]["seconds"][step], histories[1]["seconds"][step - 1]);
    }
}
