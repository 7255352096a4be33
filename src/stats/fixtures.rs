//! What scipy says, for unit tests: `scripts/stats-fixtures` writes the file.

use serde_json::Value;
use std::sync::LazyLock;

static SCIPY: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/fixtures/stats/scipy.json")).unwrap());

/// The cases of one function; there are some.
pub fn cases(name: &str) -> Vec<Value> {
    let cases = SCIPY[name].as_array().unwrap_or_else(|| panic!("no cases of {name}"));
    assert!(!cases.is_empty());
    cases.clone()
}

pub fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

pub fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(float).collect()
}

/// `first` and `second` of a case, in pairs.
pub fn pairs(case: &Value) -> Vec<(f64, f64)> {
    list(&case["first"]).into_iter().zip(list(&case["second"])).collect()
}

/// The same to a relative 1e-8 (or 1e-12 near 0): what two ways of computing a distribution may differ by.
#[track_caller]
pub fn close(found: f64, expected: &Value) {
    let expected = float(expected);
    let allowed = 1e-8 * expected.abs().max(1e-4);
    assert!((found - expected).abs() <= allowed, "{found} found, {expected} expected");
}
