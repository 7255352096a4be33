//! Rules on values, all breaches reported at once.

use super::{Document, Problem, SettingsError};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Collects the breaches of rules in one document.
pub struct Checker<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    /// A checker that has found nothing yet.
    pub fn new(document: &'a Document) -> Self {
        Self { document, problems: Vec::new() }
    }

    /// Notes a breach at `key` unless `holds`.
    pub fn rule(&mut self, holds: bool, key: &str, rule: impl Display) {
        if !holds {
            self.problems.push(Problem { place: self.document.place(key), key: key.into(), rule: rule.to_string() });
        }
    }

    /// `key` must be written down.
    pub fn present(&mut self, key: &str) {
        self.rule(self.document.has(key), key, "is missing");
    }

    /// A count must lie in `range`.
    pub fn count<T: PartialOrd + Display>(&mut self, key: &str, value: T, range: RangeInclusive<T>) {
        let (least, most) = (range.start(), range.end());
        self.rule(range.contains(&value), key, format_args!("must be from {least} to {most}, not {value}"));
    }

    /// A number must be above 0 and at most `most`.
    pub fn positive(&mut self, key: &str, value: f64, most: f64) {
        let rule = format_args!("must be above 0 and at most {}, not {}", shown(most), shown(value));
        self.rule(value > 0.0 && value <= most, key, rule);
    }

    /// A number must lie from 0 to `most`.
    pub fn from_zero(&mut self, key: &str, value: f64, most: f64) {
        let rule = format_args!("must be from 0 to {}, not {}", shown(most), shown(value));
        self.rule((0.0..=most).contains(&value), key, rule);
    }

    /// A number must lie from 0, included, to 1, excluded.
    pub fn fraction(&mut self, key: &str, value: f64) {
        let rule = format_args!("must be at least 0 and below 1, not {}", shown(value));
        self.rule((0.0..1.0).contains(&value), key, rule);
    }

    /// A list must be there, have an entry, and no entry twice.
    pub fn list<T: Ord + Display>(&mut self, key: &str, values: &[T]) {
        if values.is_empty() {
            self.rule(false, key, if self.document.has(key) { "must have at least one entry" } else { "is missing" });
        }
        let mut seen = BTreeSet::new();
        for (i, value) in values.iter().enumerate() {
            self.rule(seen.insert(value), &format!("{key}[{i}]"), format_args!("`{value}` is listed twice"));
        }
    }

    /// Every rule holds, or else.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] with every breach, in the order of the calls.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.problems.is_empty() { Ok(()) } else { Err(SettingsError::Invalid(self.problems)) }
    }
}

/// A number as people write it: without hundreds of zeros.
fn shown(value: f64) -> String {
    if (1e-6..1e9).contains(&value.abs()) || value == 0.0 { value.to_string() } else { format!("{value:e}") }
}
