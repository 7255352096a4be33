//! Reading the published tables: every value checked, every error with its file and line.

use super::extras::{CLAIMS, REMARKS, claims, remarks};
use super::{Attempt, Cell, Figures, ImagenetFigures, ImagenetNetwork, Published, Scores, seconds_of};
use crate::scenario::{Architecture, Dataset, Norm};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files: name and what the program carries.
const ORIGINAL: (&str, &str) = ("table1_original.csv", include_str!("../../scenarios/published/table1_original.csv"));
const ATTEMPTS: (&str, &str) = ("table1_attempts.csv", include_str!("../../scenarios/published/table1_attempts.csv"));
const ACCURACY: (&str, &str) =
    ("published_tables4_5.csv", include_str!("../../scenarios/published/published_tables4_5.csv"));
const SECONDS: (&str, &str) =
    ("published_tables8_9.csv", include_str!("../../scenarios/published/published_tables8_9.csv"));
const IMAGENET: (&str, &str) = ("table2.csv", include_str!("../../scenarios/published/table2.csv"));

/// A table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// The file cannot be read.
    #[error("cannot read the published table {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line is not of the table's form, or a value cannot be.
    #[error("published table `{table}`, line {line}: {why}")]
    Value {
        /// Its file name.
        table: &'static str,
        /// The line, from 1; the head is the first.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

type Text<'a> = &'a dyn Fn((&'static str, &'static str)) -> Result<String, PublishedError>;

impl Published {
    /// The tables that the program carries.
    ///
    /// # Errors
    /// [`PublishedError`] where a table was damaged before the program was built.
    pub fn embedded() -> Result<Published, PublishedError> {
        Self::read(&|(_, text)| Ok(text.into()))
    }

    /// The tables of a folder, under the names they have in `scenarios/published/`. Without `claims.csv` or
    /// `remarks.csv` the program's own stand in: the prose of the study does not depend on a folder's tables.
    ///
    /// # Errors
    /// [`PublishedError`]: which file or line cannot be used, and why.
    pub fn from_dir(folder: &Path) -> Result<Published, PublishedError> {
        Self::read(&|(name, own)| {
            let path = folder.join(name);
            match std::fs::read_to_string(&path) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && [CLAIMS.0, REMARKS.0].contains(&name) => {
                    Ok(own.into())
                }
                read => read.map_err(|source| PublishedError::Read { path, source }),
            }
        })
    }

    fn read(text: Text) -> Result<Published, PublishedError> {
        let mut cells: BTreeMap<Cell, Figures> = BTreeMap::new();
        each::<OriginalRow>(ORIGINAL.0, &text(ORIGINAL)?, |row| {
            set(&mut cells.entry(row.cell()).or_default().original_percent, percent(row.accuracy_percent)?)
        })?;
        each::<AttemptRow>(ATTEMPTS.0, &text(ATTEMPTS)?, |row| {
            let attempts = &mut cells.entry(row.cell()).or_default().attempts;
            if attempts.iter().any(|a| a.number == row.attempt) {
                return Err(format!("attempt {} of this cell comes twice", row.attempt));
            }
            attempts.push(Attempt {
                number: row.attempt,
                accuracy_percent: percent(row.accuracy_percent)?,
                train_seconds: seconds(row.train_seconds)?,
                test_seconds: seconds(row.test_seconds)?,
            });
            attempts.sort_by_key(|a| a.number);
            Ok(())
        })?;
        each::<AccuracyRow>(ACCURACY.0, &text(ACCURACY)?, |row| {
            let figures = cells.entry(row.cell()).or_default();
            set(&mut figures.printed_original_percent, percent(row.original_percent)?)?;
            set(&mut figures.printed_percent, percent(row.reproduced_mean_percent)?)
        })?;
        each::<SecondsRow>(SECONDS.0, &text(SECONDS)?, |row| {
            set(&mut cells.entry(row.cell()).or_default().printed_seconds, seconds(row.train_seconds)?)
        })?;
        let (claims, remarks) = (claims(&text(CLAIMS)?)?, remarks(&text(REMARKS)?)?);
        let imagenet = imagenet(&text(IMAGENET)?)?;
        let imagenet_cells = imagenet.iter().map(|figures| (figures.cell(), figures.figures())).collect();
        Ok(Published { cells, imagenet, imagenet_cells, claims, remarks })
    }
}

