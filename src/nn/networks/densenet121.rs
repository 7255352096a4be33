//! DenseNet-121 (Huang et al., 2017), growth 32: each layer reads what all earlier layers of its block wrote.

use crate::nn::blocks::{ConvNorm, Head, Normalisation, conv1x1, conv3x3};
use crate::nn::layers::ConvShape;
use crate::nn::{Init, Layer, Method, Own, Pass, Scope};
use crate::scenario::Norm;
use tch::Tensor;

/// Channels that each layer adds.
const GROWTH: i64 = 32;
/// Layers of each dense block.
const BLOCKS: [usize; 4] = [6, 12, 24, 16];

/// The network, with the CIFAR stem or in the form for ImageNet.
pub struct Densenet121 {
    stem: Stem,
    blocks: Vec<Vec<DenseLayer>>,
    transitions: Vec<Transition>,
    norm: Normalisation,
    head: Head,
}

enum Stem {
    /// A 3x3 convolution.
    Small(Box<dyn Layer>),
    /// A 7x7 convolution with stride 2, normalised, activated and pooled.
    Pooled(ConvNorm),
}

/// How the parts of the two forms are made and called.
struct Form<'a> {
    method: Method,
    conv: &'a dyn Fn(&Scope, ConvShape, Own) -> Box<dyn Layer>,
    block: &'static str,
    layer: &'static str,
    /// The number of a block's first layer.
    first: usize,
    transition: &'static str,
    norm: &'static str,
    /// The channels that a layer adds stand before the others.
    newest_first: bool,
}

impl Densenet121 {
    /// The form for small images, for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let form = Form {
            method,
            conv: &|scope, shape, own| method.conv_with(scope, shape, own),
            block: "dense",
            layer: "",
            first: 0,
            transition: "trans",
            norm: "bn",
            newest_first: true,
        };
        let stem = Stem::Small((form.conv)(&scope.sub("conv1"), conv3x3(3, 2 * GROWTH, 1), Own::FIRST));
        let (blocks, transitions, channels) = form.body(scope);
        let norm = method.norm(&scope.sub("bn"), channels);
        Self { stem, blocks, transitions, norm, head: Head::new(method, scope, "linear", channels, classes) }
    }

    /// The form for ImageNet. Its convolutions are initialised by the spread of their inputs (He et al., 2015), and its
    /// classifier begins without bias, except where they whiten.
    pub fn imagenet(method: Method, classes: i64, scope: &Scope) -> Self {
        let form = Form {
            method,
            conv: &|scope, shape, own| match method.norm {
                Norm::Nd => method.conv_with(scope, shape, own),
                Norm::Bn | Norm::Plain => method.conv_from(scope, shape, shape.he_by_inputs(), own),
            },
            block: "denseblock",
            layer: "denselayer",
            first: 1,
            transition: "transition",
            norm: "norm",
            newest_first: false,
        };
        let features = scope.sub("features");
        let shape = ConvShape::new(3, 2 * GROWTH, 7).stride(2).padding(3);
        let conv = (form.conv)(&features.sub("conv0"), shape, Own::frozen_first(15));
        let stem = Stem::Pooled(ConvNorm { conv, norm: method.norm(&features.sub("norm0"), shape.output) });
        let (blocks, transitions, channels) = form.body(&features);
        let norm = method.norm(&features.sub("norm5"), channels);
        let fill = (Init::Uniform(1.0 / (channels as f64).sqrt()), Init::Constant(0.0));
        let classifier = method.classifier_from(&scope.sub("classifier"), channels, classes, fill);
        Self { stem, blocks, transitions, norm, head: Head::with(classifier) }
    }
}

impl Form<'_> {
    /// Dense blocks, the transitions between them, and how many channels they leave.
    fn body(&self, scope: &Scope) -> (Vec<Vec<DenseLayer>>, Vec<Transition>, i64) {
        let mut channels = 2 * GROWTH;
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (number, layers) in (1..).zip(BLOCKS) {
            let block = scope.sub(format!("{}{number}", self.block));
            let layer = |i| {
                let scope = block.sub(format!("{}{}", self.layer, self.first + i));
                DenseLayer::new(self, &scope, channels + i as i64 * GROWTH)
            };
            blocks.push((0..layers).map(layer).collect());
            channels += layers as i64 * GROWTH;
            if number < BLOCKS.len() {
                let scope = scope.sub(format!("{}{number}", self.transition));
                transitions.push(Transition::new(self, &scope, channels));
                channels /= 2;
            }
        }
        (blocks, transitions, channels)
    }

    /// The normalisation before the convolution of this name or number.
    fn before(&self, scope: &Scope, convolution: &str, channels: i64) -> Normalisation {
        self.method.norm(&scope.sub(format!("{}{convolution}", self.norm)), channels)
    }
}

impl Layer for Stem {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        match self {
            Self::Small(conv) => conv.forward(x, pass),
            Self::Pooled(conv) => conv.relu(x, pass).max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false),
        }
    }
}

impl Layer for Densenet121 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let mut x = self.stem.forward(x, pass);
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, pass);
            if let Some(transition) = self.transitions.get(i) {
                x = transition.forward(&x, pass);
            }
        }
        self.head.forward(&self.norm.relu(x, pass), pass)
    }
}

/// A 1x1 and a 3x3 convolution, each activated before.
struct DenseLayer {
    before1: Normalisation,
    conv1: Box<dyn Layer>,
    before2: Normalisation,
    conv2: Box<dyn Layer>,
    newest_first: bool,
}

impl DenseLayer {
    fn new(form: &Form, scope: &Scope, input: i64) -> Self {
        let width = 4 * GROWTH;
        Self {
            before1: form.before(scope, "1", input),
            conv1: (form.conv)(&scope.sub("conv1"), conv1x1(input, width, 1), Own::NOTHING),
            before2: form.before(scope, "2", width),
            conv2: (form.conv)(&scope.sub("conv2"), conv3x3(width, GROWTH, 1), Own::NOTHING),
            newest_first: form.newest_first,
        }
    }
}

impl Layer for DenseLayer {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.conv1.forward(&self.before1.relu_of(x, pass), pass);
        let y = self.conv2.forward(&self.before2.relu(y, pass), pass);
        if self.newest_first { Tensor::cat(&[&y, x], 1) } else { Tensor::cat(&[x, &y], 1) }
    }
}

/// Halves the channels and the image.
struct Transition {
    before: Normalisation,
    conv: Box<dyn Layer>,
}

impl Transition {
    fn new(form: &Form, scope: &Scope, input: i64) -> Self {
        Self {
            before: form.before(scope, "", input),
            conv: (form.conv)(&scope.sub("conv"), conv1x1(input, input / 2, 1), Own::NOTHING),
        }
    }
}

impl Layer for Transition {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.conv.forward(&self.before.relu_of(x, pass), pass);
        y.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)
    }
}
