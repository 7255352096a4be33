//! `ndbench status`: how far a store is with a matrix, what of it Slurm has in hand, and when that will be done.

mod end;
mod state;
mod watch;

use super::args::StatusArgs;
use super::exit::Failure;
use super::repetitions::repetitions;
use super::selection::Selected;
use super::stored::{self, died_words};
use super::talk;
use super::trainers::trainers;
use crate::plan::{ResolvedTrial, TrialId, estimate};
use crate::record::{Holder, Record, Refusal, Store, coverage};
use crate::submit::{Queue, SlurmError, SubmitError, Task, queued};
use crate::units::Seconds;
use comfy_table::{Table, presets};
use end::{Block, end};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::json;
use state::{State, is_tried_again};
use std::io;
use std::path::absolute;
use std::thread;
use std::time::{Duration, Instant};
use watch::{Hand, Watch};

/// Prints what has become of each trial, once or again and again.
///
/// # Errors
/// A scenario or plan that cannot be used, a store that cannot be read, stdout that cannot be written.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let selected = args.selection.resolve()?;
    let mut watch = Watch::default();
    loop {
        let status = Status::look(&selected)?;
        let text = if args.json { status.json() } else { status.text() };
        talk::write_all(&mut io::stdout(), &text)?;
        let Some(seconds) = args.watch else { return Ok(()) };
        let left = status.count(|line| !line.state.is_over());
        if left == 0 {
            return Ok(talk::say("nothing is left to train")?);
        }
        if watch.is_over(status.hand(), status.lines.into_iter().map(|line| line.state).collect(), Instant::now()) {
            return Err(Failure::Idle(left));
        }
        thread::sleep(Duration::from_secs(seconds));
    }
}

/// A trial, and what has become of it.
struct Line<'a> {
    trial: &'a ResolvedTrial,
    id: TrialId,
    state: State,
    /// How it ended before, where it is tried again.
    earlier: Option<State>,
    /// What Slurm has of it.
    task: Option<Task>,
    /// Machines that could not train it.
    refusals: Vec<Refusal>,
    /// Estimated for what is left; absent where nothing is known.
    left: Option<Seconds>,
}

impl Line<'_> {
    /// Slurm trains it, now or later.
    fn is_queued(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.waits_in_vain())
    }

    /// What has become of it, in words.
    fn words(&self) -> String {
        let refusal = |Refusal { node, why }: &Refusal| format!("; {node} cannot train it: {}", why.trim());
        let epochs = self.trial.trial.epochs;
        let earlier = self.earlier.iter().map(|state| format!("; tried again, since it {}", state.words(epochs)));
        let refusals = self.refusals.iter().map(refusal);
        [self.state.words(epochs)].into_iter().chain(earlier).chain(refusals).collect()
    }
}

/// What has become of a matrix.
struct Status<'a> {
    name: &'a str,
    lines: Vec<Line<'a>>,
    /// Estimated for what is left; absent where nothing is known of a trial.
    left: Option<Seconds>,
    /// When what is in hand will be done, and how many blocks are trained at a time.
    end: Option<(Timestamp, usize)>,
    /// What Slurm has in hand.
    queue: Queue,
    /// Why nobody knows that, where there is a Slurm.
    silent: Option<String>,
}