/// The trainings of `table2.csv`: a top-1 and a top-5 line each.
fn imagenet(text: &str) -> Result<Vec<ImagenetFigures>, PublishedError> {
    let mut found: Vec<(ImagenetFigures, Vec<Metric>)> = Vec::new();
    let empty = Scores { original_percent: f64::NAN, reproduced_percent: f64::NAN };
    each::<ImagenetRow>(IMAGENET.0, text, |row| {
        let norm = if row.norm == "none" { None } else { Some(row.norm.parse::<Norm>().map_err(|e| e.to_string())?) };
        let scores = Scores {
            original_percent: percent(row.original_percent)?,
            reproduced_percent: percent(row.reproduced_percent)?,
        };
        let train_seconds = seconds(row.train_seconds)?;
        if seconds_of(&row.train_time).is_none() {
            return Err(format!("`{}` is no time such as `1 day 7:23:11`", row.train_time));
        }
        let known = found.iter().position(|(f, _)| (f.network, f.norm) == (row.architecture, norm));
        let index = known.unwrap_or_else(|| {
            let (network, train_time) = (row.architecture, row.train_time);
            let figures = ImagenetFigures { network, norm, top1: empty, top5: empty, train_time, train_seconds };
            found.push((figures, Vec::new()));
            found.len() - 1
        });
        let (figures, seen) = &mut found[index];
        if seen.contains(&row.metric) {
            return Err("this training and metric come twice".into());
        }
        if figures.train_seconds != train_seconds {
            return Err("the lines of one training differ in its time".into());
        }
        seen.push(row.metric);
        match row.metric {
            Metric::Top1 => figures.top1 = scores,
            Metric::Top5 => figures.top5 = scores,
        }
        Ok(())
    })?;
    let lines = text.lines().count();
    match found.iter().find(|(_, seen)| seen.len() < 2) {
        Some((f, _)) => Err(PublishedError::Value {
            table: IMAGENET.0,
            line: lines,
            why: format!("{} needs a top1 and a top5 line for each norm", f.network.key()),
        }),
        None => Ok(found.into_iter().map(|(figures, _)| figures).collect()),
    }
}

/// Declares a row type: the columns of the key, then its own.
macro_rules! row {
    ($name:ident { $($column:ident: $type:ty),+ }) => {
        #[derive(Deserialize)]
        struct $name { dataset: Dataset, architecture: Architecture, norm: Norm, epochs: u32, $($column: $type),+ }

        impl $name {
            fn cell(&self) -> Cell {
                let Self { dataset, architecture, norm, epochs, .. } = self;
                Cell { dataset: dataset.clone(), architecture: *architecture, norm: *norm, epochs: *epochs }
            }
        }
    };
}

row!(OriginalRow { accuracy_percent: f64 });
row!(AttemptRow { attempt: u32, accuracy_percent: f64, train_seconds: f64, test_seconds: f64 });
row!(AccuracyRow { original_percent: f64, reproduced_mean_percent: f64 });
row!(SecondsRow { train_seconds: f64 });

#[derive(Deserialize)]
struct ImagenetRow {
    architecture: ImagenetNetwork,
    norm: String,
    metric: Metric,
    original_percent: f64,
    reproduced_percent: f64,
    train_time: String,
    train_seconds: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Metric {
    Top1,
    Top5,
}

/// Reads a table and hands each row to `take`, whose complaint becomes an error with the line.
pub(super) fn each<R: DeserializeOwned>(
    table: &'static str,
    text: &str,
    mut take: impl FnMut(R) -> Result<(), String>,
) -> Result<(), PublishedError> {
    if text.trim().is_empty() {
        let why = "the file is empty: its first line should name the columns".into();
        return Err(PublishedError::Value { table, line: 1, why });
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for (index, row) in reader.deserialize().enumerate() {
        let taken = row.map_err(|e| reason(&e)).and_then(&mut take);
        taken.map_err(|why| PublishedError::Value { table, line: index + 2, why })?;
    }
    Ok(())
}

/// What is wrong with a row, without the reader's own count of lines, which is off by one after CRLF.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        _ => error.to_string(),
    }
}

/// Sets a value that may be set once.
fn set(place: &mut Option<f64>, value: f64) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("this cell comes twice".into()),
    }
}

fn percent(value: f64) -> Result<f64, String> {
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err(format!("{value} is no percentage from 0 to 100")) }
}

