//! A device of the driver as a source of readings.

use super::fields::Field;
use super::library::is_stub;
use super::readings as read;
use super::session::{Session, advice};
use crate::telemetry::snapshot::{Call, Code};
use crate::telemetry::source::{Answer, CallError, Source, Tell};
use crate::telemetry::visible::GpuTarget;
use nvml_wrapper::enum_wrappers::device::{Clock, Sampling};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A device of the driver.
pub(crate) struct NvmlSource {
    library: Option<PathBuf>,
    target: GpuTarget,
    session: Option<Session>,
    /// The newest of the driver's own samples that were read: of the device, of its memory.
    seen: [Option<u64>; 2],
    /// Takes errors of the driver.
    tell: Option<Tell>,
}

impl NvmlSource {
    /// The device that `target` names, in the driver's library or the one at `library`; nothing is opened yet.
    pub fn new(library: Option<&Path>, target: GpuTarget) -> Self {
        Self { library: library.map(Path::to_path_buf), target, session: None, seen: [None; 2], tell: None }
    }

    fn open(&mut self) -> Result<Answer, CallError> {
        // The old one first: the library counts how often it was started.
        self.close();
        let session = Session::open(self.library.as_deref(), &self.target)?;
        // Once found, it is looked for by its identifier.
        self.target = GpuTarget::Uuid(session.identity.uuid.clone());
        let identity = Box::new(session.identity.clone());
        self.session = Some(session);
        Ok(Answer::Opened(identity))
    }
}

impl Source for NvmlSource {
    fn call(&mut self, call: Call) -> Result<Answer, CallError> {
        if call == Call::Open {
            return self.open().map_err(|error| match error.code {
                Code::ResetRequired => CallError { why: format!("{}; {}", error.why, advice(None)), ..error },
                _ => error,
            });
        }
        let Some(session) = &mut self.session else {
            return Err(CallError { code: Code::Uninitialised, why: "the library was not started".into() });
        };
        let answer = match (call, &self.tell) {
            (Call::Events, Some(tell)) => session.await_events(Arc::clone(tell)).map(|()| Answer::Awaiting),
            _ => ask(session, call, &mut self.seen),
        };
        answer.map_err(|error| match error.code {
            Code::ResetRequired => {
                CallError { why: format!("{}; {}", error.why, advice(Some(session.board()))), ..error }
            }
            _ => error,
        })
    }

    fn close(&mut self) {
        (self.session, self.seen) = (None, [None; 2]);
    }

    fn listen(&mut self, tell: Tell) {
        self.tell = Some(tell);
    }

    fn is_stub(&self) -> bool {
        self.library.is_some() || is_stub(None)
    }
}

fn ask(session: &mut Session, call: Call, seen: &mut [Option<u64>; 2]) -> Result<Answer, CallError> {
    // A slice has memory, work and processes of its own; sensors, clocks, errors and links are the whole device's. Energy
    // and power are too, but which share of them is the slice's nobody can tell.
    let (device, board) = (&session.device, session.parent.as_ref().unwrap_or(&session.device));
    match call {
        Call::Memory => read::memory(device),
        Call::Utilisation => read::utilisation(device),
        Call::BusySamples => read::busy(device, Sampling::GpuUtilization, &mut seen[0]),
        Call::MemoryBusySamples => read::busy(device, Sampling::MemoryUtilization, &mut seen[1]),
        Call::Power => read::power(device),
        Call::PowerAverage => read::power_field(device, Field::POWER_AVERAGE),
        Call::MemoryPower => read::power_field(device, Field::MEMORY_POWER),
        Call::PowerLimit => read::power_limit(device),
        Call::Energy => read::energy(device),
        Call::Temperature => read::temperature(board),
        Call::MemoryTemperature => read::memory_temperature(board),
        Call::SmClock => read::clock(board, Clock::SM),
        Call::MemoryClock => read::clock(board, Clock::Memory),
        Call::ThrottleTimes => read::throttle_times(board),
        Call::ThrottleReasons => read::throttle_reasons(board),
        Call::Activities => {
            let slice = session.identity.mig.as_ref().map(|mig| mig.gpu_instance);
            session.gpm.read(board, slice)
        }
        Call::Processes => read::processes(device),
        Call::Ecc => read::ecc(board),
        Call::Pcie => read::traffic(board, Field::PCIE, 1.0),
        Call::NvLink => read::traffic(board, Field::NVLINK, 1024.0),
        Call::Open | Call::Events => Ok(Answer::Nothing),
    }
}
