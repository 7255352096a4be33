//! PNASNet-A (Liu et al., 2018): cells that add a separable 7x7 convolution and a 3x3 maximum.

use crate::nn::blocks::{ConvNorm, Head, conv1x1, conv3x3};
use crate::nn::layers::ConvShape;
use crate::nn::{Layer, Method, Pass, Scope};
use tch::Tensor;

/// Channels of the first cells.
const WIDTH: i64 = 44;
/// Cells between two reductions.
const CELLS: usize = 6;

/// The network.
pub struct PnasnetA {
    stem: ConvNorm,
    cells: Vec<Cell>,
    head: Head,
}

impl PnasnetA {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let stem = method.frozen_stem(scope, conv3x3(3, WIDTH, 1), 10);
        let mut cells = Vec::new();
        for (stage, width) in [(1, WIDTH), (3, 2 * WIDTH), (5, 4 * WIDTH)] {
            if stage > 1 {
                cells.push(Cell::new(method, &scope.sub(format!("layer{}", stage - 1)), width / 2, width));
            }
            let stage = scope.sub(format!("layer{stage}"));
            cells.extend((0..CELLS).map(|i| Cell::new(method, &stage.sub(i), width, width)));
        }
        Self { stem, cells, head: Head::new(method, scope, "linear", 4 * WIDTH, classes) }
    }
}

impl Layer for PnasnetA {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let x = self.cells.forward(&self.stem.relu(x, pass), pass);
        self.head.forward(&x, pass)
    }
}

/// `relu(separable(x) + maximum(x))`; a cell that widens also halves the image.
struct Cell {
    separable: ConvNorm,
    widen: Option<ConvNorm>,
    stride: i64,
}

impl Cell {
    fn new(method: Method, scope: &Scope, input: i64, output: i64) -> Self {
        let reduces = input != output;
        let stride = if reduces { 2 } else { 1 };
        let separable = ConvShape::new(input, output, 7).stride(stride).padding(3).groups(input);
        Self {
            separable: method.conv_norm(&scope.sub("sep_conv1"), "conv1", "bn1", separable),
            widen: reduces.then(|| method.conv_norm(scope, "conv1", "bn1", conv1x1(input, output, 1))),
            stride,
        }
    }
}

impl Layer for Cell {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let mut y = self.separable.forward(x, pass);
        let largest = x.max_pool2d([3, 3], [self.stride; 2], [1, 1], [1, 1], false);
        y += match &self.widen {
            Some(widen) => widen.forward(&largest, pass),
            None => largest,
        };
        y.relu_()
    }
}
