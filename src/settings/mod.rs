//! Settings files: TOML whose every error names file, line, column, key and the rule broken, found by name or by path.
//!
//! A [`Document`] is text that fits a serde type (unknown keys and wrong types are refused); a [`Checker`] then holds
//! the values against rules and reports all breaches at once.

mod checker;
mod document;
mod error;
mod find;
mod suggest;

pub use checker::Checker;
pub use document::Document;
pub use error::{Place, Problem, SettingsError};
pub use find::find;
pub use suggest::did_you_mean;
