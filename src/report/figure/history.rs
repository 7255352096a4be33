//! The time of a step from commit to commit: a panel a series, a dashed line where a new level begins.

use super::axes::{Canvas, GREY, INK, Panel, Scale};
use super::study::{Figure, accessible};
use super::{ND, look};
use crate::record::Series;
use crate::report::history::words;

const WIDTH: i32 = 980;
/// Height of a panel with its title and axis.
const HEIGHT: i32 = 240;
const TOP: i32 = 48;
const DAY: f64 = 86_400.0;

/// The figure; `None` where no series has a point.
pub fn history_figure(series: &[Series]) -> Option<Figure> {
    let panels: Vec<&Series> = series.iter().filter(|one| !one.points.is_empty()).collect();
    if panels.is_empty() {
        return None;
    }
    let title = "Time of a training step from commit to commit";
    let mut svg = String::new();
    {
        let canvas = Canvas::new(&mut svg, WIDTH, TOP + HEIGHT * panels.len() as i32);
        canvas.text(24, 30, 19, INK, "start", title);
        panels.iter().enumerate().for_each(|(number, one)| draw(&canvas, one, TOP + HEIGHT * number as i32));
    }
    let shifts: Vec<String> =
        panels.iter().flat_map(|one| one.shifts().into_iter().map(|shift| words(one, &shift))).collect();
    let found = if shifts.is_empty() { "No change point was found".into() } else { shifts.join("; ") };
    let alt = format!("Lines over time, {} series. {found}.", panels.len());
    let svg = accessible(&svg, "history", title, &alt);
    Some(Figure { name: "history".into(), title: title.into(), alt, svg })
}

fn draw(canvas: &Canvas, series: &Series, top: i32) {
    let panel = Panel { x: (90, WIDTH - 40), y: (top + 36, top + HEIGHT - 52) };
    let first = series.points[0].at;
    let days = |at: jiff::Timestamp| at.duration_since(first).as_secs_f64() / DAY;
    let across = Scale::around(series.points.iter().map(|p| days(p.at)).chain([0.0, 1.0]), panel.x);
    let up = Scale::around(series.points.iter().map(|p| 1e3 * p.seconds.0), (panel.y.1, panel.y.0));
    canvas.text(panel.x.0, top + 20, 13, INK, "start", &format!("{} on {}", series.arm.name(), series.environment));
    canvas.x_axis(&panel, &across, &format!("days since {}", first.strftime("%Y-%m-%d")));
    canvas.y_axis(&panel, &up, " ms");
    let (colour, _) = look(series.arm.norm);
    let places: Vec<(f64, f64)> =
        series.points.iter().map(|p| (across.at(days(p.at)), up.at(1e3 * p.seconds.0))).collect();
    canvas.line(places, colour, 1.0, 2);
    for shift in series.shifts() {
        let point = &series.points[shift.at];
        let x = across.at(days(point.at));
        canvas.dashed(&[(x, f64::from(panel.y.0)), (x, f64::from(panel.y.1))], GREY, 5.0);
        let label = format!("{:+.1} %, {}", 100.0 * shift.change.exp_m1(), point.commit);
        canvas.text(x as i32 + 5, panel.y.0 + 12, 12, ND, "start", &label);
    }
}
