//! Products by tiles: the loops by themselves, and what is made of them.

use super::inverse_sqrt;
use std::process::Command;
use tch::{Device, Kind, Tensor};

#[test]
fn tiles_add_up_to_what_double_precision_does() {
    let folder = tempfile::tempdir().unwrap();
    let built = |source: &str, more: &[&str]| {
        let out = folder.path().join(source.replace(['/', '.'], "-") + ".o");
        let mut command = crate::testing::compiler();
        let output = command.args(["-std=c++17", "-O3", source, "-o"]).arg(&out).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        out
    };
    let tile = built("native/tile.cpp", &["-c", "-mavx512f"]);
    let program = built("tests/native/tiles.cpp", &[tile.to_str().unwrap()]);
    let output = Command::new(&program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let expected = if std::arch::is_x86_feature_detected!("avx512f") { 83 * 6 } else { 0 };
    assert_eq!(said.trim(), expected.to_string());
}

#[test]
fn single_precision_is_near_double_precision() {
    tch::manual_seed(7);
    let double = (Kind::Double, Device::Cpu);
    let far =
        |a: &Tensor, b: &Tensor| (a.to_kind(Kind::Double) - b).norm().double_value(&[]) / b.norm().double_value(&[]);
    for (shape, n_iter) in [
        (vec![5], 5),
        (vec![27], 3),
        (vec![64], 5),
        (vec![100], 2),
        (vec![147], 1),
        (vec![250], 5),
        (vec![250], 4),
        (vec![3, 9], 5),
    ] {
        let f = *shape.last().unwrap();
        let sides = |last: i64| [&shape[..], &[last]].concat();
        let samples = Tensor::randn(sides(3 * f), double);
        let a = samples.matmul(&samples.transpose(-2, -1)) / (3.0 * f as f64);
        let gradient = Tensor::randn(sides(f), double);
        let (root, of_a) = inverse_sqrt(&a, &gradient, n_iter).unwrap();
        let [a, gradient] = [a, gradient].map(|t| t.to_kind(Kind::Float));
        let (near_root, near_of_a) = inverse_sqrt(&a, &gradient, n_iter).unwrap();
        assert_eq!(near_root.size(), root.size());
        let (one, other) = (far(&near_root, &root), far(&near_of_a, &of_a));
        assert!(one < 1e-5 && other < 1e-4, "{shape:?}, {n_iter} steps: {one:e}, {other:e}");
    }
}
