//! `run --dry-run`: the trials, what is done, and what the rest will take.

use crate::plan::{Estimate, Repetitions, ResolvedTrial, TrialId, estimate};
use crate::profile::Profile;
use crate::units::{Bytes, Seconds};
use comfy_table::{Cell, CellAlignment, Table, TableStyle, presets};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a dry run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A table with lines, for terminals.
    Terminal,
    /// A Markdown table, for pipes and pages.
    Markdown,
    /// One JSON object, for programs.
    Json,
}

/// One trial of a dry run.
struct Row<'a> {
    trial: &'a ResolvedTrial,
    id: TrialId,
    /// The seconds of a finished trial; the inner value is absent where they are not valid.
    done: Option<Option<Seconds>>,
    estimate: Estimate,
}

/// What all rows come to.
#[derive(Default)]
struct Totals {
    trials: usize,
    done: usize,
    /// Of the trials to do, where anything is known.
    seconds: Seconds,
    /// Trials to do of which nothing is known.
    unknown: usize,
    memory: Bytes,
    too_large: usize,
}

/// The text of a dry run. `done` holds the trials that need not run again, with their seconds of training and
/// evaluation where these are valid; `repetitions` is what finished trials measured.
pub fn dry_run(
    trials: &[ResolvedTrial],
    done: &BTreeMap<TrialId, Option<Seconds>>,
    repetitions: &Repetitions,
    profile: &Profile,
    form: Form,
) -> String {
    let rows = rows(trials, done, repetitions, profile);
    let totals = totals(&rows);
    match form {
        Form::Json => format!("{:#}\n", json(&rows, &totals, profile)),
        Form::Terminal | Form::Markdown => {
            let style = if form == Form::Terminal { presets::UTF8_FULL_CONDENSED } else { presets::ASCII_MARKDOWN };
            format!("{}\n\n{}", table(&rows, style), summary(&totals, profile, repetitions.are_alone()))
        }
    }
}

fn rows<'a>(
    trials: &'a [ResolvedTrial],
    done: &BTreeMap<TrialId, Option<Seconds>>,
    repetitions: &Repetitions,
    profile: &Profile,
) -> Vec<Row<'a>> {
    let row = |trial: &'a ResolvedTrial| {
        let id = trial.trial.id();
        let done = done.get(&id).copied();
        Row { trial, id, done, estimate: estimate(&trial.trial, profile, repetitions) }
    };
    trials.iter().map(row).collect()
}

fn totals(rows: &[Row<'_>]) -> Totals {
    let mut totals = Totals { trials: rows.len(), ..Totals::default() };
    for row in rows {
        if row.done.is_some() {
            totals.done += 1;
            continue;
        }
        match row.estimate.seconds {
            Some(seconds) => totals.seconds += seconds,
            None => totals.unknown += 1,
        }
        totals.memory = totals.memory.max(row.estimate.memory.unwrap_or_default());
        totals.too_large += usize::from(!row.estimate.fits);
    }
    totals
}

fn table(rows: &[Row<'_>], style: TableStyle) -> String {
    let mut table = Table::new();
    table.load_style(style);
    table.set_header(["trial", "cell", "norm", "attempt", "state", "time", "from", "memory"]);
    for row in rows {
        let trial = &row.trial.trial;
        let variant = row.trial.variant.as_ref().map_or(String::new(), |name| format!(" {name}"));
        let norm = format!("{}{variant}", trial.norm);
        let (state, time, from) = match row.done {
            Some(seconds) => ("done", seconds, if seconds.is_some() { "measured" } else { "not valid" }.to_string()),
            None => ("to do", row.estimate.seconds, row.estimate.basis.to_string()),
        };
        let time = time.map_or("?".into(), |s| s.to_string());
        let warning = if row.estimate.fits { "" } else { " (!)" };
        let about = if row.estimate.memory_measured { "" } else { "about " };
        let memory = row.estimate.memory.map_or("?".into(), |memory| format!("{about}{memory}{warning}"));
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(&row.id),
            Cell::new(trial.cell()),
            Cell::new(norm),
            right(trial.attempt.to_string()),
            Cell::new(state),
            right(time),
            Cell::new(from),
            right(memory),
        ]);
    }
    table.trim_fmt()
}

fn summary(totals: &Totals, profile: &Profile, elsewhere: bool) -> String {
    let to_do = totals.trials - totals.done;
    let mut text = format!("{} trials: {} done, {to_do} to do", totals.trials, totals.done);
    if to_do > 0 && elsewhere {
        text += &format!(
            "; profile {profile} is of another device than the one asked for, so that only repetitions are estimated: name that \
             device's with --profile"
        );
    } else if to_do > 0 {
        text += &format!(
            "; estimated for the rest on profile {profile}: {}, at most {} of {}",
            totals.seconds,
            totals.memory,
            profile.memory()
        );
    }
    text += "\n";
    if totals.unknown > 0 {
        text += &format!("{} trials of unknown length are not in this time.\n", totals.unknown);
    }
    if totals.too_large > 0 {
        text += &format!("(!) {} trials are estimated above the profile's memory.\n", totals.too_large);
    }
    text
}

