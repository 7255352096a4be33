//! Where to compute.

use clap::Args;
use std::fmt;

/// Where to compute, instead of where the profile says.
#[derive(Debug, Args)]
pub struct ComputeArgs {
    /// Where to compute, `cpu`, `cuda` or `cuda:1`, instead of the profile's
    #[arg(long, value_parser = parse_device)]
    pub device: Option<DeviceArg>,
    /// Threads of one operation, instead of the profile's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub threads: Option<u32>,
}

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceArg {
    /// The host.
    Cpu,
    /// A CUDA device by number.
    Cuda(usize),
}

impl fmt::Display for DeviceArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// `cpu`, `cuda` or `cuda:1`.
pub(super) fn parse_device(text: &str) -> Result<DeviceArg, String> {
    match text.split_once(':') {
        None if text == "cpu" => Ok(DeviceArg::Cpu),
        None if text == "cuda" => Ok(DeviceArg::Cuda(0)),
        Some(("cuda", index)) => index.parse().map(DeviceArg::Cuda).map_err(|e| format!("{index}: {e}")),
        _ => Err("`cpu`, `cuda` or `cuda:1` is expected".into()),
    }
}
