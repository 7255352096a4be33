//! Printed digits: what rounding explains, and slips of a digit.
//!
//! The published files hold numbers, so that a zero at the end is lost: 74.20 reads 74.2. Most values of a table have
//! the same number of decimals, and one that shows a single digit fewer is taken to end in a zero. One that shows still
//! fewer was printed so.

/// How many units of its last digit a printed value may be off before it is a finding. Half a unit is rounding, a whole
/// one is cutting off; two leave room for a mean that was computed from rounded values. Nothing relative is allowed: the
/// times of the study agree to the digit where they agree at all.
pub(super) const LAST_DIGIT_UNITS: f64 = 2.0;

/// What binary fractions may add to a difference of decimal ones.
const SLACK: f64 = 1e-6;

/// How close a printed value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grade {
    /// Rounded, or cut off after the last digit.
    Agrees,
    /// Within [`LAST_DIGIT_UNITS`].
    LastDigit,
    /// Farther off.
    Disagrees,
}

/// How many decimals a number shows.
pub(super) fn decimals(value: f64) -> usize {
    format!("{value}").split_once('.').map_or(0, |(_, digits)| digits.len())
}

/// The number of decimals that most of `values` show; the larger one of two.
pub(super) fn usual_decimals(values: impl Iterator<Item = f64>) -> usize {
    let mut counts: Vec<usize> = Vec::new();
    for d in values.map(decimals) {
        counts.resize(counts.len().max(d + 1), 0);
        counts[d] += 1;
    }
    (0..counts.len()).max_by_key(|&d| counts[d]).unwrap_or(0)
}

/// The decimals that `printed` had on paper, in a table of `usual` decimals.
pub(super) fn decimals_on_paper(printed: f64, usual: usize) -> usize {
    let shown = decimals(printed);
    if shown + 1 == usual { usual } else { shown }
}

/// The value of one step of the last of `decimals` digits.
pub(super) fn unit(decimals: usize) -> f64 {
    10f64.powi(-(decimals as i32))
}

/// Whether `printed` is `value` rounded to, or cut off after, `decimals` digits.
pub(super) fn matches(printed: f64, value: f64, decimals: usize) -> bool {
    let off = (value - printed) / unit(decimals);
    (-0.5 - SLACK..1.0 - SLACK).contains(&off)
}

/// How close `printed` is to `value`.
pub(super) fn grade(printed: f64, value: f64, decimals: usize) -> Grade {
    if matches(printed, value, decimals) {
        Grade::Agrees
    } else if (value - printed).abs() <= (LAST_DIGIT_UNITS + SLACK) * unit(decimals) {
        Grade::LastDigit
    } else {
        Grade::Disagrees
    }
}

/// How digits of a number went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slip {
    /// One digit differs.
    One,
    /// Two neighbours changed places.
    Transposed,
}

/// The slip that turns `meant` into `printed`, both as text.
pub(super) fn slip(printed: &str, meant: &str) -> Option<Slip> {
    let (p, m): (Vec<char>, Vec<char>) = (printed.chars().collect(), meant.chars().collect());
    if p.len() != m.len() {
        return None;
    }
    let differing: Vec<usize> = (0..p.len()).filter(|&i| p[i] != m[i]).collect();
    let digits = differing.iter().all(|&i| p[i].is_ascii_digit() && m[i].is_ascii_digit());
    match differing[..] {
        [_] if digits => Some(Slip::One),
        // A point between the two does not make them strangers.
        [a, b] if digits && p[a] == m[b] && p[b] == m[a] && (b == a + 1 || b == a + 2 && p[a + 1] == '.') => {
            Some(Slip::Transposed)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_and_cutting_off_agree() {
        assert_eq!(grade(99.97, 99.966, 2), Grade::Agrees);
        assert_eq!(grade(27.09, 27.096_666, 2), Grade::Agrees, "cut off");
        assert_eq!(grade(99.86, 99.85, 2), Grade::LastDigit);
        assert_eq!(grade(99.92, 99.906_667, 2), Grade::LastDigit);
        assert_eq!(grade(96.36, 96.316_667, 2), Grade::Disagrees);
        assert_eq!(grade(1713.0, 1714.9, 0), Grade::LastDigit);
    }

    #[test]
    fn a_lost_zero_is_given_back() {
        assert_eq!(usual_decimals([74.2, 14.38, 90.36].into_iter()), 2);
        assert_eq!(usual_decimals(std::iter::empty()), 0);
        let on_paper = [74.2, 14.38, 1713.0, 4589.303].map(|v| decimals_on_paper(v, 2));
        assert_eq!(on_paper, [2, 2, 0, 3]);
    }

    #[test]
    fn slips_are_of_one_digit_or_two_neighbours() {
        assert_eq!(slip("158.08", "153.08"), Some(Slip::One));
        assert_eq!(slip("158.08", "185.08"), Some(Slip::Transposed));
        assert_eq!(slip("15.80", "18.50"), Some(Slip::Transposed), "across the point");
        assert_eq!(slip("158.08", "158.08"), None);
        assert_eq!(slip("158.08", "153.09"), None);
        assert_eq!(slip("158.08", "15.808"), None);
        assert_eq!(slip("158.08", "58.08"), None);
    }
}
