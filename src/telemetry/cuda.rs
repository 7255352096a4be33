//! libtorch's CUDA half, which the binary is not linked with: it is opened at run time where it can work.

use super::Reading;
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Whether CUDA can be used, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CudaRuntime {
    /// libtorch's CUDA library is part of this process.
    Opened {
        /// Where it lies.
        path: PathBuf,
    },
    /// Only the CPU.
    Unavailable {
        /// The reason.
        why: String,
        /// What to do about it.
        remedy: String,
    },
}

/// Sets `CUDA_MODULE_LOADING=LAZY`, unless the user has set it: kernels are then loaded when they are first used, which
/// saves start-up time and device memory.
///
/// # Safety
/// Call it first in `main`: no other thread may be running, since it changes the environment.
pub unsafe fn load_kernels_lazily() {
    const NAME: &str = "CUDA_MODULE_LOADING";
    if std::env::var_os(NAME).is_none() {
        // SAFETY: the caller promises that there is no other thread.
        unsafe { std::env::set_var(NAME, "LAZY") };
    }
}

/// Opens `libtorch_cuda.so` in `lib`, libtorch's `lib` folder, and keeps it open for the life of the process. The first
/// call decides; later ones return its answer. Call it before libtorch is first asked about CUDA: it remembers a no.
pub fn open_cuda(lib: &Path) -> &'static CudaRuntime {
    static RUNTIME: OnceLock<CudaRuntime> = OnceLock::new();
    RUNTIME.get_or_init(|| try_open(lib))
}

fn try_open(lib: &Path) -> CudaRuntime {
    let path = lib.join("libtorch_cuda.so");
    let opened = open_for_ever(Path::new("libcuda.so.1"))
        .map_err(|_| {
            let why = "no NVIDIA driver: libcuda.so.1 is not here";
            (why.into(), "on a machine with an NVIDIA GPU, install its driver".into())
        })
        .and_then(|()| open_for_ever(&path).map_err(|why| explain(&path, &why)));
    match opened {
        Ok(()) => CudaRuntime::Opened { path },
        Err((why, remedy)) => CudaRuntime::Unavailable { why, remedy },
    }
}

/// Makes a library part of this process; its symbols serve those opened later.
fn open_for_ever(path: &Path) -> Result<(), String> {
    // SAFETY: the initialisers of NVIDIA's driver and of libtorch, which this process has loaded already, are trusted.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }.map_err(|e| e.to_string())?;
    std::mem::forget(library);
    Ok(())
}

/// The version of cuDNN that libtorch's CUDA library has brought into this process, `9.10.2`.
pub fn cudnn_version() -> Reading<String> {
    let name = Path::new("libcudnn.so.9");
    // SAFETY: with RTLD_NOLOAD nothing is loaded that was not there before.
    let Ok(library) = (unsafe { Library::open(Some(name), RTLD_NOW | libc::RTLD_NOLOAD) }) else {
        return Reading::Unsupported;
    };
    // SAFETY: this is its signature in every release of cuDNN, and it only returns a number.
    match unsafe { library.get::<unsafe extern "C" fn() -> usize>(b"cudnnGetVersion\0").map(|version| version()) } {
        Ok(n) => Reading::Value(format!("{}.{}.{}", n / 10_000, n / 100 % 100, n % 100)),
        Err(e) => Reading::Failed { why: e.to_string() },
    }
}

/// The reason and the remedy where there is a driver but libtorch's CUDA library at `path` does not open; `said` is
/// what the dynamic linker said: `libcudnn.so.9: cannot open shared object file: No such file or directory`.
fn explain(path: &Path, said: &str) -> (String, String) {
    let remedy = "run `make setup build` on this machine: it installs libtorch with the CUDA libraries where it finds \
                  an NVIDIA driver (NDBENCH_CUDA=yes where it does not)";
    let missing = said.split_once(": cannot open shared object file").map(|(name, _)| name);
    let why = match missing {
        _ if !path.exists() => format!("this libtorch is for the CPU only: {} is not there", path.display()),
        Some(name) => format!("{} is there, but {name}, which it needs, is missing", path.display()),
        None => format!("{} does not open: {said}", path.display()),
    };
    (why, remedy.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_name_the_library_that_is_missing() {
        let (why, _) = explain(Path::new("/nowhere/libtorch_cuda.so"), "any");
        assert!(why.starts_with("this libtorch is for the CPU only"), "{why}");
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let (why, remedy) = explain(&here, "libcudnn.so.9: cannot open shared object file: No such file or directory");
        assert!(why.ends_with("but libcudnn.so.9, which it needs, is missing"), "{why}");
        assert!(remedy.contains("make setup"));
        let (why, _) = explain(&here, "undefined symbol: x");
        assert!(why.ends_with("does not open: undefined symbol: x"), "{why}");
    }

    #[test]
    fn there_is_no_cudnn_before_cuda_is_opened() {
        assert_eq!(cudnn_version(), Reading::Unsupported);
    }

    #[test]
    fn a_library_that_is_not_one_is_an_error() {
        assert!(open_for_ever(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).is_err());
    }
}
