//! What an instrument says.

use std::fmt;

/// One reading. Missing is never zero: where there is no value, there is a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// What was measured.
    Value(T),
    /// This machine has no such instrument.
    Unsupported,
    /// The instrument is there and did not work.
    Failed {
        /// In its words.
        why: String,
    },
}

impl<T> Reading<T> {
    /// The value, where there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unsupported | Self::Failed { .. } => None,
        }
    }

    /// The same of what `convert` makes of the value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Value(value) => Reading::Value(convert(value)),
            Self::Unsupported => Reading::Unsupported,
            Self::Failed { why } => Reading::Failed { why },
        }
    }
}

/// The value, `unsupported`, or `failed: ` and the reason.
impl<T: fmt::Display> fmt::Display for Reading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Unsupported => f.write_str("unsupported"),
            Self::Failed { why } => write!(f, "failed: {why}"),
        }
    }
}
