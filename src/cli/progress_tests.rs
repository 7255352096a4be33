//! Events in, text out: plain lines, bars on a terminal, JSON lines.

use super::super::forecast::Planned;
use super::super::lines::JsonLines;
use super::super::talk::tests::Paper;
use super::*;
use crate::event::{Fanout, MemoryPeak};
use crate::plan::ResolvedTrial;
use crate::record::made_up;
use crate::scenario::{Architecture, Dataset};
use indicatif::TermLike;

const REMARK: &str = "10 + 10 images; the official set has 50000 + 10000";

fn trials() -> Vec<ResolvedTrial> {
    made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 2, 1)
}

/// An epoch each of two trials: the first resumed and failing, the second finishing.
fn events() -> Vec<Event> {
    let mut events = vec![Event::RunStarted { trials: 3, done: 1 }, Event::Warning("half.json is skipped".into())];
    for (trial, resumed_at) in trials().into_iter().zip([Some((1, 7)), None]) {
        let trial_id = trial.trial.id();
        let outcome = match resumed_at {
            Some(_) => Outcome::Failed { message: "no luck".into() },
            None => Outcome::Finished,
        };
        events.push(Event::TrialStarted {
            trial: Box::new(trial),
            environment: Box::new(made_up::environment("alpha")),
            data_digest: None,
            remarks: vec![REMARK.into()],
        });
        events.push(Event::TrainingStarted { steps_per_epoch: 20, resumed_at, epochs_before: vec![] });
        let epoch = if resumed_at.is_some() { 2 } else { 1 };
        for step in [8, 20] {
            events.push(Event::Step { epoch, step, images: 128, split: None });
        }
        events.push(Event::EvaluationStarted { epoch });
        events.push(Event::EpochFinished(Box::new(made_up::epoch(epoch, 0.5, 10.0))));
        events.push(Event::CheckpointWritten { path: "store/x.ckpt".into() });
        events.push(Event::TrialFinished {
            trial_id,
            outcome,
            time_valid: true,
            memory: MemoryPeak::default(),
            telemetry: None,
        });
    }
    events.push(Event::RunFinished);
    events
}

fn play(sink: &mut dyn Sink) -> Vec<String> {
    let mut fanout = Fanout::new(vec![sink]);
    events().into_iter().for_each(|event| fanout.send(event));
    fanout.into_failures().iter().map(ToString::to_string).collect()
}

/// What is told on paper.
fn told(verbosity: Verbosity) -> String {
    let paper = Paper::default();
    let mut progress = Progress::to(paper.clone(), None, verbosity, Forecast::default());
    assert!(play(&mut progress).is_empty());
    paper.text()
}

#[test]
fn plain_lines_tell_as_much_as_is_asked_for() {
    insta::assert_snapshot!("verbose", told(Verbosity::Verbose));
    let normal = told(Verbosity::Normal);
    assert_eq!(normal.matches(REMARK).count(), 1, "once in a run:\n{normal}");
    assert!(normal.contains("epoch 2/2") && !normal.contains("checkpoint"), "{normal}");
    assert_eq!(told(Verbosity::Quiet), "warning: half.json is skipped\n  failed: no luck\n");
}

#[test]
fn json_lines_are_one_object_an_event() {
    let paper = Paper::default();
    assert!(play(&mut JsonLines::to(paper.clone())).is_empty());
    let lines: Vec<serde_json::Value> = paper.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let one = ["trial", "remark", "training", "epoch", "trial_finished"];
    assert_eq!(words, [&["run", "warning"][..], &one, &one].concat());
    assert_eq!((&lines[3]["text"], &lines[3]["trial_id"]), (&REMARK.into(), &lines[2]["trial_id"]));
    assert_eq!(lines[4]["resumed_at"], serde_json::json!([1, 7]));
    assert_eq!(lines[6]["outcome"]["kind"], "failed");
}

