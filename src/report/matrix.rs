//! The trials of a matrix with their records, sorted by environment.

use super::model::{Coverage, EnvironmentEntry, Remark, Unfinished};
use super::settings::Settings;
use super::words::cell_name;
use crate::plan::{ResolvedTrial, Trial, TrialId};
use crate::record::{LeftOut, Record};
use crate::scenario::{Architecture, Dataset, Norm};
use crate::telemetry::Environment;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// What a cell says where there is no record.
pub(super) const MISSING: &str = "missing";

/// A trial and the best of its records from each environment.
pub(super) struct Run<'a> {
    pub resolved: &'a ResolvedTrial,
    /// [`Settings::cell`].
    pub cell: TrialId,
    /// [`Settings::pair`].
    pub pair: TrialId,
    /// By the environment's label.
    pub records: BTreeMap<String, &'a Record>,
}

/// All trials and environments.
pub(super) struct Matrix<'a> {
    pub runs: Vec<Run<'a>>,
    pub environments: Vec<EnvironmentEntry>,
    other_records: usize,
}

impl<'a> Matrix<'a> {
    /// Matches records with trials. Of several records of a trial from one environment that of the highest
    /// [`Record::rank`] counts.
    pub fn new(trials: &'a [ResolvedTrial], records: impl Iterator<Item = &'a Record>) -> Self {
        let mut matrix = Matrix { runs: Vec::new(), environments: Vec::new(), other_records: 0 };
        let mut by_trial: HashMap<_, Vec<&Record>> = HashMap::with_capacity(trials.len());
        for record in records {
            by_trial.entry(key(&record.trial)).or_default().push(record);
            matrix.other_records += 1;
        }
        let (mut settings, mut known) = (Settings::default(), HashMap::<_, Vec<(&Arc<Environment>, String)>>::new());
        matrix.runs.reserve_exact(trials.len());
        for resolved in trials {
            let trial = &resolved.trial;
            let mut best: BTreeMap<String, &Record> = BTreeMap::new();
            let alike = by_trial.entry(key(trial)).or_default();
            for record in alike.extract_if(.., |record| record.trial == *trial) {
                matrix.other_records -= 1;
                let environment = &record.environment;
                // Few environments share host and commit, and to compare is cheaper than to hash the whole.
                let alike = known.entry((&environment.host.name, &environment.software.commit)).or_default();
                let label = match alike.iter().find(|(known, _)| *known == environment) {
                    Some((_, label)) => label.clone(),
                    None => {
                        let label = matrix.label(environment);
                        alike.push((environment, label.clone()));
                        label
                    }
                };
                if best.get(&label).is_none_or(|old| old.rank() < record.rank()) {
                    best.insert(label, record);
                }
            }
            for entry in &mut matrix.environments {
                if let Some(record) = best.get(&entry.label) {
                    entry.trials += 1;
                    entry.watched(record);
                }
            }
            let (cell, pair) = (settings.cell(trial), settings.pair(trial));
            matrix.runs.push(Run { resolved, cell, pair, records: best });
        }
        matrix
    }

    /// The label of an environment, a new one for a new environment.
    fn label(&mut self, environment: &Environment) -> String {
        let class = environment.class();
        let known = self.environments.iter().position(|e| e.class == class);
        let index = known.unwrap_or_else(|| {
            self.environments.push(EnvironmentEntry {
                label: letters(self.environments.len()),
                class,
                environment: environment.clone(),
                hosts: Vec::new(),
                gpus: Vec::new(),
                commits: Vec::new(),
                trials: 0,
                watching: Vec::new(),
            });
            self.environments.len() - 1
        });
        let entry = &mut self.environments[index];
        note(&mut entry.hosts, &environment.host.name);
        environment.gpu().into_iter().for_each(|gpu| note(&mut entry.gpus, gpu));
        note(&mut entry.commits, &environment.software.commit);
        entry.label.clone()
    }

    /// How much is done.
    pub fn coverage(&self) -> Coverage {
        let describe = |run: &Run| Unfinished {
            trial_id: run.resolved.trial.id(),
            trial: run.resolved.trial.to_string(),
            state: run.latest().map_or(MISSING, |r| r.outcome.word()).into(),
        };
        let unfinished: Vec<_> = self.runs.iter().filter(|run| !run.is_finished()).map(describe).collect();
        Coverage {
            trials: self.runs.len(),
            finished: self.runs.len() - unfinished.len(),
            unfinished,
            other_records: self.other_records,
        }
    }

    /// What the records remark, and which pictures they lack; each text once.
    pub fn remarks(&self) -> Vec<Remark> {
        let of = |record: &&Record| {
            let texts = record.remarks.iter().cloned().chain(record.left_out.as_ref().map(LeftOut::remark));
            let trial = record.trial.to_string();
            texts.map(|text| (text, trial.clone())).collect::<Vec<_>>()
        };
        collected(self.runs.iter().flat_map(|run| run.records.values()).flat_map(of))
    }

