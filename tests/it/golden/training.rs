//! The recorded protocol: three steps of plain stochastic gradient descent, then evaluation.

use super::formulas;
use ndbench::nn::networks::build;
use ndbench::nn::{Layer, Method, Pass, Store};
use ndbench::scenario::Architecture;
use serde_json::Value;
use std::collections::BTreeMap;
use tch::{Device, Kind, Reduction, Tensor};

/// What a network did.
#[derive(Default)]
pub struct Observed {
    pub losses: Vec<f64>,
    pub train_logits: Vec<f64>,
    pub grad_norm: f64,
    pub grad_norm_by_shape: BTreeMap<String, f64>,
    pub without_gradient: Vec<String>,
    pub buffers_after_1_step: BTreeMap<String, f64>,
    pub buffers_after_3_steps: BTreeMap<String, f64>,
    pub parameter_norm: f64,
    /// Counters that have counted the three steps.
    pub counting: Vec<String>,
    pub eval_logits: Vec<f64>,
    pub eval_loss: f64,
}

/// Runs the protocol that `golden` describes; evaluates only if asked.
pub fn observe(
    architecture: Architecture,
    method: Method,
    classes: i64,
    golden: &Value,
    (kind, device): (Kind, Device),
    evaluate: bool,
) -> Observed {
    let number = |key: &str| golden[key].as_f64().unwrap_or_else(|| panic!("no number {key}"));
    let whole = |key: &str| golden[key].as_u64().unwrap_or_else(|| panic!("no whole number {key}"));
    let store = Store::new(device, kind);
    let network = build(architecture, method, classes, &store.root());
    tch::no_grad(|| {
        store.each_parameter(|p| {
            p.tensor.copy_(&formulas::parameter(&p.tensor.size(), p.role, whole("salt"), number("gain")))
        })
    });
    let (batch, size) = (whole("batch") as i64, whole("size") as i64);
    let x = formulas::input(whole("salt"), batch, size).to_kind(kind).to_device(device);
    let labels = formulas::labels(batch, classes).to_device(device);
    let mut seen = Observed::default();
    let mut optimiser = Sgd {
        lr: number("lr"),
        momentum: number("momentum"),
        weight_decay: number("weight_decay"),
        velocity: BTreeMap::new(),
    };
    for step in 0..3 {
        let logits = network.forward(&x, &Pass::training().with_dropout(golden["dropout"].as_f64()));
        let loss = cross_entropy(&logits, &labels);
        loss.backward();
        seen.losses.push(loss.double_value(&[]));
        if step == 0 {
            seen.train_logits = values(&logits);
            seen.see_gradients(&store);
            seen.buffers_after_1_step = buffer_norms(&store);
        }
        optimiser.step(&store);
    }
    seen.buffers_after_3_steps = buffer_norms(&store);
    let mut squares = 0.0;
    store.each_parameter(|p| squares += square_sum(&p.tensor));
    seen.parameter_norm = squares.sqrt();
    seen.counting = store.counters().into_iter().filter(|(_, c)| c.get() == 3).map(|(name, _)| name).collect();
    if evaluate {
        let logits = tch::no_grad(|| network.forward(&x, &Pass::evaluation()));
        seen.eval_loss = cross_entropy(&logits, &labels).double_value(&[]);
        seen.eval_logits = values(&logits);
    }
    seen
}

impl Observed {
    fn see_gradients(&mut self, store: &Store) {
        let mut by_shape = BTreeMap::<String, f64>::new();
        store.each_parameter(|p| {
            let gradient = p.tensor.grad();
            if gradient.defined() {
                *by_shape.entry(dimensions(&gradient)).or_default() += square_sum(&gradient);
            } else {
                self.without_gradient.push(p.name.clone());
            }
        });
        self.grad_norm = by_shape.values().sum::<f64>().sqrt();
        self.grad_norm_by_shape = roots(by_shape);
    }
}

/// Plain stochastic gradient descent with momentum and weight decay; parameters without gradient are left alone.
struct Sgd {
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    velocity: BTreeMap<String, Tensor>,
}

impl Sgd {
    fn step(&mut self, store: &Store) {
        let _no_grad = tch::no_grad_guard();
        store.each_parameter(|p| {
            let gradient = p.tensor.grad();
            if !gradient.defined() {
                return;
            }
            let gradient = gradient + &p.tensor * self.weight_decay;
            let velocity = match self.velocity.remove(&p.name) {
                Some(velocity) => velocity * self.momentum + gradient,
                None => gradient,
            };
            p.tensor -= &velocity * self.lr;
            p.tensor.zero_grad();
            self.velocity.insert(p.name.clone(), velocity);
        });
    }
}

/// 2-norms of the buffers by the last part of their name and their shape, without the counters of batches.
fn buffer_norms(store: &Store) -> BTreeMap<String, f64> {
    let mut squares = BTreeMap::<String, f64>::new();
    store.each_buffer(|b| {
        let name = b.name.rsplit('.').next().unwrap_or_default();
        if name != "num_batches_tracked" {
            *squares.entry(format!("{name} {}", dimensions(&b.tensor))).or_default() += square_sum(&b.tensor);
        }
    });
    roots(squares)
}

/// The mean over the batch, in the precision of the logits.
fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.cross_entropy_loss(labels, None::<Tensor>, Reduction::Mean, -100, 0.0)
}

fn roots(squares: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    squares.into_iter().map(|(key, sum)| (key, sum.sqrt())).collect()
}

fn dimensions(t: &Tensor) -> String {
    t.size().iter().map(i64::to_string).collect::<Vec<_>>().join("x")
}

fn square_sum(t: &Tensor) -> f64 {
    t.to_kind(Kind::Double).square().sum(Kind::Double).double_value(&[])
}

fn values(t: &Tensor) -> Vec<f64> {
    let flat = t.detach().to_kind(Kind::Double).contiguous().view(-1);
    Vec::try_from(flat).expect("logits are numbers")
}
