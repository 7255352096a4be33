//! What a figure shows, in words.

use super::Form;
use super::frame::coverage;
use crate::report::study::{Entry, Grid, Measure, lengths};
use crate::report::words::{dataset_title, length, plural};
use crate::scenario::Norm;
use crate::stats::geometric_mean;

/// Its form, then what each panel says.
pub(super) fn text(grid: &Grid, form: Form) -> String {
    let (networks, panels) = (grid.architectures.len(), grid.epochs.len());
    let form = match form {
        Form::Dots => format!("Dot plot with {}, one row a network", plural(panels, "panel")),
        Form::Study => format!("Line plot over the networks with {}", plural(panels, "panel")),
    };
    let what = match grid.measure {
        Measure::Accuracy => "top-1 accuracy in percent",
        Measure::Seconds => "seconds of training",
    };
    let mut out = format!(
        "{form}: {what} of {} on {} with {}, batch normalisation (BN) and network deconvolution (ND).",
        plural(networks, "network"),
        dataset_title(&grid.dataset),
        lengths(&grid.epochs)
    );
    for epochs in &grid.epochs {
        out += &format!(" {}: {}", length(*epochs), said(grid, *epochs));
    }
    out + " The tables hold every value."
}

/// What one panel says, by source.
fn said(grid: &Grid, epochs: u32) -> String {
    type Value = fn(&Entry) -> Option<f64>;
    let sources: [(&str, Value); 3] = [
        ("original", |e| e.original),
        ("study", |e| e.study.map(|s| s.mean)),
        ("ours", |e| e.ours.summary.map(|s| s.mean)),
    ];
    let mut parts = Vec::new();
    for (name, value) in sources {
        let pair = |a| Norm::ALL.map(|norm| grid.entry(a, norm, epochs).and_then(value));
        let pairs: Vec<(f64, f64)> =
            grid.architectures.iter().filter_map(|a| pair(*a).into()).filter_map(|[b, n]| Some((b?, n?))).collect();
        if pairs.is_empty() {
            continue;
        }
        let blocks = |a: &_| grid.ratio(*a, epochs);
        let ratios: Vec<f64> = match (grid.measure, name) {
            (Measure::Seconds, "ours") => grid.architectures.iter().filter_map(blocks).collect(),
            _ => pairs.iter().map(|(bn, nd)| nd / bn).collect(),
        };
        let higher = pairs.iter().filter(|(bn, nd)| nd > bn).count();
        parts.push(match (grid.measure, geometric_mean(&ratios)) {
            (Measure::Seconds, Some(mean)) => {
                format!(
                    "{name}, ND takes {mean:.2} times as long as BN (geometric mean of {})",
                    plural(ratios.len(), "network")
                )
            }
            _ => format!("{name}, ND above BN in {higher} of {}", pairs.len()),
        });
    }
    parts.push(coverage(grid, epochs));
    parts.join("; ") + "."
}
