//! Where the time of a step goes, as bars of four parts: BN above ND, the longest training of each network.

use super::super::axes::{Canvas, GREY, INK, Panel, Scale};
use super::{Drawn, Figure, made};
use crate::event::StepSplit;
use crate::report::matrix::group_by;
use crate::report::model::{Report, ResourceRow};
use crate::report::study::slug;
use crate::report::words::{dataset_title, length, norm_title};
use plotters::style::RGBColor;

const WIDTH: i32 = 1060;
const TOP: i32 = 92;
const BOTTOM: i32 = 62;
const LEFT: i32 = 270;
/// Height of a network's two bars with the space around them.
const ROW: i32 = 54;
/// A part is named in its bar where it is at least so wide.
const NAMED: f64 = 22.0;

/// The parts in the order of a step: name, letter in the bar, colour (of Okabe and Ito), and whether the letter is white.
const PARTS: [(&str, &str, RGBColor, bool); 4] = [
    ("data", "D", RGBColor(240, 228, 66), false),
    ("forward", "F", RGBColor(86, 180, 233), false),
    ("backward", "B", RGBColor(0, 90, 140), true),
    ("optimiser", "O", RGBColor(204, 121, 167), false),
];

/// One figure a data set and environment with sampled steps.
pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let sampled = report.resources.iter().filter(|r| r.step.is_some());
    let groups = group_by(sampled, |r| (r.dataset.clone(), r.environment.clone()));
    groups.iter().map(|rows| figure(report, rows)).collect()
}

/// The rows of one figure; they are not empty.
fn figure(report: &Report, rows: &[&ResourceRow]) -> Figure {
    let ResourceRow { dataset, environment, .. } = rows[0];
    let label = environment.as_ref().filter(|_| report.environments.len() > 1);
    let suffix = label.map_or_else(String::new, |l| format!("-{l}"));
    let place = label.map_or_else(String::new, |l| format!(", environment {l}"));
    let name = format!("steps-{}{suffix}", slug(dataset));
    let title = format!("Where the time of a training step goes on {}{place}", dataset_title(dataset));
    let networks: Vec<Vec<&ResourceRow>> = group_by(rows.iter().copied(), |r| r.architecture)
        .into_iter()
        .map(|rows| {
            let longest = rows.iter().map(|r| r.epochs).max();
            rows.into_iter().filter(|r| Some(r.epochs) == longest).collect()
        })
        .collect();
    let alt = alt(&networks);
    let svg = draw(&networks, &title);
    made(report, environment.as_deref(), Drawn { svg, name, title, alt })
}

/// The parts of a step, milliseconds.
fn parts(row: &ResourceRow) -> [f64; 4] {
    let StepSplit { data, forward, backward, optimiser } = row.step.map(|s| s.split).unwrap_or_default();
    [data, forward, backward, optimiser].map(|s| 1e3 * s.0)
}

fn alt(networks: &[Vec<&ResourceRow>]) -> String {
    let bar = |row: &&ResourceRow| {
        let parts: Vec<String> =
            PARTS.iter().zip(parts(row)).map(|((name, ..), ms)| format!("{name} {ms:.2}")).collect();
        format!("{} {}", norm_title(row.norm), parts.join(", "))
    };
    let said = |rows: &Vec<&ResourceRow>| {
        let bars: Vec<String> = rows.iter().map(bar).collect();
        format!("{}: {}.", rows[0].architecture.title(), bars.join("; "))
    };
    let said: Vec<String> = networks.iter().map(said).collect();
    format!("Stacked bars, milliseconds of the parts of a sampled step. {}", said.join(" "))
}

fn draw(networks: &[Vec<&ResourceRow>], title: &str) -> String {
    let mut svg = String::new();
    {
        let height = ROW * networks.len() as i32;
        let canvas = Canvas::new(&mut svg, WIDTH, TOP + height + BOTTOM);
        let panel = Panel { x: (LEFT, WIDTH - 80), y: (TOP, TOP + height) };
        canvas.text(24, 30, 19, INK, "start", title);
        key(&canvas);
        let totals = networks.iter().flatten().map(|r| parts(r).iter().sum::<f64>());
        let scale = Scale::around(totals.chain([0.0]), panel.x);
        canvas.x_axis(&panel, &scale, "milliseconds of a sampled step");
        for (i, rows) in networks.iter().enumerate() {
            let top = TOP + ROW * i as i32;
            let name = format!("{}, {}", rows[0].architecture.title(), length(rows[0].epochs));
            canvas.text(LEFT - 46, top + ROW / 2 + 4, 13, INK, "end", &name);
            for (place, row) in rows.iter().enumerate() {
                bar(&canvas, &scale, row, f64::from(top + 6 + 22 * place as i32));
            }
        }
    }
    svg
}

fn key(canvas: &Canvas) {
    let mut x = 28;
    for (name, letter, colour, _) in PARTS {
        canvas.block((f64::from(x), f64::from(x + 14)), (48.0, 62.0), colour);
        let words = format!("{letter}: {name}");
        canvas.text(x + 20, 60, 12, INK, "start", &words);
        x += 48 + words.len() as i32 * 7;
    }
    canvas.text(24, 80, 11, GREY, "start", "Mean over the sampled steps, which wait for the device after each part.");
}

/// One norm: its parts from left to right, then the sum.
fn bar(canvas: &Canvas, scale: &Scale, row: &ResourceRow, top: f64) {
    canvas.text(LEFT - 10, top as i32 + 14, 12, INK, "end", norm_title(row.norm));
    let mut from = 0.0;
    for ((_, letter, colour, white), part) in PARTS.iter().zip(parts(row)) {
        let ends = (scale.at(from), scale.at(from + part));
        canvas.block(ends, (top, top + 18.0), *colour);
        if ends.1 - ends.0 >= NAMED {
            // On a bar, whose colour is the same in every colour scheme.
            let ink = if *white { RGBColor(255, 255, 255) } else { RGBColor(0, 0, 0) };
            canvas.text(((ends.0 + ends.1) / 2.0) as i32, top as i32 + 13, 11, ink, "middle", letter);
        }
        from += part;
    }
    canvas.text(scale.at(from) as i32 + 6, top as i32 + 13, 11, INK, "start", &format!("{from:.1} ms"));
}
