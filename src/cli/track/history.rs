//! `ndbench track history`.

use super::super::args::{HistoryArgs, HistoryFormat};
use super::super::exit::Failure;
use super::{read, write};
use crate::export::{self, Samples};
use crate::plan::Filter;
use crate::record::{Series, series};
use crate::report::{history_figure, history_html, history_json, history_table};
use crate::track::commits_between;
use std::path::Path;

/// Prints the history in a form.
///
/// # Errors
/// A history that cannot be read, a filter that breaks a rule, several environments where the form has no place for them.
pub fn run(args: &HistoryArgs) -> Result<(), Failure> {
    let filter = Filter::parse(&args.only).map_err(|e| Failure::Input(Box::new(e)))?;
    let holding = read(&args.history)?;
    let mut all = series(&holding.entries);
    all.retain(|one| {
        let here = args.environment.as_ref().is_none_or(|label| *label == one.environment);
        here && filter.keeps_arm(one.arm.architecture, &one.arm.dataset, one.arm.norm)
    });
    if let Some(commit) = &args.commit {
        all.iter_mut().for_each(|one| one.points.retain(|point| point.commit.starts_with(commit.as_str())));
    }
    all.retain(|one| !one.points.is_empty());
    let figure = || history_figure(&all).ok_or_else(|| Failure::Input("no series is left to draw".into()));
    let commits = |after: &str, until: &str| commits_between(Path::new("."), after, until);
    let table = || history_table(&all, &holding.aa, commits);
    let text = match args.format {
        HistoryFormat::Table => table(),
        HistoryFormat::Json => history_json(&all, &holding.aa, commits),
        HistoryFormat::Svg => figure()?.svg,
        HistoryFormat::Html => history_html(&table(), Some(&figure()?)),
        HistoryFormat::Bencher => export::bmf(&samples(&all)).map_err(|e| Failure::Input(Box::new(e)))?,
        HistoryFormat::Openmetrics => export::openmetrics(&samples(&all), &[]),
        HistoryFormat::Otava => {
            let folder = args.out.as_deref().expect("clap asks for it");
            let files = export::otava(&samples(&all).samples);
            return files.iter().try_for_each(|file| write(&file.text, Some(&folder.join(&file.path))));
        }
    };
    write(&text, args.out.as_deref())
}

fn samples(series: &[Series]) -> Samples {
    Samples::of_history(series)
}
