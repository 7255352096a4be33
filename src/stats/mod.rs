//! Pure numerics: means, intervals, tests, ratios of paired times.
//!
//! Every function returns `None` where the numbers do not determine the answer, rather than a number that looks like one:
//! an interval from a single value, a logarithm of zero, a mean of nothing, anything of a value that is not finite.
//! Student's t needs two values, the bootstrap three, an interval of the median six; identical values have an interval of
//! no width and no t test.

mod attempts;
mod bootstrap;
#[cfg(test)]
mod fixtures;
mod interval;
mod order;
mod ratio;
mod shift;
mod sign;
mod student;
mod summary;
mod tost;

pub use attempts::{MOST_ATTEMPTS, attempts_for_half_width};
pub use bootstrap::{Bootstrap, FEWEST, Method};
pub use interval::{Interval, LEVEL};
pub use order::{mad, median, median_interval, quantile, quantiles};
pub use ratio::{Pooled, Ratio, geometric_mean, paired_ratio, pooled_ratio};
pub use shift::{Shift, ShiftRule, shifts};
pub use sign::{SignTest, sign_test};
pub use student::{Paired, TTest, paired_t, t_interval, t_test};
pub use summary::{Summary, mean, sample_sd};
pub use tost::{Tost, tost, tost_paired, tost_welch};
