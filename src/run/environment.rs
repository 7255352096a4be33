//! Where a run computes, and the description of that for its records.

use crate::native;
use crate::telemetry::{
    COMMIT, Cuda, CudaRuntime, Device, Environment, Host, Software, cudnn_version, gpus, open_cuda, visible_gpu,
};
use crate::train::{cpu_capability, libtorch_version};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

/// The device numbered `index` of CUDA, or the CPU. cuDNN then tries its algorithms on the first convolution of each shape
/// and keeps to the fastest, as in the study's code; and nothing is rounded to TF32, which libtorch lets convolutions do,
/// until a recipe asks for it.
///
/// # Errors
/// Why CUDA cannot be used here, and what to do.
pub fn device(cuda: Option<usize>) -> Result<tch::Device, String> {
    let Some(index) = cuda else { return Ok(tch::Device::Cpu) };
    if let CudaRuntime::Unavailable { why, remedy } = open_cuda(Path::new(env!("NDBENCH_LIBTORCH_LIB"))) {
        return Err(format!("no CUDA device: {why}; {remedy}"));
    }
    let count = tch::Cuda::device_count();
    if index as i64 >= count {
        return Err(format!("no CUDA device {index}: {count} visible; run `ndbench doctor`"));
    }
    tch::Cuda::cudnn_set_benchmark(true);
    native::allow_tf32(false).map_err(|e| e.to_string())?;
    let by_kernel = products_by_kernel(std::env::var_os(PRODUCTS).as_deref())?;
    if by_kernel {
        native::product_kernel(index).map_err(|e| format!("{PRODUCTS}=kernel: {}", e.0))?;
    }
    native::use_product_kernel(by_kernel);
    Ok(tch::Device::Cuda(index))
}

/// Threads that libtorch uses for one operation.
pub fn threads() -> u32 {
    tch::get_num_threads() as u32
}

/// Sets [`threads`].
pub fn set_threads(threads: u32) {
    tch::set_num_threads(threads as i32);
}

/// Names, to those who ask for it, what multiplies whitening's matrices on a GPU.
pub const PRODUCTS: &str = "NDBENCH_PRODUCTS";

/// Whether `asked` is for the kernel of our own.
fn products_by_kernel(asked: Option<&OsStr>) -> Result<bool, String> {
    match asked.map(|asked| asked.to_str()) {
        None | Some(Some("libtorch")) => Ok(false),
        Some(Some("kernel")) => Ok(true),
        Some(_) => Err(format!("{PRODUCTS} is neither `libtorch` nor `kernel`")),
    }
}

/// The environment of a run on `device`.
pub fn environment(device: tch::Device) -> Environment {
    Environment {
        host: Host::read(),
        software: Software {
            ndbench: env!("CARGO_PKG_VERSION").into(),
            commit: COMMIT.into(),
            libtorch: libtorch_version(),
        },
        device: match device {
            tch::Device::Cuda(index) => Device::Cuda(cuda(index)),
            _ => Device::Cpu,
        },
        threads: threads(),
        settings: settings(),
    }
}

/// Beginnings of the names of variables with which users change speed or rounding of what a training runs on.
const VARIABLES: [&str; 13] = [
    "ATEN_",
    "CUBLAS_",
    "CUDA_LAUNCH_BLOCKING",
    "DNNL_",
    "GLIBC_TUNABLES",
    "KMP_",
    "MALLOC_",
    "MKL_",
    PRODUCTS,
    "NVIDIA_TF32_OVERRIDE",
    "OMP_",
    "ONEDNN_",
    "PYTORCH_",
];

/// [`Environment::settings`] of this process.
fn settings() -> BTreeMap<String, String> {
    let named = |name: &str| VARIABLES.iter().any(|beginning| name.starts_with(beginning));
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| named(name))?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    let kernels = (Environment::CPU_CAPABILITY.to_owned(), cpu_capability());
    variables.chain([kernels]).chain(cpu_numbers().map(|numbers| ("cpu".to_owned(), numbers))).collect()
}

/// Family, model and stepping of the first CPU, where Linux tells: names such as `AMD EPYC` stand for many.
fn cpu_numbers() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let of = |key: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
    };
    Some(format!("family {}, model {}, stepping {}", of("cpu family")?, of("model")?, of("stepping")?))
}

fn cuda(index: usize) -> Cuda {
    let (driver, cuda) = gpus().map_or((None, None), |g| (g.driver.value(), g.cuda.value()));
    let (name, uuid, memory) = match visible_gpu(index) {
        Ok(gpu) => (gpu.name.value(), gpu.uuid.value(), gpu.memory.value()),
        Err(_) => (None, None, None),
    };
    Cuda { index: index as u32, name, uuid, driver, cuda, cudnn: cudnn_version().value(), memory }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_used_where_it_is_asked_for() {
        let asked = |text: &str| products_by_kernel(Some(OsStr::new(text)));
        assert_eq!([products_by_kernel(None), asked("libtorch"), asked("kernel")], [Ok(false), Ok(false), Ok(true)]);
        assert!(asked("Kernel").unwrap_err().contains("NDBENCH_PRODUCTS"));
    }
}