fn json(rows: &[Row<'_>], totals: &Totals, profile: &Profile) -> Value {
    let trials: Vec<Value> = rows
        .iter()
        .map(|row| {
            let ResolvedTrial { trial, sources, block, variant } = row.trial;
            json!({
                "trial_id": row.id,
                "trial": trial,
                "sources": **sources,
                "block": block,
                "variant": variant.as_deref(),
                "done": row.done.is_some(),
                "seconds": row.done.flatten(),
                "estimate": {
                    "seconds": row.estimate.seconds,
                    "basis": row.estimate.basis,
                    "band": row.estimate.band,
                    "memory_bytes": row.estimate.memory,
                    "memory_measured": row.estimate.memory_measured,
                    "fits": row.estimate.fits,
                },
            })
        })
        .collect();
    json!({
        "profile": profile.name(),
        "trials": trials,
        "totals": {
            "trials": totals.trials,
            "done": totals.done,
            "to_do": totals.trials - totals.done,
            "estimated_seconds_to_do": totals.seconds,
            "of_unknown_length": totals.unknown,
            "estimated_memory_bytes": totals.memory,
            "memory_budget_bytes": profile.memory(),
            "above_budget": totals.too_large,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Filter, Overrides, expand};
    use crate::scenario::Scenario;

    fn smoke() -> Vec<ResolvedTrial> {
        let (scenario, profile) = (Scenario::load("smoke").unwrap(), Profile::load("cpu").unwrap());
        // Everything that this test shows is set here, so that tuning the scenario does not change it; a network whose
        // memory is the same on all CPUs.
        let keys =
            ["matrix.architectures=[\"resnet18-cifar\"]", "train_images=100", "test_images=50", "recipe.batch_size=32"];
        let set = keys.map(String::from).to_vec();
        let overrides = Overrides { attempts: Some(2), epochs: vec![1], set };
        expand(&scenario, &profile, &overrides, &Filter::default()).unwrap()
    }

    /// That the first trial took four seconds.
    fn four_seconds(trials: &[ResolvedTrial]) -> Repetitions {
        let mut repetitions = Repetitions::default();
        repetitions.insert(&trials[0].trial, Some(Seconds(4.0)), Some(Bytes(700 << 20)));
        repetitions
    }

    #[test]
    fn tables_show_what_is_done_and_estimate_repetitions_from_it() {
        let trials = smoke();
        let done = BTreeMap::from([(trials[0].trial.id(), Some(Seconds(4.0))), (trials[1].trial.id(), None)]);
        let profile = Profile::load("cpu").unwrap();
        let repetitions = four_seconds(&trials);
        insta::assert_snapshot!("markdown", dry_run(&trials, &done, &repetitions, &profile, Form::Markdown));
        insta::assert_snapshot!("terminal", dry_run(&trials, &done, &repetitions, &profile, Form::Terminal));
    }

    #[test]
    fn what_does_not_fit_is_marked() {
        let text = include_str!("../../profiles/cpu.toml").replace("6 GiB", "1 MiB");
        let tiny = Profile::parse("tiny.toml", &text).unwrap();
        let shown = dry_run(&smoke(), &BTreeMap::new(), &Repetitions::default(), &tiny, Form::Markdown);
        assert!(shown.ends_with("(!) 4 trials are estimated above the profile's memory.\n"), "{shown}");
    }

    #[test]
    fn json_is_for_programs() {
        let trials = smoke();
        let done = BTreeMap::from([(trials[0].trial.id(), Some(Seconds(4.0)))]);
        let text = dry_run(&trials, &done, &four_seconds(&trials), &Profile::load("cpu").unwrap(), Form::Json);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["totals"]["to_do"], 3);
        assert_eq!(value["trials"][0]["seconds"], 4.0);
        assert_eq!(value["trials"][3]["estimate"]["basis"]["trials"], 1, "BN of the second attempt");
        let memory = |i: usize| value["trials"][i]["estimate"]["memory_measured"].as_bool();
        assert_eq!([0, 1, 2, 3].map(memory), [true, false, false, true].map(Some));
        assert_eq!(value["trials"][1]["trial"]["deconvolution"]["block"], 64);
        assert_eq!(value["trials"][1]["sources"]["recipe.batch_size"], "--set");
    }
}
