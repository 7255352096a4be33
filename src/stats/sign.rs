//! The exact sign test.

use serde::Serialize;
use statrs::distribution::{Binomial, DiscreteCDF};

/// How many differences go each way, and how often chance alone is as lopsided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SignTest {
    /// Differences above 0.
    pub positive: u64,
    /// Differences below 0.
    pub negative: u64,
    /// Differences of 0, which say nothing and are left out of the test.
    pub ties: u64,
    /// Exact two-sided probability.
    pub p: f64,
}

/// The two-sided sign test against "either way is as likely"; `None` where every difference is 0, where there is none,
/// or where one is not a finite number. Five differences that all go one way have p = 0.0625, six 0.03125.
pub fn sign_test(differences: &[f64]) -> Option<SignTest> {
    if differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let count = |which: fn(f64) -> bool| differences.iter().filter(|&&d| which(d)).count() as u64;
    let (positive, negative) = (count(|d| d > 0.0), count(|d| d < 0.0));
    let n = positive + negative;
    if n == 0 {
        return None;
    }
    let tail = Binomial::new(0.5, n).ok()?.cdf(positive.min(negative));
    Some(SignTest { positive, negative, ties: differences.len() as u64 - n, p: (2.0 * tail).min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{cases, close, list};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scipy_agrees() {
        for case in cases("sign") {
            let test = sign_test(&list(&case["differences"])).unwrap();
            assert_eq!(test.positive, case["positive"]);
            assert_eq!(test.negative, case["negative"]);
            close(test.p, &case["p"]);
        }
    }

    #[test]
    fn few_differences_and_ties() {
        for none in [&[][..], &[0.0, -0.0], &[1.0, f64::NAN], &[f64::INFINITY]] {
            assert_eq!(sign_test(none), None, "{none:?}");
        }
        let tied = sign_test(&[2.0, 1.0, 0.0]).unwrap();
        assert_eq!((tied.positive, tied.negative, tied.ties), (2, 0, 1));
        for (n, p) in [(1, 1.0), (2, 0.5), (5, 0.0625), (6, 0.03125)] {
            assert!((sign_test(&vec![1.0; n]).unwrap().p - p).abs() < 1e-12, "{n}");
        }
    }

    proptest! {
        #[test]
        fn only_the_signs_count(differences in prop::collection::vec(-5f64..5.0, 1..30), factor in 0.1f64..10.0) {
            let of = |f: f64| sign_test(&differences.iter().map(|d| d * f).collect::<Vec<_>>()).unwrap();
            let (plain, turned) = (of(1.0), of(-factor));
            prop_assert_eq!((plain.positive, plain.negative), (turned.negative, turned.positive));
            prop_assert!((plain.p - turned.p).abs() < 1e-12 && plain.p > 0.0 && plain.p <= 1.0);
        }
    }
}
