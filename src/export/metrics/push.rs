//! Results to a Pushgateway: <https://github.com/prometheus/pushgateway#put-method>. A group is a configuration, never a
//! run: groups stay until they are replaced, and a PUT replaces one as a whole.

use super::exposition::Source;
use super::families::Families;
use super::results::{Results, Slot};
use super::suite::SuiteSuccess;
use crate::export::name::file_part;
use std::fmt;
use std::time::Duration;

/// The value of the label `job` of everything that is pushed.
const JOB: &str = "ndbench";

/// From the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Pushgateway.
#[derive(Debug)]
pub struct Pushgateway {
    url: String,
    agent: ureq::Agent,
}

/// Its address, without user and password.
impl fmt::Display for Pushgateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("http", &self.url));
        let host = rest.find('/').unwrap_or(rest.len());
        let user = rest[..host].rfind('@').map_or(0, |at| at + 1);
        write!(f, "{scheme}://{}", &rest[user..])
    }
}

/// A group was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the Pushgateway did not take {group}: {why}")]
pub struct PushError {
    group: String,
    why: String,
}

impl Pushgateway {
    /// The one at `url`, such as `http://localhost:9091`, with `user:password@` before the host where it asks for these.
    pub fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("ndbench/", env!("CARGO_PKG_VERSION")));
        Self { url: url.trim_end_matches('/').into(), agent: config.build().into() }
    }

    /// Puts the results of `slot`, one of the suite called `suite`, in place of those before.
    ///
    /// # Errors
    /// It cannot be reached within ten seconds, or refuses.
    pub fn put(&self, suite: &str, slot: &Slot) -> Result<(), PushError> {
        let mut families = Families::default();
        Results(vec![slot.clone()]).collect(&mut families);
        self.put_group(&format!("suite/{}/slot/{}", file_part(suite), file_part(&slot.name)), families)
    }

    /// Notes that a suite was done in full.
    ///
    /// # Errors
    /// As [`Pushgateway::put`].
    pub fn put_success(&self, success: &SuiteSuccess) -> Result<(), PushError> {
        let suite = file_part(&success.suite);
        let mut families = Families::default();
        SuiteSuccess { suite: suite.clone(), ..success.clone() }.collect(&mut families);
        self.put_group(&format!("suite/{suite}"), families)
    }

    fn put_group(&self, group: &str, families: Families) -> Result<(), PushError> {
        let url = format!("{}/metrics/job/{JOB}/{group}", self.url);
        let error = |why: String| PushError { group: group.into(), why };
        let sent = self.agent.put(&url).content_type(super::CONTENT_TYPE).send(families.text());
        let mut response = sent.map_err(|e| error(e.to_string()))?;
        if response.status().is_success() {
            return Ok(());
        }
        let said = response.body_mut().with_config().limit(4096).read_to_string().unwrap_or_default();
        Err(error(format!("{} {}", response.status(), said.trim())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_the_password() {
        for (url, shown) in [
            ("http://user:p@ss@host:9091/", "http://host:9091"),
            ("https://host/at@path", "https://host/at@path"),
            ("host:9091", "http://host:9091"),
        ] {
            assert_eq!(Pushgateway::new(url).to_string(), shown);
        }
    }
}