impl<'a> Status<'a> {
    fn look(selected: &'a Selected) -> Result<Self, Failure> {
        let folder = absolute(&selected.store)?;
        let ids: Vec<TrialId> = selected.trials.iter().map(|trial| trial.trial.id()).collect();
        let (queue, silent) = match queued(&folder) {
            Ok(queue) => (Some(queue), None),
            Err(SubmitError::Slurm(SlurmError::Start { .. })) => (None, None),
            Err(why) => (None, Some(why.to_string())),
        };
        // No store: nothing has begun.
        let store = Store::open_existing(&folder).ok();
        let nobody = || vec![None; ids.len()];
        // Before the records: who lets go of a lock has written its record.
        let holders = store.as_ref().map_or_else(nobody, |store| trainers(store, &ids, queue.as_ref()));
        let queue = queue.unwrap_or_default();
        let records = stored::records(&folder)?;
        let known = repetitions(&records, &stored::probes(&folder)?, &selected.profile, None);
        let mut refusals = store.as_ref().map(Store::refusals).unwrap_or_default();
        let mut line = |trial: &'a ResolvedTrial, record: Option<&Record>, holder: Option<Holder>| {
            let (id, holder) = (trial.trial.id(), holder.as_ref());
            let task = queue.tasks.get(&id);
            let is_earlier = record.is_some_and(|record| is_tried_again(record, holder, task));
            let outcome = record.map(|record| &record.outcome);
            let (outcome, earlier) = if is_earlier { (None, outcome) } else { (outcome, None) };
            let is_over = outcome.is_some_and(|outcome| State::recorded(outcome).is_over());
            let begun = store.as_ref().filter(|_| !is_over).and_then(|store| store.begun(&id));
            let whole = || estimate(&trial.trial, &selected.profile, &known).seconds;
            let left = match &begun {
                _ if is_over => Some(Seconds(0.0)),
                Some(begun) => begun.left(&trial.trial, whole()),
                None => whole(),
            };
            let state = State::of(outcome, holder, begun.as_ref());
            let refusals = refusals.remove(&id).filter(|_| !is_over).unwrap_or_default();
            let (task, earlier) = (task.filter(|_| !is_over).cloned(), earlier.map(State::recorded));
            Line { trial, state, earlier, id, task, refusals, left }
        };
        let found = coverage(&records, &ids).into_iter().zip(holders);
        let lines = selected.trials.iter().zip(found).map(|(trial, (record, holder))| line(trial, record, holder));
        let lines: Vec<Line> = lines.collect();
        let left = lines.iter().map(|line| line.left).sum();
        let end = end(&blocks(&lines)).and_then(|(seconds, places)| {
            let end = Timestamp::now().checked_add(SignedDuration::try_from_secs_f64(seconds.0).ok()?).ok()?;
            Some((end.round(Unit::Minute).ok()?, places))
        });
        Ok(Self { name: selected.scenario.name(), lines, left, end, queue, silent })
    }

    /// Whether somebody has in hand what is left.
    fn hand(&self) -> Hand {
        let is_known = |line: &Line| line.is_queued() || matches!(line.state, State::Training(_));
        if self.silent.is_some() || self.lines.iter().any(is_known) {
            Hand::Somebody
        } else if self.lines.iter().any(|line| matches!(line.state, State::Held(_))) {
            Hand::Perhaps
        } else {
            Hand::Nobody
        }
    }

    fn count(&self, is: impl Fn(&Line) -> bool) -> usize {
        self.lines.iter().filter(|line| is(line)).count()
    }

    fn text(&self) -> String {
        let finished = self.count(|line| line.state == State::Finished);
        let spoilt = self.count(|line| line.state.is_over()) - finished;
        let left = self.count(|line| !line.state.is_over());
        let mut text = format!("{}: {} trials, {finished} finished", self.name, self.lines.len());
        for (count, what) in [
            (spoilt, "without a result"),
            (self.count(|line| matches!(line.state, State::Training(_))), "in training"),
            (self.count(|line| matches!(line.state, State::Died(_))), "whose trainer died"),
            (self.count(|line| matches!(line.state, State::Held(_))), "in training, or their trainer died"),
            (self.count(|line| line.task.is_some()), "in Slurm's hands"),
            (left, "left to train"),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        if let Some(seconds) = self.left.filter(|_| left > 0) {
            text += &format!("; about {seconds} of training are left");
        }
        if let Some((end, places)) = &self.end {
            text += &format!("; what is in hand will be done at about {end}, with {places} block(s) at a time");
        }
        text.push('\n');
        if let Some(why) = &self.silent {
            text += &format!("what Slurm has in hand is not known: {why}\n");
        }
        self.queue.held_words().for_each(|held| text += &format!("{held}\n"));
        let idle = |line: &Line| matches!(line.state, State::Died(_)) && line.task.is_none();
        died_words(self.count(idle)).into_iter().for_each(|died| text += &format!("{died}\n"));
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["trial", "what", "in Slurm"]);
        for line in self.lines.iter().filter(|line| line.state != State::Finished) {
            let task = line.task.as_ref().map(Task::to_string).unwrap_or_default();
            table.add_row([line.trial.to_string(), line.words(), task]);
        }
        if finished < self.lines.len() { format!("{text}\n{table}\n") } else { text }
    }

    fn json(&self) -> String {
        let line = |line: &Line| {
            json!({
                "trial_id": line.id, "trial": line.trial.to_string(), "progress": line.state, "earlier": line.earlier,
                "task": line.task, "refusals": line.refusals, "seconds_left": line.left,
            })
        };
        let value = json!({
            "schema": "ndbench.status/2", "scenario": self.name, "trials": self.lines.iter().map(line).collect::<Vec<_>>(),
            "seconds_left": self.left, "expected_end": self.end.map(|(end, _)| end),
            "blocks_at_a_time": self.end.map(|(_, places)| places), "held": self.queue.held, "queue_unknown": self.silent,
        });
        format!("{value:#}\n")
    }
}

/// The blocks that are not done. A trainer that is none of Slurm's tasks goes on with all that no task has.
fn blocks(lines: &[Line]) -> Vec<Block> {
    let is_training = |line: &Line| matches!(line.state, State::Training(_));
    let goes_on = lines.iter().any(|line| is_training(line) && line.task.is_none());
    let blocks = lines.chunk_by(|a, b| a.trial.block.id == b.trial.block.id);
    let block = |lines: &[Line]| Block {
        left: lines.iter().map(|line| line.left).sum(),
        runs: lines.iter().any(|line| is_training(line) || line.task.as_ref().is_some_and(Task::runs)),
        waits: goes_on || lines.iter().any(Line::is_queued),
    };
    blocks.filter(|lines| lines.iter().any(|line| !line.state.is_over())).map(block).collect()
}
