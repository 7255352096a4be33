//! Learning curves, a panel a network: test solid, training dashed, one line an attempt.

use super::super::axes::{Canvas, GREY, INK, Mark, Panel, Scale};
use super::super::crowd::{self, is_crowd, thinned};
use super::super::{BN, ND, look};
use super::{Drawn, Figure, made};
use crate::report::matrix::group_by;
use crate::report::model::{AccuracyRow, Report};
use crate::report::study::slug;
use crate::report::words::{dataset_title, length, norm_title, plural};

/// Panels beside each other.
const COLUMNS: i32 = 4;
/// Width and height of a plot.
const PLOT: (i32, i32) = (216, 150);
/// Space left of a plot and below it, for the scales.
const SCALES: (i32, i32) = (58, 76);
const TOP: i32 = 92;
/// No figure is narrower: title and key need room.
const NARROWEST: i32 = 720;

/// One figure a data set, length above one epoch and environment with curves.
pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let drawn = report.accuracy.iter().filter(|r| r.epochs > 1 && !r.curves.is_empty());
    let groups = group_by(drawn, |r| (r.dataset.clone(), r.epochs, r.environment.clone()));
    groups.iter().map(|rows| figure(report, rows)).collect()
}

/// The rows of one figure; they are not empty.
fn figure(report: &Report, rows: &[&AccuracyRow]) -> Figure {
    let AccuracyRow { dataset, epochs, environment, .. } = rows[0];
    let label = environment.as_ref().filter(|_| report.environments.len() > 1);
    let suffix = label.map_or_else(String::new, |l| format!("-{l}"));
    let place = label.map_or_else(String::new, |l| format!(", environment {l}"));
    let name = format!("curves-{}-{epochs}{suffix}", slug(dataset));
    let title = format!("Learning curves on {}, {}{place}", dataset_title(dataset), length(*epochs));
    let networks = group_by(rows.iter().copied(), |r| r.architecture);
    let alt = alt(&networks);
    let svg = draw(&networks, &title);
    made(report, environment.as_deref(), Drawn { svg, name, title, alt })
}

/// The last values, in words.
fn alt(networks: &[Vec<&AccuracyRow>]) -> String {
    let said = |rows: &Vec<&AccuracyRow>| {
        let norms = rows.iter().filter_map(|r| {
            let (test, train) = (r.test_top1?.mean, r.train_top1?.mean);
            Some(format!("{} ends at {test:.2} % on the test images, {train:.2} % in training", norm_title(r.norm)))
        });
        format!("{}: {}.", rows[0].architecture.title(), norms.collect::<Vec<_>>().join("; "))
    };
    let said: Vec<String> = networks.iter().map(said).collect();
    let crowd = networks.iter().flatten().any(|r| is_crowd(&r.curves));
    let lines = if crowd { "median and middle 90 % of many attempts" } else { "one line an attempt" };
    format!(
        "Line plots with {}, one a network: top-1 accuracy in percent after each epoch, {lines}. {}",
        plural(networks.len(), "panel"),
        said.join(" ")
    )
}

fn draw(networks: &[Vec<&AccuracyRow>], title: &str) -> String {
    let count = networks.len() as i32;
    let (across, down) = (count.min(COLUMNS), (count + COLUMNS - 1) / COLUMNS);
    let (width, height) = (across * (SCALES.0 + PLOT.0) + 30, TOP + down * (PLOT.1 + SCALES.1));
    let mut svg = String::new();
    {
        let canvas = Canvas::new(&mut svg, width.max(NARROWEST), height);
        canvas.text(24, 30, 19, INK, "start", title);
        key(&canvas, networks.iter().flatten().any(|r| is_crowd(&r.curves)));
        for (i, rows) in networks.iter().enumerate() {
            let (column, line) = (i as i32 % COLUMNS, i as i32 / COLUMNS);
            let (left, top) = (SCALES.0 + column * (SCALES.0 + PLOT.0), TOP + 16 + line * (PLOT.1 + SCALES.1));
            let panel = Panel { x: (left, left + PLOT.0), y: (top, top + PLOT.1) };
            canvas.text(left, top - 8, 13, INK, "start", rows[0].architecture.title());
            draw_panel(&canvas, &panel, rows);
        }
    }
    svg
}

fn key(canvas: &Canvas, crowd: bool) {
    let mut x = 30;
    for (words, colour, mark) in [("BN", BN, Mark::Disc), ("ND", ND, Mark::Square)] {
        canvas.mark(mark, f64::from(x), 54.0, colour);
        canvas.text(x + 12, 58, 12, INK, "start", words);
        x += 54;
    }
    canvas.line(vec![(f64::from(x), 54.0), (f64::from(x + 32), 54.0)], INK, 1.0, 2);
    canvas.text(x + 40, 58, 12, INK, "start", "test images, after the epoch");
    x += 230;
    canvas.dashed(&[(f64::from(x), 54.0), (f64::from(x + 32), 54.0)], INK, 4.0);
    canvas.text(x + 40, 58, 12, INK, "start", "training batches, as the weights stood");
    let mut words = String::from("Top-1, percent. Each panel has its own scale.");
    if crowd {
        words += &format!(" {}", crowd::WORDS);
    }
    canvas.text(24, 78, 11, GREY, "start", &words);
}

fn draw_panel(canvas: &Canvas, panel: &Panel, rows: &[&AccuracyRow]) {
    let epochs = rows[0].epochs;
    let x = Scale::around([if epochs > 10 { 0.0 } else { 1.0 }, f64::from(epochs)], panel.x);
    let lines: Vec<_> = rows.iter().map(|r| (r.norm, thinned(&r.curves), thinned(&r.train_curves))).collect();
    let values = lines.iter().flat_map(|(_, test, train)| test.iter().chain(train.iter()).flatten().copied());
    let y = Scale::around(values, (panel.y.1, panel.y.0));
    canvas.x_axis(panel, &x, "epoch");
    canvas.y_axis(panel, &y, "");
    for (norm, test, train) in &lines {
        let (colour, mark) = look(*norm);
        let points = |curve: &Vec<f64>| -> Vec<(f64, f64)> {
            curve.iter().enumerate().map(|(i, v)| (x.at((i + 1) as f64), y.at(*v))).collect()
        };
        for curve in train.iter() {
            canvas.dashed(&points(curve), colour, 4.0);
        }
        for curve in test.iter() {
            let points = points(curve);
            let last = points.last().copied();
            canvas.line(points, colour, 0.9, 2);
            last.into_iter().for_each(|(x, y)| canvas.mark(mark, x, y, colour));
        }
    }
}
