//! Tables 6, 7 and 10: three networks on ImageNet.

mod ours;
#[cfg(test)]
mod tests;

pub(super) use ours::Ours;

use super::value::{Cell, Datum, Head, Row, Source, StudyTable};
use crate::published::{IMAGENET_EPOCHS, ImagenetFigures, ImagenetNetwork, Published, Scores};
use crate::report::model::AccuracyRow;
use crate::scenario::{Dataset, Norm};
use crate::stats::Summary;
use ours::Found;

/// Table 6 or 7: accuracy of some networks.
pub(super) fn accuracy(published: &Published, ours: Ours, number: u32, networks: &[ImagenetNetwork]) -> StudyTable {
    let trainings: Vec<&ImagenetFigures> = of(published, networks);
    let names: Vec<&str> = networks.iter().map(|n| n.title()).collect();
    let mut top = vec![Head::new("", 1)];
    top.extend(networks.iter().map(|n| Head::new(n.title(), 3 * of(published, &[*n]).len())));
    let (mut norms, mut head) = (vec![Head::new("", 1)], vec![Head::new("Metric", 1)]);
    for figures in &trainings {
        norms.push(Head::new(figures.norm.map_or("Original", |n| if n == Norm::Bn { "BN" } else { "Deconv" }), 3));
        head.extend(["Org. Value", "Rep.", "Ours"].map(|word| Head::new(word, 1)));
    }
    type Of<T, U> = fn(&T) -> U;
    let row = |label: &str, quantity, scores: Of<ImagenetFigures, Scores>, own: Of<AccuracyRow, Option<Summary>>| Row {
        label: label.into(),
        cells: trainings
            .iter()
            .flat_map(|f| {
                let Scores { original_percent, reproduced_percent } = scores(f);
                let published = |source, value: f64| published_cell(f, source, (quantity, "percent"), value, percent);
                [
                    published(Source::Original, original_percent),
                    published(Source::Study, reproduced_percent),
                    own_cell(f, ours.found(f, own), (quantity, "percent"), percent),
                ]
            })
            .collect(),
    };
    let mut notes = vec![
        "Org. Value: Ye et al. (2020), Table 2; Original: without normalisation. Rep.: the study's single attempt (Obadage \
         et al., 2024). Ours: after the last epoch."
            .into(),
    ];
    notes.extend(ours.notes(published, networks));
    StudyTable {
        name: ours.name(&format!("table{number}")),
        number: Some(number),
        caption: format!(
            "Accuracy values of the original's Table 2 and the study's reproduced values for {} on ImageNet with \
             {IMAGENET_EPOCHS} epochs, percent.",
            names.join(" and ")
        ),
        environment: ours.environment.map(|e| e.class.clone()),
        head: vec![top, norms, head],
        rows: vec![
            row("ImageNet top 1", "top1", |f| f.top1, |r| r.test_top1),
            row("ImageNet top 5", "top5", |f| f.top5, |r| r.test_top5),
        ],
        notes,
    }
}

/// Table 10: training times.
pub(super) fn times(published: &Published, ours: Ours) -> StudyTable {
    let trainings = of(published, &ImagenetNetwork::ALL);
    let mut top = vec![Head::new("", 1)];
    top.extend(ImagenetNetwork::ALL.iter().map(|n| Head::new(n.title(), of(published, &[*n]).len())));
    let mut head = vec![Head::new("Source", 1)];
    head.extend(trainings.iter().map(|f| {
        let name = match f.trained() {
            Norm::Plain => "Original Rep.",
            Norm::Bn => "BN Rep.",
            Norm::Nd => "ND Rep.",
        };
        Head::new(name, 1)
    }));
    let what = ("train_seconds", "s");
    let study = |f: &&ImagenetFigures| published_cell(f, Source::Study, what, f.train_seconds, duration);
    let own = |f: &&ImagenetFigures| own_cell(f, ours.found(f, |row| ours.seconds(row)), what, duration);
    let mut notes = vec![
        "Study: one attempt each on an NVIDIA A100 80 GB (Obadage et al., 2024); the original reports no times. Ours: host \
         time of the training loop, waiting for data included, evaluation excluded."
            .into(),
    ];
    notes.extend(ours.notes(published, &ImagenetNetwork::ALL));
    StudyTable {
        name: ours.name("table10"),
        number: Some(10),
        caption: "Model training times for the ImageNet dataset (d: day, h: hour, min: minutes).".into(),
        environment: ours.environment.map(|e| e.class.clone()),
        head: vec![top, head],
        rows: vec![
            Row { label: "Study".into(), cells: trainings.iter().map(study).collect() },
            Row { label: "Ours".into(), cells: trainings.iter().map(own).collect() },
        ],
        notes,
    }
}

/// The figures of some networks, in the order of the study's columns.
fn of<'p>(published: &'p Published, networks: &[ImagenetNetwork]) -> Vec<&'p ImagenetFigures> {
    networks
        .iter()
        .flat_map(|network| {
            let mut found: Vec<_> = published.imagenet().iter().filter(|f| f.network == *network).collect();
            found.sort_by_key(|f| f.norm);
            found
        })
        .collect()
}

/// What it is and its unit.
type Quantity = (&'static str, &'static str);

/// A published figure.
fn published_cell(
    figures: &ImagenetFigures,
    source: Source,
    (quantity, unit): Quantity,
    value: f64,
    show: fn(f64) -> String,
) -> Cell {
    let n = (source == Source::Study).then_some(1);
    let datum =
        Datum { source, value: Some(value), n, of: n, state: "present".into(), ..datum(figures, quantity, unit) };
    Cell { shown: show(value), datum: Some(datum) }
}

/// A figure of ours, or why there is none.
fn own_cell(figures: &ImagenetFigures, found: Found, (quantity, unit): Quantity, show: fn(f64) -> String) -> Cell {
    let Found { row, value, state } = found;
    let mut datum = datum(figures, quantity, unit);
    let mut shown = value.map_or_else(|| state.clone(), |v| show(v.mean));
    if let Some(row) = row {
        (datum.dataset, datum.epochs) = (row.dataset.to_string(), row.epochs);
        (datum.n, datum.of) = (Some(value.map_or(0, |v| v.n)), Some(row.planned));
        if let Some(v) = value.filter(|v| v.n < row.planned) {
            shown += &format!(" ({} of {})", v.n, row.planned);
        }
    }
    shown += if state == "smoke" { " ‡" } else { "" };
    let value = value.map(|v| v.mean);
    Cell { shown, datum: Some(Datum { source: Source::Ours, value, state, ..datum }) }
}

fn datum(figures: &ImagenetFigures, quantity: &'static str, unit: &'static str) -> Datum {
    Datum {
        dataset: Dataset::Imagenet.to_string(),
        architecture: figures.network.architecture().to_string(),
        norm: figures.norm.map_or("none", Norm::key).into(),
        epochs: IMAGENET_EPOCHS,
        source: Source::Ours,
        quantity,
        unit,
        value: None,
        interval: None,
        n: None,
        of: None,
        state: String::new(),
    }
}

fn percent(value: f64) -> String {
    format!("{value:.2}")
}

/// `1 d 7 h 23 min`, minutes begun but not ended left out, as the study does; below a minute the seconds.
fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let minutes = (seconds / 60.0).floor() as u64;
    format!("{} d {} h {} min", minutes / 1440, minutes % 1440 / 60, minutes % 60)
}
