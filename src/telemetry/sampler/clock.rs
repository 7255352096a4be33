//! Time, as the sampler sees it; tests turn it by hand.

use crate::units::Seconds;
use std::time::{Duration, Instant, SystemTime};

/// Time.
pub(crate) trait Clock: Send + Sync {
    /// Since some moment; never goes back.
    fn now(&self) -> Duration;

    /// Since 1970, by the system's clock.
    fn unix(&self) -> Seconds;
}

/// The machine's clocks.
#[derive(Debug)]
pub(crate) struct SystemClock(Instant);

impl SystemClock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix(&self) -> Seconds {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().into()
    }
}
