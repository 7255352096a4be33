//! When a matrix was done in full.

use super::exposition::Source;
use super::families::Families;

/// `ndbench_suite_last_success_timestamp_seconds`: for alerts on suites that ought to run every night and do not.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteSuccess {
    /// The scenario's name.
    pub suite: String,
    /// Seconds since 1970.
    pub at: f64,
}

impl Source for SuiteSuccess {
    fn collect(&self, families: &mut Families) {
        let help = "When all trials of the suite were done";
        let labels = [("suite", self.suite.as_str())];
        families.gauge("ndbench_suite_last_success_timestamp_seconds", help, &labels, self.at);
    }
}
