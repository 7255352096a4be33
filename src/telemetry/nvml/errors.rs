//! The wrapper's errors, by the driver's codes, with what to do.

use crate::telemetry::snapshot::Code;
use crate::telemetry::source::CallError;
use nvml_wrapper::error::NvmlError;

impl From<NvmlError> for CallError {
    fn from(error: NvmlError) -> Self {
        let code = code(&error);
        let why = match code {
            Code::NoLibrary => format!("no NVIDIA driver: {error}"),
            Code::DriverNotLoaded => "the NVIDIA driver is not loaded; load it, or reboot".into(),
            Code::DriverMismatch => {
                "the NVIDIA driver's library and kernel module are of different versions; reboot after a driver upgrade"
                    .into()
            }
            Code::NoPermission => "no permission; a control group, a container or MIG hides it".into(),
            Code::GpuNotFound => "the driver does not find the device".into(),
            Code::NotReady => "the driver is not ready yet".into(),
            _ => error.to_string(),
        };
        Self { code, why }
    }
}

fn code(error: &NvmlError) -> Code {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => Code::NoLibrary,
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => Code::NoFunction,
        NvmlError::Uninitialized => Code::Uninitialised,
        NvmlError::InvalidArg => Code::InvalidArgument,
        NvmlError::NotSupported => Code::NotSupported,
        NvmlError::NoPermission => Code::NoPermission,
        NvmlError::NotFound => Code::NotFound,
        NvmlError::InsufficientSize(_) => Code::InsufficientSize,
        NvmlError::DriverNotLoaded => Code::DriverNotLoaded,
        NvmlError::Timeout => Code::Timeout,
        NvmlError::GpuLost => Code::GpuLost,
        NvmlError::ResetRequired => Code::ResetRequired,
        NvmlError::LibRmVersionMismatch => Code::DriverMismatch,
        NvmlError::NoData => Code::NoData,
        NvmlError::UnexpectedVariant(25) => Code::CallVersion,
        NvmlError::UnexpectedVariant(26) => Code::Deprecated,
        NvmlError::UnexpectedVariant(27) => Code::NotReady,
        NvmlError::UnexpectedVariant(28) => Code::GpuNotFound,
        NvmlError::Unknown => Code::Unknown,
        _ => Code::Other,
    }
}

/// No answer yet.
pub(super) fn late(what: &str) -> CallError {
    CallError { code: Code::Timeout, why: format!("{what} takes long") }
}

/// An answer that cannot be.
pub(super) fn implausible(what: impl std::fmt::Display) -> CallError {
    CallError { code: Code::Implausible, why: format!("the driver says {what}") }
}
