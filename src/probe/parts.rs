//! From the shim's numbers to a record's.

use crate::native::{Part, Parts};
use crate::record::{PartTimes, StepParts};
use crate::units::Seconds;

impl From<Parts> for StepParts {
    fn from(parts: Parts) -> Self {
        let times = |seconds: [f64; 6]| {
            let of = |part: Part| Seconds(seconds[part as usize]);
            PartTimes {
                samples: of(Part::Samples),
                covariance: of(Part::Covariance),
                newton_schulz: of(Part::InverseSqrt),
                weight: of(Part::Weight),
                convolution: of(Part::Convolution),
                other: of(Part::Other),
            }
        };
        Self { forward: times(parts.forward), backward: times(parts.backward) }
    }
}
