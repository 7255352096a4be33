//! `ndbench track gate` and `track aa`: turns of two programs.

use super::super::args::{GateArgs, TurnArgs};
use super::super::exit::Failure;
use super::super::talk;
use super::{read, store, write};
use crate::record::{AA_SCHEMA, AaRecord, AaSeries, Alarms, Entry, History};
use crate::report::{Table, false_alarms};
use crate::track::{Outcome, Plan, Program, RevisionError, Side, TurnError, Verdict, compare, program_of};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Compares, prints what was found, and fails where the verdict is not PASS.
///
/// # Errors
/// [`Failure::Slower`], [`Failure::Undecided`], and why there was no comparison.
pub fn run(args: &GateArgs) -> Result<(), Failure> {
    let baseline = baseline(&args.baseline)?;
    let history = args.history.as_deref().filter(|history| history.exists());
    if let (Some(missing), None) = (&args.history, history) {
        talk::say(&format!("--history {}: there is no such folder yet", missing.display()))?;
    }
    let plan = plan(&args.turns);
    let mut aa = history.map(read).transpose()?.map_or(Vec::new(), |holding| holding.aa);
    // Comparisons of another kind tell nothing of these.
    let (rate, probe) = (|record: &AaRecord| record.rate.unwrap_or(plan.rate), words(&args.turns));
    aa.retain(|of| (of.rounds, of.tolerance, rate(of)) == (plan.rounds, plan.tolerance, plan.rate));
    aa.retain(|of| of.probe.is_empty() || of.probe == probe);
    let (outcome, last) = by_turns(&plan, &baseline, &candidate(&args.turns)?, &args.turns)?;
    let known = false_alarms(&aa, &last.environment_label());
    let verdict = outcome.verdict();
    let text = if args.json {
        let value = json!({
            "verdict": verdict, "tolerance": plan.tolerance, "rate": plan.rate, "repeated": outcome.repeated,
            "comparisons": outcome.comparisons, "uncompared": outcome.uncompared, "false_alarms": known,
        });
        format!("{value:#}\n")
    } else {
        table(&outcome, &plan) + &format!("False alarms on {}: {known}\n", last.environment_label())
    };
    write(&text, None)?;
    match verdict {
        Verdict::Pass => Ok(()),
        Verdict::Fail => Err(Failure::Slower),
        Verdict::Ambiguous => Err(Failure::Undecided),
    }
}

/// Compares a program with itself and keeps what was found.
///
/// # Errors
/// Why a comparison could not be made, or a history that cannot be written.
pub fn aa(times: usize, history: &Path, turns: &TurnArgs) -> Result<(), Failure> {
    let (plan, program) = (plan(turns), candidate(turns)?);
    let mut record = AaRecord {
        schema: AA_SCHEMA.into(),
        environment: String::new(),
        commit: String::new(),
        started: jiff::Timestamp::now(),
        rounds: plan.rounds,
        tolerance: plan.tolerance,
        rate: Some(plan.rate),
        probe: words(turns),
        gate: Alarms::default(),
        ambiguous: 0,
        series: Vec::new(),
    };
    for number in 1..=times {
        let (outcome, last) = by_turns(&plan, &program, &program, turns)?;
        let verdict = outcome.verdict();
        talk::say(&format!("comparison {number} of {times}: {}", verdict.word()))?;
        let environment = last.environment_label();
        if number > 1 && environment != record.environment {
            let why = format!("the environment became another one: {environment} instead of {}", record.environment);
            return Err(Failure::Machine(why));
        }
        (record.environment, record.commit) = (environment, last.environment.software.commit.clone());
        record.gate = record.gate.and(Alarms { alarms: usize::from(verdict == Verdict::Fail), of: 1 });
        record.ambiguous += usize::from(verdict == Verdict::Ambiguous);
        for (name, seconds) in outcome.turns {
            match record.series.iter_mut().find(|series| series.name == name) {
                Some(series) => series.seconds.extend(seconds),
                None => record.series.push(AaSeries { name, seconds }),
            }
        }
        // Whoever ends it early keeps what there is.
        History::at(history).add_aa(&record).map_err(store)?;
    }
    if times == 0 {
        return Err(Failure::Input("--times is 0, so there is nothing to compare".into()));
    }
    let (ambiguous, environment) = (record.ambiguous, record.environment.clone());
    write(&format!("{ambiguous} ambiguous; {}\n", false_alarms(&[record], &environment)), None)
}

