//! The least time of whitening on this device: the products that the operator cannot do without, each at the rate of a
//! product of its size.

use crate::nn::{Method, Products, Whitened, networks};
use crate::plan::Trial;
use crate::record::Floor;
use crate::units::Seconds;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tch::{Device, Kind, TchError, Tensor};

/// A size is measured for so long, and so often at least.
const LONG_ENOUGH: Duration = Duration::from_millis(40);
const OFTEN_ENOUGH: usize = 3;

/// Groups, rows, length of the sums, columns.
type Size = (i64, i64, i64, i64);

/// Times of products, each size measured once.
struct Rates {
    options: (Kind, Device),
    known: HashMap<Size, f64>,
}

/// The floor of what `trial`'s network whitens in a training step.
///
/// # Errors
/// libtorch's, such as out of memory.
pub(super) fn floor(trial: &Trial, classes: i64, kind: Kind, device: Device) -> Result<Floor, TchError> {
    let method = Method::new(trial.norm, trial.deconvolution.unwrap_or_default());
    let layers = networks::facts(trial.architecture, method, classes).layers;
    let whitened: Vec<Whitened> = layers.iter().filter_map(|layer| layer.whitened).collect();
    let mut rates = Rates { options: (kind, device), known: HashMap::new() };
    let mut floor = Floor::default();
    for (index, layer) in whitened.iter().enumerate() {
        let Whitened { groups, features: f, samples, rows, n_iter, .. } = *layer;
        let samples = (samples * f64::from(trial.recipe.batch_size)).ceil() as i64;
        let symmetric = (f + 1) as f64 / (2 * f) as f64;
        let Products { symmetric: halves, full } = Products::of(n_iter);
        // Nothing goes back to the images, which the first layer whitens.
        let back = if index == 0 { 0.0 } else { 1.0 };
        let square = rates.product((groups, f, f, f))?;
        floor.newton_schulz += Seconds((f64::from(halves) * symmetric + f64::from(full) * back) * square);
        floor.covariance += Seconds(symmetric * rates.product((groups, f, samples, f))?);
        floor.covariance += Seconds(back * rates.product((groups, f, f, samples))?);
        floor.weight += Seconds((2.0 + back) * rates.product((groups, rows, f, f))?);
    }
    Ok(floor)
}

impl Rates {
    /// Seconds of one product `[groups, m, k] [groups, k, n]`.
    fn product(&mut self, size: Size) -> Result<f64, TchError> {
        if let Some(seconds) = self.known.get(&size) {
            return Ok(*seconds);
        }
        let (groups, m, k, n) = size;
        let matrix = |rows, columns| {
            let shape = if groups == 1 { vec![rows, columns] } else { vec![groups, rows, columns] };
            Tensor::f_rand(shape, self.options)
        };
        let (a, b, mut out) = (matrix(m, k)?, matrix(k, n)?, matrix(m, n)?);
        let mut once = || {
            crate::clock::synchronise(self.options.1);
            let begun = Instant::now();
            let _ = out_product(&mut out, &a, &b)?;
            crate::clock::synchronise(self.options.1);
            Ok::<f64, TchError>(begun.elapsed().as_secs_f64())
        };
        once()?;
        let (begun, mut times) = (Instant::now(), Vec::new());
        while times.len() < OFTEN_ENOUGH || begun.elapsed() < LONG_ENOUGH {
            times.push(once()?);
        }
        let seconds = crate::stats::median(&times).unwrap_or(f64::NAN);
        self.known.insert(size, seconds);
        Ok(seconds)
    }
}

/// `a b` into `out`: no memory is asked for.
fn out_product(out: &mut Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor, TchError> {
    if a.dim() == 3 { a.f_bmm_out(out, b) } else { a.f_mm_out(out, b) }
}
