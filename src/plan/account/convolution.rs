//! Convolutions: what they keep, and the copies that they compute in.

use super::ledger::Purpose::{self, Activations, Flowing, Gradients, Workspaces};
use super::ledger::Storage;
use super::operations::windows;
use super::tape::{LayerFacts, Tape};
use super::tensor::{Gradient, Sizes, Tensor};

/// What convolutions copy into a layout of their own before they compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copies {
    /// Nothing that is known of: on GPUs.
    Nothing,
    /// Images and weights: on a CPU, of images that lie plane by plane.
    Everything,
    /// Weights, first into the layout of the images and then into their own: on a CPU, of images that lie pixel by pixel.
    Weights,
}

impl Copies {
    /// Of so many numbers of images, those that are copied.
    fn of_images(self, numbers: u64) -> u64 {
        if self == Self::Everything { numbers } else { 0 }
    }

    /// Numbers of the weight's copy in the convolution's own layout,
    fn of_weight(self, g: Geometry) -> u64 {
        if self == Self::Nothing { 0 } else { g.weight() }
    }

    /// and of that in the images', where the two differ.
    fn as_images_lie(self, g: Geometry) -> u64 {
        let same = g.kernel == 1 || g.input == g.groups;
        if self == Self::Weights && !same { g.weight() } else { 0 }
    }
}

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

    /// Whether CPUs without AVX-512 have no kernel for the gradient of its weight on images of this height and width: it
    /// is then a product of matrices, whose columns are the windows.
    fn is_product(self, [height, width]: [u64; 2]) -> bool {
        const LANES: u64 = 8;
        let grouped = self.groups > 1 && !(self.input / self.groups).is_multiple_of(LANES);
        grouped || self.kernel > height.min(width)
    }

    /// Multiply-accumulates that make so many outputs.
    pub fn macs(self, outputs: u64) -> u64 {
        outputs * self.row()
    }
}

/// Numbers that a gradient of a weight takes as a product of matrices: each thread has the columns of an image and a sum
/// of its own, for which oneDNN asks four times as much as it holds.
fn product_buffer(threads: u64, [.., height, width]: Sizes, g: Geometry) -> u64 {
    threads * (g.row() * height * width + 4 * g.weight())
}

impl Tape {
    /// The convolution of `x`, which keeps `x` and the weight. What it reads and writes is copied as the tape says, on
    /// the way back too.
    pub fn convolution(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, g: Geometry) -> Tensor {
        let sizes = g.makes(x.sizes);
        let (read, written): (u64, u64) = (x.numbers(), sizes.iter().product());
        let y = self.convolved(read, written, g);
        let (kept, needed, of) = ((x.storage(), weight.storage()), x.is_differentiated(), x.sizes);
        let inputs: Vec<&Tensor> = [x, weight].into_iter().chain(bias).collect();
        self.seen_as(y, sizes, &inputs, move |tape, _gradient| {
            let laid_out = tape.workspace(tape.kernels.copies.as_images_lie(g));
            let of_input = needed.then(|| tape.gradient_of_images(read, written, g));
            let of_weight = tape.gradient_of_kernels(of, sizes, g);
            let of_bias = Gradient::whole(tape.hold(Gradients, g.output));
            drop((laid_out, kept));
            vec![of_input, Some(of_weight), Some(of_bias)]
        })
    }

    fn workspace(&self, numbers: u64) -> Storage {
        self.hold(Workspaces, numbers)
    }

    /// The copies that a convolution reads: so many numbers of images, and its weight.
    fn read_copies(&self, images: u64, g: Geometry) -> (Storage, Storage) {
        (self.workspace(self.kernels.copies.of_images(images)), self.workspace(self.kernels.copies.of_weight(g)))
    }

    /// What a convolution writes: first in its own layout, where that is another.
    fn convolved(&self, read: u64, written: u64, g: Geometry) -> Storage {
        let _laid_out = self.workspace(self.kernels.copies.as_images_lie(g));
        self.written(Activations, written, || self.read_copies(read, g))
    }

    /// So many numbers of images that are computed from `inputs`.
    fn written<T>(&self, purpose: Purpose, numbers: u64, inputs: impl FnOnce() -> T) -> Storage {
        if self.kernels.copies == Copies::Everything {
            let inputs = inputs();
            let copy = self.workspace(numbers);
            drop(inputs);
            let written = self.hold(purpose, numbers);
            drop(copy);
            return written;
        }
        let written = self.hold(purpose, numbers);
        drop(inputs());
        written
    }

    /// Where the convolution skips pixels, what it finds lies pixel by pixel: it is copied out as it lies, and then by
    /// planes.
    fn gradient_of_images(&self, read: u64, written: u64, g: Geometry) -> Gradient {
        if self.kernels.copies != Copies::Everything || g.stride == 1 || g.groups > 1 {
            return Gradient::whole(self.written(Flowing, read, || self.read_copies(written, g)));
        }
        let inputs = self.read_copies(written, g);
        let found = self.workspace(read);
        drop(inputs);
        let pixels = self.workspace(read);
        let of_input = Gradient::whole(self.hold(Flowing, read));
        drop((found, pixels));
        of_input
    }

    fn gradient_of_kernels(&self, read: Sizes, written: Sizes, g: Geometry) -> Gradient {
        let [.., height, width] = read;
        let product = self.kernels.narrow.filter(|_| g.is_product([height, width]));
        let copied = |sizes: Sizes| match product {
            None => self.kernels.copies.of_images(sizes.iter().product()),
            Some(_) => 0,
        };
        let images = [read, written].map(|sizes| self.workspace(copied(sizes)));
        let found = self.workspace(self.kernels.copies.of_weight(g));
        drop(images);
        drop(product.map(|threads| self.workspace(product_buffer(threads, written, g))));
        let plain = self.workspace(self.kernels.copies.as_images_lie(g));
        let of_weight = Gradient::whole(self.hold(Gradients, g.weight()));
        drop((found, plain));
        of_weight
    }

    /// Notes a convolution.
    pub fn note_convolution(&self, kind: &'static str, g: Geometry, output: Sizes, features: u64) {
        self.note(LayerFacts { kind, macs: g.macs(output.iter().product()), output, features });
    }
}
