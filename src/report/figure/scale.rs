//! Scales from values to pixels.

/// A linear or logarithmic scale.
pub(super) struct Scale {
    /// The ends; their logarithms where the scale is logarithmic.
    pub values: (f64, f64),
    pixels: (i32, i32),
    step: f64,
    logarithmic: bool,
}

impl Scale {
    /// A scale that holds `values` with round ticks; the range is widened where it is empty.
    pub fn around(values: impl IntoIterator<Item = f64>, pixels: (i32, i32)) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.into_iter().filter(|v| v.is_finite()) {
            (low, high) = (low.min(v), high.max(v));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low < 1e-3 * high.abs().max(1.0) {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let step = round_step((high - low) / 5.0);
        let values = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { values, pixels, step, logarithmic: false }
    }

    /// A logarithmic scale that holds those of `values` that are above zero; equal ratios are equal lengths.
    pub fn logarithmic(values: impl IntoIterator<Item = f64>, pixels: (i32, i32)) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.into_iter().filter(|v| v.is_finite() && *v > 0.0) {
            (low, high) = (low.min(v.log10()), high.max(v.log10()));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let space = (0.04 * (high - low)).max(0.02);
        Self { values: (low - space, high + space), pixels, step: 1.0, logarithmic: true }
    }

    /// The pixel of a value; values beyond the range stay on its edge.
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (low, high) = self.values;
        let fraction = (value.clamp(low, high) - low) / (high - low);
        f64::from(self.pixels.0) + fraction * f64::from(self.pixels.1 - self.pixels.0)
    }

    /// Values to write beside the scale.
    pub fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            return self.powers();
        }
        let count = ((self.values.1 - self.values.0) / self.step).round() as i32;
        (0..=count).map(|i| self.values.0 + f64::from(i) * self.step).collect()
    }

    /// Powers of ten, between them 2 and 5 where there is room, finer steps where there is less than that.
    fn powers(&self) -> Vec<f64> {
        let (low, high) = self.values;
        let between = |steps: &[f64]| -> Vec<f64> {
            let decades = low.floor() as i32..=high.floor() as i32;
            let all = decades.flat_map(|d| steps.iter().map(move |s| s * 10f64.powi(d)));
            all.filter(|v| (low..=high).contains(&v.log10())).collect()
        };
        let all = [&[1.0][..], &[1.0, 3.0], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]];
        let found = all.into_iter().map(between).find(|ticks| (3..=7).contains(&ticks.len()));
        found.unwrap_or_else(|| between(all[if high - low > 3.0 { 0 } else { 3 }]))
    }

    /// How a tick reads.
    pub fn label(&self, value: f64) -> String {
        if self.logarithmic {
            return format!("{}", (value * 1e6).round() / 1e6);
        }
        let digits = (-self.step.log10().floor()).max(0.0) as usize;
        format!("{value:.digits$}")
    }
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= step * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_values_between_round_ticks() {
        let scale = Scale::around([13.2, 74.4], (100, 200));
        assert_eq!(scale.values, (0.0, 80.0));
        assert_eq!(scale.ticks().iter().map(|t| scale.label(*t)).collect::<Vec<_>>(), ["0", "20", "40", "60", "80"]);
        assert_eq!((scale.at(0.0), scale.at(40.0), scale.at(999.0)), (100.0, 150.0, 200.0));
        let fine = Scale::around([0.98, 1.02], (0, 10));
        assert_eq!(
            fine.ticks().iter().map(|t| fine.label(*t)).collect::<Vec<_>>(),
            ["0.98", "0.99", "1.00", "1.01", "1.02"]
        );
        for odd in [vec![], vec![f64::NAN], vec![0.0], vec![5.0, 5.0], vec![1e9, 1e9]] {
            let scale = Scale::around(odd.clone(), (0, 10));
            assert!(scale.values.0 < scale.values.1 && scale.ticks().len() < 20, "{odd:?}");
        }
    }

    #[test]
    fn equal_ratios_are_equal_lengths_on_a_logarithmic_scale() {
        let scale = Scale::logarithmic([10.0, 1000.0], (0, 1000));
        let ticks: Vec<String> = scale.ticks().iter().map(|t| scale.label(*t)).collect();
        assert_eq!(ticks, ["10", "100", "1000"]);
        assert!(((scale.at(20.0) - scale.at(10.0)) - (scale.at(800.0) - scale.at(400.0))).abs() < 1e-9);
        for odd in [vec![], vec![0.0, f64::NAN], vec![3.0], vec![1e-9, 1e9], vec![31.0, 37.0]] {
            let scale = Scale::logarithmic(odd.clone(), (0, 10));
            assert!(scale.values.0 < scale.values.1 && scale.ticks().len() < 24, "{odd:?}");
            assert!(scale.at(0.0).is_finite() && scale.at(-1.0).is_finite(), "{odd:?}");
        }
    }
}
