//! `ndbench status`: how far a store is with a matrix, and what of it Slurm has in hand.

use super::args::StatusArgs;
use super::exit::Failure;
use super::report::warn_of;
use super::selection::Selected;
use super::talk;
use crate::plan::{Repetitions, ResolvedTrial, TrialId, estimate};
use crate::record::{Progress, Record, Store, coverage};
use crate::submit::{Queue, SlurmError, SubmitError, queued};
use crate::units::Seconds;
use comfy_table::{Table, presets};
use serde_json::json;
use std::io;
use std::path::absolute;
use std::thread;
use std::time::Duration;

/// Prints what has become of each trial, once or again and again.
///
/// # Errors
/// A scenario or plan that cannot be used, a store that cannot be read, stdout that cannot be written.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let selected = args.selection.resolve()?;
    loop {
        let status = Status::look(&selected)?;
        let text = if args.json { status.json() } else { status.text() };
        talk::write_all(&mut io::stdout(), &text)?;
        match args.watch {
            Some(seconds) if !status.is_over() => thread::sleep(Duration::from_secs(seconds)),
            _ => return Ok(()),
        }
    }
}

/// A trial, and what has become of it.
struct Line<'a> {
    trial: &'a ResolvedTrial,
    id: TrialId,
    progress: Progress,
    /// Slurm has it in hand.
    queued: bool,
}

/// What has become of a matrix.
struct Status<'a> {
    name: &'a str,
    lines: Vec<Line<'a>>,
    /// Estimated for what is left; absent where nothing is known of a trial.
    left: Option<Seconds>,
    /// What Slurm has in hand.
    queue: Queue,
    /// Why nobody knows that, where there is a Slurm.
    silent: Option<String>,
}

impl<'a> Status<'a> {
    fn look(selected: &'a Selected) -> Result<Self, Failure> {
        let folder = absolute(&selected.store)?;
        let ids: Vec<TrialId> = selected.trials.iter().map(|trial| trial.trial.id()).collect();
        // No store: nothing has begun.
        let progress = match Store::open_existing(&folder) {
            Ok(store) => {
                let (records, skipped) = store.records();
                warn_of(&skipped)?;
                let records: Vec<Record> = records.into_iter().map(|(_, record)| record).collect();
                coverage(&store, &records, &ids)
            }
            Err(_) => vec![Progress::Missing; ids.len()],
        };
        let (queue, silent) = match queued(&folder) {
            Ok(queue) => (queue, None),
            Err(SubmitError::Slurm(SlurmError::Start { .. })) => (Queue::default(), None),
            Err(why) => (Queue::default(), Some(why.to_string())),
        };
        let line = |((trial, id), progress): ((&'a ResolvedTrial, TrialId), Progress)| {
            let queued = queue.trials.contains(&id) && !progress.is_over();
            Line { trial, id, progress, queued }
        };
        let lines: Vec<Line> = selected.trials.iter().zip(ids).zip(progress).map(line).collect();
        let nothing = Repetitions::default();
        let seconds = |line: &Line| estimate(&line.trial.trial, &selected.profile, &nothing).seconds;
        let left = lines.iter().filter(|line| !line.progress.is_over()).map(seconds).sum::<Option<Seconds>>();
        Ok(Self { name: selected.scenario.name(), lines, left, queue, silent })
    }

    fn is_over(&self) -> bool {
        self.lines.iter().all(|line| line.progress.is_over())
    }

    fn count(&self, is: impl Fn(&Line) -> bool) -> usize {
        self.lines.iter().filter(|line| is(line)).count()
    }

    fn text(&self) -> String {
        let finished = self.count(|line| line.progress == Progress::Finished);
        let spoilt = self.count(|line| matches!(line.progress, Progress::Oom | Progress::Diverged { .. }));
        let left = self.lines.len() - finished - spoilt;
        let mut text = format!("{}: {} trials, {finished} finished", self.name, self.lines.len());
        for (count, what) in [
            (spoilt, "without a result"),
            (self.count(|line| matches!(line.progress, Progress::Held { .. })), "in training, or their trainer died"),
            (self.count(|line| line.queued), "in Slurm's hands"),
            (left, "left to train"),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        match self.left {
            Some(seconds) if left > 0 => text += &format!("; about {seconds} of training are left"),
            _ => {}
        }
        text.push('\n');
        if let Some(why) = &self.silent {
            text += &format!("what Slurm has in hand is not known: {why}\n");
        }
        self.queue.held_words().for_each(|held| text += &format!("{held}\n"));
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["trial", "what", ""]);
        for line in self.lines.iter().filter(|line| line.progress != Progress::Finished) {
            let queue = if line.queued { "in Slurm's hands" } else { "" };
            table.add_row([line.trial.to_string(), words(&line.progress), queue.into()]);
        }
        if finished < self.lines.len() { format!("{text}\n{table}\n") } else { text }
    }

    fn json(&self) -> String {
        let line = |line: &Line| json!({"trial_id": line.id, "trial": line.trial.to_string(), "progress": line.progress, "queued": line.queued});
        let trials: Vec<_> = self.lines.iter().map(line).collect();
        let value = json!({
            "schema": "ndbench.status/1", "scenario": self.name, "trials": trials, "seconds_left": self.left,
            "held": self.queue.held, "queue_unknown": self.silent,
        });
        format!("{value:#}\n")
    }
}

fn words(progress: &Progress) -> String {
    match progress {
        Progress::Finished => "finished".into(),
        Progress::Oom => "ran out of memory".into(),
        Progress::Diverged { epoch } => format!("diverged in epoch {epoch}"),
        Progress::Held { by } => format!("in training, or died: {by}"),
        Progress::Interrupted { epochs, steps } => format!("interrupted after {epochs} epochs and {steps} steps"),
        Progress::Failed { why } => format!("failed: {}", why.lines().next().unwrap_or_default()),
        Progress::Missing => "not begun".into(),
    }
}
