//! What ordinary operations allocate, forward and back, and what they keep in between.

use super::ledger::Purpose::{Activations, Flowing, Gradients};
use super::tape::{LayerFacts, Tape};
use super::tensor::{Gradient, Sizes, Tensor};

/// Bytes of the index that a maximum keeps of each of its results.
const INDEX: u64 = 8;

/// Side of what windows make of a side.
pub(super) fn windows(side: u64, kernel: u64, stride: u64, padding: u64) -> u64 {
    (side + 2 * padding - kernel) / stride + 1
}

impl Tape {
    /// A gradient of the size of a tensor, in new memory.
    fn flowing(&self, numbers: u64) -> Gradient {
        Gradient::whole(self.hold(Flowing, numbers))
    }

    /// Batch normalisation, which keeps its input.
    pub fn batch_norm(&self, x: Tensor) -> Tensor {
        let channels = x.sizes[1];
        let [weight, bias] = [self.parameter([1, 1, 1, channels]), self.parameter([1, 1, 1, channels])];
        self.statistics(2 * channels);
        let (sizes, kept, needed) = (x.sizes, x.storage(), x.is_differentiated());
        let y = self.result((Activations, sizes), &[&x, &weight, &bias], move |tape, _gradient| {
            let of_input = needed.then(|| tape.flowing(sizes.iter().product()));
            let of_parameters = [0, 1].map(|_| Some(Gradient::whole(tape.hold(Gradients, channels))));
            drop(kept);
            std::iter::once(of_input).chain(of_parameters).collect()
        });
        self.note(LayerFacts { kind: "BatchNorm2d", macs: 0, output: sizes, features: 0 });
        y
    }

    /// A rectifier or the like in place, which keeps its result.
    pub fn in_place(&self, x: Tensor) -> Tensor {
        let (sizes, kept) = (x.sizes, x.storage());
        self.seen_as(x.storage(), sizes, &[&x], move |tape, _gradient| {
            let of_input = tape.flowing(sizes.iter().product());
            drop(kept);
            vec![Some(of_input)]
        })
    }

    /// A rectifier that leaves its input alone, and keeps its result.
    pub fn relu(&self, x: &Tensor) -> Tensor {
        let copy = self.hold(Activations, x.numbers());
        let copied = self.seen_as(copy, x.sizes, &[x], |_, gradient| vec![Some(gradient)]);
        self.in_place(copied)
    }

    /// `y += x`.
    pub fn add_in_place(&self, y: Tensor, x: &Tensor) -> Tensor {
        self.seen_as(y.storage(), y.sizes, &[&y, x], |_, gradient| vec![Some(gradient.same()), Some(gradient)])
    }

    /// `x + y` in new memory.
    pub fn add(&self, x: &Tensor, y: &Tensor) -> Tensor {
        self.result((Activations, x.sizes), &[x, y], |_, gradient| vec![Some(gradient.same()), Some(gradient)])
    }

    /// Channels side by side; the way back sees parts of one gradient.
    pub fn cat(&self, parts: &[&Tensor]) -> Tensor {
        let [images, _, height, width] = parts[0].sizes;
        let channels = parts.iter().map(|part| part.sizes[1]).sum();
        let numbers: Vec<u64> = parts.iter().map(|part| part.numbers()).collect();
        self.result((Activations, [images, channels, height, width]), parts, move |tape, gradient| {
            numbers.into_iter().map(|numbers| Some(gradient.part(tape, numbers))).collect()
        })
    }

    /// Some of the channels, without a copy; the way back fills the rest with zeros.
    pub fn narrow(&self, x: &Tensor, channels: u64) -> Tensor {
        let ([images, _, height, width], numbers) = (x.sizes, x.numbers());
        self.seen_as(x.storage(), [images, channels, height, width], &[x], move |tape, _gradient| {
            vec![Some(tape.flowing(numbers))]
        })
    }

    /// Maxima of windows; keeps its input and where they were.
    pub fn max_pool(&self, x: &Tensor, kernel: u64, stride: u64, padding: u64) -> Tensor {
        let ([images, channels, height, width], numbers) = (x.sizes, x.numbers());
        let side = |side| windows(side, kernel, stride, padding);
        let sizes = [images, channels, side(height), side(width)];
        let kept = (x.storage(), self.ledger.hold(Activations, INDEX * sizes.iter().product::<u64>()));
        self.result((Activations, sizes), &[x], move |tape, _gradient| {
            let of_input = tape.flowing(numbers);
            drop(kept);
            vec![Some(of_input)]
        })
    }

    /// Means of windows side by side; keeps its input.
    pub fn avg_pool(&self, x: &Tensor, kernel: u64) -> Tensor {
        let ([images, channels, height, width], numbers, kept) = (x.sizes, x.numbers(), x.storage());
        let sizes = [images, channels, height / kernel, width / kernel];
        self.result((Activations, sizes), &[x], move |tape, _gradient| {
            let of_input = tape.flowing(numbers);
            drop(kept);
            vec![Some(of_input)]
        })
    }

    /// The mean of each channel.
    pub fn mean(&self, x: &Tensor) -> Tensor {
        let ([images, channels, ..], numbers) = (x.sizes, x.numbers());
        self.result((Activations, [images, channels, 1, 1]), &[x], move |tape, _gradient| {
            vec![Some(tape.flowing(numbers))]
        })
    }

    /// `x` times a number for each of its channels; keeps both.
    pub fn weigh(&self, x: &Tensor, by: &Tensor) -> Tensor {
        let (numbers, channels, kept) = (x.numbers(), by.numbers(), (x.storage(), by.storage()));
        self.result((Activations, x.sizes), &[x, by], move |tape, _gradient| {
            let of_input = tape.flowing(numbers);
            let product = tape.flowing(numbers);
            let of_weight = tape.flowing(channels);
            drop((product, kept));
            vec![Some(of_input), Some(of_weight)]
        })
    }

    /// A linear layer, `[images, features, 1, 1]` to `[images, output, 1, 1]`, whose weight and bias come from elsewhere.
    pub fn product(&self, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
        let images = x.sizes[0];
        let (rows, columns) = (weight.sizes[2], weight.sizes[3]);
        let needed = x.is_differentiated();
        let kept = (x.storage(), weight.storage());
        self.result((Activations, [images, rows, 1, 1]), &[x, weight, bias], move |tape, _gradient| {
            let of_input = needed.then(|| tape.flowing(images * columns));
            let of_weight = Gradient::whole(tape.hold(Gradients, rows * columns));
            let of_bias = Gradient::whole(tape.hold(Gradients, rows));
            drop(kept);
            vec![of_input, Some(of_weight), Some(of_bias)]
        })
    }

    /// The mean cross-entropy, which keeps the probabilities.
    pub fn cross_entropy(&self, logits: Tensor) -> Tensor {
        let (sizes, numbers): (Sizes, u64) = (logits.sizes, logits.numbers());
        let kept = self.hold(Activations, numbers);
        self.result((Activations, [1, 1, 1, 1]), &[&logits], move |tape, _gradient| {
            let of_probabilities = tape.flowing(numbers);
            let of_logits = tape.flowing(sizes.iter().product());
            drop((kept, of_probabilities));
            vec![Some(of_logits)]
        })
    }
}
