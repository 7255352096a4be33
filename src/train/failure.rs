//! Panics and libtorch's errors as outcomes.

use super::bound::memory_left;
use crate::event::Outcome;
use crate::units::Bytes;
use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use tch::Device;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// Memory that was left when the last panic under [`catch`] began.
    static LEFT: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// Runs `body`, in which tch panics where libtorch fails. A panic becomes an outcome and prints nothing.
///
/// # Errors
/// The outcome of a trial whose work panicked: out of memory, or failed.
pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Outcome> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                // Before unwinding gives everything back.
                LEFT.set(memory_left());
            } else {
                usual(info);
            }
        }));
    });
    LEFT.set(None);
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    QUIET.set(before);
    result.map_err(|payload| classify(&words(payload.as_ref())))
}

/// Adds what the host had left to an out-of-memory outcome of the CPU, whose allocator does not say. Of the last
/// [`catch`], what was left before anything of it was given back.
pub fn with_memory_left(outcome: Outcome, device: Device) -> Outcome {
    match outcome {
        Outcome::Oom { requested, free: None, message } if device == Device::Cpu => {
            Outcome::Oom { requested, free: LEFT.take().or_else(memory_left), message }
        }
        other => other,
    }
}

/// The text of a panic.
fn words(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<String>(), payload.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => (*text).into(),
        _ => "a panic without a message".into(),
    }
}

/// Out of memory, or another failure, from the words of libtorch.
pub fn classify(words: &str) -> Outcome {
    let message = first_line(words);
    let lower = message.to_lowercase();
    let oom = ["out of memory", "can't allocate memory", "bad_alloc", "alloc_failed", "cudaerrormemoryallocation"];
    if !oom.iter().any(|sign| lower.contains(sign)) {
        return Outcome::Failed { message };
    }
    let after = |words: &str| lower.split_once(words).and_then(|(_, rest)| amount(rest));
    let (requested, free) = (after("tried to allocate "), after("of which "));
    Outcome::Oom { requested, free, message }
}

/// What CUDA says where a GPU has broken or gone, and not where a program has erred (`cudaGetErrorString`). A launch that
/// fails without a reason may be either.
const BROKEN: [&str; 9] = [
    "uncorrectable ecc error",
    "uncorrectable nvlink error",
    "hardware stack error",
    "a hardware error",
    "no cuda-capable device",
    "device(s) is/are busy or unavailable",
    "unspecified launch failure",
    "cuda error: unknown error",
    "cuda error: initialization error",
];

/// Whether a trial failed since its GPU has broken or gone. The process can do nothing more with it.
pub fn has_broken_gpu(message: &str) -> bool {
    let lower = message.to_lowercase();
    BROKEN.iter().any(|sign| lower.contains(sign))
}

/// libtorch's message without Rust's frame around it and without the C++ backtrace behind it.
fn first_line(words: &str) -> String {
    let inner = words.split_once("Torch(\"").map_or(words, |(_, rest)| rest);
    let line = inner.split("\\n").next().unwrap_or(inner).lines().next().unwrap_or(inner);
    line.trim_end_matches("\")").replace("\\\"", "\"")
}

/// `1024 bytes` or `1.50 gib` at the beginning of `text`.
fn amount(text: &str) -> Option<Bytes> {
    let mut parts = text.split_whitespace();
    let number: f64 = parts.next()?.parse().ok()?;
    let unit = parts.next()?.trim_end_matches(['.', ';', ',']);
    let scale: u64 = match unit {
        "byte" | "bytes" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    Some(Bytes((number * scale as f64) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn a_real_allocation_that_no_machine_can_serve_is_oom() {
        let outcome = catch(|| Tensor::empty([1 << 50], (Kind::Uint8, Device::Cpu))).unwrap_err();
        let Outcome::Oom { requested, message, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(requested, Some(Bytes(1 << 50)), "{message}");
        assert!(!message.contains('\n') && !message.contains("frame #"), "{message}");
    }

    #[test]
    fn the_words_of_the_cuda_allocator_are_understood() {
        let words = "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA out of memory. Tried to allocate 2.50 GiB. \
                     GPU 0 has a total capacity of 15.77 GiB of which 512.00 MiB is free. Including non-PyTorch memory, \
                     this process has 14.00 GiB memory in use.\\nException raised from malloc\")";
        let Outcome::Oom { requested, free, message } = classify(words) else { panic!() };
        assert_eq!(requested, Some(Bytes(5 << 29)));
        assert_eq!(free, Some(Bytes(512 << 20)));
        assert!(message.starts_with("CUDA out of memory") && message.ends_with("in use."), "{message}");
    }

    #[test]
    fn a_gpu_that_has_broken_is_told_from_a_program_that_errs() {
        for broken in [
            "CUDA error: uncorrectable ECC error encountered",
            "CUDA error: unspecified launch failure",
            "CUDA error: unknown error",
            "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED; CUDA error: no CUDA-capable device is detected",
        ] {
            assert!(has_broken_gpu(broken), "{broken}");
        }
        for other in
            ["CUDA error: an illegal memory access was encountered", "CUDA error: device-side assert triggered", "x"]
        {
            assert!(!has_broken_gpu(other), "{other}");
        }
    }

    #[test]
    fn other_panics_are_failures_with_their_message() {
        assert_eq!(catch(|| 7), Ok(7));
        let outcome: Result<(), Outcome> = catch(|| panic!("a layer of {} channels", 3));
        assert_eq!(outcome, Err(Outcome::Failed { message: "a layer of 3 channels".into() }));
        let zeros = || Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        let shapes = catch(|| zeros().mm(&zeros())).unwrap_err();
        let Outcome::Failed { message } = shapes else { panic!("{shapes:?}") };
        assert!(message.starts_with("mat1 and mat2 shapes cannot be multiplied"), "{message}");
    }
}
