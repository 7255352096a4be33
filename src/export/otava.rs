//! Apache Otava, which looks for change points: CSV histories and the `otava.yaml` that names them.
//!
//! ```text
//! otava.yaml                                     cd here, then: otava analyze --config-file otava.yaml all
//! <environment>/<cell>-<family>.csv              time,commit,attempts,<measures>
//! ```
//! A row is a commit: the medians of its attempts. Otava reads no empty cell, so measures that can be absent without
//! each other stand in files of their own, and a group in `otava.yaml` holds the files of a cell together.

use super::ExportFile;
use super::point::{Point, points};
use super::sample::{Better, Measure, Sample};

/// Measures that share a file.
const FAMILIES: [(&str, &[Measure]); 7] = [
    ("accuracy", &[Measure::TestTop1, Measure::TrainTop1]),
    ("time", &[Measure::PaperSeconds, Measure::ImagesPerSecond]),
    ("step", &[Measure::StepSeconds]),
    ("device-memory", &[Measure::PeakAllocatedBytes, Measure::PeakReservedBytes]),
    ("host-memory", &[Measure::PeakResidentBytes]),
    ("energy", &[Measure::EnergyPerImageJoules]),
    ("overhead", &[Measure::NdOverhead]),
];

/// The files.
pub fn otava(samples: &[Sample]) -> Vec<ExportFile> {
    let mut files = Vec::new();
    let mut tests: Vec<String> = Vec::new();
    let mut groups: Vec<(String, Vec<String>)> = vec![("all".into(), Vec::new())];
    for (environment, points) in points(samples) {
        for history in points.chunk_by(|a, b| a.cell == b.cell) {
            let group = format!("{environment}/{}", history[0].cell.file());
            let mut names = Vec::new();
            for (family, measures) in FAMILIES {
                let Some(text) = table(history, measures) else { continue };
                let name = format!("{group}-{family}");
                tests.push(test(&name, measures));
                files.push(ExportFile::new(format!("{name}.csv"), text));
                names.push(name);
            }
            groups[0].1.extend(names.iter().cloned());
            groups.push((group, names));
        }
    }
    files.push(ExportFile::new("otava.yaml", configuration(&tests, &groups)));
    files
}

/// A history of `measures`, of the points that have all of them; `None` where no point has.
fn table(history: &[Point], measures: &[Measure]) -> Option<String> {
    let header = ["time", "commit", "attempts"].map(String::from).into_iter();
    let mut rows = vec![header.chain(measures.iter().map(|m| m.snake())).collect::<Vec<_>>()];
    for point in history {
        let values: Option<Vec<String>> = measures.iter().map(|&m| Some(point.median(m)?.to_string())).collect();
        let Some(values) = values else { continue };
        let attempts = point.values.get(&measures[0]).map_or(0, Vec::len);
        let mut row = vec![point.finished.to_string(), point.commit.into(), attempts.to_string()];
        row.extend(values);
        rows.push(row);
    }
    (rows.len() > 1).then(|| super::csv::text(&rows))
}

/// The entry of a file.
fn test(name: &str, measures: &[Measure]) -> String {
    let mut entry = format!(
        "  {}:\n    type: csv\n    file: {}\n    time_column: time\n    attributes: [commit, attempts]\n    metrics:\n",
        quoted(name),
        quoted(&format!("{name}.csv"))
    );
    for measure in measures {
        let direction = if measure.better() == Better::Higher { 1 } else { -1 };
        entry += &format!("      {}: {{direction: {direction}}}\n", measure.snake());
    }
    entry
}

fn configuration(tests: &[String], groups: &[(String, Vec<String>)]) -> String {
    let mut text = String::from("tests:");
    text += &if tests.is_empty() { " {}\n".into() } else { format!("\n{}", tests.concat()) };
    text += "test_groups:\n";
    for (group, names) in groups {
        let names: Vec<String> = names.iter().map(|n| quoted(n)).collect();
        text += &format!("  {}: [{}]\n", quoted(group), names.join(", "));
    }
    text
}

/// A text in quotes: what JSON calls one is one in YAML too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
