//! What follows from a failure of a call.

use crate::telemetry::snapshot::{Call, Code};

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Count it, and ask again at the next tick.
    Retry,
    /// Never ask this of this device again.
    Off,
    /// The same, and tell the user.
    OffAndTell,
    /// The device is gone: look for it again, after 1 s at first and then ever more rarely.
    Lost,
    /// The device is gone for good.
    LostForGood,
    /// There is nothing to ask.
    Absent,
}

impl Reaction {
    /// What to do after `call` failed with `code`.
    pub fn to(call: Call, code: Code) -> Self {
        if call == Call::Open { Self::to_open(code) } else { Self::to_reading(code) }
    }

    fn to_open(code: Code) -> Self {
        match code {
            Code::ResetRequired => Self::LostForGood,
            // No later try can bring another answer, while this process lives.
            Code::NoLibrary
            | Code::NoFunction
            | Code::DriverNotLoaded
            | Code::DriverMismatch
            | Code::NotSupported
            | Code::NoPermission
            | Code::CallVersion
            | Code::Deprecated => Self::Absent,
            _ => Self::Lost,
        }
    }

    fn to_reading(code: Code) -> Self {
        match code {
            Code::NotSupported | Code::NoFunction | Code::CallVersion | Code::Deprecated => Self::Off,
            Code::NoPermission => Self::OffAndTell,
            Code::GpuLost | Code::Uninitialised | Code::GpuNotFound => Self::Lost,
            Code::ResetRequired => Self::LostForGood,
            _ => Self::Retry,
        }
    }
}