/// Turns of two programs, and the last probe of the second.
fn by_turns(plan: &Plan, baseline: &Path, candidate: &Path, args: &TurnArgs) -> Result<(Outcome, Entry), Failure> {
    let program = |path: &Path| Program { path: path.into(), arguments: args.probe.clone() };
    let (baseline, candidate) = (program(baseline), program(candidate));
    let mut last: Option<Entry> = None;
    let outcome = compare(plan, &mut |side| {
        let entries = if side == Side::Baseline { baseline.turn()? } else { candidate.turn()? };
        let times =
            entries.iter().flat_map(|entry| entry.steps.iter().map(|step| (step.name(), step.seconds.0))).collect();
        if let (Side::Candidate, Some(entry)) = (side, entries.into_iter().last()) {
            last = Some(entry);
        }
        Ok::<_, TurnError>(times)
    });
    let outcome = outcome.map_err(|e| Failure::Machine(e.to_string()))?;
    match last {
        Some(last) if !outcome.comparisons.is_empty() => Ok((outcome, last)),
        _ => Err(Failure::Machine("the programs have no arm in common, so there is nothing to compare".into())),
    }
}

/// A program, or that of a git revision.
fn baseline(name: &str) -> Result<PathBuf, Failure> {
    let file = PathBuf::from(name);
    if file.is_file() {
        return Ok(file);
    }
    program_of(name).map_err(|e| match e {
        RevisionError::Unknown { .. } => Failure::Input(Box::new(e)),
        e => Failure::Machine(e.to_string()),
    })
}

/// The arguments of `probe` of each turn.
fn words(args: &TurnArgs) -> Vec<String> {
    args.probe.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

fn plan(args: &TurnArgs) -> Plan {
    Plan { rounds: args.rounds, tolerance: args.tolerance / 100.0, rate: args.rate / 100.0 }
}

fn candidate(args: &TurnArgs) -> Result<PathBuf, Failure> {
    args.program
        .clone()
        .map_or_else(std::env::current_exe, Ok)
        .map_err(|e| Failure::Machine(format!("cannot tell where this program lies: {e}; name one with --program")))
}

fn table(outcome: &Outcome, plan: &Plan) -> String {
    let percent = |share: f64| format!("{:+.1} %", 100.0 * share);
    let mut table = Table::new(1, &["Series", "Pairs", "Change", "From", "To", "Verdict"]);
    for c in &outcome.comparisons {
        let numbers = [c.change, c.interval.low, c.interval.high].map(percent);
        let cells = [c.name.clone(), c.pairs.to_string()].into_iter().chain(numbers);
        table.row(cells.chain([c.verdict.word().into()]).collect());
    }
    for (name, pairs) in &outcome.uncompared {
        let cells = [name, &*pairs.to_string(), "–", "–", "–", Verdict::Ambiguous.word()];
        table.row(cells.map(str::to_owned).into());
    }
    let repeated = if outcome.repeated { ", after a repetition with twice the rounds" } else { "" };
    format!(
        "{}\n{} at a tolerance of {}{repeated}. A comparison fails wrongly, or an arm passes wrongly, in {:.1} % of cases \
         at most, as far as ratios are symmetric about their mean.\n",
        table.render(),
        outcome.verdict().word(),
        percent(plan.tolerance).trim_start_matches('+'),
        100.0 * plan.rate,
    )
}
