//! Recorded numbers of the published operators, and how they are read.
//!
//! `NDBENCH_GOLDEN` names a folder of the same layout with other cases; the default is `tests/golden`.

mod formulas;
mod networks;
mod operators;
mod training;

use std::collections::HashMap;
use std::path::PathBuf;
use tch::{Device, Kind, Tensor};

/// The folder with the fixtures.
pub fn folder() -> PathBuf {
    match std::env::var_os("NDBENCH_GOLDEN") {
        Some(folder) => folder.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    }
}

/// A JSON file of the fixtures.
pub fn json(path: &str) -> serde_json::Value {
    let path = folder().join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The tensors of one file, by name.
pub fn tensors(path: &str) -> HashMap<String, Tensor> {
    let path = folder().join(path);
    let read = Tensor::read_safetensors(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    read.into_iter().collect()
}

/// The largest difference divided by the largest magnitude of `want`.
pub fn relative_error(got: &Tensor, want: &Tensor) -> f64 {
    assert_eq!(got.size(), want.size(), "shape");
    let exact = |t: &Tensor| t.to_kind(Kind::Double).to_device(Device::Cpu);
    let (got, want) = (exact(got), exact(want));
    if want.numel() == 0 {
        return 0.0;
    }
    let largest = want.abs().max().double_value(&[]);
    let difference = (got - want).abs().max().double_value(&[]);
    if largest == 0.0 { difference } else { difference / largest }
}
