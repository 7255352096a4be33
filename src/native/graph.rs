//! The Rust face of `native/graph.cpp`: CUDA graphs, which launch many kernels by one call.

use super::{NativeError, checked};
use std::ffi::c_char;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

#[repr(C)]
struct RawGraph {
    _opaque: [u8; 0],
}

#[repr(C)]
struct RawStream {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn ndb_stream_enter(index: i64, stream: *mut *mut RawStream) -> *mut c_char;
    fn ndb_stream_leave(stream: *mut RawStream) -> *mut c_char;
    fn ndb_graph_begin(pool: *const u64, graph: *mut *mut RawGraph) -> *mut c_char;
    fn ndb_graph_end(graph: *mut RawGraph, pool: *mut u64) -> *mut c_char;
    fn ndb_graph_replay(graph: *mut RawGraph) -> *mut c_char;
    fn ndb_graph_free(graph: *mut RawGraph);
}

/// While this lives, the thread's work on a CUDA device goes to another stream than the default one, which cannot be
/// captured.
#[derive(Debug)]
pub(crate) struct OwnStream(NonNull<RawStream>);

impl OwnStream {
    /// Waits for device `index` and enters a stream of its own.
    ///
    /// # Errors
    /// libtorch's, such as no CUDA at all.
    pub fn enter(index: usize) -> Result<Self, NativeError> {
        let mut stream = null_mut();
        // SAFETY: it points to a live pointer, which the shim fills on success.
        checked(unsafe { ndb_stream_enter(index as i64, &raw mut stream) })?;
        NonNull::new(stream).map(Self).ok_or_else(|| NativeError("a stream without an address".into()))
    }
}

impl Drop for OwnStream {
    fn drop(&mut self) {
        // SAFETY: made by the shim, given back once.
        let left = checked(unsafe { ndb_stream_leave(self.0.as_ptr()) });
        // A device that fails here has failed before, and that was told.
        drop(left);
    }
}

/// A capture did not end as it should: libtorch's allocator waits for its end for ever.
static BROKEN: AtomicBool = AtomicBool::new(false);

/// The memory that graphs take while they are captured. Graphs may share it, for what one leaves there the next does not
/// need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pool([u64; 2]);

/// Work that was captured, to be done again and again on the tensors that it was captured with.
#[derive(Debug)]
pub(crate) struct Graph(NonNull<RawGraph>);

impl Graph {
    /// Captures what `body` asks of the current device instead of doing it. `pool`: where its memory comes from; the first
    /// graph makes one. A panic of `body` goes on once the capture has ended.
    ///
    /// # Errors
    /// Those of `body`, or libtorch's: not everything can be captured, such as a look at a number.
    pub fn capture<T>(
        pool: &mut Pool,
        body: impl FnOnce() -> Result<T, NativeError>,
    ) -> Result<(Self, T), NativeError> {
        if BROKEN.load(Ordering::Relaxed) {
            return Err(NativeError("an earlier capture of this process failed; begin a new one".into()));
        }
        let mut graph = null_mut();
        // SAFETY: both live; the shim fills the pointer on success.
        checked(unsafe { ndb_graph_begin(pool.0.as_ptr(), &raw mut graph) }).inspect_err(|why| {
            // Without the class nothing has begun.
            BROKEN.fetch_or(!why.0.contains("has no CUDA graphs"), Ordering::Relaxed);
        })?;
        let graph = NonNull::new(graph).map(Self).ok_or_else(|| NativeError("a graph without an address".into()))?;
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        // In any case: until then the device takes no other work.
        // SAFETY: a live graph whose capture has begun, and a live pool.
        let ended = checked(unsafe { ndb_graph_end(graph.0.as_ptr(), pool.0.as_mut_ptr()) });
        let graph = match ended {
            Ok(()) => Ok(graph),
            Err(why) => {
                // libtorch still knows of it, and may ask for it.
                BROKEN.store(true, Ordering::Relaxed);
                std::mem::forget(graph);
                Err(why)
            }
        };
        match done {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(done) => done.and_then(|done| graph.map(|graph| (graph, done))),
        }
    }

    /// Does the work again, on the current stream; does not wait.
    ///
    /// # Errors
    /// libtorch's.
    pub fn replay(&self) -> Result<(), NativeError> {
        // SAFETY: a live graph.
        checked(unsafe { ndb_graph_replay(self.0.as_ptr()) })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: made by the shim, freed once.
        unsafe { ndb_graph_free(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_cuda_there_are_errors_and_the_body_is_not_called() {
        if tch::Cuda::is_available() {
            return;
        }
        let body = || -> Result<(), NativeError> { panic!("it must not be called") };
        assert!(Graph::capture(&mut Pool::default(), body).unwrap_err().0.contains("no CUDA graphs"));
        assert!(OwnStream::enter(0).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_looked_up_by_its_name_is_in_libtorch() {
        let library = std::path::Path::new(env!("NDBENCH_LIBTORCH_LIB")).join("libtorch_cuda.so");
        if !library.exists() {
            // libtorch for CPUs alone.
            return;
        }
        // It cannot be opened without CUDA's own libraries, but read.
        let listed = std::process::Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output();
        let listed = String::from_utf8(listed.expect("binutils are here, since the linker is").stdout).unwrap();
        let defined = |name: &str| listed.lines().any(|line| line.ends_with(&format!(" T {name}")));
        let names = include_str!("../../native/graph.cpp").split('"').filter(|text| text.starts_with("_ZN"));
        let missing: Vec<&str> = names.clone().filter(|name| !defined(name)).collect();
        assert!(names.count() == 6 && missing.is_empty(), "{missing:?}");
    }
}