fn seconds(value: f64) -> Result<f64, String> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(format!("{value} is no positive time in seconds")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_of_the_study_is_complete() {
        let published = Published::embedded().unwrap();
        assert_eq!(published.cells.len(), 120);
        for (cell, f) in &published.cells {
            assert_eq!(f.attempts.iter().map(|a| a.number).collect::<Vec<_>>(), [1, 2, 3], "{cell:?}");
            assert!(f.original_percent.is_some() && f.printed_percent.is_some() && f.printed_seconds.is_some());
        }
        assert_eq!(published.imagenet.len(), 7);
    }

    #[test]
    fn a_known_cell_has_its_known_figures() {
        let published = Published::embedded().unwrap();
        let cell = Cell { dataset: Dataset::Cifar10, architecture: Architecture::Vgg16, norm: Norm::Nd, epochs: 100 };
        let figures = published.figures(&cell).unwrap();
        assert_eq!(figures.original_percent, Some(94.56));
        let seconds = figures.seconds().unwrap();
        assert!((seconds.mean - figures.printed_seconds.unwrap()).abs() < 0.01);
        assert_eq!((figures.accuracy().unwrap().min, figures.accuracy().unwrap().max), (99.87, 99.88));
        let plain = &published.imagenet()[0];
        assert_eq!((plain.network, plain.norm, plain.top5.reproduced_percent), (ImagenetNetwork::Vgg11, None, 89.08));
    }

    /// Reads the tables with `find` replaced in the one called `table`.
    fn damaged(table: &str, find: &str, replacement: &str) -> String {
        let read = Published::read(&|(name, text)| {
            assert!(name != table || text.contains(find), "{find} is not in {table}");
            Ok(if name == table { text.replacen(find, replacement, 1) } else { text.into() })
        });
        read.unwrap_err().to_string()
    }

    #[test]
    fn a_damaged_table_names_file_and_line() {
        for (table, find, replacement, expected) in [
            ("table1_original.csv", "vgg16,bn,1", "vgg99,bn,1", &["line 2", "vgg99"][..]),
            ("table1_original.csv", "14.12", "1412", &["line 2", "1412 is no percentage"]),
            ("table1_original.csv", "vgg16,nd,1,", "vgg16,bn,1,", &["line 3", "comes twice"]),
            ("table1_attempts.csv", "34.9,", "-34.9,", &["line 2", "no positive time"]),
            ("table1_attempts.csv", "bn,1,2,", "bn,1,1,", &["line 4", "attempt 1 of this cell comes twice"]),
            ("table2.csv", "nd,top1", "xx,top1", &["line 6", "xx"]),
            ("table2.csv", "1 day 7:23:11", "31 hours", &["line 2", "`31 hours` is no time"]),
            ("claims.csv", "better,", "best,", &["line 8", "unknown variant `best`"]),
            ("claims.csv", "80,", "eighty,", &["line 8", "`eighty` is no finite number"]),
            ("claims.csv", "within,", "better,", &["line 12", "comes twice"]),
            ("remarks.csv", "nd,1,50", "nd,one,50", &["line 2"]),
            ("remarks.csv", "one-seed,", "resnet18-nd,", &["line 5", "comes twice"]),
            ("table2.csv", "none,top5", "none,top1", &["line 3", "come twice"]),
        ] {
            let text = damaged(table, find, replacement);
            assert!(text.contains(table) && expected.iter().all(|e| text.contains(e)), "{text}");
        }
    }

    #[test]
    fn a_folder_is_read_like_the_program_s_own() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published");
        assert_eq!(Published::from_dir(&folder).unwrap(), Published::embedded().unwrap());
        let tables = tempfile::tempdir().unwrap();
        for (name, text) in [ORIGINAL, ATTEMPTS, ACCURACY, SECONDS, IMAGENET] {
            std::fs::write(tables.path().join(name), text).unwrap();
        }
        assert_eq!(Published::from_dir(tables.path()).unwrap(), Published::embedded().unwrap(), "prose stands in");
        std::fs::write(tables.path().join(CLAIMS.0), "key,value,unit,place\nbetter,81,values,here\n").unwrap();
        assert_eq!(Published::from_dir(tables.path()).unwrap().claims().len(), 1);
        let error = Published::from_dir(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/table1_original.csv"), "{error}");
    }
}
