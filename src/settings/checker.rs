//! Rules on values, all breaches reported at once.

use super::{Document, Problem, SettingsError};
use std::collections::BTreeSet;
use std::fmt::Display;

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

    /// A count must be at least `least`.
    pub fn at_least<T: PartialOrd + Display>(&mut self, key: &str, value: T, least: T) {
        self.rule(value >= least, key, format_args!("must be at least {least}, not {value}"));
    }

    /// A number must be finite and above 0.
    pub fn positive(&mut self, key: &str, value: f64) {
        self.rule(value.is_finite() && value > 0.0, key, format_args!("must be a finite number above 0, not {value}"));
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
