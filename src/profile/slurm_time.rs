//! Slurm's way to write a time limit.

/// Minutes of `MINUTES`, `MINUTES:SECONDS`, `HOURS:MINUTES:SECONDS`, `DAYS-HOURS`, `DAYS-HOURS:MINUTES` or
/// `DAYS-HOURS:MINUTES:SECONDS`, seconds as a whole minute; `None` for anything else, such as `UNLIMITED`.
pub fn minutes(text: &str) -> Option<u64> {
    let numbers = |text: &str| text.split(':').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (Some(days.parse::<u64>().ok()?), numbers(clock)?),
        None => (None, numbers(text)?),
    };
    let (hours, minutes, seconds) = match (days, clock.as_slice()) {
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_add(u64::from(seconds > 0))
}

/// `DAYS-HOURS:MINUTES:00`, without days where there is none.
pub fn limit(minutes: u64) -> String {
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let clock = format!("{hours:02}:{minutes:02}:00");
    if days > 0 { format!("{days}-{clock}") } else { clock }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_is_read() {
        let forms = [
            ("90", 90),
            ("90:00", 90),
            ("0:30", 1),
            ("1:30:00", 90),
            ("2-0", 2880),
            ("1-2:03", 1563),
            ("1-02:03:04", 1564),
        ];
        for (text, want) in forms {
            assert_eq!(minutes(text), Some(want), "{text}");
        }
        for text in ["", "UNLIMITED", "infinite", "1-", "1:2:3:4", "-5", "18446744073709551615-0"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(n in 0..10_000_000u64) {
            prop_assert_eq!(minutes(&limit(n)), Some(n));
        }
    }
}
