//! Instruments: what the machine is and what it uses.

mod available;
mod cgroup;
mod cpu_time;
mod cuda;
mod cuda_driver;
mod environment;
mod handle;
mod host;
mod level;
mod memory;
mod nvml;
mod oom_kills;
mod peak;
mod processes;
mod reading;
mod recorder;
mod sampler;
pub mod series;
mod slurm_job;
pub mod snapshot;
mod source;
mod tally;
mod tree;
mod visible;

pub use available::available_memory;
pub use cuda::{CudaRuntime, cudnn_version, load_kernels_lazily, open_cuda};
pub use cuda_driver::{VisibleGpu, visible_gpu};
pub use environment::{Cuda, Device, Environment, Host, Software};
pub use handle::{Recording, Series, Settings, Telemetry};
pub use host::{NODE_VARIABLE, free_disk, nearest_folder, node_name};
pub use level::Level;
pub use memory::{Footprint, PeakResident, resident};
pub use nvml::{Gpu, Gpus, gpus, visible_gpus};
pub use oom_kills::OomKills;
pub use peak::Peak;
pub use reading::Reading;
pub use sampler::AllocatorProbe;
pub use slurm_job::SlurmJob;
pub use snapshot::Snapshot;
pub use tally::{
    DeviceSummary, Energy, EnergySource, GpuSummary, HostSummary, MemorySpreads, Range, SeriesFile, Spread, Tally,
    TelemetrySummary,
};
pub use tree::{TreeUsage, tree_below};
pub use visible::GpuTarget;

/// The commit this program was built from: 12 digits, with `-dirty` where its sources had changed; `unknown` outside a
/// checkout.
pub const COMMIT: &str = env!("NDBENCH_COMMIT");

/// The names of the columns of a series, as its first line has them.
#[cfg(test)]
pub(crate) fn series_header() -> String {
    series::Row::header()
}
