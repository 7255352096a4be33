use super::*;
use proptest::prelude::*;

fn generator() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

proptest! {
    #[test]
    fn a_part_lies_within_its_picture(seed: u64, width in 1u32..3000, height in 1u32..3000) {
        let Area { left, top, width: w, height: h } =
            random_area(&mut ChaCha8Rng::seed_from_u64(seed), width, height);
        prop_assert!(w >= 1 && h >= 1 && left + w <= width && top + h <= height);
    }

    #[test]
    fn the_centre_has_the_side_of_a_network(width in 1u32..3000, height in 1u32..3000) {
        let Window { left, top, width: w, height: h, .. } = centre(width, height);
        prop_assert!(left >= 0.0 && top >= 0.0);
        prop_assert!(left + w <= f64::from(width) + 1e-9 && top + h <= f64::from(height) + 1e-9);
        // The shorter side is scaled to 256 exactly, the other one to less than a pixel of it.
        let exact = f64::from(width.min(height)) * 224.0 / 256.0;
        let shorter = if width <= height { w } else { h };
        prop_assert!((shorter - exact).abs() < 1e-9);
    }
}

/// Shares of the area are uniform from 0.08 to 1 and logarithms of ratios from that of 3/4 to that of 4/3, on a square that
/// is large enough for rounding not to matter. A share above 0.75 does not fit at every ratio: below it nothing is refused.
#[test]
fn shares_and_ratios_are_uniform() {
    const SIDE: u32 = 20_000;
    let mut rng = generator();
    let areas: Vec<Area> = (0..40_000).map(|_| random_area(&mut rng, SIDE, SIDE)).collect();
    let share = |a: &Area| f64::from(a.width) * f64::from(a.height) / f64::from(SIDE).powi(2);
    let ratio = |a: &Area| (f64::from(a.width) / f64::from(a.height)).ln() / (4.0f64 / 3.0).ln();
    let small: Vec<&Area> = areas.iter().filter(|a| share(a) < 0.74).collect();
    for tenth in 0..10 {
        let within = |x: f64, least: f64, most: f64| {
            let step = (most - least) / 10.0;
            x >= least + f64::from(tenth) * step && x < least + f64::from(tenth + 1) * step
        };
        let part = |count: usize| count as f64 / small.len() as f64;
        let shares = part(small.iter().filter(|a| within(share(a), 0.08, 0.74)).count());
        let ratios = part(small.iter().filter(|a| within(ratio(a), -1.0, 1.0)).count());
        // Five standard deviations.
        assert!((shares - 0.1).abs() < 0.01 && (ratios - 0.1).abs() < 0.01, "{tenth}: {shares} {ratios}");
    }
    assert!(areas.iter().all(|a| (0.0799..=1.0).contains(&share(a)) && ratio(a).abs() < 1.001));
}

#[test]
fn corners_are_uniform() {
    let mut rng = generator();
    let (mut left, mut top, mut n) = (0.0, 0.0, 0.0);
    for _ in 0..20_000 {
        let a = random_area(&mut rng, 1000, 700);
        if a.width < 1000 && a.height < 700 {
            left += f64::from(a.left) / f64::from(1000 - a.width);
            top += f64::from(a.top) / f64::from(700 - a.height);
            n += 1.0;
        }
    }
    // Five standard deviations of a mean of uniform numbers.
    let bound = 5.0 * (1.0 / 12.0f64 / n).sqrt();
    assert!((left / n - 0.5).abs() < bound && (top / n - 0.5).abs() < bound, "{} {}", left / n, top / n);
}

/// What torchvision takes where no draw fits.
#[test]
fn the_middle_keeps_to_the_ratios() {
    let area = |left, top, width, height| Area { left, top, width, height };
    assert_eq!(middle(1000, 100), area(433, 0, 133, 100));
    assert_eq!(middle(100, 1000), area(0, 433, 100, 133));
    assert_eq!(middle(120, 100), area(0, 0, 120, 100));
    assert_eq!(random_area(&mut generator(), 3000, 2), middle(3000, 2));
}

/// 500x375 becomes 341x256 (torchvision rounds down); the cut begins at round(58.5) = 58 and 16.
#[test]
fn the_centre_is_that_of_torchvision() {
    let Window { left, top, width, height, open } = centre(500, 375);
    let (x, y) = (500.0 / 341.0, 375.0 / 256.0);
    assert_eq!((left, top, width, height, open), (58.0 * x, 16.0 * y, 224.0 * x, 224.0 * y, true));
}

#[test]
fn an_image_is_seen_by_seed_epoch_and_number_alone() {
    let size = (500, 375);
    let view = |seed, epoch| View::Training { seed, epoch };
    assert_eq!(view(1, 1).of(5, size), view(1, 1).of(5, size));
    let others = [view(1, 1).of(6, size), view(1, 2).of(5, size), view(2, 1).of(5, size)];
    assert!(others.iter().all(|other| other.0 != view(1, 1).of(5, size).0), "{others:?}");
    let mirrored = (0..10_000).filter(|number| view(3, 1).of(*number, size).1).count();
    assert!((4750..5250).contains(&mirrored), "{mirrored}");
}

/// Written down: results stay reproducible from version to version.
#[test]
fn a_seed_means_the_same_for_ever() {
    let (window, mirrored) = View::Training { seed: 42, epoch: 1 }.of(3, (500, 375));
    assert_eq!((window.left, window.top, window.width, window.height, mirrored), (44.0, 52.0, 311.0, 301.0, true));
}
