//! Convolutions: what they keep, and the copies that they compute in.

use super::ledger::Purpose::{Activations, Flowing, Gradients, Workspaces};
use super::operations::windows;
use super::tape::{Gradient, LayerFacts, Sizes, Tape, Tensor};

/// The geometry of a convolution with a square kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub input: u64,
    pub output: u64,
    pub kernel: u64,
    pub stride: u64,
    pub padding: u64,
    pub groups: u64,
}

impl Geometry {
    /// Stride 1, one group, and padding that keeps the size of the image.
    pub fn same(input: u64, output: u64, kernel: u64) -> Self {
        Self { input, output, kernel, stride: 1, padding: kernel / 2, groups: 1 }
    }

    /// The same with this stride.
    pub fn stride(self, stride: u64) -> Self {
        Self { stride, ..self }
    }

    /// The same with so many groups.
    pub fn groups(self, groups: u64) -> Self {
        Self { groups, ..self }
    }

    /// Numbers of the weight.
    pub fn weight(self) -> u64 {
        self.output * self.row()
    }

    /// Numbers of the weight that one output reads.
    pub fn row(self) -> u64 {
        self.input / self.groups * self.kernel * self.kernel
    }

    /// Sizes of what it makes of an input.
    pub fn makes(self, [images, _, height, width]: Sizes) -> Sizes {
        let side = |side| windows(side, self.kernel, self.stride, self.padding);
        [images, self.output, side(height), side(width)]
    }

    /// Multiply-accumulates that make so many outputs.
    pub fn macs(self, outputs: u64) -> u64 {
        outputs * self.row()
    }
}

impl Tape {
    /// The convolution of `x`, which keeps `x` and the weight. Where convolutions compute in a layout of their own, what they
    /// read and write is copied, on the way back too.
    pub fn convolution(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, g: Geometry) -> Tensor {
        let sizes = g.makes(x.sizes);
        let (read, written): (u64, u64) = (x.numbers(), sizes.iter().product());
        let copies = self.copies;
        let copy = move |tape: &Tape, numbers: u64| tape.hold(Workspaces, if copies { numbers } else { 0 });
        let result_copy = {
            let inputs = (copy(self, read), copy(self, g.weight()));
            let result = copy(self, written);
            drop(inputs);
            result
        };
        let (kept, needed) = ((x.storage(), weight.storage()), x.is_differentiated());
        let inputs: Vec<&Tensor> = [x, weight].into_iter().chain(bias).collect();
        let y = self.result((Activations, sizes), &inputs, move |tape, _gradient| {
            let of_input = needed.then(|| {
                let given = (copy(tape, written), copy(tape, g.weight()));
                let found = copy(tape, read);
                drop(given);
                let of_input = tape.hold(Flowing, read);
                drop(found);
                Gradient::whole(of_input)
            });
            let given = (copy(tape, read), copy(tape, written));
            let found = copy(tape, g.weight());
            drop(given);
            let of_weight = Gradient::whole(tape.hold(Gradients, g.weight()));
            let of_bias = Gradient::whole(tape.hold(Gradients, g.output));
            drop((found, kept));
            vec![of_input, Some(of_weight), Some(of_bias)]
        });
        drop(result_copy);
        y
    }

    /// Notes a convolution.
    pub fn note_convolution(&self, kind: &'static str, g: Geometry, output: Sizes, features: u64) {
        self.note(LayerFacts { kind, macs: g.macs(output.iter().product()), output, features });
    }
}
