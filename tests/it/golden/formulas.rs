//! The formulas by which the recorded networks and inputs were filled.

use ndbench::nn::Role;
use tch::{Kind, Tensor};

fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn key(salt: u64, role: u64, shape: &[i64]) -> u64 {
    shape.iter().fold(mix(salt.wrapping_add(role)), |k, &d| mix(k ^ d as u64))
}

/// The `j`-th number of a key, in [-1, 1).
fn uniform(key: u64, j: u64) -> f64 {
    (mix(key.wrapping_add(j)) >> 11) as f64 * 2f64.powi(-52) - 1.0
}

/// Values of a parameter, in double precision.
pub fn parameter(shape: &[i64], role: Role, salt: u64, gain: f64) -> Tensor {
    let inputs: i64 = shape.iter().skip(1).product();
    let (number, centre, spread) = match role {
        Role::Weight => (0, 0.0, (3.0 * gain / inputs as f64).sqrt()),
        Role::Scale => (1, 1.0, 0.05),
        Role::Bias => (2, 0.0, 0.05),
    };
    let key = key(salt, number, shape);
    let count: i64 = shape.iter().product();
    let values: Vec<f64> = (0..count as u64).map(|j| centre + spread * uniform(key, j)).collect();
    Tensor::from_slice(&values).view(shape)
}

/// A batch of images `[batch, 3, size, size]`, in double precision.
pub fn input(salt: u64, batch: i64, size: i64) -> Tensor {
    let shape = [batch, 3, size, size];
    let key = key(salt, 3, &shape);
    let mut values = Vec::new();
    for n in 0..batch {
        for c in 0..3 {
            for h in 0..size {
                for w in 0..size {
                    let (n, c, h, w) = (n as f64, c as f64, h as f64, w as f64);
                    let wave = 0.8 * (0.35 * h + 0.7 * n + 0.9 * c).sin() * (0.25 * w - 0.4 * n).cos();
                    let noise = 0.5 * uniform(key, values.len() as u64);
                    values.push(wave + 0.1 * (c - 1.0) + noise);
                }
            }
        }
    }
    Tensor::from_slice(&values).view(shape)
}

/// The label of sample `j` is `j` modulo the classes.
pub fn labels(batch: i64, classes: i64) -> Tensor {
    Tensor::arange(batch, (Kind::Int64, tch::Device::Cpu)).remainder(classes)
}

#[test]
fn golden_formulas_give_the_recorded_check_values() {
    assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    assert_eq!(uniform(key(12345, 0, &[64, 3, 3, 3]), 0), -0.3230461475030497);
    assert_eq!(input(12345, 8, 32).double_value(&[0, 0, 0, 2]), -0.15239801882479878);
}
