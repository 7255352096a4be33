//! A record as bytes that are read faster than JSON: what many records share is read once, and epochs are numbers.

use crate::event::{EpochResult, EpochTimes, MemoryPeak, Outcome, StepSplit};
use crate::plan::{Block, Planned, Trial, TrialId};
use crate::record::format::is_zero;
use crate::record::{LeftOut, Record, TelemetryOverhead};
use crate::telemetry::{Environment, SlurmJob, TelemetrySummary};
use crate::units::Seconds;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// 64-bit numbers of an epoch; the index is rebuilt where this changes.
pub(super) const WORDS: usize = 17;

/// Bytes of an epoch.
const EPOCH: usize = 8 * WORDS;

/// What is a record's own, epochs apart.
#[derive(Serialize, Deserialize)]
struct Own {
    attempt: u32,
    schema: String,
    trial_id: TrialId,
    sources: BTreeMap<String, String>,
    block: Block,
    outcome: Outcome,
    time_valid: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    sharers: u32,
    memory: MemoryPeak,
    planned: Option<Planned>,
    telemetry: Option<Box<TelemetrySummary>>,
    telemetry_overhead: Option<TelemetryOverhead>,
    data_digest: Option<String>,
    left_out: Option<LeftOut>,
    slurm: Option<SlurmJob>,
    started: jiff::Timestamp,
    finished: jiff::Timestamp,
    remarks: Vec<String>,
}

/// The record as bytes: its trial but for the attempt, its environment, what is its own, the epochs.
pub(in crate::record) fn encode(record: &Record) -> Vec<u8> {
    let Record {
        schema,
        trial_id,
        trial,
        sources,
        block,
        outcome,
        epochs,
        time_valid,
        sharers,
        memory,
        planned,
        telemetry,
        telemetry_overhead,
        environment,
        data_digest,
        left_out,
        slurm,
        started,
        finished,
        remarks,
    } = record.clone();
    let attempt = trial.attempt;
    let own = Own {
        attempt,
        schema,
        trial_id,
        sources,
        block,
        outcome,
        time_valid,
        sharers,
        memory,
        planned,
        telemetry,
        telemetry_overhead,
        data_digest,
        left_out,
        slurm,
        started,
        finished,
        remarks,
    };
    let mut bytes = Vec::with_capacity(2048 + epochs.len() * EPOCH);
    put(&mut bytes, &Trial { attempt: 0, ..trial });
    put(&mut bytes, &environment);
    put(&mut bytes, &own);
    epochs.iter().for_each(|e| words(e).iter().for_each(|w| bytes.extend(w.to_le_bytes())));
    bytes
}

/// Appends a part as JSON, after its length.
fn put(bytes: &mut Vec<u8>, part: &impl Serialize) {
    let text = serde_json::to_vec(part).expect("a record is plain data");
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
}

/// Reads records; knows the trials and environments that it has read.
#[derive(Debug, Default)]
pub(in crate::record) struct Decoder {
    trials: HashMap<Vec<u8>, Trial>,
    environments: HashMap<Vec<u8>, Arc<Environment>>,
}

impl Decoder {
    /// The record that [`encode`] was given.
    pub fn decode(&mut self, bytes: &[u8]) -> Option<Record> {
        let (trial, bytes) = part(bytes)?;
        let (environment, bytes) = part(bytes)?;
        let (own, epochs) = part(bytes)?;
        let (epochs, []) = epochs.as_chunks::<EPOCH>() else { return None };
        let Own {
            attempt,
            schema,
            trial_id,
            sources,
            block,
            outcome,
            time_valid,
            sharers,
            memory,
            planned,
            telemetry,
            telemetry_overhead,
            data_digest,
            left_out,
            slurm,
            started,
            finished,
            remarks,
        } = serde_json::from_slice(own).ok()?;
        let mut results = Vec::with_capacity(epochs.len());
        for bytes in epochs {
            results.push(epoch(bytes)?);
        }
        Some(Record {
            schema,
            trial_id,
            trial: Trial { attempt, ..shared(&mut self.trials, trial)? },
            sources,
            block,
            outcome,
            epochs: results,
            time_valid,
            sharers,
            memory,
            planned,
            telemetry,
            telemetry_overhead,
            environment: shared(&mut self.environments, environment)?,
            data_digest,
            left_out,
            slurm,
            started,
            finished,
            remarks,
        })
    }
}

