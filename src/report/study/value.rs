//! A table as a value that every form is made from: caption, head, rows, notes.

use serde::Serialize;

/// A table of the study's form.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyTable {
    /// A name for files: `table4`, `table4-B`, `steps-cifar10`.
    pub name: String,
    /// Its number in the study; absent for a table that the study has not.
    pub number: Option<u32>,
    /// What it shows.
    pub caption: String,
    /// Fingerprint of the environment that our figures come from; absent where there is none.
    pub environment: Option<String>,
    /// The rows of the head, from the top. The spans of each add up to the number of columns; the first column has the
    /// labels of the rows.
    pub head: Vec<Vec<Head>>,
    /// The rows, each of as many cells as there are columns after the first.
    pub rows: Vec<Row>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// A cell of the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// What it says; empty above a column that needs no word here.
    pub text: String,
    /// How many columns it stands over.
    pub span: usize,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The first column.
    pub label: String,
    /// The others.
    pub cells: Vec<Cell>,
}

/// What a cell shows, and the figure behind it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// As it reads: `92.10`, `92.10 (2 of 3)`, `missing`.
    pub shown: String,
    /// The figure; absent where there can be none.
    pub datum: Option<Datum>,
}

/// One figure with all that says what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Datum {
    /// Key of the data set.
    pub dataset: String,
    /// Key of the network.
    pub architecture: String,
    /// `bn`, `nd`, `none` for a plain network, `nd/bn` for a ratio.
    pub norm: String,
    /// Length of the training.
    pub epochs: u32,
    /// Who reports it.
    pub source: Source,
    /// What it is: `top1`, `top5`, `train_seconds`, …
    pub quantity: &'static str,
    /// Its unit: `percent`, `s`, `ms`, `bytes`, `J`, `1`.
    pub unit: &'static str,
    /// The value; absent where it is missing.
    pub value: Option<f64>,
    /// Ends of its 95 % confidence interval, where there is one.
    pub interval: Option<(f64, f64)>,
    /// How many results stand behind the value.
    pub n: Option<usize>,
    /// How many there should be.
    pub of: Option<usize>,
    /// `present`, or why there is no value.
    pub state: String,
}

/// Who reports a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Ye et al. (2020).
    Original,
    /// Obadage et al. (2024).
    Study,
    /// The records.
    Ours,
}

impl Source {
    /// The word in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Study => "study",
            Self::Ours => "ours",
        }
    }
}

impl StudyTable {
    /// How many columns there are, the labels' included.
    pub fn columns(&self) -> usize {
        self.head.last().map_or(1, |row| row.iter().map(|h| h.span).sum())
    }

    /// `Table 4 of the study. Accuracy …`; the caption alone where there is no number.
    pub fn title(&self) -> String {
        match self.number {
            Some(number) => format!("Table {number} of the study. {}", self.caption),
            None => self.caption.clone(),
        }
    }

    /// The texts over a column, from the top; those that stand over the whole table are left out.
    pub(super) fn over(&self, column: usize) -> String {
        let words = self.head.iter().filter_map(|row| {
            let mut end = 0;
            let head = row.iter().find(|h| {
                end += h.span;
                column < end
            })?;
            (head.span + 1 < self.columns() || self.columns() == 2).then_some(head.text.as_str())
        });
        words.filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

impl Head {
    pub(super) fn new(text: impl Into<String>, span: usize) -> Self {
        Self { text: text.into(), span }
    }
}

impl Cell {
    /// A cell in which nothing can stand.
    pub(super) fn empty() -> Self {
        Self { shown: super::super::words::NOTHING.into(), datum: None }
    }
}
