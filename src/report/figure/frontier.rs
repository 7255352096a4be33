//! Training time against accuracy: a panel for each network, a mark for BN, ND and each of its variants.

use super::axes::{Canvas, INK, Mark, Panel, Scale};
use super::look;
use super::signature::signed;
use super::study::accessible;
use crate::report::frontier::{Frontier, Point};
use crate::report::words::{clean, dataset_title, environment_line, length};
use crate::scenario::Norm;

const WIDTH: i32 = 820;
/// Height of a panel with its title and axis.
const HEIGHT: i32 = 380;
const TOP: i32 = 48;

/// The figure as SVG; `None` where nothing has both a time and an accuracy.
pub fn frontier_figure(frontiers: &[Frontier]) -> Option<String> {
    let panels: Vec<&Frontier> = frontiers.iter().filter(|f| f.points.iter().any(|p| place(p).is_some())).collect();
    if panels.is_empty() {
        return None;
    }
    let title = "Training time against test accuracy";
    let mut svg = String::new();
    {
        let canvas = Canvas::new(&mut svg, WIDTH, TOP + HEIGHT * panels.len() as i32 + 40);
        canvas.text(24, 30, 19, INK, "start", title);
        panels.iter().enumerate().for_each(|(number, frontier)| draw(&canvas, frontier, TOP + HEIGHT * number as i32));
    }
    let mut sources: Vec<String> = panels.iter().map(|f| clean(&environment_line(&f.environment))).collect();
    sources.dedup();
    let alt: Vec<String> = panels.iter().map(|frontier| words(frontier)).collect();
    Some(accessible(&signed(&svg, &sources), "frontier", title, &alt.join(" ")))
}

/// Training time and accuracy, means over the attempts.
fn place(point: &Point) -> Option<(f64, f64)> {
    Some((point.seconds?.mean, point.test_top1?.mean))
}

/// What times are drawn in: BN's, where that is known, and the name of the axis.
fn unit(frontier: &Frontier) -> (f64, &'static str) {
    let bn = frontier.points.iter().find(|point| point.norm == Norm::Bn).and_then(place);
    bn.map_or((1.0, "seconds of one training"), |(seconds, _)| (seconds, "training time to that of BN"))
}

/// What has no place, such as a variant that diverged each time.
fn missing(frontier: &Frontier) -> impl Iterator<Item = &str> {
    frontier.points.iter().filter(|point| place(point).is_none()).map(|point| point.name.as_str())
}

fn title(frontier: &Frontier) -> String {
    let Frontier { architecture, dataset, epochs, .. } = frontier;
    format!("{}, {} of {}", architecture.title(), length(*epochs), dataset_title(dataset))
}

fn words(frontier: &Frontier) -> String {
    let point = |point: &Point| place(point).map(|(s, top1)| format!("{} {s:.1} s {top1:.2} %", point.name));
    let missing = missing(frontier).map(|name| format!("{name} without a time and an accuracy"));
    let all: Vec<String> = frontier.points.iter().filter_map(point).chain(missing).collect();
    format!("{}: {}.", title(frontier), all.join("; "))
}

fn draw(canvas: &Canvas, frontier: &Frontier, top: i32) {
    let panel = Panel { x: (90, WIDTH - 150), y: (top + 40, top + HEIGHT - 50) };
    canvas.text(panel.x.0, top + 22, 14, INK, "start", &title(frontier));
    let (unit, axis) = unit(frontier);
    let places: Vec<(&Point, f64, f64)> =
        frontier.points.iter().filter_map(|point| place(point).map(|(s, top1)| (point, s / unit, top1))).collect();
    let across = Scale::around(places.iter().map(|p| p.1).chain([0.0]), panel.x);
    let up = Scale::around(places.iter().map(|p| p.2), (panel.y.1, panel.y.0));
    canvas.x_axis(&panel, &across, axis);
    canvas.y_axis(&panel, &up, "test top-1, %");
    let missing: Vec<&str> = missing(frontier).collect();
    if !missing.is_empty() {
        let words = format!("without a time and an accuracy: {}", missing.join(", "));
        canvas.text(panel.x.1, panel.y.0 - 8, 12, INK, "end", &words);
    }
    for (point, time, top1) in places {
        let (colour, mark) = look(point.norm);
        let own = matches!(point.name.as_str(), "BN" | "ND");
        let mark: Mark = if own { mark } else { mark.open() };
        let (x, y) = (across.at(time), up.at(top1));
        canvas.mark(mark, x, y, colour);
        canvas.text(x as i32 + 9, y as i32 + 4, 12, INK, "start", &point.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(frontier_figure(&[]), None);
    }
}
