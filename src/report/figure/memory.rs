//! Memory over the batch: a panel for each network, a line for each norm, and where each device ends.

use super::axes::{Canvas, GREY, INK, Panel, Scale};
use super::look;
use super::signature::signed;
use super::study::accessible;
use crate::report::words::clean;
use crate::scenario::Norm;

/// A network.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPanel {
    /// What stands above it.
    pub title: String,
    /// Its norms.
    pub lines: Vec<MemoryLine>,
}

/// One norm of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryLine {
    /// What stands beside it.
    pub name: String,
    /// Whose colour it has.
    pub norm: Norm,
    /// Images of a step, and bytes.
    pub points: Vec<(u32, u64)>,
}

const WIDTH: i32 = 1080;
const HEIGHT: i32 = 330;
const TOP: i32 = 60;
const GIB: f64 = (1_u64 << 30) as f64;

/// The figure as SVG; `limits` are devices and their bytes.
pub fn memory_figure(panels: &[MemoryPanel], limits: &[(String, u64)]) -> String {
    let title = "Estimated memory of a training over its batch";
    let rows = panels.len().div_ceil(2) as i32;
    let mut svg = String::new();
    {
        let canvas = Canvas::new(&mut svg, WIDTH, TOP + HEIGHT * rows.max(1) + 30);
        canvas.text(24, 30, 19, INK, "start", title);
        for (number, panel) in panels.iter().enumerate() {
            let (column, row) = (number as i32 % 2, number as i32 / 2);
            draw(&canvas, panel, limits, (column * (WIDTH / 2), TOP + row * HEIGHT));
        }
    }
    let alt: Vec<String> = panels.iter().map(|panel| words(panel, limits)).collect();
    accessible(&signed(&svg, &["estimates of ndbench plan".to_owned()]), "memory", title, &alt.join(" "))
}

fn draw(canvas: &Canvas, network: &MemoryPanel, limits: &[(String, u64)], (left, top): (i32, i32)) {
    let panel = Panel { x: (left + 60, left + WIDTH / 2 - 110), y: (top + 30, top + HEIGHT - 60) };
    canvas.text(panel.x.0, top + 16, 14, INK, "start", &clean(&network.title));
    let points = || network.lines.iter().flat_map(|line| line.points.iter());
    let gib = |bytes: u64| bytes as f64 / GIB;
    let across = Scale::logarithmic(points().map(|point| f64::from(point.0)), panel.x);
    let all = points().map(|point| gib(point.1)).chain(limits.iter().map(|limit| gib(limit.1)));
    let up = Scale::logarithmic(all, (panel.y.1, panel.y.0));
    canvas.x_axis(&panel, &across, "images of a step");
    canvas.y_axis(&panel, &up, " GiB");
    for (name, bytes) in limits {
        let y = up.at(gib(*bytes));
        canvas.dashed(&[(f64::from(panel.x.0), y), (f64::from(panel.x.1), y)], GREY, 5.0);
        canvas.text(panel.x.1 + 6, y as i32 + 4, 11, GREY, "start", &clean(name));
    }
    for line in &network.lines {
        let (colour, mark) = look(line.norm);
        let place = |(batch, bytes): &(u32, u64)| (across.at(f64::from(*batch)), up.at(gib(*bytes)));
        let places: Vec<(f64, f64)> = line.points.iter().map(place).collect();
        places.iter().for_each(|(x, y)| canvas.mark(mark, *x, *y, colour));
        if let Some((x, y)) = places.first() {
            canvas.text(*x as i32, *y as i32 - 10, 11, colour, "start", &clean(&line.name));
        }
        canvas.line(places, colour, 1.0, 2);
    }
}

fn words(panel: &MemoryPanel, limits: &[(String, u64)]) -> String {
    let line = |line: &MemoryLine| {
        let most = |limit: u64| line.points.iter().filter(|point| point.1 <= limit).map(|point| point.0).max();
        let fits = |(name, bytes): &(String, u64)| match most(*bytes) {
            Some(batch) => format!("{batch} on {name}"),
            None => format!("none on {name}"),
        };
        format!("{} up to {}", line.name, limits.iter().map(fits).collect::<Vec<_>>().join(", "))
    };
    format!("{}: {}.", panel.title, panel.lines.iter().map(line).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_lines_are_drawn_and_said() {
        let line = MemoryLine { name: "nd fast".into(), norm: Norm::Nd, points: vec![(64, 3 << 30), (128, 5 << 30)] };
        let panel = MemoryPanel { title: "VGG-16".into(), lines: vec![line] };
        let svg = memory_figure(&[panel], &[("small".into(), 4 << 30), ("tiny".into(), 1 << 20)]);
        for words in ["VGG-16", "nd fast up to 64 on small, none on tiny", "GiB", "images of a step"] {
            assert!(svg.contains(words), "{words}");
        }
    }
}
