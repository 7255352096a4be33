//! Tables as one tidy CSV: a line a figure.

use super::value::{Datum, StudyTable};

/// The columns.
const HEAD: [&str; 15] = [
    "table",
    "dataset",
    "architecture",
    "norm",
    "epochs",
    "source",
    "quantity",
    "value",
    "low",
    "high",
    "unit",
    "n",
    "of",
    "state",
    "environment",
];

/// Every figure of the tables; missing ones have an empty value and a state that says why. Only our figures belong to an
/// environment.
pub fn csv(tables: &[StudyTable]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEAD).expect(SAFE);
    for table in tables {
        for datum in table.rows.iter().flat_map(|row| row.cells.iter().filter_map(|c| c.datum.as_ref())) {
            writer.write_record(line(table, datum)).expect(SAFE);
        }
    }
    String::from_utf8(writer.into_inner().expect(SAFE)).expect("texts are written as they are")
}

fn line(table: &StudyTable, datum: &Datum) -> [String; HEAD.len()] {
    let Datum { dataset, architecture, norm, epochs, source, quantity, unit, value, interval, n, of, state } = datum;
    let number = |n: &Option<usize>| n.map_or_else(String::new, |n| n.to_string());
    let real = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
    let ours = *source == super::Source::Ours;
    [
        table.name.clone(),
        dataset.clone(),
        architecture.clone(),
        norm.clone(),
        epochs.to_string(),
        source.key().into(),
        (*quantity).into(),
        real(*value),
        real(interval.map(|i| i.0)),
        real(interval.map(|i| i.1)),
        (*unit).into(),
        number(n),
        number(of),
        state.clone(),
        table.environment.clone().filter(|_| ours).unwrap_or_default(),
    ]
}

const SAFE: &str = "writing into memory cannot fail";
