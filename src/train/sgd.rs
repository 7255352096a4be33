//! Stochastic gradient descent with momentum and weight decay.

use crate::native::{NativeError, Rate, SgdStep, sgd_step};
use crate::nn::Store;
use crate::scenario::Recipe;
use tch::Tensor;

/// SGD over the parameters of a store. For each parameter `p` that has a gradient: `g = gradient + weight_decay p`;
/// the buffer becomes `g` at its first step and `momentum buffer + g` later; `p` falls by `rate` times the buffer, or in
/// Nesterov's form by `rate` times `g + momentum buffer`. A parameter without gradient is left alone.
#[derive(Debug)]
pub(super) struct Sgd {
    names: Vec<String>,
    parameters: Vec<Tensor>,
    buffers: Vec<Tensor>,
    recipe: Recipe,
}

impl Sgd {
    /// An optimiser that has taken no step.
    pub fn new(store: &Store, recipe: Recipe) -> Self {
        let (mut names, mut parameters) = (Vec::new(), Vec::new());
        store.each_parameter(|p| {
            names.push(p.name.clone());
            parameters.push(p.tensor.shallow_clone());
        });
        let buffers = parameters.iter().map(|_| Tensor::new()).collect();
        Self { names, parameters, buffers, recipe }
    }

    /// Updates the parameters at this learning rate and drops their gradients, which costs no time to clear them and
    /// lets the next backward pass hand its results over without a copy.
    ///
    /// # Errors
    /// libtorch's, out of memory among them.
    pub fn step(&mut self, rate: Rate) -> Result<(), NativeError> {
        let Recipe { momentum, weight_decay, nesterov, .. } = self.recipe;
        sgd_step(&mut self.parameters, &mut self.buffers, SgdStep { rate, momentum, weight_decay, nesterov })
    }

    /// The momentum buffers filled so far, under their parameters' names.
    pub fn momenta(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.names.iter().map(String::as_str).zip(&self.buffers).filter(|(_, buffer)| buffer.defined())
    }

    /// The shape and place in the list of the parameter `name`.
    pub fn find(&self, name: &str) -> Option<(usize, &Tensor)> {
        self.names.iter().position(|n| n == name).map(|i| (i, &self.parameters[i]))
    }

    /// Puts back the buffer of the parameter at `place`.
    pub fn set_momentum(&mut self, place: usize, buffer: &Tensor) {
        let parameter = &self.parameters[place];
        self.buffers[place] = buffer.to_device(parameter.device()).to_kind(parameter.kind());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Init, Role};
    use tch::{Device, Kind};

    /// The rule above, written out for vectors of f64.
    fn reference(recipe: Recipe, rates: &[f64], start: &[f64], gradients: &[Vec<f64>]) -> Vec<f64> {
        let mut p = start.to_vec();
        let mut buffer: Option<Vec<f64>> = None;
        for (rate, gradient) in rates.iter().zip(gradients) {
            let g: Vec<f64> = gradient.iter().zip(&p).map(|(g, p)| g + recipe.weight_decay * p).collect();
            let b: Vec<f64> = match &buffer {
                None => g.clone(),
                Some(b) => b.iter().zip(&g).map(|(b, g)| recipe.momentum * b + g).collect(),
            };
            for i in 0..p.len() {
                p[i] -= rate * if recipe.nesterov { g[i] + recipe.momentum * b[i] } else { b[i] };
            }
            buffer = Some(b);
        }
        p
    }

    fn compare(recipe: Recipe, kind: Kind, tolerance: f64, on_device: bool) {
        let n = 37;
        let store = Store::new(Device::Cpu, kind);
        let used = store.root().parameter("used", &[n], Role::Weight, Init::Uniform(1.0));
        let idle = store.root().parameter("idle", &[3], Role::Weight, Init::Constant(2.0));
        let _alone = crate::testing::alone();
        store.initialise(7);
        let start: Vec<f64> = Vec::try_from(used.to_kind(Kind::Double)).unwrap();
        let gradients: Vec<Vec<f64>> =
            (0..4).map(|t| (0..n).map(|i| ((t * 31 + i * 7) as f64).sin()).collect()).collect();
        let rates = [0.1, 0.08, 0.05, 0.01];
        let mut sgd = Sgd::new(&store, recipe);
        for (rate, gradient) in rates.iter().zip(&gradients) {
            (&used * Tensor::from_slice(gradient).to_kind(kind)).sum(kind).backward();
            let scalar = Tensor::from(*rate as f32);
            sgd.step(if on_device { Rate::OnDevice(&scalar) } else { Rate::Number(*rate) }).unwrap();
            assert!(!used.grad().defined(), "the gradient must be dropped");
        }
        let expected = reference(recipe, &rates, &start, &gradients);
        let got: Vec<f64> = Vec::try_from(used.to_kind(Kind::Double)).unwrap();
        for (e, g) in expected.iter().zip(&got) {
            assert!((e - g).abs() <= tolerance, "{e} {g} {recipe:?}");
        }
        assert_eq!(idle.sum(Kind::Double).double_value(&[]), 6.0, "no gradient, no decay");
    }

    #[test]
    fn steps_follow_the_rule_in_every_form() {
        for (momentum, nesterov) in [(0.9, false), (0.9, true), (0.0, false)] {
            for weight_decay in [0.0, 1e-3, 0.5] {
                let recipe = Recipe { momentum, nesterov, weight_decay, ..Recipe::default() };
                compare(recipe, Kind::Double, 1e-15, false);
                compare(recipe, Kind::Float, 1e-6, false);
                compare(recipe, Kind::Float, 1e-6, true);
            }
        }
    }
}
