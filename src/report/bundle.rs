//! The whole report in every form, as text for a reader or as files for a folder.

use super::audit::{self, Audit};
use super::figure::study::{Figure, Form, figures};
use super::html::{Page, html};
use super::markdown::markdown;
use super::model::Report;
use super::study::{StudyTable, csv, latex, latex_all, table_markdown, tables};
use super::words::clean;
use super::{PngError, json, png};
use crate::published::Published;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// What goes into the forms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// How the study's figures are drawn.
    pub form: Form,
    /// Also tables and figures of which the report says nothing.
    pub all: bool,
    /// Best epochs, top-5 and unfinished trials too.
    pub verbose: bool,
}

/// A report with its tables.
#[derive(Debug)]
pub struct Bundle<'a> {
    report: &'a Report,
    published: &'a Published,
    options: Options,
    tables: Vec<StudyTable>,
}

/// A file of the folder.
#[derive(Debug)]
pub struct OutFile<'b> {
    /// Its path inside the folder.
    pub path: PathBuf,
    content: Content<'b>,
}

/// What it holds.
#[derive(Debug)]
enum Content<'b> {
    Bytes(Vec<u8>),
    /// Written piece by piece: that of a large store would fill the memory.
    Json(&'b Bundle<'b>),
}

impl OutFile<'_> {
    /// Writes what the file holds.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.content {
            Content::Bytes(bytes) => out.write_all(bytes),
            Content::Json(bundle) => bundle.json(out),
        }
    }
}

/// A figure cannot be made into a picture.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the picture of {figure}: {source}")]
pub struct PictureError {
    /// Its name.
    pub figure: String,
    /// Why not.
    pub source: PngError,
}

/// The report's JSON with the tables in it.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    report: &'a Report,
    tables: &'a [StudyTable],
}

impl<'a> Bundle<'a> {
    /// Makes the tables.
    pub fn new(report: &'a Report, published: &'a Published, options: Options) -> Self {
        Self { report, published, options, tables: tables(report, published, options.all) }
    }

    /// The report, the study's tables, and what steps, memory and energy cost.
    pub fn markdown(&self) -> String {
        let mut out = markdown(self.report, self.options.verbose);
        for (title, numbered) in [("The study's tables", true), ("Steps, memory and energy", false)] {
            let found: Vec<String> = self.tables.iter().filter(|t| shown(t, numbered)).map(table_markdown).collect();
            if !found.is_empty() {
                out += &format!("\n## {title}\n\n{}", found.join("\n"));
            }
        }
        out
    }

    /// Writes the report as JSON, with the tables in it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write(out, &Whole { report: self.report, tables: &self.tables })
    }

    /// The figures of every table as one tidy CSV.
    pub fn csv(&self) -> String {
        csv(&self.tables)
    }

    /// Every table as LaTeX.
    pub fn latex(&self) -> String {
        latex_all(&self.tables)
    }

    /// The report as one page, with the figures and, where the study is shown, its audit.
    pub fn html(&self) -> String {
        let figures = figures(self.report, self.published, self.options.form, self.options.all);
        let mut texts = vec![self.markdown()];
        if self.options.all || self.report.accuracy.iter().any(|row| row.study.is_some()) {
            texts.push(audit::text(&Audit::of(self.published)));
        }
        html(&Page { report: self.report, texts: &texts, figures: &figures })
    }

    /// Every form as files: `report.html`, `report.md`, `report.json`, `tables/`, `figures/`.
    ///
    /// # Errors
    /// [`PictureError`] where a figure cannot be made into a picture.
    pub fn files(&self) -> Result<Vec<OutFile<'_>>, PictureError> {
        let figures = figures(self.report, self.published, self.options.form, self.options.all);
        let of = |path: String, content| OutFile { path: path.into(), content };
        let file = |path: String, text: String| of(path, Content::Bytes(text.into_bytes()));
        let mut files = vec![
            file("report.md".into(), self.markdown() + &list(&figures)),
            of("report.json".into(), Content::Json(self)),
            file("report.html".into(), self.html()),
        ];
        for table in &self.tables {
            let stem = format!("tables/{}", table.name);
            files.push(file(format!("{stem}.md"), table_markdown(table)));
            files.push(file(format!("{stem}.csv"), csv(std::slice::from_ref(table))));
            files.push(file(format!("{stem}.tex"), latex(table)));
        }
        for figure in figures {
            let picture = png(&figure.svg).map_err(|source| PictureError { figure: figure.name.clone(), source })?;
            files.push(file(format!("figures/{}.svg", figure.name), figure.svg));
            files.push(of(format!("figures/{}.png", figure.name), Content::Bytes(picture)));
        }
        Ok(files)
    }
}

/// Tables that the report itself has not: the study's, or those of steps and memory.
fn shown(table: &StudyTable, numbered: bool) -> bool {
    let own = ["steps-", "memory-", "energy-"].iter().any(|stem| table.name.starts_with(stem));
    if numbered { table.number.is_some() } else { own }
}

/// The figures as pictures of a Markdown page.
fn list(figures: &[Figure]) -> String {
    let line = |f: &Figure| {
        let alt = clean(&f.alt).replace(['[', ']'], "");
        format!("### {}\n\n![{alt}](figures/{}.svg)\n", clean(&f.title), f.name)
    };
    format!("\n## Figures\n\n{}", figures.iter().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};
    use std::collections::BTreeSet;

    #[test]
    fn every_table_and_figure_has_a_file_of_each_form() {
        let published = Published::embedded().unwrap();
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 2, 1);
        let mut report = Report::build(&trials, &[made_up::record(&trials[0], 0.5, 9.0)], &published);
        report.scenario = "Made-up <scenario>".into();
        let bundle = Bundle::new(&report, &published, Options::default());
        let files = bundle.files().unwrap();
        let content = |file: &OutFile| {
            let mut bytes = Vec::new();
            file.write(&mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let names: BTreeSet<String> = files.iter().map(|f| f.path.display().to_string()).collect();
        assert_eq!(names.len(), files.len(), "no two files of one name");
        for table in ["table4", "table8", "steps-cifar10", "memory-cifar10"] {
            assert!(["md", "csv", "tex"].iter().all(|e| names.contains(&format!("tables/{table}.{e}"))), "{names:?}");
        }
        for figure in ["overview", "figure2", "figure4", "curves-cifar10-2", "steps-cifar10"] {
            assert!(["svg", "png"].iter().all(|e| names.contains(&format!("figures/{figure}.{e}"))), "{names:?}");
        }
        let page = content(&files[0]);
        for link in page.split("](").skip(1).map(|l| l.split(')').next().unwrap()) {
            assert!(names.contains(link), "{link}");
        }
        let json: serde_json::Value = serde_json::from_str(&content(&files[1])).unwrap();
        assert_eq!((&json["schema"], &json["tables"][0]["number"]), (&"ndbench.report/1".into(), &4.into()));
        assert_eq!(json["tables"][0]["rows"][0]["cells"][0]["datum"]["value"], 14.12);
    }
}
