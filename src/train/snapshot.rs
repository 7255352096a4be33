//! A session as a checkpoint, and back.

use super::checkpoint::{self, CheckpointError, Entry, Header};
use super::session::Session;
use super::trainer::Checkpoints;
use crate::event::{Event, Fanout};
use std::sync::atomic::Ordering;
use std::time::Instant;
use tch::Tensor;

/// The prefix of momentum buffers among a checkpoint's tensors.
const MOMENTUM: &str = "momentum:";

impl Session<'_> {
    /// Whether the time for a checkpoint has come.
    pub(super) fn checkpoint_due(&self) -> bool {
        self.trainer.checkpoints.as_ref().is_some_and(|c| self.saved.elapsed() >= c.every)
    }

    /// Writes a checkpoint; a failure is a warning.
    pub(super) fn save(&mut self, events: &mut Fanout) {
        self.saved = Instant::now();
        let Some(Checkpoints { path, .. }) = &self.trainer.checkpoints else { return };
        if !(self.trainer.is_alone)() {
            let why = "another process has taken the trial over, as after a failure of the network: this training ends";
            events.send(Event::Warning(why.into()));
            return self.trainer.interrupt.store(true, Ordering::Relaxed);
        }
        let mut tensors = self.fixed_tensors();
        tensors.extend(self.model.sgd.momenta().map(|(name, t)| (format!("{MOMENTUM}{name}"), t.shallow_clone())));
        let entries: Option<Vec<Entry>> = tensors.iter().map(|(name, t)| Entry::of(name.clone(), t)).collect();
        let header = Header {
            trial_id: self.trainer.trial.trial.id(),
            ndbench: env!("CARGO_PKG_VERSION").into(),
            environment: self.trainer.environment.clone(),
            data_digest: self.trainer.data.digest().to_owned(),
            bad_files: self.bad.list().clone(),
            remarks: self.remarks.clone(),
            progress: self.progress.clone(),
            memory: self.meter.peak(),
            telemetry: self.instruments.so_far(),
            counters: self.model.store.counters().into_iter().map(|(name, c)| (name, c.get())).collect(),
            tensors: entries.expect("networks use f32, f64 and i64 only"),
        };
        let tensors: Vec<Tensor> = tensors.into_iter().map(|(_, t)| t).collect();
        events.send(match checkpoint::write(path, &header, &tensors) {
            Ok(()) => Event::CheckpointWritten { path: path.clone() },
            Err(e) => Event::Warning(format!(
                "cannot write the checkpoint {}: {e}; the training goes on without it",
                path.display()
            )),
        });
        self.saved = Instant::now();
    }

    /// Puts a checkpoint back. Everything is checked before anything is changed.
    ///
    /// # Errors
    /// [`CheckpointError::OtherNetwork`] where names, types, shapes or counts differ.
    pub(super) fn restore(&mut self, header: Header, tensors: &[Tensor]) -> Result<(), CheckpointError> {
        let other = |what: String| Err(CheckpointError::OtherNetwork(what));
        let trial = &self.trainer.trial.trial;
        if header.progress.step > self.steps_per_epoch() || header.progress.epochs.len() as u32 >= trial.epochs {
            return other("it is further than the trial goes".into());
        }
        let mut targets = self.fixed_tensors();
        if header.tensors.len() < targets.len() {
            return other("tensors are missing".into());
        }
        let (fixed, momenta) = header.tensors.split_at(targets.len());
        for (entry, (name, target)) in fixed.iter().zip(&targets) {
            if Some(entry) != Entry::of(name.clone(), target).as_ref() {
                return other(format!("`{name}` differs"));
            }
        }
        let counters = self.model.store.counters();
        if !counters.iter().map(|(name, _)| name).eq(header.counters.iter().map(|(name, _)| name)) {
            return other("counters differ".into());
        }
        let mut places = Vec::with_capacity(momenta.len());
        for entry in momenta {
            let parameter = entry.name.strip_prefix(MOMENTUM).and_then(|name| self.model.sgd.find(name));
            match parameter {
                Some((place, p)) if Entry::of(entry.name.clone(), p).as_ref() == Some(entry) => places.push(place),
                _ => return other(format!("`{}` differs", entry.name)),
            }
        }
        let (values, momenta) = tensors.split_at(targets.len());
        tch::no_grad(|| targets.iter_mut().zip(values).for_each(|((_, target), value)| target.copy_(value)));
        places.iter().zip(momenta).for_each(|(&place, value)| self.model.sgd.set_momentum(place, value));
        counters.iter().zip(&header.counters).for_each(|((_, counter), (_, value))| counter.set(*value));
        self.progress = header.progress;
        self.bad.met_before(header.bad_files);
        self.meter.carry(header.memory);
        Ok(())
    }

    /// The tensors that exist from the beginning: parameters, buffers and the tally, under unique names.
    fn fixed_tensors(&self) -> Vec<(String, Tensor)> {
        let mut list = Vec::new();
        self.model.store.each_parameter(|p| list.push((format!("parameter:{}", p.name), p.tensor.shallow_clone())));
        self.model.store.each_buffer(|b| list.push((format!("buffer:{}", b.name), b.tensor.shallow_clone())));
        list.push(("tally:losses".into(), self.tally.losses.shallow_clone()));
        list.push(("tally:hits".into(), self.tally.hits.shallow_clone()));
        list
    }
}
