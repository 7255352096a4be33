//! Why a store cannot be written in a form.

/// A form has no place for what the records hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExportError {
    /// A form without a place for the environment, and records of several.
    #[error(
        "the records come from {} environments, and `{form}` has no place to tell them apart; name one of them: {}",
        .labels.len(), list(.labels)
    )]
    SeveralEnvironments {
        /// The form.
        form: &'static str,
        /// The environments.
        labels: Vec<String>,
    },
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|l| format!("--environment {l}")).collect::<Vec<_>>().join(", ")
}
