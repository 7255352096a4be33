//! `ndbench list`: the networks with their sizes.

use crate::nn::Method;
use crate::nn::networks::facts;
use crate::scenario::{Architecture, Deconvolution};
use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use serde::Serialize;
use std::io::Write;

/// One network with the images and classes that it is made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The key used in scenarios.
    pub architecture: Architecture,
    /// The name in tables.
    pub title: &'static str,
    /// Height and width of the images.
    pub side: u32,
    /// Classes.
    pub classes: i64,
    /// Trainable scalars with batch normalisation.
    pub parameters_bn: u64,
    /// Trainable scalars with network deconvolution.
    pub parameters_nd: u64,
    /// Multiply-accumulates of convolutions and linear layers for one image; the same for both.
    pub macs: u64,
}

/// Builds every network and measures it; takes some seconds.
pub fn rows() -> Vec<Row> {
    let row = |architecture: Architecture| {
        let classes = architecture.classes();
        let bn = facts(architecture, Method::bn(), classes);
        let nd = facts(architecture, Method::nd(Deconvolution::default()), classes);
        Row {
            architecture,
            title: architecture.title(),
            side: architecture.side(),
            classes,
            parameters_bn: bn.parameters,
            parameters_nd: nd.parameters,
            macs: bn.macs,
        }
    };
    Architecture::ALL.into_iter().map(row).collect()
}

/// The rows as a Markdown table.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    let head = ["key", "network", "images", "classes", "parameters BN", "parameters ND", "MACs per image"];
    table.load_style(ASCII_MARKDOWN).set_header(head);
    for row in rows {
        table.add_row([
            row.architecture.key().into(),
            row.title.into(),
            format!("{0}x{0}", row.side),
            row.classes.to_string(),
            grouped(row.parameters_bn),
            grouped(row.parameters_nd),
            grouped(row.macs),
        ]);
    }
    table.column_iter_mut().skip(2).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}

/// Prints the networks, as a table or as JSON.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(json: bool) -> std::io::Result<()> {
    let rows = rows();
    let text = if json { serde_json::to_string_pretty(&rows)? } else { table(&rows) };
    writeln!(std::io::stdout(), "{text}")
}

/// `number` with commas between the thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([7, 100, 1000, 14_728_266].map(grouped), ["7", "100", "1,000", "14,728,266"]);
    }

    #[test]
    fn the_table_names_key_title_and_sizes() {
        let row = Row {
            architecture: Architecture::Vgg16,
            title: "VGG-16",
            side: 32,
            classes: 10,
            parameters_bn: 14_728_266,
            parameters_nd: 14_719_818,
            macs: 313_201_664,
        };
        let table = table(std::slice::from_ref(&row));
        let last = table.lines().last().unwrap_or_default();
        let cells: Vec<&str> = last.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells, ["vgg16", "VGG-16", "32x32", "10", "14,728,266", "14,719,818", "313,201,664"]);
        let json = serde_json::to_value(row).expect("a row is plain data");
        assert_eq!(json["architecture"], "vgg16");
    }
}
