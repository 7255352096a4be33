//! Errors of the driver (XID), awaited on a thread of their own.

use super::errors;
use crate::telemetry::snapshot::Code;
use crate::telemetry::source::CallError;
use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::{NvmlError, nvml_sym};
use nvml_wrapper::event::EventSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

/// So long one wait takes; then the thread looks whether it should end.
const WAIT: u32 = 1000;

/// So many failures in a row, and the thread gives up.
const FAILURES: u32 = 10;

/// What the thread tells.
type Told = Result<u32, CallError>;

/// The thread.
pub(super) struct Events {
    told: Receiver<Told>,
    stop: Arc<AtomicBool>,
}

impl Events {
    /// Begins to wait for errors of the device with this identifier.
    pub fn start(nvml: Arc<Nvml>, uuid: String) -> Result<Self, CallError> {
        // The wrapper panics where a set cannot be freed.
        nvml_sym(nvml.lib().nvmlEventSetFree.as_ref())?;
        nvml_sym(nvml.lib().nvmlEventSetWait_v2.as_ref())?;
        let (tell, told) = channel();
        let (started, begun) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("telemetry-xid".into()).spawn(move || {
            let set = register(&nvml, &uuid);
            let _ = started.send(set.as_ref().map(drop).map_err(CallError::clone));
            if let Ok(set) = set {
                wait(&set, &tell, &stopped);
            }
        });
        thread.map_err(|e| CallError { code: Code::Other, why: format!("no thread for the driver's errors: {e}") })?;
        begun.recv().unwrap_or_else(|_| Err(errors::implausible("nothing of its errors")))?;
        Ok(Self { told, stop })
    }

    /// What has come since the last look; an error once, where nothing will come any more.
    pub fn look(&self) -> Result<Vec<u32>, CallError> {
        let mut numbers = Vec::new();
        loop {
            match self.told.try_recv() {
                Ok(Ok(number)) => numbers.push(number),
                Ok(Err(error)) if numbers.is_empty() => return Err(error),
                Ok(Err(_)) | Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(numbers),
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn register<'n>(nvml: &'n Nvml, uuid: &str) -> Result<EventSet<'n>, CallError> {
    let device = nvml.device_by_uuid(uuid)?;
    device.register_events(EventTypes::CRITICAL_XID_ERROR, nvml.create_event_set()?).map_err(|e| e.error.into())
}

fn wait(set: &EventSet, tell: &Sender<Told>, stop: &AtomicBool) {
    let mut failures = 0;
    while !stop.load(Ordering::Relaxed) {
        match set.wait(WAIT) {
            Ok(event) => {
                failures = 0;
                let number = match event.event_data {
                    Some(XidError::Value(number)) => number as u32,
                    Some(XidError::Unknown) => 999,
                    None => continue,
                };
                if tell.send(Ok(number)).is_err() {
                    return;
                }
            }
            Err(NvmlError::Timeout) => {}
            Err(NvmlError::Unknown) if failures < FAILURES => {
                failures += 1;
                std::thread::sleep(Duration::from_millis(u64::from(WAIT)));
            }
            Err(error) => {
                let _ = tell.send(Err(error.into()));
                return;
            }
        }
    }
}
