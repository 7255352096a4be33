//! The script, and what has happened since the library was loaded.

use nvml_wrapper_sys::bindings::nvmlReturn_t;
use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub const SUCCESS: nvmlReturn_t = 0;
pub const INVALID_ARGUMENT: nvmlReturn_t = 2;
pub const NOT_SUPPORTED: nvmlReturn_t = 3;
pub const NOT_FOUND: nvmlReturn_t = 6;
pub const INSUFFICIENT_SIZE: nvmlReturn_t = 7;
pub const TIMEOUT: nvmlReturn_t = 10;

/// When the library was first called.
static LOADED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How many calls each fault has seen.
static SEEN: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Mutex::default);

/// The time since the library was first called.
pub fn elapsed() -> Duration {
    LOADED.elapsed()
}

/// The script as it is now.
pub struct Script(Vec<Vec<String>>);

impl Script {
    pub fn read() -> Self {
        let text = path().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        Self(lines.map(|line| line.split_whitespace().map(String::from).collect()).collect())
    }

    /// The words behind every line with this key, for this device or all.
    pub fn all<'a>(&'a self, device: Option<usize>, key: &'a str) -> impl Iterator<Item = &'a [String]> {
        let own = device.map(|number| format!("{number}.{key}"));
        self.0.iter().filter_map(move |line| {
            let first = line.first()?;
            (first == key || Some(first) == own.as_ref()).then(|| &line[1..])
        })
    }

    /// The words behind the last of them.
    pub fn words(&self, device: Option<usize>, key: &str) -> Option<Vec<String>> {
        self.all(device, key).last().map(<[String]>::to_vec)
    }

    /// A number, or `otherwise`.
    pub fn number(&self, device: Option<usize>, key: &str, otherwise: f64) -> f64 {
        self.words(device, key).and_then(|words| number(&words)).unwrap_or(otherwise)
    }
}

/// `7`, `0x7`, or `ramp START GROWTH`.
pub fn number(words: &[String]) -> Option<f64> {
    match words {
        [ramp, start, growth, ..] if ramp == "ramp" => {
            Some(start.parse::<f64>().ok()? + growth.parse::<f64>().ok()? * elapsed().as_secs_f64())
        }
        [hex, ..] if hex.starts_with("0x") => u64::from_str_radix(&hex[2..], 16).ok().map(|n| n as f64),
        [plain, ..] => plain.parse().ok(),
        [] => None,
    }
}

/// A call of `function` begins: the script, unless it wants the call to fail.
pub fn enter(function: &str) -> Result<Script, nvmlReturn_t> {
    elapsed();
    let script = Script::read();
    for fault in script.all(None, "fault").filter(|words| words.first().is_some_and(|name| name == function)) {
        let option = |name: &str| {
            let place = fault.iter().position(|word| word == name)?;
            fault.get(place + 1)?.parse::<u64>().ok()
        };
        let seen = {
            let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = all.entry(fault.join(" ")).or_default();
            *seen += 1;
            *seen - 1
        };
        let after = option("after").unwrap_or(0);
        if seen < after || option("times").is_some_and(|times| seen >= after + times) {
            continue;
        }
        std::thread::sleep(Duration::from_millis(option("delay").unwrap_or(0)));
        match fault.get(1).and_then(|code| code.parse().ok()).unwrap_or(SUCCESS) {
            SUCCESS => {}
            code => return Err(code),
        }
    }
    Ok(script)
}

/// The call's result as its code.
pub fn leave(result: Result<(), nvmlReturn_t>) -> nvmlReturn_t {
    result.err().unwrap_or(SUCCESS)
}

/// `<path of this library>.script`.
fn path() -> Option<PathBuf> {
    // SAFETY: the structure is plain pointers; the call only reads the address of a function of this library.
    let name = unsafe {
        let mut found: libc::Dl_info = std::mem::zeroed();
        let known = libc::dladdr(path as *const () as *const libc::c_void, &raw mut found) != 0;
        (known && !found.dli_fname.is_null()).then(|| CStr::from_ptr(found.dli_fname))?
    };
    let mut path = OsStr::from_bytes(name.to_bytes()).to_os_string();
    path.push(".script");
    Some(path.into())
}
