//! What the qualities of service that jobs run under allow.

use crate::profile::time_minutes;

/// What is asked of `sacctmgr`.
pub const QUESTION: [&str; 5] = ["-n", "-P", "show", "qos", "format=Name,MaxWall,MaxSubmitPU"];

/// What a quality of service allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qos {
    /// Its name.
    pub name: String,
    /// The longest time limit, minutes; absent: any.
    pub minutes: Option<u64>,
    /// Jobs of a user at a time, each task of an array is one; absent: any number.
    pub jobs: Option<u64>,
}

/// The answer to [`QUESTION`], such as `normal|1-00:00:00|500`; none where there is no accounting.
pub fn all(answer: &str) -> Vec<Qos> {
    let of = |line: &str| {
        let fields: Vec<&str> = line.trim().split('|').collect();
        let [name, time, jobs] = *fields.as_slice() else { return None };
        (!name.is_empty()).then(|| Qos { name: name.into(), minutes: time_minutes(time), jobs: jobs.parse().ok() })
    };
    answer.lines().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_qos_and_what_is_empty_is_without_limit() {
        let qos = |name: &str, minutes, jobs| Qos { name: name.into(), minutes, jobs };
        let answer = "normal||\nshort|04:00:00|20\nlong|7-00:00:00|\n\n|1|1\nhalf\n";
        let wanted = [qos("normal", None, None), qos("short", Some(240), Some(20)), qos("long", Some(10_080), None)];
        assert_eq!(all(answer), wanted);
        assert_eq!(all(""), []);
    }
}
