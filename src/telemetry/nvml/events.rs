//! Errors of the driver (XID), awaited on a thread of their own.

use super::errors;
use crate::telemetry::snapshot::{Call, Code};
use crate::telemetry::source::{CallError, Heard, Reaction, Tell};
use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::{NvmlError, nvml_sym};
use nvml_wrapper::event::EventSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// So long one wait takes; then the thread looks whether it should end.
const WAIT: Duration = Duration::from_millis(500);

/// A thread that has not ended so long after a wait should have hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// So long the first look waits for the registration.
const REGISTRATION: Duration = Duration::from_millis(500);

/// The thread.
pub(super) struct Events {
    stop: Arc<AtomicBool>,
    /// What became of the registration comes here, once.
    begun: Receiver<Result<(), CallError>>,
    is_registered: bool,
    is_new: bool,
    /// Nothing comes; at the end of the thread its other end goes.
    ended: Receiver<()>,
}

impl Events {
    /// Begins to register for errors of the device with this identifier, and then waits for them and tells each.
    pub fn start(nvml: Arc<Nvml>, uuid: String, tell: Tell) -> Result<Self, CallError> {
        // The wrapper panics where a set cannot be freed.
        nvml_sym(nvml.lib().nvmlEventSetFree.as_ref())?;
        nvml_sym(nvml.lib().nvmlEventSetWait_v2.as_ref())?;
        let (started, begun) = channel();
        let (ends, ended) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("telemetry-xid".into()).spawn(move || {
            let set = register(&nvml, &uuid);
            let _ = started.send(set.as_ref().map(drop).map_err(CallError::clone));
            if let Ok(set) = &set {
                wait(set, &*tell, &stopped);
            }
            // In this order: who waits for the end will start the library anew.
            drop(set);
            drop(nvml);
            drop::<Sender<()>>(ends);
        });
        thread.map_err(|e| CallError { code: Code::Other, why: format!("no thread for the driver's errors: {e}") })?;
        Ok(Self { stop, begun, is_registered: false, is_new: true, ended })
    }

    /// Whether errors are awaited; `None` where the driver has not said yet. Waits a moment the first time.
    pub fn are_awaited(&mut self) -> Option<Result<(), CallError>> {
        if self.is_registered {
            return Some(Ok(()));
        }
        let patience = if std::mem::take(&mut self.is_new) { REGISTRATION } else { Duration::ZERO };
        let said = match self.begun.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => Err(errors::implausible("nothing of its errors")),
            Ok(said) => said,
        };
        self.is_registered = said.is_ok();
        Some(said)
    }
}

/// Ends the thread, so that it does not keep the library from being let go; one that hangs is left behind.
impl Drop for Events {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.ended.recv_timeout(WAIT + PATIENCE);
    }
}

fn register<'n>(nvml: &'n Nvml, uuid: &str) -> Result<EventSet<'n>, CallError> {
    let device = nvml.device_by_uuid(uuid)?;
    device.register_events(EventTypes::CRITICAL_XID_ERROR, nvml.create_event_set()?).map_err(|e| e.error.into())
}

/// Waits until it is told to stop, or a wait fails in a way that no later one can mend.
fn wait(set: &EventSet, tell: &dyn Fn(Heard), stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let heard = match set.wait(WAIT.as_millis() as u32) {
            Ok(event) => Ok(event.event_data.map(|data| match data {
                XidError::Value(number) => number as u32,
                XidError::Unknown => 999,
            })),
            Err(NvmlError::Timeout) => Ok(None),
            Err(error) => Err(CallError::from(error)),
        };
        let goes_on = heard.as_ref().map_or_else(|e| Reaction::to(Call::Events, e.code) == Reaction::Retry, |_| true);
        // A wait that fails, or ends with nothing, may have come back at once.
        let rest = match heard {
            Ok(Some(_)) => Duration::ZERO,
            _ => WAIT.saturating_sub(begun.elapsed()),
        };
        // What fails after the session has ended is of no interest.
        if heard.is_ok() || !stop.load(Ordering::Relaxed) {
            tell(heard);
        }
        if !goes_on {
            return;
        }
        std::thread::sleep(rest);
    }
}
