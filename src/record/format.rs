//! The versioned, self-checking JSON form of a record: one object with the fields of [`Record`] and a `checksum`.

use super::sealed::{Form, open, seal};
use super::{LeftOut, RecordError, TelemetryOverhead, quick};
use crate::event::{EpochResult, MemoryPeak, Outcome};
use crate::plan::{Block, Ids, Planned, Trial, TrialId};
use crate::telemetry::{Environment, GpuSummary, SlurmJob, TelemetrySummary};
use crate::units::{Joules, Seconds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Name and version of the form; a reader refuses what it does not know.
pub const SCHEMA: &str = "ndbench.record/1";

/// Seconds for which two trainings may overlap: clocks are set now and then.
const TOGETHER: f64 = 1.0;

const FORM: Form = Form { family: "ndbench.record/", version: 1 };

/// Numbers that are only written where there is something to tell.
pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The outcome of one execution of a trial, with its environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`Trial::id`] of `trial`.
    pub trial_id: TrialId,
    /// The trial, fully resolved.
    pub trial: Trial,
    /// Dotted key to where its value came from.
    pub sources: BTreeMap<String, String>,
    /// Its place among the trials it is compared with.
    pub block: Block,
    /// How it ended.
    pub outcome: Outcome,
    /// One entry an epoch.
    pub epochs: Vec<EpochResult>,
    /// False where the training was interrupted and resumed, its process stopped, or others trained beside it on its device:
    /// accuracy holds, time does not.
    pub time_valid: bool,
    /// Other trainings of the same run on its device meanwhile.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sharers: u32,
    /// Peak memory over the whole trial.
    pub memory: MemoryPeak,
    /// What was planned for it before it ran; absent where nothing is known of its operator, and in records from before
    /// that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
    /// What the instruments say of the trial; absent where they were off, and in records from before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Box<TelemetrySummary>>,
    /// What the instruments cost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry_overhead: Option<TelemetryOverhead>,
    /// Where it ran; records that are read together share it.
    pub environment: Arc<Environment>,
    /// [`TrainingData::digest`](crate::data::TrainingData::digest) of the images; absent where none were loaded, and in
    /// records from before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_digest: Option<String>,
    /// Pictures that the training went on without; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
    /// The Slurm job that trained it (of a resumed trial: the last one); absent outside of Slurm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmJob>,
    /// When it began (of a resumed trial: the last time), RFC 3339.
    pub started: jiff::Timestamp,
    /// When it ended.
    pub finished: jiff::Timestamp,
    /// Remarks: what the data's loader noticed, sinks that failed, checkpoints set aside.
    pub remarks: Vec<String>,
}

impl Record {
    /// The record as indented JSON with its checksum. Numbers are written so that they read back bit for bit.
    ///
    /// # Errors
    /// [`RecordError::NotReadBack`] where a number is infinite or not a number.
    pub fn to_json(&self) -> Result<String, RecordError> {
        seal(self, &format!("of trial {}", self.trial_id))
    }

    /// Reads what [`Record::to_json`] wrote.
    ///
    /// # Errors
    /// One variant of [`RecordError`] for each way in which a text is not a record that can be trusted.
    pub fn parse(text: &[u8]) -> Result<Record, RecordError> {
        Self::parse_with(text, &mut Ids::default())
    }

    /// Like [`Record::parse`], one of many.
    pub(super) fn parse_with(text: &[u8], ids: &mut Ids) -> Result<Record, RecordError> {
        match quick::parse(text) {
            Some(record) if record.schema == SCHEMA && record.trial_id == ids.id(&record.trial) => Ok(record),
            _ => Self::parse_any(text),
        }
    }

    /// Like [`Record::parse`], whatever the order of the keys and the form of the numbers.
    fn parse_any(text: &[u8]) -> Result<Record, RecordError> {
        let record: Record = open(text, FORM)?;
        let computed = record.trial.id();
        if record.trial_id != computed {
            return Err(RecordError::WrongId { stated: record.trial_id, computed });
        }
        Ok(record)
    }

    /// Of several records of one trial from one environment the one of the highest rank counts: a finished one, of these
    /// one with a valid time, then the latest.
    pub fn rank(&self) -> (bool, bool, jiff::Timestamp) {
        (self.is_finished(), self.time_valid, self.finished)
    }