    /// Why times of finished records do not count, each reason once.
    pub fn invalid(&self) -> Vec<Remark> {
        let finished =
            self.runs.iter().flat_map(|run| run.records.values()).filter(|r| r.is_finished() && !r.is_timed());
        collected(finished.flat_map(|r| r.flags().into_iter().map(|flag| (flag.to_string(), r.trial.to_string()))))
    }

    /// What the attempts of a cell in one environment do not have in common though they are taken together.
    pub fn mixtures(&self) -> Vec<Remark> {
        let attempts =
            self.runs.iter().flat_map(|run| run.records.iter().map(move |(label, record)| (run, label, *record)));
        let finished = attempts.filter(|(.., record)| record.is_finished());
        let cells = group_by(finished, |(run, label, _)| (run.cell.clone(), (*label).clone()));
        let of = |cell: &Vec<(&Run, &String, &Record)>| {
            let name = cell_name(&cell[0].0.resolved.trial);
            let different = |what: &str, of: fn(&Record) -> &str| {
                let distinct: BTreeSet<&str> = cell.iter().map(|(.., record)| of(record)).collect();
                let list: Vec<&str> = distinct.into_iter().collect();
                (list.len() > 1).then(|| {
                    (format!("attempts of several {what} are taken together: {}", list.join(", ")), name.clone())
                })
            };
            [
                different("commits", |r| &r.environment.software.commit),
                different("hosts", |r| &r.environment.host.name),
                different("GPUs", |r| r.environment.gpu().unwrap_or_default()),
            ]
        };
        collected(cells.iter().flat_map(of).flatten().chain(self.contents()))
    }

    /// Data sets whose images were not the same in all finished records.
    fn contents(&self) -> Vec<(String, String)> {
        let mut digests: BTreeMap<&Dataset, BTreeSet<&str>> = BTreeMap::new();
        for record in self.runs.iter().flat_map(|run| run.records.values()).filter(|r| r.is_finished()) {
            digests.entry(&record.trial.dataset).or_default().extend(record.data_digest.as_deref());
        }
        let several = digests.into_iter().filter(|(_, digests)| digests.len() > 1);
        let told = several.map(|(dataset, digests)| {
            let digests: Vec<&str> = digests.into_iter().collect();
            (format!("one name stands for other images: digests {}", digests.join(", ")), dataset.to_string())
        });
        told.collect()
    }
}

/// Texts, each once, with the trials or cells that they are about.
fn collected(said: impl Iterator<Item = (String, String)>) -> Vec<Remark> {
    let groups = group_by(said, |(text, _)| text.clone()).into_iter();
    groups
        .map(|said| {
            let (text, mut seen) = (said[0].0.clone(), HashSet::new());
            let about = said.into_iter().map(|(_, about)| about).filter(|about| seen.insert(about.clone()));
            Remark { text, trials: about.collect() }
        })
        .collect()
}

impl<'a> Run<'a> {
    /// Some environment has a finished record.
    pub fn is_finished(&self) -> bool {
        self.records.values().any(|r| r.is_finished())
    }

    /// The finished record from an environment.
    pub fn finished(&self, label: &str) -> Option<&'a Record> {
        self.records.get(label).copied().filter(|r| r.is_finished())
    }

    /// What stands in for a result in the row of an environment; `None` where there is a result, or where the trial was
    /// run in another environment only.
    pub fn state(&self, label: Option<&str>) -> Option<String> {
        match label.and_then(|l| self.records.get(l)) {
            Some(record) if record.is_finished() => None,
            Some(record) => Some(record.outcome.word().into()),
            None if self.records.is_empty() => Some(MISSING.into()),
            None => None,
        }
    }

    fn latest(&self) -> Option<&'a Record> {
        self.records.values().copied().max_by_key(|r| r.finished)
    }
}

/// The labels of the environments that have a record of one of `runs`; one `None` where there is no record at all.
pub(super) fn labels(runs: &[&Run]) -> Vec<Option<String>> {
    let mut found: Vec<Option<String>> = Vec::new();
    for label in runs.iter().flat_map(|run| run.records.keys()) {
        if !found.iter().flatten().any(|l| l == label) {
            found.push(Some(label.clone()));
        }
    }
    found.sort();
    if found.is_empty() { vec![None] } else { found }
}

/// Puts items with equal keys together, groups in order of their first item.
pub(super) fn group_by<T, K: Hash + Eq>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let (mut groups, mut places): (Vec<Vec<T>>, HashMap<K, usize>) = (Vec::new(), HashMap::new());
    for item in items {
        let place = *places.entry(key(&item)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(item);
    }
    groups
}

/// Trials with different keys are different; with equal keys, they nearly always are equal.
fn key(trial: &Trial) -> (Architecture, Norm, u32, u32) {
    (trial.architecture, trial.norm, trial.epochs, trial.attempt)
}

/// Adds a text that is not there yet.
fn note(texts: &mut Vec<String>, text: &str) {
    if !texts.iter().any(|t| t == text) {
        texts.push(text.into());
    }
}

/// `A` to `Z`, then `AA`, `AB`, …
fn letters(index: usize) -> String {
    let last = char::from(b'A' + (index % 26) as u8);
    if index < 26 { last.into() } else { letters(index / 26 - 1) + &last.to_string() }
}
