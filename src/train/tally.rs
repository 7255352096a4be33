//! Loss and hits of a pass over images, gathered on the device.

use crate::event::Scores;
use tch::{Kind, Tensor, no_grad};

/// The loss of every step and the hits among the first choices. Nothing here waits for the device before
/// [`Tally::scores`] or [`Tally::first_bad`].
#[derive(Debug)]
pub(super) struct Tally {
    /// Mean cross-entropy of each step, `[steps]`, in the network's element type.
    pub losses: Tensor,
    /// Images whose label is the first, second, … choice, int64 `[min(5, classes)]`.
    pub hits: Tensor,
}

impl Tally {
    /// An empty tally of so many steps over so many classes, for logits like `options`.
    pub fn new(steps: u64, classes: i64, options: (Kind, tch::Device)) -> Self {
        Self {
            losses: Tensor::zeros([steps as i64], options),
            hits: Tensor::zeros([classes.min(5)], (Kind::Int64, options.1)),
        }
    }

    /// Adds step `step` (from 0) with its mean `loss`, `logits` `[N, classes]` and `labels` `[N]`.
    pub fn add(&mut self, step: u64, loss: &Tensor, logits: &Tensor, labels: &Tensor) {
        no_grad(|| {
            self.losses.get(step as i64).copy_(&loss.detach());
            let (_, choices) = logits.detach().topk(self.hits.size()[0], 1, true, true);
            let hit = choices.eq_tensor(&labels.unsqueeze(1)).sum_dim_intlist([0i64].as_slice(), false, Kind::Int64);
            self.hits += hit;
        });
    }

    /// The first of the steps before `done` (from 0) whose loss is not a finite number. Waits for the device.
    pub fn first_bad(&self, done: u64) -> Option<u64> {
        self.losses_until(done).iter().position(|l| !l.is_finite()).map(|i| i as u64)
    }

    /// The scores over all steps, where step i saw `sizes[i]` images. Waits for the device.
    pub fn scores(&self, sizes: &[u64]) -> Scores {
        let images = sizes.iter().sum::<u64>() as f64;
        let losses = self.losses_until(sizes.len() as u64);
        let hits: Vec<f64> = (0..self.hits.size()[0]).map(|i| self.hits.int64_value(&[i]) as f64).collect();
        Scores {
            loss: losses.iter().zip(sizes).map(|(loss, n)| loss * *n as f64).sum::<f64>() / images,
            top1: hits[0] / images,
            top5: hits.iter().sum::<f64>() / images,
        }
    }

    fn losses_until(&self, done: u64) -> Vec<f64> {
        let losses = self.losses.narrow(0, 0, done as i64).to_kind(Kind::Double).to_device(tch::Device::Cpu);
        Vec::try_from(losses).expect("a vector of f64 on the CPU")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn scores_weigh_steps_by_their_images() {
        let mut tally = Tally::new(2, 6, (Kind::Double, Device::Cpu));
        // Choices of the first image: 5, 4, 3, 2, 1; label 5 is the first, label 0 none of five.
        let logits = Tensor::from_slice(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).view([1, 6]);
        tally.add(0, &Tensor::from(1.0), &logits.repeat([3, 1]), &Tensor::from_slice(&[5i64, 0, 1]));
        tally.add(1, &Tensor::from(5.0), &logits, &Tensor::from_slice(&[4i64]));
        assert_eq!(tally.scores(&[3, 1]), Scores { loss: 2.0, top1: 0.25, top5: 0.75 });
    }

    #[test]
    fn the_first_bad_loss_is_found_among_the_steps_done() {
        let mut tally = Tally::new(4, 2, (Kind::Float, Device::Cpu));
        let (logits, label) = (Tensor::zeros([1, 2], (Kind::Float, Device::Cpu)), Tensor::from_slice(&[0i64]));
        for (step, loss) in [1.0, f64::NAN, f64::INFINITY].into_iter().enumerate() {
            tally.add(step as u64, &Tensor::from(loss), &logits, &label);
        }
        assert_eq!(tally.first_bad(1), None);
        assert_eq!(tally.first_bad(3), Some(1));
    }
}
