//! What the trials of a matrix set otherwise than the study.

use super::like_study::like_the_study;
use crate::plan::{ResolvedTrial, Trial};
use serde::Serialize;
use serde_json::Value;

/// A setting that is not the study's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Its dotted key in a scenario.
    pub key: String,
    /// Its value, and the others where trials differ.
    pub values: Vec<Value>,
    /// The study's; null where it sets no such thing.
    pub study: Value,
}

/// The settings in which a trial is not the study's, of whatever trials there are; networks, data, lengths and attempts are
/// the matrix itself.
pub(super) fn differences(trials: &[ResolvedTrial]) -> Vec<Setting> {
    let mut kinds: Vec<&Trial> = Vec::new();
    for trial in trials.iter().map(|t| &t.trial) {
        if !kinds.iter().any(|known| alike(known, trial)) {
            kinds.push(trial);
        }
    }
    let mut found: Vec<Setting> = Vec::new();
    for trial in kinds {
        let [own, study] = [settings(trial), settings(&like_the_study(trial))];
        for (key, value) in leaves(own) {
            let study = leaves(study.clone()).into_iter().find(|(k, _)| *k == key).map_or(Value::Null, |(_, v)| v);
            match found.iter_mut().find(|s| s.key == key) {
                Some(known) if !known.values.contains(&value) => known.values.push(value),
                Some(_) => {}
                None if value != study => found.push(Setting { key, values: vec![value], study }),
                None => {}
            }
        }
    }
    found
}

/// Trials with the same settings.
fn alike(one: &Trial, other: &Trial) -> bool {
    let of = |t: &Trial| (t.recipe, t.batch_norm, t.deconvolution, t.train_images, t.test_images, t.base_seed);
    of(one) == of(other)
}

/// The settings as a scenario writes them.
fn settings(trial: &Trial) -> Value {
    serde_json::json!({
        "base_seed": trial.base_seed,
        "train_images": trial.train_images,
        "test_images": trial.test_images,
        "recipe": trial.recipe,
        "batch_norm": trial.batch_norm,
        "deconvolution": trial.deconvolution,
    })
}

/// The values in `value` that are no objects, by their dotted keys.
fn leaves(value: Value) -> Vec<(String, Value)> {
    let Value::Object(fields) = value else { return vec![(String::new(), value)] };
    let inner = |(name, field): (String, Value)| {
        let dotted = move |(key, value): (String, Value)| {
            (if key.is_empty() { name.clone() } else { format!("{name}.{key}") }, value)
        };
        leaves(field).into_iter().map(dotted).collect::<Vec<_>>()
    };
    fields.into_iter().flat_map(inner).collect()
}

/// `Settings other than the study's: train_images 3000, recipe.lr 0.05 (study 0.1).`, a line; empty where there are none.
pub(super) fn settings_line(settings: &[Setting]) -> String {
    let one = |s: &Setting| {
        let values: Vec<String> = s.values.iter().map(word).collect();
        let study = if s.study.is_null() { String::new() } else { format!(" (study {})", word(&s.study)) };
        format!("{} {}{study}", s.key, values.join(" or "))
    };
    match settings {
        [] => String::new(),
        some => format!("Settings other than the study's: {}.\n", some.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

/// A value without quotation marks.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "unset".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset, Implementation, Precision};

    #[test]
    fn what_is_not_the_study_s_is_told_once_with_all_its_values() {
        let mut trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 20, 2);
        assert_eq!((differences(&trials), settings_line(&[])), (Vec::new(), String::new()));
        for (number, resolved) in trials.iter_mut().enumerate() {
            let trial = &mut resolved.trial;
            trial.train_images = Some(3000);
            trial.recipe.lr = 0.05;
            trial.recipe.precision = Precision::Bf16;
            trial.batch_norm.momentum = if number < 2 { 0.01 } else { 0.1 };
            trial.deconvolution.iter_mut().for_each(|d| d.implementation = Implementation::Fast);
        }
        let line = "Settings other than the study's: batch_norm.momentum 0.01 or 0.1 (study 0.1), recipe.lr 0.05 (study 0.1), \
                    recipe.precision bf16 (study fp32), train_images 3000, deconvolution.implementation fast (study published).\n";
        assert_eq!(settings_line(&differences(&trials)), line);
    }
}