    /// Whether the times of two trainings of one environment make a ratio: they ran on one host and GPU, with one build and
    /// the same images, and one after the other.
    ///
    /// # Errors
    /// What differs, in words.
    pub fn side_by_side(&self, other: &Record) -> Result<(), String> {
        let [one, two] = [self, other].map(|r| &r.environment);
        if one.host.name != two.host.name {
            return Err(format!("ran on the hosts {} and {}", one.host.name, two.host.name));
        }
        if one.software.commit != two.software.commit {
            let commits = [one, two].map(|e| e.software.commit.as_str());
            return Err(format!("ran with the commits {} and {} of the program", commits[0], commits[1]));
        }
        if let (Some(one), Some(two)) = (one.gpu(), two.gpu())
            && one != two
        {
            return Err(format!("ran on the GPUs {one} and {two}"));
        }
        if let (Some(one), Some(two)) = (&self.data_digest, &other.data_digest)
            && one != two
        {
            return Err(format!("were trained with other images, of digests {one} and {two}"));
        }
        let shared = self.finished.min(other.finished).duration_since(self.started.max(other.started)).as_secs_f64();
        // Equal to the nanosecond they are nobody's clock.
        if shared > TOGETHER && self.started != other.started {
            return Err(format!("ran at the same time, for {shared:.0} s"));
        }
        Ok(())
    }

    /// Training time by the `paper` definition: the sum over the epochs.
    pub fn paper_seconds(&self) -> Seconds {
        self.epochs.iter().map(|e| e.seconds.paper).sum()
    }

    /// Energy of all devices over the training; absent unless a real driver watched all executions of it, each but for a
    /// tenth at most, and nothing speaks against its times.
    pub fn energy(&self) -> Option<Joules> {
        let telemetry = self.telemetry.as_ref().filter(|_| self.is_timed())?;
        if telemetry.images < self.images() {
            return None;
        }
        let of = |gpu: &GpuSummary| Some(gpu.energy.filter(|_| !gpu.device.stub)?.over(telemetry.seconds).0);
        let joules: Option<f64> = telemetry.gpus.iter().map(of).sum();
        joules.filter(|joules| *joules > 0.0).map(Joules)
    }

    /// Images of all epochs.
    pub fn images(&self) -> u64 {
        self.epochs.iter().map(|e| e.images).sum()
    }

    /// All epochs are there: only such a record fills a cell of a table.
    pub fn is_finished(&self) -> bool {
        self.outcome == Outcome::Finished && !self.epochs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::super::sealed::{CHECKSUM, checksum};
    use super::*;
    use crate::scenario::{Architecture, Dataset, Norm};
    use crate::telemetry::{Energy, EnergySource, GpuSummary};
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn record() -> Record {
        let trial = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Nd, 2, 1);
        made_up::record(&made_up::resolved(trial), 0.743, 12.5)
    }

    /// A record's JSON after `change`, with a checksum that fits again.
    fn forged(change: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
        let mut value: Value = serde_json::from_str(&record().to_json().unwrap()).unwrap();
        let object = value.as_object_mut().unwrap();
        object.remove(CHECKSUM);
        change(object);
        let sum = checksum(object);
        object.insert(CHECKSUM.into(), sum.into());
        value.to_string().into_bytes()
    }

