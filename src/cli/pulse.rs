//! A line now and then during a long epoch, where no terminal shows a bar.

use crate::units::Seconds;
use std::time::{Duration, Instant};

/// Says how far an epoch is, but not too often.
#[derive(Debug)]
pub struct Pulse {
    every: Duration,
    told: Instant,
    began: Instant,
    /// Steps that were done when it began.
    before: u64,
    steps: u64,
}

impl Pulse {
    /// Silent before the first [`Pulse::restart`], then a line every so often.
    pub fn new(every: Duration) -> Self {
        let now = Instant::now();
        Self { every, told: now, began: now, before: 0, steps: 0 }
    }

    /// An epoch of `steps` steps begins, or goes on after `before` of them.
    pub fn restart(&mut self, before: u64, steps: u64) {
        (self.began, self.before, self.steps) = (Instant::now(), before, steps);
    }

    /// What to say after `step` steps of the epoch, if it is time to say something.
    pub fn line(&mut self, step: u64) -> Option<String> {
        let (done, left) = (step.checked_sub(self.before)?, self.steps.checked_sub(step)?);
        if done == 0 || left == 0 || self.told.elapsed() < self.every {
            return None;
        }
        self.told = Instant::now();
        let seconds = Seconds(self.began.elapsed().as_secs_f64() / done as f64 * left as f64);
        Some(format!("step {step}/{}, about {seconds} left in this epoch", self.steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_when_it_is_time_and_there_is_something_to_say() {
        let mut pulse = Pulse::new(Duration::ZERO);
        assert_eq!(pulse.line(1), None, "no epoch has begun");
        pulse.restart(2, 6);
        assert_eq!(pulse.line(2), None, "nothing is done yet");
        assert!(pulse.line(4).is_some_and(|l| l.starts_with("step 4/6, about ") && l.ends_with(" left in this epoch")));
        assert_eq!(pulse.line(6), None, "the epoch is done");
        let mut slow = Pulse::new(Duration::from_secs(3600));
        slow.restart(0, 6);
        assert_eq!(slow.line(3), None, "it is too early");
    }
}
