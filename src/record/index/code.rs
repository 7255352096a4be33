//! A record as bytes that are read faster than JSON: the epochs as numbers, all else as JSON.

use crate::event::{EpochResult, EpochTimes, StepSplit};
use crate::record::Record;
use crate::units::Seconds;

/// 64-bit numbers of an epoch; the index is rebuilt where this changes.
pub(super) const WORDS: usize = 17;

/// Bytes of an epoch.
const EPOCH: usize = 8 * WORDS;

/// The record as bytes. It is borrowed to lend its epochs out, and comes back as it was.
pub(in crate::record) fn encode(record: &mut Record) -> Vec<u8> {
    let epochs = std::mem::take(&mut record.epochs);
    let head = serde_json::to_vec(record).expect("a record is plain data");
    record.epochs = epochs;
    let mut bytes = Vec::with_capacity(8 + head.len() + record.epochs.len() * EPOCH);
    bytes.extend((head.len() as u64).to_le_bytes());
    bytes.extend(head);
    record.epochs.iter().for_each(|e| words(e).iter().for_each(|w| bytes.extend(w.to_le_bytes())));
    bytes
}

/// The record that [`encode`] was given.
pub(in crate::record) fn decode(bytes: &[u8]) -> Option<Record> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (head, epochs) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let mut record: Record = serde_json::from_slice(head).ok()?;
    let (epochs, []) = epochs.as_chunks::<EPOCH>() else { return None };
    record.epochs.reserve_exact(epochs.len());
    for bytes in epochs {
        record.epochs.push(epoch(bytes)?);
    }
    Some(record)
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
        record
    }

    #[test]
    fn a_record_comes_back() {
        let mut given = record();
        let bytes = encode(&mut given);
        assert_eq!(given, record());
        assert_eq!(decode(&bytes), Some(record()));
        for end in 0..bytes.len() {
            let decoded = decode(&bytes[..end]);
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
