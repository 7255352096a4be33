//! What the records say of the study's trainings on ImageNet, or of shorter ones that only show that the path works.

use super::of;
use crate::published::{ImagenetFigures, ImagenetNetwork, Published};
use crate::report::like_study::Standing;
use crate::report::model::{AccuracyRow, EnvironmentEntry, Report, ResourceRow};
use crate::report::words::{environment_line, states};
use crate::stats::Summary;

/// What stands where nothing was trained.
const MISSING: &str = "missing";

/// Where our columns come from.
const OURS: &str = "Ours is missing where no record has it; `ndbench run table2-imagenet` trains all seven.";

/// Ours come from one environment, if from any.
#[derive(Clone, Copy)]
pub(in crate::report::study) struct Ours<'a> {
    report: &'a Report,
    pub(super) environment: Option<&'a EnvironmentEntry>,
}

/// What the records say of one training.
pub(super) struct Found<'a> {
    pub row: Option<&'a AccuracyRow>,
    pub value: Option<Summary>,
    /// `present`, `smoke`, or why there is no value.
    pub state: String,
}

impl<'a> Ours<'a> {
    /// One for each environment with a record of these networks; one without where there is none.
    pub fn all(report: &'a Report) -> Vec<Self> {
        let has = |e: &&EnvironmentEntry| rows(report).any(|row| row.environment.as_ref() == Some(&e.label));
        let places: Vec<_> = report.environments.iter().filter(has).map(Some).collect();
        let places = if places.is_empty() { vec![None] } else { places };
        places.into_iter().map(|environment| Self { report, environment }).collect()
    }

    /// Whether the report is about these networks.
    pub fn any(report: &Report) -> bool {
        rows(report).next().is_some()
    }

    /// The training that stands nearest to the study's of those here.
    fn row(self, figures: &ImagenetFigures) -> Option<&'a AccuracyRow> {
        let label = self.environment.map(|e| &e.label);
        let own = rows(self.report).filter(|row| {
            (row.architecture, row.norm) == (figures.network.architecture(), figures.trained())
                && row.environment.as_ref() == label
        });
        own.min_by_key(|row| match row.imagenet {
            Some(Standing::Same) => 0,
            Some(Standing::Smoke { .. }) => 1,
            _ => 2,
        })
    }

    /// What `of` says of that training.
    pub(super) fn found(self, figures: &ImagenetFigures, of: impl Fn(&AccuracyRow) -> Option<Summary>) -> Found<'a> {
        let Some(row) = self.row(figures) else { return Found { row: None, value: None, state: MISSING.into() } };
        let value = of(row);
        let (value, state) = match (&row.imagenet, value) {
            (Some(Standing::Otherwise), _) => (None, "other settings".into()),
            (Some(Standing::Smoke { .. }), Some(_)) => (value, "smoke".into()),
            (_, Some(_)) => (value, "present".into()),
            (_, None) if row.unfinished.is_empty() => (None, "no valid time".into()),
            (_, None) => (None, states(&row.unfinished)),
        };
        Found { row: Some(row), value, state }
    }

    /// The training time of a row's cell.
    pub(super) fn seconds(self, row: &AccuracyRow) -> Option<Summary> {
        let same = |r: &&ResourceRow| r.cell == row.cell && r.environment == row.environment;
        self.report.resources.iter().find(same)?.seconds
    }

    /// A name for files: `stem`, with the environment where there are several.
    pub(super) fn name(self, stem: &str) -> String {
        match self.environment {
            Some(e) if self.report.environments.len() > 1 => format!("{stem}-{}", e.label),
            _ => stem.into(),
        }
    }

    /// What our columns are, where they come from, and which of them are no results.
    pub(super) fn notes(self, published: &Published, networks: &[ImagenetNetwork]) -> Vec<String> {
        let mut notes = vec![OURS.to_string()];
        notes.extend(
            self.environment.map(|e| format!("Environment {}: {}.", e.label, environment_line(&e.environment))),
        );
        let mut smoke: Vec<&str> = Vec::new();
        for row in of(published, networks).into_iter().filter_map(|figures| self.row(figures)) {
            if let Some(Standing::Smoke { what }) = &row.imagenet {
                smoke.extend((!smoke.contains(&what.as_str())).then_some(what.as_str()));
            }
        }
        if !smoke.is_empty() {
            notes.push(format!(
                "‡ Smoke: {}. It shows that the path works, and stands beside nothing that was published.",
                smoke.join("; ")
            ));
        }
        notes
    }
}

fn rows(report: &Report) -> impl Iterator<Item = &AccuracyRow> {
    report.accuracy.iter().filter(|row| row.imagenet.is_some())
}