    #[test]
    fn the_file_has_every_field_at_its_top() {
        let value: Value = serde_json::from_str(&record().to_json().unwrap()).unwrap();
        for key in ["schema", "trial_id", "trial", "outcome", "epochs", "environment", "time_valid", "checksum"] {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert_eq!(value["outcome"]["kind"], "finished");
        assert!(value["checksum"].as_str().unwrap().starts_with("sha256:"));
    }

    #[test]
    fn each_flaw_has_its_own_error() {
        let text = record().to_json().unwrap();
        let is = |bytes: &[u8], wanted: &str| {
            let got = Record::parse(bytes).expect_err(wanted).to_string();
            assert!(got.contains(wanted), "wanted `{wanted}`, got `{got}`");
        };
        is(b"", "half of it");
        is(&text.as_bytes()[..text.len() / 2], "half of it");
        is(b"[1, 2]", "does not hold a JSON object");
        is(b"{\"a\": 1}", "there is no `schema`");
        is(b"{\"schema\": 7}", "`schema` is 7");
        is(&forged(|o| o["schema"] = "other/1".into()), "`schema` is `other/1`");
        is(&forged(|o| o["schema"] = "ndbench.record/0".into()), "`schema` is `ndbench.record/0`");
        is(&forged(|o| o["schema"] = "ndbench.record/2".into()), "newer");
        is(text.replace("\"checksum\"", "\"sum\"").as_bytes(), "there is no `checksum`");
        is(text.replace("0.743", "0.943").as_bytes(), "does not match the content");
        is(&forged(|o| o["time_valid"] = "yes".into()), "missing or wrong");
        is(&forged(|o| drop(o.remove("epochs"))), "missing or wrong");
        is(&forged(|o| o["trial"]["epochs"] = 3.into()), "is not that of its trial");
    }

    #[test]
    fn a_number_that_json_cannot_hold_is_refused() {
        let mut record = record();
        record.epochs[1].test_loss = f64::INFINITY;
        assert!(matches!(record.to_json(), Err(RecordError::NotReadBack { .. })));
    }

    #[test]
    fn telemetry_is_kept_and_older_records_have_none() {
        let mut record = record();
        assert!(!record.to_json().unwrap().contains("telemetry"), "as records were before");
        let gpu = GpuSummary { xids: [(79, 1)].into(), lost: 1, ..GpuSummary::default() };
        record.telemetry =
            Some(Box::new(TelemetrySummary { gpus: vec![gpu], images: 7, ..TelemetrySummary::default() }));
        let text = record.to_json().unwrap();
        assert_eq!(Record::parse(text.as_bytes()).unwrap(), record);
        assert_eq!(Record::parse_any(text.as_bytes()).unwrap(), record);
    }

    #[test]
    fn energy_is_that_of_a_training_that_was_watched_as_a_whole() {
        let mut record = record();
        let energy = Energy {
            joules: Joules(270.0),
            source: EnergySource::Counter,
            seconds: Seconds(9.0),
            integrated: None,
            joules_per_image: None,
        };
        let gpu = GpuSummary { energy: Some(energy), ..GpuSummary::default() };
        let images = record.images();
        let mut watched = |images| {
            let (gpus, seconds) = (vec![gpu.clone()], Seconds(10.0));
            record.telemetry =
                Some(Box::new(TelemetrySummary { gpus, images, seconds, ..TelemetrySummary::default() }));
            record.energy()
        };
        assert_eq!((watched(images), watched(images - 1)), (Some(Joules(300.0)), None));
    }

    #[test]
    fn pictures_that_were_left_out_are_kept_with_their_count() {
        let mut record = record();
        assert!(!record.to_json().unwrap().contains("left_out"), "as records were before");
        record.left_out = LeftOut::of([("a.JPEG".into(), "cut".into())].into());
        let text = record.to_json().unwrap();
        assert!(text.contains("\"count\": 1"), "{text}");
        assert_eq!(Record::parse(text.as_bytes()).unwrap(), record);
        assert_eq!(Record::parse_any(text.as_bytes()).unwrap(), record);
    }

    #[test]
    fn later_fields_do_not_hide_a_record() {
        assert_eq!(Record::parse(&forged(|o| drop(o.insert("note".into(), "x".into())))).unwrap(), record());
    }

    proptest! {
        #[test]
        fn numbers_read_back_bit_for_bit(loss in any::<f64>(), seed in any::<u64>()) {
            prop_assume!(loss.is_finite());
            let mut written = record();
            written.epochs[0].train_loss = loss;
            written.trial.base_seed = seed;
            written.trial_id = written.trial.id();
            let read = Record::parse(written.to_json().unwrap().as_bytes()).unwrap();
            prop_assert_eq!(read.epochs[0].train_loss.to_bits(), loss.to_bits());
            prop_assert_eq!(read, written);
        }

        #[test]
        fn both_ways_lead_to_the_same(at in 0.0f64..1.0, with in any::<u8>()) {
            let mut text = record().to_json().unwrap().into_bytes();
            let at = (at * text.len() as f64) as usize;
            text[at] = with;
            let (short, long) = (Record::parse(&text), Record::parse_any(&text));
            prop_assert_eq!(short.map_err(|e| e.to_string()), long.map_err(|e| e.to_string()));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Record::parse(&bytes).is_err());
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(at in 0.0f64..1.0, with in any::<u8>()) {
            let mut text = record().to_json().unwrap().into_bytes();
            let at = (at * text.len() as f64) as usize;
            prop_assume!(text[at] != with);
            text[at] = with;
            // Changed white space is still the same record; anything else is refused.
            if let Ok(read) = Record::parse(&text) {
                prop_assert_eq!(read, record());
            }
        }
    }
}
