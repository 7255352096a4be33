//! Probes on stdout: those just measured, or those of a store.

use super::exit::Failure;
use super::report::warn_of;
use super::selection::Selected;
use super::talk;
use crate::files::write_atomic;
use crate::record::{ProbeRecord, Store};
use crate::report::{calls_table, overhead_table, parts_figure, probe_table};
use std::path::Path;

/// Prints the probes of a store whose network and data set are among the trials selected, and draws the parts of their
/// steps into `figure`.
///
/// # Errors
/// No such store, or stdout or a file that cannot be written. Files that are no probes are named on stderr.
pub fn show(selected: &Selected, json: bool, figure: Option<&Path>) -> Result<(), Failure> {
    let store = Store::open_existing(&selected.store).map_err(|e| Failure::Store(Box::new(e)))?;
    let (mut probes, skipped) = store.probes();
    let cells = || selected.trials.iter().map(|t| (t.trial.architecture, &t.trial.dataset));
    probes.retain(|probe| cells().any(|cell| cell == (probe.cell.architecture, &probe.cell.dataset)));
    print(&probes, json)?;
    let calls = calls_table(&probes);
    if !json && !calls.is_empty() {
        talk::write_all(&mut std::io::stdout(), &format!("\n{calls}"))?;
    }
    if let Some(path) = figure {
        draw(&probes, path)?;
    }
    Ok(warn_of(&skipped)?)
}

/// Prints `probes` as tables, or as one JSON array.
///
/// # Errors
/// A number that JSON cannot hold, or stdout that cannot be written.
pub fn print(probes: &[ProbeRecord], json: bool) -> Result<(), Failure> {
    let text = if json { array(probes)? } else { tables(probes) };
    Ok(talk::write_all(&mut std::io::stdout(), &text)?)
}

/// Of each network and data set the last probe that compares ways to normalise.
fn draw(probes: &[ProbeRecord], path: &Path) -> Result<(), Failure> {
    let comparing = probes.iter().filter(|probe| !probe.compares_levels() && has_parts(probe));
    let probes: Vec<&ProbeRecord> = comparing.collect();
    let cell = |probe: &ProbeRecord| (probe.cell.architecture, probe.cell.dataset.clone());
    let is_last = |i: usize| probes[i + 1..].iter().all(|later| cell(later) != cell(probes[i]));
    let latest: Vec<ProbeRecord> = (0..probes.len()).filter(|i| is_last(*i)).map(|i| probes[i].clone()).collect();
    let svg = parts_figure(&latest).ok_or_else(|| Failure::Input("no probe tells the parts of a step".into()))?;
    write_atomic(path, svg.as_bytes())
        .map_err(|e| Failure::File(format!("cannot write {}: {e}", path.display()).into()))
}

fn has_parts(probe: &ProbeRecord) -> bool {
    probe.cell.arms.iter().all(|arm| arm.turns.iter().all(|turn| turn.parts.is_some()))
}

fn array(probes: &[ProbeRecord]) -> Result<String, Failure> {
    let sealed = probes.iter().map(ProbeRecord::to_json).collect::<Result<Vec<_>, _>>();
    let sealed = sealed.map_err(|e| Failure::Store(Box::new(e)))?;
    Ok(format!("[{}]\n", sealed.iter().map(|record| record.trim_end()).collect::<Vec<_>>().join(",\n")))
}

/// A table for those that compare ways to normalise, and one for those that compare instruments.
fn tables(probes: &[ProbeRecord]) -> String {
    let (levels, networks): (Vec<_>, Vec<_>) = probes.iter().cloned().partition(ProbeRecord::compares_levels);
    let mut tables = Vec::new();
    if !networks.is_empty() {
        tables.push(probe_table(&networks));
    }
    if !levels.is_empty() {
        tables.push(overhead_table(&levels));
    }
    if tables.is_empty() { "no probes\n".into() } else { tables.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    #[test]
    fn each_kind_of_probe_has_its_table() {
        let (norms, levels) = (made_up::probe(&[&[1.0], &[3.0]]), made_up::telemetry_probe(&[&[1.0], &[1.0], &[1.0]]));
        assert_eq!(tables(&[]), "no probes\n");
        assert!(
            tables(std::slice::from_ref(&norms)).contains("| Ratio |")
                && !tables(std::slice::from_ref(&norms)).contains("Telemetry")
        );
        let both = tables(&[levels.clone(), norms.clone()]);
        assert!(both.contains("| Ratio |") && both.contains("| Telemetry |"), "{both}");
        let value: serde_json::Value = serde_json::from_str(&array(&[norms, levels]).unwrap()).unwrap();
        assert_eq!(value.as_array().map(Vec::len), Some(2));
    }
}
