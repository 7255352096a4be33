//! The one integration test binary.

mod audit;
#[cfg(feature = "torch")]
mod bad_inputs;
#[cfg(feature = "torch")]
mod bench;
mod benches;
#[cfg(target_os = "linux")]
mod cluster;
mod containers;
#[cfg(feature = "torch")]
mod costs;
#[cfg(feature = "torch")]
mod data_fetch;
#[cfg(feature = "torch")]
mod data_folders;
#[cfg(feature = "torch")]
mod data_incomplete;
#[cfg(feature = "torch")]
mod data_prepare;
mod device_faults;
#[cfg(feature = "torch")]
mod devices;
mod driver;
mod driver_errors;
mod export;
mod floors;
#[cfg(feature = "torch")]
mod golden;
#[cfg(feature = "torch")]
mod gpu;
#[cfg(feature = "torch")]
mod imagenet_interruption;
#[cfg(target_os = "linux")]
mod in_hand;
#[cfg(feature = "torch")]
mod interruption;
mod kubernetes;
#[cfg(feature = "torch")]
mod left_out;
#[cfg(feature = "torch")]
mod live;
mod made_up;
#[cfg(feature = "torch")]
mod outcomes;
#[cfg(unix)]
mod output;
mod page;
mod planning;
mod pushgateway;
#[cfg(feature = "torch")]
mod remarks;
mod serve;
#[cfg(feature = "torch")]
mod smoke_imagenet;
#[cfg(target_os = "linux")]
mod submit;
mod telemetry;
#[cfg(feature = "torch")]
mod telemetry_runs;
mod tools;
#[cfg(unix)]
mod track;
mod verdicts;
#[cfg(target_os = "linux")]
mod watch;
mod web;
