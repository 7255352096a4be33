//! Instruments: what the machine is and what it uses.

mod available;
mod cgroup;
mod cuda;
mod cuda_driver;
mod environment;
mod host;
mod level;
mod memory;
mod nvml;
mod reading;
pub mod snapshot;
mod tree;

pub use available::available_memory;
pub use cuda::{CudaRuntime, cudnn_version, load_kernels_lazily, open_cuda};
pub use cuda_driver::{VisibleGpu, visible_gpu};
pub use environment::{Cuda, Device, Environment, Host, Software};
pub use host::{free_disk, nearest_folder};
pub use level::Level;
pub use memory::{Footprint, PeakResident, resident};
pub use nvml::{Gpu, Gpus, gpus};
pub use reading::Reading;
pub use snapshot::Snapshot;
pub use tree::{TreeUsage, tree_below};

/// The commit this program was built from: 12 digits, with `-dirty` where its sources had changed; `unknown` outside a
/// checkout.
pub const COMMIT: &str = env!("NDBENCH_COMMIT");
