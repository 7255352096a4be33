//! Recorded numbers of the published operators, and how they are read.
//!
//! `NDBENCH_GOLDEN` names a folder of the same layout with other cases; the default is `tests/golden`.

mod folder;
mod follow;
mod formulas;
mod implementations;
mod networks;
mod operators;
mod training;

use tch::{Device, Kind, Tensor};

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
