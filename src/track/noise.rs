//! Noise as times have it: the residuals of the study's own attempts, and what else befalls a history.

use crate::published::Published;
use crate::stats::median;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Trainings of this length have residuals that a short probe is like: long enough that the start hardly counts.
const EPOCHS: u32 = 100;

/// The share that is not missing, where some are.
const THERE: f64 = 0.8;

/// How nights differ, in logarithms of times.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// A point is one training.
    Single(Vec<f64>),
    /// A point is the median of three trainings.
    Median(Vec<f64>),
    /// The same, of Student's t with three degrees of freedom and the quartiles of the values.
    Tails(Vec<f64>),
    /// The same as the medians, and all become slower by 2 % from the first night to the last.
    Drift(Vec<f64>),
    /// The same as the medians, and a fifth of the nights are missing.
    Nights(Vec<f64>),
    /// The same as the medians, and a fifth of the trainings are missing: a point is the median of those that there are.
    Trainings(Vec<f64>),
    /// Turns of one program on a machine, each a point, in their order: a piece of one of these series.
    Machine(Vec<Vec<f64>>),
}

/// Of two attempts of a cell of the study the logarithms of their times, one less the other, over the root of two: they
/// spread as one attempt does about the true time. Every pair of the trainings of 100 epochs, in both orders.
pub fn study_residuals(published: &Published) -> Vec<f64> {
    let cells = published.cells().iter().filter(|(cell, _)| cell.epochs == EPOCHS);
    let mut residuals = Vec::new();
    for (_, figures) in cells {
        let logs = figures.each(|attempt| attempt.train_seconds.ln());
        for (i, one) in logs.iter().enumerate() {
            for other in logs.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| other) {
                residuals.push((one - other) / std::f64::consts::SQRT_2);
            }
        }
    }
    residuals
}

impl Noise {
    /// What stands over its column.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Single(_) => "one training",
            Self::Median(_) => "median of three",
            Self::Tails(_) => "Student's t",
            Self::Drift(_) => "drift of 2 %",
            Self::Nights(_) => "missing nights",
            Self::Trainings(_) => "missing trainings",
            Self::Machine(_) => "this machine",
        }
    }

    /// So many nights; `None` where one is missing. Of a machine whose series are all shorter, none.
    pub fn nights(&self, generator: &mut ChaCha8Rng, nights: usize) -> Vec<Option<f64>> {
        let Self::Machine(series) = self else {
            return (0..nights).map(|night| self.draw(generator, night, nights)).collect();
        };
        let pieces: Vec<&[f64]> = series.iter().flat_map(|one| one.windows(nights)).collect();
        let piece = if pieces.is_empty() { &[][..] } else { pieces[generator.random_range(0..pieces.len())] };
        piece.iter().copied().map(Some).collect()
    }

    /// A night of `nights`.
    fn draw(&self, generator: &mut ChaCha8Rng, night: usize, nights: usize) -> Option<f64> {
        let one = |generator: &mut ChaCha8Rng, values: &[f64]| values[generator.random_range(0..values.len())];
        match self {
            Self::Machine(_) => None,
            Self::Single(values) => Some(one(generator, values)),
            Self::Median(values) => median(&std::array::from_fn::<f64, 3, _>(|_| one(generator, values))),
            Self::Tails(values) => {
                // The quartile of |t| with three degrees of freedom is 0.7649.
                let sizes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
                let scale = median(&sizes)? / 0.7649;
                median(&std::array::from_fn::<f64, 3, _>(|_| scale * student(generator)))
            }
            Self::Drift(values) => {
                let night = night as f64 / (nights - 1) as f64 * 1.02_f64.ln();
                Some(night + Self::Median(values.clone()).draw(generator, 0, nights)?)
            }
            Self::Nights(values) => {
                let there = generator.random::<f64>() < THERE;
                there.then(|| Self::Median(values.clone()).draw(generator, night, nights))?
            }
            Self::Trainings(values) => {
                let trainings = (0..3).filter(|_| generator.random::<f64>() < THERE).count();
                median(&(0..trainings).map(|_| one(generator, values)).collect::<Vec<_>>())
            }
        }
    }
}

/// A value of Student's t with three degrees of freedom, from normal ones.
fn student(generator: &mut ChaCha8Rng) -> f64 {
    let mut normal = || {
        let (radius, angle): (f64, f64) = (generator.random(), generator.random());
        (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    };
    let top = normal();
    let squares: f64 = (0..3).map(|_| normal().powi(2)).sum();
    top / (squares / 3.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mad;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn residuals_of_the_study_are_symmetric_and_have_heavy_tails() {
        let residuals = study_residuals(&Published::embedded().unwrap());
        assert_eq!(residuals.len(), 40 * 6);
        assert!(residuals.iter().sum::<f64>().abs() < 1e-9);
        let spread = mad(&residuals).unwrap();
        let beyond = residuals.iter().filter(|r| r.abs() > 4.0 * spread).count();
        assert!(beyond > 10, "of normal values one in sixteen thousand: {beyond} beyond {spread}");
    }

    #[test]
    fn noise_is_what_its_name_says() {
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let values = vec![-0.01, 0.0, 0.01];
        let mut nights = |noise: Noise| noise.nights(&mut generator, 4000);
        let mut missing = |noise: Noise| nights(noise).iter().filter(|n| n.is_none()).count();
        let (whole, all_three) = (missing(Noise::Nights(values.clone())), missing(Noise::Trainings(values.clone())));
        assert!((700..=900).contains(&whole) && (15..=50).contains(&all_three), "{whole} of 800, {all_three} of 32");
        let drift = nights(Noise::Drift(vec![0.0]));
        assert!(drift[0] == Some(0.0) && (drift[3999].unwrap() - 1.02_f64.ln()).abs() < 1e-12);
        let tails: Vec<f64> = nights(Noise::Tails(values)).into_iter().flatten().collect();
        assert_eq!(nights(Noise::Machine(vec![vec![1.0; 3]])), [], "too short");
        let turns: Vec<f64> = (0..4001).map(f64::from).collect();
        let piece = nights(Noise::Machine(vec![turns]));
        assert!(piece.windows(2).all(|pair| pair[1].unwrap() == pair[0].unwrap() + 1.0), "in their order");
        assert!(tails.len() == 4000 && tails.iter().any(|t| t.abs() > 0.04));
    }
}
