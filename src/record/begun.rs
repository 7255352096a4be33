//! How far a trial had come at its last checkpoint, read without the tensors.

use super::Store;
use crate::event::{CHECKPOINT, CHECKPOINT_DIGEST, Progress};
use crate::files::{hex, read_head};
use crate::plan::TrialId;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// What of a checkpoint's header is read.
#[derive(Deserialize)]
struct Head {
    trial_id: TrialId,
    progress: Progress,
}

impl Store {
    /// How far a trial was at its last checkpoint; absent where there is none that this program understands.
    pub fn begun(&self, id: &TrialId) -> Option<Progress> {
        let mut file = BufReader::new(File::open(self.checkpoint_path(id)).ok()?);
        let head: Head = serde_json::from_slice(&read_head(&mut file, CHECKPOINT).ok()??).ok()?;
        (head.trial_id == *id).then_some(head.progress)
    }

    /// Which checkpoint a trial has: the checksum that ends it. Absent where there is none.
    pub(super) fn checkpoint_digest(&self, id: &TrialId) -> Option<String> {
        let mut digest = [0; CHECKPOINT_DIGEST];
        let mut file = File::open(self.checkpoint_path(id)).ok()?;
        file.seek(SeekFrom::End(-(CHECKPOINT_DIGEST as i64))).ok()?;
        file.read_exact(&mut digest).ok()?;
        Some(hex(&digest))
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::files::head;
    use crate::plan::Trial;
    use crate::scenario::{Architecture, Dataset};
    use crate::units::Seconds;
    use serde_json::json;
    use std::fs;

    #[test]
    fn a_header_tells_how_far_a_trial_is_and_what_is_left() {
        let (_folder, store) = made_up::store();
        let trial = &made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 20, 1)[0];
        let (id, path) = (trial.trial.id(), store.checkpoint_path(&trial.trial.id()));
        let epochs = made_up::record(trial, 0.5, 10.0).epochs[..2].to_vec();
        let taken: f64 = epochs.iter().map(|epoch| epoch.seconds.paper.0 + epoch.seconds.evaluation.0).sum();
        let progress = Progress { epochs, step: 7, paper: Seconds(0.25), ..Progress::default() };
        let write = |form: &str, id: &str| {
            let header = json!({"trial_id": id, "counters": [], "progress": progress}).to_string();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, [head(form, header.as_bytes()), vec![0; 99]].concat()).unwrap();
        };
        assert_eq!(store.begun(&id), None);
        write(CHECKPOINT, &id.0);
        let begun = store.begun(&id).unwrap();
        assert_eq!(begun, progress);
        let of = |epochs: u32| Trial { epochs, ..trial.trial.clone() };
        let left = begun.left(&of(20), None).unwrap().0;
        assert!((left - (9.0 * taken - 0.25)).abs() < 1e-9, "{left}");
        assert_eq!(begun.left(&of(2), Some(Seconds(50.0))), Some(Seconds(0.0)));
        let first = Progress { epochs: vec![], ..begun };
        assert_eq!(first.left(&of(20), None), None);
        assert_eq!(first.left(&of(20), Some(Seconds(50.0))), Some(Seconds(49.75)), "what has passed is not left");
        assert_eq!(first.left(&of(20), Some(Seconds(0.1))), Some(Seconds(0.0)));
        write(CHECKPOINT, "other");
        assert_eq!(store.begun(&id), None);
        write("ndbench.checkpoint/2", &id.0);
        assert_eq!(store.begun(&id), None, "nobody would go on from it");
    }
}
