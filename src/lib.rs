//! ndbench measures what it costs, and what it buys, to train a convolutional network with network deconvolution
//! (ND; Ye et al., ICLR 2020) instead of batch normalisation (BN).
//!
//! Modules stand on floors; a module imports only from lower floors, never from a sibling. Those without a link are there
//! with the feature `torch` alone:
//!
//! | floor | modules |
//! |---|---|
//! | 6 | [`cli`] |
//! | 5 | `run`, `probe`, [`report`], [`export`], [`watch`], [`submit`], [`track`] |
//! | 4 | `train`, [`record`] |
//! | 3 | [`event`] |
//! | 2 | [`plan`], `data`, `nn`, [`published`] |
//! | 1 | [`scenario`], [`profile`], [`telemetry`], `clock`; `native`, for what tch does not offer |
//! | 0 | [`units`], [`stats`], [`files`], [`http`], [`settings`]; `testing`, for unit tests |

pub mod cli;
#[cfg(feature = "torch")]
pub mod clock;
#[cfg(feature = "torch")]
pub mod data;
pub mod event;
pub mod export;
pub mod files;
pub mod http;
#[cfg(feature = "torch")]
mod native;
#[cfg(feature = "torch")]
pub mod nn;
pub mod plan;
#[cfg(feature = "torch")]
pub mod probe;
pub mod profile;
pub mod published;
pub mod record;
pub mod report;
#[cfg(feature = "torch")]
pub mod run;
pub mod scenario;
pub mod settings;
pub mod stats;
pub mod submit;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod track;
#[cfg(feature = "torch")]
pub mod train;
pub mod units;
#[cfg(target_os = "linux")]
pub mod watch;