/// The part that begins here, and what follows it.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// A part that was read before, or is read now.
fn shared<T: Clone + DeserializeOwned>(known: &mut HashMap<Vec<u8>, T>, text: &[u8]) -> Option<T> {
    if let Some(found) = known.get(text) {
        return Some(found.clone());
    }
    let found: T = serde_json::from_slice(text).ok()?;
    known.insert(text.into(), found.clone());
    Some(found)
}

/// Every field of an epoch.
fn words(result: &EpochResult) -> [u64; WORDS] {
    let EpochResult {
        epoch,
        train_loss,
        train_top1,
        train_top5,
        test_loss,
        test_top1,
        test_top5,
        lr,
        images,
        seconds: EpochTimes { paper, evaluation, step, sampled_steps },
    } = *result;
    let StepSplit { data, forward, backward, optimiser } = step.unwrap_or_default();
    [
        u64::from(epoch),
        train_loss.to_bits(),
        train_top1.to_bits(),
        train_top5.to_bits(),
        test_loss.to_bits(),
        test_top1.to_bits(),
        test_top5.to_bits(),
        lr.to_bits(),
        images,
        paper.0.to_bits(),
        evaluation.0.to_bits(),
        u64::from(step.is_some()),
        data.0.to_bits(),
        forward.0.to_bits(),
        backward.0.to_bits(),
        optimiser.0.to_bits(),
        sampled_steps,
    ]
}

/// The epoch that [`words`] was given.
fn epoch(bytes: &[u8; EPOCH]) -> Option<EpochResult> {
    let (chunks, _) = bytes.as_chunks::<8>();
    let word = |i: usize| u64::from_le_bytes(chunks[i]);
    let number = |i: usize| f64::from_bits(word(i));
    let seconds = |i: usize| Seconds(number(i));
    let step = StepSplit { data: seconds(12), forward: seconds(13), backward: seconds(14), optimiser: seconds(15) };
    Some(EpochResult {
        epoch: u32::try_from(word(0)).ok()?,
        train_loss: number(1),
        train_top1: number(2),
        train_top5: number(3),
        test_loss: number(4),
        test_top1: number(5),
        test_top5: number(6),
        lr: number(7),
        images: word(8),
        seconds: EpochTimes {
            paper: seconds(9),
            evaluation: seconds(10),
            step: (word(11) == 1).then_some(step),
            sampled_steps: word(16),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset, Norm};
    use proptest::prelude::*;

    fn record() -> Record {
        let trial = made_up::trial(Architecture::Vgg16, Dataset::Folder("birds".into()), Norm::Nd, 3, 2);
        let mut record = made_up::record(&made_up::resolved(trial), 0.743, 12.5);
        record.epochs[1].seconds.step = None;
        record.remarks = vec!["a \"remark\"".into()];
        record.left_out = Some(LeftOut { count: 1, pictures: [("a.JPEG".into(), "cut".into())].into() });
        record
    }

    #[test]
    fn a_record_comes_back() {
        let bytes = encode(&record());
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(&bytes), Some(record()));
        let mut other = record();
        other.trial.attempt = 2;
        Arc::make_mut(&mut other.environment).host.name = "another".into();
        assert_eq!(decoder.decode(&encode(&other)), Some(other), "what is shared is told from what is not");
        assert_eq!(decoder.decode(&bytes), Some(record()));
        for end in 0..bytes.len() {
            let decoded = Decoder::default().decode(&bytes[..end]);
            assert!(decoded.is_none_or(|r| r.epochs.len() < 3), "{end}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back_bit_for_bit(numbers in prop::array::uniform14(any::<u64>()), epoch in any::<u32>()) {
            let mut words = [u64::from(epoch); WORDS];
            words[1..15].copy_from_slice(&numbers);
            words[11] = 1;
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            let result = super::epoch(bytes.first_chunk().unwrap()).unwrap();
            prop_assert_eq!(super::words(&result), words);
        }
    }
}
