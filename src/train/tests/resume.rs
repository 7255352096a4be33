//! Trainings that end before their time and go on from a checkpoint.

use super::*;

#[test]
fn interrupted_at_any_step_it_goes_on_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let trial = trial(Recipe::default());
    let whole = run(&trial, None, &mut Listener::default());
    for step in 1..=STEPS * u64::from(EPOCHS) {
        let path = dir.path().join(format!("{step}.checkpoint"));
        let mut listener = Listener { at_step: Some(step), ..Listener::default() };
        let first = run(&trial, Some(&path), &mut listener);
        // The last step of an epoch is followed by its evaluation, which is still to come.
        let (epochs, steps) = ((step - 1) / STEPS, (step - 1) % STEPS + 1);
        assert_eq!(first.outcome, Outcome::Interrupted { epochs: epochs as u32, steps });
        assert!(path.exists());
        let mut listener = Listener::default();
        assert_eq!(run(&trial, Some(&path), &mut listener), whole, "interrupted at step {step}");
        assert!(!listener.time_valid());
        assert!(!path.exists(), "a finished trial needs no checkpoint");
    }
}

#[test]
fn every_interruption_of_one_trial_together_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let trial = trial(Recipe { nesterov: true, drop_last: true, ..Recipe::default() });
    let whole = run(&trial, None, &mut Listener::default());
    let mut runs = 0;
    let last = loop {
        let mut listener = Listener { at_step: Some(1), ..Listener::default() };
        let left = run(&trial, Some(&path), &mut listener);
        runs += 1;
        if left.outcome == Outcome::Finished {
            break left;
        }
    };
    assert_eq!((last, runs), (whole, 7));
}

#[test]
fn a_resumed_trial_keeps_the_peak_of_what_came_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let trial = trial(Recipe::default());
    let peak = |listener: &Listener| {
        let Some(Event::TrialFinished { memory, .. }) = listener.events.last() else { panic!("{:?}", listener.events) };
        memory.resident.map(|bytes| bytes.0)
    };
    let mut first = Listener { at_step: Some(2), ..Listener::default() };
    let ballast = Tensor::ones([256 << 20], (Kind::Uint8, Device::Cpu));
    run(&trial, Some(&path), &mut first);
    drop(ballast);
    let mut second = Listener::default();
    run(&trial, Some(&path), &mut second);
    let (Some(first), Some(second)) = (peak(&first), peak(&second)) else { return };
    // What was taken after the checkpoint was written is not in it, and is little.
    assert!(second + (32 << 20) > first, "{second} after {first}");
}

#[test]
fn interrupted_during_evaluation_it_evaluates_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let trial = trial(Recipe::default());
    let whole = run(&trial, None, &mut Listener::default());
    let mut listener = Listener { at_evaluation: Some(2), ..Listener::default() };
    let first = run(&trial, Some(&path), &mut listener);
    assert_eq!(first.outcome, Outcome::Interrupted { epochs: 1, steps: STEPS });
    assert_eq!(run(&trial, Some(&path), &mut Listener::default()), whole);
}

#[test]
fn a_checkpoint_that_cannot_be_used_is_set_aside_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let trial = trial(Recipe::default());
    let whole = run(&trial, None, &mut Listener::default());
    run(&trial, Some(&path), &mut Listener { at_step: Some(3), ..Listener::default() });
    let mut content = std::fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 0x40;
    std::fs::write(&path, content).unwrap();
    let mut listener = Listener::default();
    assert_eq!(run(&trial, Some(&path), &mut listener), whole);
    assert!(listener.time_valid(), "it began anew");
    assert!(listener.warnings()[0].contains("checksum"), "{:?}", listener.warnings());
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.len() == 1 && left[0].to_string_lossy().starts_with("x.checkpoint.unreadable-"), "{left:?}");
}

#[test]
fn a_checkpoint_of_another_network_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let trial = trial(Recipe::default());
    let whole = run(&trial, None, &mut Listener::default());
    let smaller = |scope: &Scope| -> Box<dyn Layer> { Box::new(Flat(Linear::new(scope, 192, 6))) };
    let mut interrupting = Listener { at_step: Some(3), ..Listener::default() };
    run_network(&trial, Some(&path), &mut interrupting, &smaller);
    let mut listener = Listener::default();
    assert_eq!(run(&trial, Some(&path), &mut listener), whole);
    assert!(listener.warnings()[0].contains("does not fit this network"), "{:?}", listener.warnings());
}

#[test]
fn a_remark_outlives_every_resume_and_is_said_once_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let trial = trial(Recipe::default());
    std::fs::write(&path, "not a checkpoint").unwrap();
    for step in [1, 2] {
        let mut listener = Listener { at_step: Some(step), ..Listener::default() };
        run(&trial, Some(&path), &mut listener);
        let said = listener.warnings().iter().filter(|w| w.contains("cannot be used")).count();
        assert_eq!(said, 1, "{:?}", listener.warnings());
    }
    let mut listener = Listener::default();
    assert_eq!(run(&trial, Some(&path), &mut listener).outcome, Outcome::Finished);
    assert!(listener.warnings()[0].contains("not a checkpoint"), "{:?}", listener.warnings());
}

#[test]
fn a_checkpoint_outlives_running_out_of_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let trial = trial(Recipe::default());
    let whole = run(&trial, None, &mut Listener::default());
    run(&trial, Some(&path), &mut Listener { at_step: Some(3), ..Listener::default() });
    let content = std::fs::read(&path).unwrap();
    // The same parameters, and a forward pass for which there is no memory.
    let starved = |scope: &Scope| -> Box<dyn Layer> { Box::new(Starved(Tiny::build(scope))) };
    let left = run_network(&trial, Some(&path), &mut Listener::default(), &starved);
    assert!(matches!(left.outcome, Outcome::Oom { .. }), "{left:?}");
    assert_eq!(std::fs::read(&path).unwrap(), content);
    assert_eq!(run(&trial, Some(&path), &mut Listener::default()), whole);
}

/// A network that asks for more memory than any machine has.
struct Starved(Box<dyn Layer>);

impl Layer for Starved {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        Greedy.forward(&self.0.forward(x, pass), pass)
    }
}
