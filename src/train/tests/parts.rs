//! Gradients of a batch that are gathered part by part.

use super::*;
use crate::train::model::Model;

/// Loss, logits and parameters after a step on 10 images, in so many parts.
fn step(network: &dyn Fn(&Scope) -> Box<dyn Layer>, accumulate: u32) -> (f64, Vec<Tensor>) {
    let recipe = Recipe { batch_size: 10, accumulate, precision: Precision::Fp64, ..Recipe::default() };
    let mut model = Model::new(network, recipe, 7, Device::Cpu);
    tch::manual_seed(3);
    let images = Tensor::randn([10, 3, 8, 8], (Kind::Double, Device::Cpu));
    let labels = Tensor::randint(6, [10], (Kind::Int64, Device::Cpu));
    let (mut seen, mut tensors) = (f64::NAN, Vec::new());
    let see = |loss: &Tensor, logits: &Tensor, _: &Tensor| {
        seen = loss.double_value(&[]);
        tensors.push(logits.detach().copy());
    };
    model.step(|_| (images, labels), 0.1, None, see).unwrap();
    model.store.each_parameter(|parameter| tensors.push(parameter.tensor.detach().copy()));
    (seen, tensors)
}

fn plain(scope: &Scope) -> Box<dyn Layer> {
    Box::new(Flat(Linear::new(scope, 192, 6)))
}

fn normalised(scope: &Scope) -> Box<dyn Layer> {
    struct Normalised(BatchNorm2d, Flat);
    impl Layer for Normalised {
        fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
            self.1.forward(&self.0.forward(x, pass), pass)
        }
    }
    let norm = BatchNorm2d::new(&scope.sub("norm"), 3, BatchNorm::default());
    Box::new(Normalised(norm, Flat(Linear::new(&scope.sub("linear"), 192, 6))))
}

/// The largest difference of loss, logits and parameters.
fn difference((loss, tensors): &(f64, Vec<Tensor>), (other, others): &(f64, Vec<Tensor>)) -> f64 {
    let pairs = tensors.iter().zip(others).map(|(a, b)| (a - b).abs().max().double_value(&[]));
    pairs.fold((loss - other).abs(), f64::max)
}

#[test]
fn parts_of_a_batch_make_the_step_of_the_whole_where_nothing_measures_it() {
    let _alone = crate::testing::alone();
    let whole = step(&plain, 1);
    // The last part is smaller, or as large; or every image is a part.
    for parts in [2, 3, 4, 10] {
        let apart = step(&plain, parts);
        assert_eq!(apart.1[0].size(), [10, 6]);
        assert!(difference(&whole, &apart) < 1e-14, "{parts} parts: {}", difference(&whole, &apart));
    }
}

#[test]
fn batch_normalisation_measures_each_part() {
    let _alone = crate::testing::alone();
    assert!(difference(&step(&normalised, 1), &step(&normalised, 2)) > 1e-4);
}

#[test]
fn a_training_in_parts_goes_on_to_the_same_bits() {
    let trial = trial(Recipe { accumulate: 3, ..Recipe::default() });
    let whole = run(&trial, None, &mut Listener::default());
    assert_eq!(whole.outcome, Outcome::Finished);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    run(&trial, Some(&path), &mut Listener { at_step: Some(6), ..Listener::default() });
    let mut listener = Listener::default();
    assert_eq!(run(&trial, Some(&path), &mut listener), whole);
    assert!(listener.epochs().iter().all(|e| e.seconds.step.is_some_and(|step| step.backward.0 > 0.0)));
}
