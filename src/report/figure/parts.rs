//! Where the time of a step goes by parts of the computation: a stacked bar an arm of each probe.

use super::axes::{Canvas, GREY, INK, Panel, Scale};
use super::signature::signed;
use super::study::accessible;
use crate::record::ProbeRecord;
use crate::report::parts::{ArmParts, PARTS};
use crate::report::probe::{arm_title, network_title};
use crate::report::words::{clean, environment_line};
use plotters::style::RGBColor;

const WIDTH: i32 = 1120;
const TOP: i32 = 112;
const BOTTOM: i32 = 62;
const LEFT: i32 = 350;
const BAR: i32 = 22;
/// Space between networks.
const GAP: i32 = 14;

/// Colours of [`PARTS`] (of Okabe and Ito; the same hue for there and back).
const COLOURS: [RGBColor; PARTS.len()] = [
    RGBColor(240, 228, 66),
    RGBColor(0, 158, 115),
    RGBColor(240, 150, 90),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(0, 90, 140),
    RGBColor(150, 120, 200),
    RGBColor(190, 190, 190),
];

/// What belongs to no part is drawn too.
const REST: RGBColor = RGBColor(110, 110, 110);

/// One network: its name, and its arms with their parts.
type Rows = (String, Vec<(String, ArmParts)>);

/// The figure as SVG; `None` where no probe has parts.
pub fn parts_figure(probes: &[ProbeRecord]) -> Option<String> {
    let networks: Vec<Rows> = probes.iter().filter_map(rows).collect();
    if networks.is_empty() {
        return None;
    }
    let title = "Where the time of a training step goes, forward and back";
    let mut sources: Vec<String> = probes.iter().map(|probe| clean(&environment_line(&probe.environment))).collect();
    sources.dedup();
    Some(accessible(&signed(&draw(&networks, title), &sources), "parts", title, &alt(&networks)))
}

fn rows(probe: &ProbeRecord) -> Option<Rows> {
    let arms = probe.cell.arms.iter().filter_map(|arm| Some((arm_title(arm), ArmParts::of(arm)?)));
    Some((network_title(probe), arms.collect::<Vec<_>>())).filter(|(_, arms)| !arms.is_empty())
}

fn alt(networks: &[Rows]) -> String {
    let arm = |(title, arm): &(String, ArmParts)| {
        let parts = PARTS.iter().copied().zip(arm.parts).chain([("rest", arm.rest)]);
        let parts: Vec<String> = parts.map(|(name, s)| format!("{name} {:.0}", 1e3 * s)).collect();
        format!("{title} {}", parts.join(", "))
    };
    let network = |(name, arms): &Rows| format!("{name}: {}.", arms.iter().map(arm).collect::<Vec<_>>().join("; "));
    format!("Stacked bars, milliseconds. {}", networks.iter().map(network).collect::<Vec<_>>().join(" "))
}

fn draw(networks: &[Rows], title: &str) -> String {
    let mut svg = String::new();
    let height: i32 = networks.iter().map(|(_, arms)| BAR * arms.len() as i32 + GAP).sum();
    {
        let canvas = Canvas::new(&mut svg, WIDTH, TOP + height + BOTTOM);
        let panel = Panel { x: (LEFT, WIDTH - 90), y: (TOP, TOP + height) };
        canvas.text(24, 30, 19, INK, "start", title);
        key(&canvas);
        let totals = networks.iter().flat_map(|(_, arms)| arms).map(|(_, arm)| 1e3 * arm.total());
        let scale = Scale::around(totals.chain([0.0]), panel.x);
        canvas.x_axis(&panel, &scale, "milliseconds");
        let mut top = TOP + GAP / 2;
        for (name, arms) in networks {
            canvas.text(LEFT - 120, top + BAR * arms.len() as i32 / 2 + 4, 13, INK, "end", name);
            for (title, arm) in arms {
                bar(&canvas, &scale, title, arm, top);
                top += BAR;
            }
            top += GAP;
        }
    }
    svg
}

fn key(canvas: &Canvas) {
    let (mut x, mut y) = (28, 50);
    for (name, colour) in PARTS.iter().zip(COLOURS).chain([(&"rest", REST)]) {
        if x > WIDTH - 200 {
            (x, y) = (28, y + 20);
        }
        canvas.block((f64::from(x), f64::from(x + 14)), (f64::from(y), f64::from(y + 14)), colour);
        canvas.text(x + 20, y + 12, 12, INK, "start", name);
        x += 48 + name.len() as i32 * 7;
    }
    canvas.text(
        24,
        y + 38,
        11,
        GREY,
        "start",
        "Medians over the rounds, of a step that waits for the device after each part.",
    );
}

fn bar(canvas: &Canvas, scale: &Scale, title: &str, arm: &ArmParts, top: i32) {
    canvas.text(LEFT - 10, top + 14, 12, INK, "end", title);
    let (mut from, low) = (0.0, f64::from(top) + 2.0);
    for (part, colour) in arm.parts.iter().zip(COLOURS).chain([(&arm.rest, REST)]) {
        // Medians of parts may come to more than that of the whole.
        let to = from + 1e3 * part.max(0.0);
        canvas.block((scale.at(from), scale.at(to)), (low, low + 16.0), colour);
        from = to;
    }
    canvas.text(scale.at(from) as i32 + 6, top + 14, 11, INK, "start", &format!("{:.0} ms", 1e3 * arm.total()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    #[test]
    fn a_probe_with_parts_is_drawn_and_one_without_is_not() {
        assert_eq!(parts_figure(&[made_up::probe(&[&[1.0], &[3.0]])]), None);
        let svg = parts_figure(&[crate::report::parts::tests::probe()]).unwrap();
        for part in ["VGG-16, CIFAR-10", "ND published", "Newton-Schulz back", "Newton-Schulz forward 750"] {
            assert!(svg.contains(part), "no `{part}` in {svg}");
        }
    }
}
