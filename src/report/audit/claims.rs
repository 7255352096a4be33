//! The study's statements, checked. What is searched for an explanation is the same for all: other readings, then leaving
//! out or keeping only what shares a label.

use super::items::{Aggregate, Item, rounds_to};
use super::model::{ClaimCheck, Reading};
use super::statements::{Statement, statement};
use crate::published::{Claim, ClaimKey, Published};
use std::collections::BTreeSet;

/// Exceptions that are named before they are only counted.
const NAMED: usize = 6;

/// Checks every statement; rules are none.
pub(super) fn checks(published: &Published) -> Vec<ClaimCheck> {
    published
        .claims()
        .iter()
        .filter_map(|claim| Some(check(published, claim, statement(published, claim.key)?)))
        .collect()
}

fn check(published: &Published, claim: &Claim, statement: Statement) -> ClaimCheck {
    let items: Vec<&Item> = statement.items.iter().collect();
    let recomputed = statement.aggregate.of(&items);
    let holds = recomputed.map(|value| rounds_to(value, claim.value, claim.decimals));
    let readings: Vec<Reading> = statement
        .readings
        .iter()
        .filter_map(|(reading, items)| {
            let recomputed = statement.aggregate.of(&items.iter().collect::<Vec<_>>())?;
            Some(Reading { reading, recomputed })
        })
        .collect();
    let explanation = if holds == Some(false) { explain(published, claim, &statement, &readings) } else { None };
    ClaimCheck {
        claim: claim.key,
        printed: claim.value,
        recomputed,
        unit: claim.unit.clone(),
        place: claim.place.clone(),
        holds,
        readings,
        explanation,
    }
}

fn explain(published: &Published, claim: &Claim, statement: &Statement, readings: &[Reading]) -> Option<String> {
    let fits = |value: f64| rounds_to(value, claim.value, claim.decimals);
    if let Some(reading) = readings.iter().find(|r| fits(r.recomputed)) {
        return Some(format!("it fits {}, {:.4}", reading.reading, reading.recomputed));
    }
    if statement.aggregate == Aggregate::Percent {
        return exceptions(&statement.items);
    }
    parts(published, claim).or_else(|| subsets(statement, fits))
}

/// The items against the statement.
fn exceptions(items: &[Item]) -> Option<String> {
    let against: Vec<String> = items.iter().filter(|i| i.value == 0.0).map(|i| i.labels.join(" ")).collect();
    let more = against.len().saturating_sub(NAMED);
    let named = against.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("not so for {named}{more}"))
}

/// A sum that differs from the study's own parts.
fn parts(published: &Published, claim: &Claim) -> Option<String> {
    let parts = match claim.key {
        ClaimKey::Better => [ClaimKey::BetterCifar10, ClaimKey::BetterCifar100, ClaimKey::BetterImagenet],
        ClaimKey::Values => [ClaimKey::ValuesCifar10, ClaimKey::ValuesCifar100, ClaimKey::ValuesImagenet],
        _ => return None,
    };
    let stated: Vec<f64> = parts.into_iter().map(|key| published.stated(key)).collect::<Option<_>>()?;
    let sum: f64 = stated.iter().sum();
    let words: Vec<String> = stated.iter().map(f64::to_string).collect();
    Some(format!("the study's own {} make {sum}", words.join(" + ")))
}

/// The labels that, left out or taken alone, give the stated number; all of them, since more than one may.
fn subsets(statement: &Statement, fits: impl Fn(f64) -> bool) -> Option<String> {
    let labels: BTreeSet<&String> = statement.items.iter().flat_map(|i| &i.labels).collect();
    let mut found = Vec::new();
    for (words, keep) in [("for", true), ("without", false)] {
        for label in &labels {
            let items: Vec<&Item> = statement.items.iter().filter(|i| i.labels.contains(label) == keep).collect();
            let smaller = items.len() < statement.items.len();
            if smaller && statement.aggregate.of(&items).is_some_and(&fits) {
                let of = if statement.aggregate == Aggregate::Count {
                    format!(" (of {})", items.len())
                } else {
                    String::new()
                };
                let alone = if keep { " alone" } else { "" };
                found.push(format!("{words} {label}{alone}{of}"));
            }
        }
    }
    (!found.is_empty()).then(|| format!("it fits {}", found.join(", or ")))
}
