//! What the floor of a step is made of: how many operations the mathematics needs, and the rate that the device gives for
//! them.

use super::added::{floor_of, plain_step};
use super::probe::network_title;
use super::table::Table;
use crate::record::{Operations, ProbeArm, ProbeRecord};
use crate::scenario::{Implementation, Norm};
use crate::units::Seconds;

const GIGA: f64 = 1e9;

/// A row a network whose floor was measured, with `fast`. Empty where there is none.
pub(super) fn operations_table(probes: &[ProbeRecord]) -> String {
    let parts = ["Convolution", "Newton-Schulz", "Covariance", "Weight"];
    let head = ["Network"]
        .into_iter()
        .chain(parts.into_iter().flat_map(|part| [part, "Rate"]))
        .chain(["All", "Floor", "Of ND"]);
    let mut table = Table::new(1, &head.collect::<Vec<_>>());
    let rows: Vec<Vec<String>> = probes.iter().filter_map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.into_iter().for_each(|row| table.row(row));
    table.render()
        + "\nBillions (10^9) of floating-point operations of a step with ND, two for each multiply-add, of symmetric products half, \
           forward and back; rate: billions of them in a second, of convolution in the plain step as a whole, else in products \
           of the layers' sizes. Floor: all of them, each at its rate. Of ND: the share of the floor that whitening needs.\n"
}

fn row(probe: &ProbeRecord) -> Option<Vec<String>> {
    let arms = &probe.cell.arms;
    let plain = arms.iter().find(|arm| arm.norm == Norm::Plain)?;
    let fast = |arm: &&ProbeArm| arm.deconvolution.is_some_and(|d| d.implementation == Implementation::Fast);
    let arm = arms.iter().find(fast)?;
    let (floor, plain_step) = (arm.floor?, plain_step(plain));
    let operations @ Operations { convolution, newton_schulz, covariance, weight } = floor.operations?;
    let parts = [
        (convolution, plain_step),
        (newton_schulz, floor.newton_schulz),
        (covariance, floor.covariance),
        (weight, floor.weight),
    ];
    let cells = parts.into_iter().flat_map(|(count, Seconds(seconds))| [billions(count), billions(count / seconds)]);
    let least = floor_of(arm, plain)?;
    let share = format!("{:.0} %", 100.0 * floor.total().0 / least.0);
    Some(
        [network_title(probe)]
            .into_iter()
            .chain(cells)
            .chain([billions(operations.total()), least.to_string(), share])
            .collect(),
    )
}

/// Three digits, at most one after the point.
fn billions(count: f64) -> String {
    let billions = count / GIGA;
    if billions < 10.0 { format!("{billions:.1}") } else { format!("{billions:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Floor, made_up};

    #[test]
    fn operations_and_their_rates() {
        let mut probe = made_up::probe(&[&[1.0], &[4.0]]);
        let mut plain = probe.cell.arms[0].clone();
        plain.norm = Norm::Plain;
        probe.cell.arms.push(plain);
        assert_eq!(operations_table(std::slice::from_ref(&probe)), "", "no floor, no table");

        let fast = &mut probe.cell.arms[1];
        fast.deconvolution.as_mut().unwrap().implementation = Implementation::Fast;
        let operations = Operations { convolution: 100e9, newton_schulz: 20e9, covariance: 5e9, weight: 4.5e9 };
        let seconds =
            Floor { newton_schulz: Seconds(0.5), covariance: Seconds(0.25), weight: Seconds(0.25), operations: None };
        fast.floor = Some(Floor { operations: Some(operations), ..seconds });
        let text = operations_table(&[probe]);
        let cells: Vec<&str> = text.lines().nth(2).unwrap().split('|').map(str::trim).collect();
        let expected =
            ["VGG-16, CIFAR-10", "100", "100", "20", "40", "5.0", "20", "4.5", "18", "130", "2.00 s", "50 %"];
        assert_eq!(cells[1..cells.len() - 1], expected);
    }
}
