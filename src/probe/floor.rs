//! The least time of whitening on this device: the products that the operator cannot do without, each at the rate of a
//! product of its size.

use crate::nn::{Method, Products, Whitened, networks};
use crate::plan::Trial;
use crate::record::{Floor, Operations};
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

/// The floor of what `trial`'s network whitens in a training step, in numbers of the kind that it whitens in.
///
/// # Errors
/// libtorch's, such as out of memory.
pub(super) fn floor(trial: &Trial, classes: i64, kind: Kind, device: Device) -> Result<Floor, TchError> {
    let method = Method::new(trial.norm, trial.deconvolution.unwrap_or_default());
    let layers = networks::facts(trial.architecture, method, classes).layers;
    let batch = f64::from(trial.recipe.batch_size);
    let mut rates = Rates { options: (kind, device), known: HashMap::new() };
    let (mut floor, mut operations) = (Floor::default(), Operations::default());
    for (index, layer) in layers.iter().filter(|layer| layer.macs > 0).enumerate() {
        // Nothing goes back to the images, which the first layer reads.
        let back = if index == 0 { 0.0 } else { 1.0 };
        operations.convolution += (2.0 + back) * 2.0 * layer.macs as f64 * batch;
        let Some(whitened) = layer.whitened else { continue };
        let products = needed(&whitened, batch, back);
        let mut cost = |of: &[(f64, Size)]| {
            let seconds =
                of.iter().map(|(times, size)| Ok(times * rates.product(*size)?)).sum::<Result<f64, TchError>>();
            Ok::<_, TchError>((Seconds(seconds?), of.iter().map(|(times, size)| times * flops(*size)).sum::<f64>()))
        };
        for (of, seconds, count) in [
            (&products.newton_schulz[..], &mut floor.newton_schulz, &mut operations.newton_schulz),
            (&products.covariance, &mut floor.covariance, &mut operations.covariance),
            (&products.weight, &mut floor.weight, &mut operations.weight),
        ] {
            let (time, operations) = cost(of)?;
            *seconds += time;
            *count += operations;
        }
    }
    Ok(Floor { operations: Some(operations), ..floor })
}

/// Products of a layer's step: how many of which size; of symmetric ones the half that is needed.
struct Needed {
    newton_schulz: [(f64, Size); 1],
    covariance: [(f64, Size); 2],
    weight: [(f64, Size); 1],
}

/// What a layer that whitens so needs, where its input's gradient counts `back` times.
fn needed(whitened: &Whitened, batch: f64, back: f64) -> Needed {
    let Whitened { groups, features: f, samples, rows, n_iter, .. } = *whitened;
    let samples = (samples * batch).ceil() as i64;
    let half = (f + 1) as f64 / (2 * f) as f64;
    let Products { forward, backward, backward_full } = Products::of(n_iter);
    let newton_schulz = f64::from(forward) * half + (f64::from(backward) * half + f64::from(backward_full)) * back;
    Needed {
        newton_schulz: [(newton_schulz, (groups, f, f, f))],
        covariance: [(half, (groups, f, samples, f)), (back, (groups, f, f, samples))],
        weight: [(2.0 + back, (groups, rows, f, f))],
    }
}

/// Floating-point operations of a product, two for each multiply-add.
fn flops((groups, m, k, n): Size) -> f64 {
    2.0 * [groups, m, k, n].map(|length| length as f64).iter().product::<f64>()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_a_layer_are_counted_by_hand() {
        // 4 x 4 matrices from 10 samples an image, five iterations: ten symmetric products, eight back, and six others.
        let whitened = Whitened { groups: 2, features: 4, samples: 10.0, rows: 6, n_iter: 5, convolution: None };
        let count = |of: &[(f64, Size)]| of.iter().map(|(times, size)| times * flops(*size)).sum::<f64>();
        let first = needed(&whitened, 3.0, 0.0);
        assert_eq!(count(&first.newton_schulz), 2.0 * 2.0 * 64.0 * 10.0 * 5.0 / 8.0);
        assert_eq!(count(&first.covariance), 2.0 * 2.0 * (4.0 * 30.0 * 4.0) * 5.0 / 8.0);
        assert_eq!(count(&first.weight), 2.0 * 2.0 * (2.0 * 6.0 * 4.0 * 4.0));
        let later = needed(&whitened, 3.0, 1.0);
        assert_eq!(
            count(&later.newton_schulz) - count(&first.newton_schulz),
            2.0 * 2.0 * 64.0 * (8.0 * 5.0 / 8.0 + 6.0)
        );
        assert_eq!(count(&later.covariance) - count(&first.covariance), 2.0 * 2.0 * (4.0 * 4.0 * 30.0));
    }
}
