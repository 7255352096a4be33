//! Opening the library.

use libloading::os::unix::{Library, RTLD_NOW};
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use std::path::Path;

/// The driver installs it under this name; the name without a number, which the wrapper tries, is for development.
const DRIVERS: &str = "libnvidia-ml.so.1";

/// Opens and starts the driver's library, or the one at `path`.
///
/// # Errors
/// The library is missing, does not start, or cannot be stopped again.
pub(super) fn open(path: Option<&Path>) -> Result<Nvml, NvmlError> {
    let path = path.unwrap_or(Path::new(DRIVERS));
    let nvml = Nvml::builder().lib_path(path.as_os_str()).init()?;
    if let Err(e) = &nvml.lib().nvmlShutdown {
        // The wrapper panics when such a library is let go.
        let error = NvmlError::FailedToLoadSymbol(e.to_string());
        std::mem::forget(nvml);
        return Err(error);
    }
    Ok(nvml)
}

/// Whether the driver's library, or the one at `path`, says of itself that it stands in the driver's place.
pub(super) fn is_stub(path: Option<&Path>) -> bool {
    // SAFETY: the initialisers of NVIDIA's driver are trusted, and the symbol is only looked up.
    unsafe {
        let library = Library::open(Some(path.unwrap_or(Path::new(DRIVERS))), RTLD_NOW);
        library.is_ok_and(|library| library.get::<*const u8>(b"ndbench_nvml_stub").is_ok())
    }
}
