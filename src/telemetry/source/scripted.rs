//! A device that answers what a test wants, on a clock that a test turns.

use super::{Answer, CallError, Source, Tell};
use crate::telemetry::sampler::Clock;
use crate::telemetry::snapshot::{Call, Code};
use crate::units::Seconds;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A clock that stands still until it is turned.
#[derive(Debug, Clone, Default)]
pub(crate) struct HandClock(Arc<AtomicU64>);

impl HandClock {
    pub fn turn(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> Seconds {
        Seconds(1e9 + self.now().as_secs_f64())
    }
}

type Reply = Box<dyn FnMut() -> Result<Answer, Code> + Send>;

/// What the device answers to each call; to others, that it is not supported.
#[derive(Clone, Default)]
pub(crate) struct Script {
    replies: Arc<Mutex<BTreeMap<Call, Reply>>>,
    tell: Arc<Mutex<Option<Tell>>>,
}

impl Script {
    /// From now on `call` is answered by `reply`.
    pub fn on(&self, call: Call, reply: impl FnMut() -> Result<Answer, Code> + Send + 'static) -> &Self {
        self.replies.lock().unwrap().insert(call, Box::new(reply));
        self
    }

    /// From now on `call` has this answer.
    pub fn says(&self, call: Call, answer: Answer) -> &Self {
        self.on(call, move || Ok(answer.clone()))
    }

    /// From now on `call` fails so.
    pub fn fails(&self, call: Call, code: Code) -> &Self {
        self.on(call, move || Err(code))
    }

    /// The driver reports an error; the device must be watched.
    pub fn xid(&self, number: u32) {
        let tell = self.tell.lock().unwrap();
        tell.as_ref().unwrap()(Ok(Some(number)));
    }
}

impl Source for Script {
    fn call(&mut self, call: Call) -> Result<Answer, CallError> {
        let mut replies = self.replies.lock().unwrap();
        let reply = replies.get_mut(&call).map_or(Err(Code::NotSupported), |reply| reply());
        reply.map_err(|code| CallError { code, why: format!("{} as the test wants it", code.word()) })
    }

    fn close(&mut self) {}

    fn listen(&mut self, tell: Tell) {
        *self.tell.lock().unwrap() = Some(tell);
    }

    fn is_stub(&self) -> bool {
        true
    }
}
