//! How far a trial had come at its last checkpoint, read without the tensors.

use super::Store;
use crate::event::EpochResult;
use crate::plan::TrialId;
use crate::units::Seconds;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

/// What the first line of a checkpoint begins with; its version follows.
const MAGIC: &[u8] = b"ndbench.checkpoint/";

/// Longer than any header is, in bytes.
const LONGEST: u64 = 1 << 26;

/// What of a checkpoint's header is read.
#[derive(Deserialize)]
struct Head {
    trial_id: TrialId,
    progress: Begun,
}

/// How far a trial had come.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Begun {
    /// Results of the epochs done.
    pub epochs: Vec<EpochResult>,
    /// Steps done of the next one.
    pub step: u64,
    /// Training time of the next one so far.
    pub paper: Seconds,
}

impl Begun {
    /// What is left of `epochs` epochs, where each takes as long as those done; absent where none is done.
    pub fn left(&self, epochs: u32) -> Option<Seconds> {
        let done = self.epochs.len() as f64;
        let taken: Seconds = self.epochs.iter().map(|epoch| epoch.seconds.paper + epoch.seconds.evaluation).sum();
        let left = (f64::from(epochs) - done) * taken.0 / done - self.paper.0;
        (done > 0.0).then_some(Seconds(left.max(0.0)))
    }
}

impl Store {
    /// How far a trial was at its last checkpoint; absent where there is none that this program understands.
    pub fn begun(&self, id: &TrialId) -> Option<Begun> {
        let mut file = BufReader::new(File::open(self.checkpoint_path(id)).ok()?);
        let mut line = Vec::new();
        (&mut file).take(64).read_until(b'\n', &mut line).ok()?;
        let mut length = [0; 8];
        file.read_exact(&mut length).ok()?;
        let length = u64::from_le_bytes(length);
        if !line.starts_with(MAGIC) || length > LONGEST {
            return None;
        }
        let mut text = Vec::new();
        file.take(length).read_to_end(&mut text).ok()?;
        let head: Head = serde_json::from_slice(&text).ok()?;
        (head.trial_id == *id).then_some(head.progress)
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::scenario::{Architecture, Dataset};
    use serde_json::json;
    use std::fs;

    #[test]
    fn a_header_tells_how_far_a_trial_is_and_what_is_left() {
        let (_folder, store) = made_up::store();
        let trial = &made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 20, 1)[0];
        let (id, path) = (trial.trial.id(), store.checkpoint_path(&trial.trial.id()));
        let epochs = made_up::record(trial, 0.5, 10.0).epochs[..2].to_vec();
        let taken: f64 = epochs.iter().map(|epoch| epoch.seconds.paper.0 + epoch.seconds.evaluation.0).sum();
        let write = |magic: &str, id: &str| {
            let head = json!({"trial_id": id, "counters": [], "progress": {"epochs": epochs, "step": 7, "paper": 0.25, "sampled": 1}});
            let head = head.to_string();
            let bytes = [magic.as_bytes(), &(head.len() as u64).to_le_bytes(), head.as_bytes(), &[0; 99]].concat();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
        };
        assert_eq!(store.begun(&id), None);
        write("ndbench.checkpoint/9\n", &id.0);
        let begun = store.begun(&id).unwrap();
        assert_eq!((begun.epochs.len(), begun.step), (2, 7));
        let left = begun.left(20).unwrap().0;
        assert!((left - (9.0 * taken - 0.25)).abs() < 1e-9, "{left}");
        assert_eq!(begun.left(2), Some(Seconds(0.0)));
        assert_eq!(Begun { epochs: vec![], ..begun }.left(20), None);
        write("ndbench.checkpoint/9\n", "other");
        assert_eq!(store.begun(&id), None);
        write("something/1\n", &id.0);
        assert_eq!(store.begun(&id), None);
        let whole = fs::read(&path).unwrap();
        for cut in [0, 5, 15, 60] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(store.begun(&id), None, "cut at {cut}");
        }
    }
}
