//! The bootstrap against scipy and against what must hold of any.

use super::super::fixtures::{cases, close, float, list};
use super::super::{mean, median, t_interval};
use super::*;
use proptest::prelude::*;

fn average(values: &[f64]) -> f64 {
    mean(values).unwrap_or(f64::NAN)
}

fn average_of_averages(clusters: &[Vec<f64>]) -> f64 {
    average(&clusters.iter().map(|c| average(c)).collect::<Vec<_>>())
}

const BCA: Bootstrap = Bootstrap { method: Method::Bca, level: LEVEL, resamples: 10_000, seed: 0 };

#[test]
fn of_few_values_every_resample_is_taken_as_scipy_given_all_of_them() {
    for case in cases("bootstrap_all") {
        let values = list(&case["values"]);
        let statistic = |v: &[f64]| if case["statistic"] == "mean" { average(v) } else { median(v).unwrap() };
        for (method, expected) in [(Method::Percentile, &case["percentile"]), (Method::Bca, &case["bca"])] {
            let found = Bootstrap { method, ..BCA }.interval(&values, statistic).unwrap();
            close(found.low, &expected[0]);
            close(found.high, &expected[1]);
        }
    }
}

#[test]
fn of_many_values_the_random_resamples_come_near_scipy_s() {
    for case in cases("bootstrap_random") {
        let values = list(&case["values"]);
        for (method, expected) in [(Method::Percentile, &case["percentile"]), (Method::Bca, &case["bca"])] {
            let found = Bootstrap { method, ..BCA }.interval(&values, average).unwrap();
            let allowed = 0.05 * (float(&expected[1]) - float(&expected[0]));
            assert!((found.low - float(&expected[0])).abs() < allowed, "{method:?} {found:?} {expected}");
            assert!((found.high - float(&expected[1])).abs() < allowed, "{method:?} {found:?} {expected}");
        }
    }
}

#[test]
fn clusters_are_drawn_first_as_an_independent_simulation_does() {
    for case in cases("bootstrap_clustered") {
        let clusters: Vec<Vec<f64>> = case["clusters"].as_array().unwrap().iter().map(list).collect();
        let found = Bootstrap::default().clustered(&clusters, average_of_averages).unwrap();
        let (low, high) = (float(&case["percentile"][0]), float(&case["percentile"][1]));
        let allowed = 0.05 * (high - low);
        assert!((found.low - low).abs() < allowed && (found.high - high).abs() < allowed, "{found:?} {case}");
        // One level alone would be far narrower.
        let flat = Bootstrap::default().interval(&clusters.concat(), average).unwrap();
        assert!(flat.width() < 0.7 * found.width(), "{flat:?} {found:?}");
    }
}

#[test]
fn few_values_have_no_interval() {
    for values in [&[][..], &[1.0], &[1.0, 2.0], &[1.0, 2.0, f64::NAN], &[1.0, 2.0, f64::INFINITY]] {
        assert_eq!(Bootstrap::default().interval(values, average), None, "{values:?}");
        assert_eq!(BCA.interval(values, average), None, "{values:?}");
        let clusters: Vec<Vec<f64>> = values.iter().map(|&v| vec![v, v]).collect();
        assert_eq!(Bootstrap::default().clustered(&clusters, average_of_averages), None, "{values:?}");
    }
    assert_eq!(Bootstrap::default().clustered(&[vec![1.0], vec![2.0], vec![]], average_of_averages), None);
    let values = [1.0, 2.0, 4.0];
    assert_eq!(Bootstrap { resamples: 0, ..BCA }.interval(&values, average), None);
    for level in [0.0, 1.0, f64::NAN] {
        assert_eq!(Bootstrap { level, ..BCA }.interval(&values, average), None);
    }
    assert_eq!(BCA.interval(&values, |_| f64::NAN), None);
}

#[test]
fn identical_values_have_an_interval_without_width() {
    for bootstrap in [Bootstrap::default(), BCA] {
        for n in [3, 5, 9] {
            let found = bootstrap.interval(&vec![99.85; n], average).unwrap();
            assert_eq!((found.low, found.high), (99.85, 99.85));
        }
    }
}

#[test]
fn the_interval_covers_the_truth_about_as_often_as_it_says() {
    // 200 samples of 12 values, uniform by a generator of their own; the mean is 0.5. The percentile interval of 12
    // values covers in a little less than 95 % of them.
    let mut draw = Draw::new(77);
    let bootstrap = Bootstrap { resamples: 600, ..Bootstrap::default() };
    let covered = (0..200)
        .filter(|_| {
            let values: Vec<f64> = (0..12).map(|_| draw.below(1 << 20) as f64 / f64::from(1 << 20)).collect();
            let i = bootstrap.interval(&values, average).unwrap();
            i.low < 0.5 && 0.5 < i.high
        })
        .count();
    assert!((172..=198).contains(&covered), "{covered} of 200");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_seed_alone_decides(values in prop::collection::vec(-10f64..10.0, 6..12), seed in 0u64..100) {
        let few = Bootstrap { resamples: 300, seed, ..Bootstrap::default() };
        prop_assert_eq!(few.interval(&values, average), few.interval(&values, average));
        let other = Bootstrap { seed: seed + 1, ..few };
        prop_assert_ne!(few.interval(&values, average), other.interval(&values, average));
    }

    #[test]
    fn it_moves_and_stretches_with_the_values(
        values in prop::collection::vec(-10f64..10.0, 3..8), shift in -5f64..5.0, factor in 0.5f64..3.0,
    ) {
        for bootstrap in [Bootstrap { resamples: 300, ..Bootstrap::default() }, Bootstrap { resamples: 300, ..BCA }] {
            let moved: Vec<f64> = values.iter().map(|v| v * factor + shift).collect();
            let (plain, moved) = (bootstrap.interval(&values, average), bootstrap.interval(&moved, average));
            prop_assert_eq!(plain.is_some(), moved.is_some());
            if let Some((plain, moved)) = plain.zip(moved) {
                prop_assert!((plain.low * factor + shift - moved.low).abs() < 1e-6);
                prop_assert!((plain.high * factor + shift - moved.high).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn ends_are_in_order_inside_the_values_and_wider_with_the_level(values in prop::collection::vec(-10f64..10.0, 3..6)) {
        let at = |level: f64| Bootstrap { level, ..Bootstrap::default() }.interval(&values, average).unwrap();
        let (narrow, wide) = (at(0.8), at(0.99));
        prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        prop_assert!(wide.low >= lowest - 1e-9);
    }

    #[test]
    fn of_three_values_t_is_the_wider(values in prop::collection::vec(-10f64..10.0, 3..=3)) {
        let plain = Bootstrap::default().interval(&values, average).unwrap();
        prop_assert!(plain.width() <= t_interval(&values, LEVEL).unwrap().width() + 1e-9);
    }
}
