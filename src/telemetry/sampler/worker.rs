//! The thread that makes the calls of one device. Nobody waits for it: a call that hangs holds up this thread alone.

use super::{Clock, Message};
use crate::telemetry::cpu_time::thread_cpu;
use crate::telemetry::snapshot::{Call, Code};
use crate::telemetry::source::{Answer, CallError, Reaction, Source};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A call that was made.
#[derive(Debug)]
pub(in crate::telemetry) struct Done {
    pub call: Call,
    /// When it ended.
    pub at: Duration,
    pub took: Duration,
    pub result: Result<Answer, CallError>,
}

/// What a round of calls brought.
#[derive(Debug)]
pub(in crate::telemetry) struct Round {
    pub done: Vec<Done>,
    /// CPU time of the thread so far.
    pub cpu: Duration,
}

/// What the thread is to do.
#[derive(Debug)]
enum Request {
    /// A round of calls.
    Round(Vec<Call>),
    /// To let go of the driver's library.
    Close,
}

/// The thread, as the sampler sees it.
#[derive(Debug)]
pub(super) struct Worker {
    requests: Sender<Request>,
    under_way: Arc<UnderWay>,
    busy: bool,
}

/// The call that is being made: its place in [`Call::ALL`], and since when.
#[derive(Debug, Default)]
struct UnderWay {
    call: AtomicUsize,
    since_nanos: AtomicU64,
}

impl UnderWay {
    fn is_at(&self, call: Call, since: Duration) {
        self.since_nanos.store(since.as_nanos() as u64, Ordering::Relaxed);
        self.call.store(Call::ALL.iter().position(|c| *c == call).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Worker {
    /// Starts the thread for device `number`; it tells `inbox` of its rounds, and of errors of the driver.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        number: usize,
        mut source: Box<dyn Source>,
        clock: Arc<dyn Clock>,
        inbox: Sender<Message>,
    ) -> std::io::Result<Self> {
        let ear = inbox.clone();
        source.listen(Arc::new(move |heard| {
            // At the end nobody listens any more.
            let _ = ear.send(Message::Heard(number, heard));
        }));
        let (requests, work) = channel();
        let under_way = Arc::new(UnderWay::default());
        let told = Arc::clone(&under_way);
        std::thread::Builder::new()
            .name(format!("telemetry-{number}"))
            .spawn(move || serve(number, source, &*clock, &told, &work, &inbox))?;
        Ok(Self { requests, under_way, busy: false })
    }

    /// Asks for a round of calls, unless one is under way: then the call that is being made, and since when.
    pub fn ask(&mut self, calls: Vec<Call>) -> Result<(), (Call, Duration)> {
        if self.busy {
            let call = Call::ALL[self.under_way.call.load(Ordering::Relaxed)];
            return Err((call, Duration::from_nanos(self.under_way.since_nanos.load(Ordering::Relaxed))));
        }
        // A thread that is gone looks like one that is busy for ever.
        self.busy = !calls.is_empty();
        if self.busy {
            let _ = self.requests.send(Request::Round(calls));
        }
        Ok(())
    }

    /// Asks for the driver's library to be let go, after the round that is under way.
    pub fn close(&self) {
        let _ = self.requests.send(Request::Close);
    }

    /// A round is under way.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// The round has come back.
    pub fn returned(&mut self) {
        self.busy = false;
    }
}

fn serve(
    number: usize,
    mut source: Box<dyn Source>,
    clock: &dyn Clock,
    told: &UnderWay,
    work: &Receiver<Request>,
    inbox: &Sender<Message>,
) {
    while let Ok(request) = work.recv() {
        let calls = match request {
            Request::Round(calls) => calls,
            Request::Close => {
                // A round that waits behind this is none that hangs for longer.
                told.is_at(Call::Open, clock.now());
                // A panic in the driver's wrapper leaves what it held behind.
                let _ = catch_unwind(AssertUnwindSafe(|| source.close()));
                continue;
            }
        };
        let done = round(&mut *source, calls, clock, told);
        if inbox.send(Message::Round(number, Round { done, cpu: thread_cpu() })).is_err() {
            break;
        }
    }
}

/// Makes `calls`, until one says that the device is gone.
fn round(source: &mut dyn Source, calls: Vec<Call>, clock: &dyn Clock, told: &UnderWay) -> Vec<Done> {
    let mut done = Vec::with_capacity(calls.len());
    for call in calls {
        let start = clock.now();
        told.is_at(call, start);
        let result = guarded(|| source.call(call));
        let at = clock.now();
        let ends = result.as_ref().err().is_some_and(|e| ends_the_round(Reaction::to(call, e.code)));
        done.push(Done { call, at, took: at - start, result });
        if ends {
            break;
        }
    }
    done
}

/// The rest of a round makes no sense once the device is gone.
fn ends_the_round(reaction: Reaction) -> bool {
    matches!(reaction, Reaction::Lost | Reaction::LostForGood | Reaction::Absent)
}

/// A panic in the driver's wrapper is a failure of its call.
fn guarded<T>(call: impl FnOnce() -> Result<T, CallError>) -> Result<T, CallError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(CallError { code: Code::Other, why: "the call panicked".into() }))
}

/// A round of calls on the calling thread.
#[cfg(test)]
pub(super) fn round_here(source: &mut dyn Source, calls: Vec<Call>, clock: &dyn Clock) -> Vec<Done> {
    round(source, calls, clock, &UnderWay::default())
}
