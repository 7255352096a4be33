//! Tables 6, 7 and 10: three networks on ImageNet, which no scenario trains: our columns are missing there.

use super::value::{Cell, Datum, Head, Row, Source, StudyTable};
use crate::published::{ImagenetFigures, ImagenetNetwork, Published, Scores};
use crate::scenario::Norm;

/// Length of the published trainings.
const EPOCHS: u32 = 90;

/// What stands in our columns.
const STATE: &str = "missing";

/// Table 6 or 7: accuracy of some networks.
pub(super) fn accuracy(published: &Published, number: u32, networks: &[ImagenetNetwork]) -> StudyTable {
    let found: Vec<&ImagenetFigures> = of(published, networks);
    let names: Vec<&str> = networks.iter().map(|n| n.title()).collect();
    let mut top = vec![Head::new("", 1)];
    top.extend(networks.iter().map(|n| Head::new(n.title(), 3 * of(published, &[*n]).len())));
    let (mut norms, mut head) = (vec![Head::new("", 1)], vec![Head::new("Metric", 1)]);
    for figures in &found {
        norms.push(Head::new(figures.norm.map_or("Original", |n| if n == Norm::Bn { "BN" } else { "Deconv" }), 3));
        head.extend(["Org. Value", "Rep.", "Ours"].map(|word| Head::new(word, 1)));
    }
    let row = |label: &str, quantity, scores: fn(&ImagenetFigures) -> Scores| Row {
        label: label.into(),
        cells: found
            .iter()
            .flat_map(|f| {
                let Scores { original_percent, reproduced_percent } = scores(f);
                [
                    percent(f, Source::Original, quantity, Some(original_percent)),
                    percent(f, Source::Study, quantity, Some(reproduced_percent)),
                    percent(f, Source::Ours, quantity, None),
                ]
            })
            .collect(),
    };
    StudyTable {
        name: format!("table{number}"),
        number: Some(number),
        caption: format!(
            "Accuracy values of the original's Table 2 and the study's reproduced values for {} on ImageNet with \
             {EPOCHS} epochs, percent.",
            names.join(" and ")
        ),
        environment: None,
        head: vec![top, norms, head],
        rows: vec![row("ImageNet top 1", "top1", |f| f.top1), row("ImageNet top 5", "top5", |f| f.top5)],
        notes: vec![
            "Org. Value: Ye et al. (2020), Table 2; Original: without normalisation. Rep.: the study's single attempt (Obadage et al., 2024)."
                .into(),
            MISSING_NOTE.into(),
        ],
    }
}

/// Table 10: training times.
pub(super) fn times(published: &Published) -> StudyTable {
    let found = of(published, &ImagenetNetwork::ALL);
    let mut top = vec![Head::new("", 1)];
    top.extend(ImagenetNetwork::ALL.iter().map(|n| Head::new(n.title(), of(published, &[*n]).len())));
    let mut head = vec![Head::new("Source", 1)];
    head.extend(found.iter().map(|f| {
        let name = match f.norm {
            None | Some(Norm::Plain) => "Original Rep.",
            Some(Norm::Bn) => "BN Rep.",
            Some(Norm::Nd) => "ND Rep.",
        };
        Head::new(name, 1)
    }));
    let row = |label: &str, source, value: fn(&ImagenetFigures) -> Option<f64>| Row {
        label: label.into(),
        cells: found
            .iter()
            .map(|f| {
                let value = value(f);
                let shown = value.map_or_else(|| STATE.into(), duration);
                cell(f, source, "train_seconds", "s", value, shown)
            })
            .collect(),
    };
    StudyTable {
        name: "table10".into(),
        number: Some(10),
        caption: "Model training times for the ImageNet dataset (d: day, h: hour, min: minutes).".into(),
        environment: None,
        head: vec![top, head],
        rows: vec![row("Study", Source::Study, |f| Some(f.train_seconds)), row("Ours", Source::Ours, |_| None)],
        notes: vec![
            "Study: one attempt each on an NVIDIA A100 80 GB (Obadage et al., 2024); the original reports no times."
                .into(),
            MISSING_NOTE.into(),
        ],
    }
}

/// Says why our columns are empty.
const MISSING_NOTE: &str = "Ours: missing; no scenario trains these networks on ImageNet.";

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

fn percent(figures: &ImagenetFigures, source: Source, quantity: &'static str, value: Option<f64>) -> Cell {
    let shown = value.map_or_else(|| STATE.into(), |v| format!("{v:.2}"));
    cell(figures, source, quantity, "percent", value, shown)
}

fn cell(
    figures: &ImagenetFigures,
    source: Source,
    quantity: &'static str,
    unit: &'static str,
    value: Option<f64>,
    shown: String,
) -> Cell {
    let datum = Datum {
        dataset: "imagenet".into(),
        architecture: figures.network.key().into(),
        norm: figures.norm.map_or("none", Norm::key).into(),
        epochs: EPOCHS,
        source,
        quantity,
        unit,
        value,
        interval: None,
        n: (source == Source::Study).then_some(1),
        of: (source == Source::Study).then_some(1),
        state: if value.is_some() { "present".into() } else { STATE.into() },
    };
    Cell { shown, datum: Some(datum) }
}

/// `1 d 7 h 23 min`, minutes begun but not ended left out, as the study does.
fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor() as u64;
    format!("{} d {} h {} min", minutes / 1440, minutes % 1440 / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_those_that_the_study_prints() {
        let table = times(&Published::embedded().unwrap());
        let shown: Vec<&str> = table.rows[0].cells.iter().map(|c| c.shown.as_str()).collect();
        assert_eq!(
            shown,
            [
                "1 d 7 h 23 min",
                "1 d 15 h 38 min",
                "2 d 21 h 27 min",
                "0 d 13 h 8 min",
                "1 d 11 h 48 min",
                "3 d 21 h 18 min",
                "5 d 14 h 10 min"
            ]
        );
        assert!(table.rows[1].cells.iter().all(|c| c.shown == "missing"));
    }
}