#[test]
fn a_failed_write_is_told_once_and_a_reader_that_went_away_never() {
    let progress = |kind| play(&mut Progress::to(Paper::torn(kind), None, Verbosity::Verbose, Forecast::default()));
    let json = |kind| play(&mut JsonLines::to(Paper::torn(kind)));
    let failures = [progress(io::ErrorKind::StorageFull), json(io::ErrorKind::StorageFull)].concat();
    let [first, second] = &failures[..] else { panic!("{failures:?}") };
    assert!(first.starts_with("progress: cannot write to stderr: "), "{first}");
    assert!(second.starts_with("json: cannot write to stdout: "), "{second}");
    assert!(progress(io::ErrorKind::BrokenPipe).is_empty() && json(io::ErrorKind::BrokenPipe).is_empty());
}

/// A terminal that writes down what it is told.
#[derive(Debug)]
struct Terminal(std::sync::Mutex<Paper>);

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        160
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(&format!("{line}\n"))
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().write_all(text.as_bytes())
    }
    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\n")
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

/// What a terminal shows of `events`, and what goes past it.
fn shown(paper: Paper, events: Vec<Event>, forecast: Forecast) -> (String, Result<(), SinkError>) {
    let terminal = Terminal(std::sync::Mutex::new(paper.clone()));
    let target = ProgressDrawTarget::term_like(Box::new(terminal));
    let beside = Paper::default();
    let mut progress = Progress::to(beside.clone(), Some(target), Verbosity::Normal, forecast);
    let result = events.iter().try_for_each(|event| progress.handle(event));
    assert_eq!(beside.text(), "", "all goes through the bars");
    (paper.text(), result)
}

/// Two trials, estimated at ten seconds and at so many.
fn forecast(second: f64) -> Forecast {
    let planned = |(trial, seconds): (ResolvedTrial, f64)| {
        let (id, epochs, seconds) = (trial.trial.id(), trial.trial.epochs, Some(Seconds(seconds)));
        Planned { id, epochs, seconds, done: false }
    };
    Forecast::new(trials().into_iter().zip([10.0, second]).map(planned).collect())
}

#[test]
fn a_terminal_shows_bars_by_estimated_time_and_the_time_left_once_it_is_known() {
    let (text, result) = shown(Paper::default(), events(), forecast(990.0));
    result.unwrap();
    assert!(text.contains("warning: half.json is skipped") && text.matches(REMARK).count() == 1, "{text}");
    assert!(text.contains("in epoch 2/2 of vgg16 bn cifar10, 2 epochs, attempt 1"), "{text}");
    let matrix: Vec<&str> = text.lines().filter(|line| line.starts_with("trials ")).collect();
    assert!(matrix.iter().all(|line| !line.contains(" left")), "four steps tell nothing: {text}");
    // The first trial is over, and one part in a hundred of the work.
    let filled = |line: &str| line.chars().filter(|c| *c == '█').count();
    let after_first = matrix.iter().rfind(|line| line.contains(" 2/3,")).unwrap();
    assert!(filled(after_first) <= 15, "the second trial has half its way to go: {after_first}");
    assert!(matrix.iter().any(|line| line.contains(" 2/3,") && filled(line) == 0), "{text}");

    let unbegun = events().into_iter().take(3).collect();
    let (text, _) = shown(Paper::default(), unbegun, forecast(990.0));
    assert_eq!(text.split("steps ").skip(1).map(filled).max(), Some(0), "nothing is done yet: {text}");

    let started = events().into_iter().take(4);
    let steps = (8..=19).map(|step| Event::Step { epoch: 2, step, images: 128, split: None });
    // The test takes no time, so that only an endless second trial leaves a second to be told.
    let (text, _) = shown(Paper::default(), started.chain(steps).collect(), forecast(1e12));
    let known = text.lines().filter(|line| line.starts_with("trials ") && line.contains(", about ")).count();
    assert!(known > 0, "{text}");
}

#[test]
fn a_terminal_that_is_gone_is_a_failure_and_no_panic() {
    let (_, result) = shown(Paper::torn(io::ErrorKind::Other), events(), forecast(990.0));
    assert_eq!(result.unwrap_err().sink, "progress");
}
