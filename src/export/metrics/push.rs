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
    /// It answered.
    is_refused: bool,
}

/// No Pushgateway has such an address. What it is may hold a password, and is not shown.
#[derive(Debug, thiserror::Error)]
#[error("the Pushgateway's address {0}: give one like http://HOST:9091")]
pub struct AddressError(&'static str);

impl Pushgateway {
    /// The one at `url`, such as `http://localhost:9091`, with `user:password@` before the host where it asks for these.
    ///
    /// # Errors
    /// It is no address of HTTP or HTTPS that metrics can be put under.
    pub fn new(url: &str) -> Result<Self, AddressError> {
        let url = if url.contains("://") { url.into() } else { format!("http://{url}") };
        let parsed: ureq::http::Uri = url.parse().map_err(|_| AddressError("is no URL"))?;
        if !["http", "https"].contains(&parsed.scheme_str().unwrap_or_default()) {
            return Err(AddressError("is neither http:// nor https://"));
        }
        if parsed.host().is_none_or(str::is_empty) {
            return Err(AddressError("names no host"));
        }
        let port = parsed.authority().and_then(|authority| authority.as_str().rsplit_once(':'));
        // What follows the last colon of an IPv6 address without a port ends in a bracket.
        let is_named = port.is_some_and(|(_, port)| !port.contains([']', '@']));
        if is_named && parsed.port_u16().is_none_or(|port| port == 0) {
            return Err(AddressError("has a port that there is not"));
        }
        if parsed.query().is_some() || url.contains('#') {
            return Err(AddressError("has a ? or a #, which a password has as %3F or %23"));
        }
        if parsed.path().contains("/metrics/job") {
            return Err(AddressError("has a path under which one group lies: leave out /metrics/job and what follows"));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Who follows one asks with GET, and puts nothing.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("ndbench/", env!("CARGO_PKG_VERSION")));
        Ok(Self { url: url.trim_end_matches('/').into(), agent: config.build().into() })
    }

    /// Puts the results of `slots`, of the suite called `suite`, in place of those before. Where it refuses one it is asked
    /// for the others; where it cannot be reached it is not. Each failure is one of the result.
    pub fn put_all(&self, suite: &str, slots: &[Slot]) -> Vec<PushError> {
        let mut failures = Vec::new();
        for slot in slots {
            let Err(error) = self.put(suite, slot) else { continue };
            let goes_on = error.is_refused;
            failures.push(error);
            if !goes_on {
                break;
            }
        }
        failures
    }

    /// Puts one: it cannot be reached within ten seconds, or refuses.
    fn put(&self, suite: &str, slot: &Slot) -> Result<(), PushError> {
        let mut families = Families::default();
        Results(vec![slot.clone()]).collect(&mut families);
        self.put_group(&format!("suite/{}/slot/{}", file_part(suite), file_part(&slot.name)), families)
    }

    /// Notes that a suite was done in full.
    ///
    /// # Errors
    /// It cannot be reached within ten seconds, or refuses.
    pub fn put_success(&self, success: &SuiteSuccess) -> Result<(), PushError> {
        let suite = file_part(&success.suite);
        let mut families = Families::default();
        SuiteSuccess { suite: suite.clone(), ..success.clone() }.collect(&mut families);
        self.put_group(&format!("suite/{suite}"), families)
    }

    fn put_group(&self, group: &str, families: Families) -> Result<(), PushError> {
        let url = format!("{}/metrics/job/{JOB}/{group}", self.url);
        let error = |why: String, is_refused| PushError { group: group.into(), why, is_refused };
        let sent = self.agent.put(&url).content_type(super::CONTENT_TYPE).send(families.text());
        let mut response = sent.map_err(|e| error(e.to_string(), false))?;
        if response.status().is_success() {
            return Ok(());
        }
        let said = response.body_mut().with_config().limit(4096).read_to_string().unwrap_or_default();
        Err(error(format!("{} {}", response.status(), said.trim()), true))
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::slots;
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;

    /// Answers one request with `status`, when it was read as a whole, and gives its first line. Whoever closes a connection
    /// before that resets it.
    fn answer(listener: &TcpListener, status: &str) -> String {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap());
        let head: Vec<_> = request.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        let length =
            head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        request.read_exact(&mut vec![0; length.expect("the length of a body")]).unwrap();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        head[0].clone()
    }

    #[test]
    fn nobody_reads_the_password() {
        for (url, shown) in [
            ("http://user:p@ss@host:9091/", "http://host:9091"),
            ("https://host/at@path", "https://host/at@path"),
            ("host:9091", "http://host:9091"),
            ("http://[::1]", "http://[::1]"),
            ("http://user:word@host", "http://host"),
        ] {
            assert_eq!(Pushgateway::new(url).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        for (url, why) in [
            ("ftp://user:secret@host", "neither http"),
            ("http://", "no URL"),
            ("http://user:secret@", "no URL"),
            ("http://host:9091/?job=secret", "a ?"),
            ("http://host:9091/#secret", "a #"),
            ("http://host:99999", "a port"),
            ("http://[::1]:0", "a port"),
            ("http://host:9091/metrics/job/secret", "one group"),
            ("a host", "no URL"),
            ("", "no URL"),
        ] {
            let said = Pushgateway::new(url).unwrap_err().to_string();
            assert!(
                said.contains(why) && said.contains("http://HOST:9091") && !said.contains("secret"),
                "{url}: {said}"
            );
        }
    }

    #[test]
    fn one_that_refuses_a_group_is_asked_for_the_others_and_one_that_is_gone_is_not() {
        let records: Vec<_> = [Architecture::Vgg16, Architecture::Resnet18]
            .iter()
            .flat_map(|architecture| made_up::cell(*architecture, Dataset::Cifar10, 1, 1))
            .map(|trial| made_up::record(&trial, 0.9, 5.0))
            .collect();
        let slots = &slots(&records)[..3];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gateway = Pushgateway::new(&listener.local_addr().unwrap().to_string()).unwrap();
        let (tell, told) = mpsc::channel();
        let server = std::thread::spawn(move || {
            for status in ["200 OK", "302 Found\r\nLocation: /", "200 OK"] {
                tell.send(answer(&listener, status)).unwrap();
            }
        });
        let failures = gateway.put_all("nightly", slots);
        let asked: Vec<_> = (0..3).map(|_| told.recv_timeout(PATIENCE).expect("three requests")).collect();
        server.join().unwrap();
        assert!(asked[2].contains(&slots[2].name), "{asked:?}");
        assert!(
            failures.len() == 1 && failures[0].to_string().contains(&format!("/slot/{}: 302", slots[1].name)),
            "{failures:?}"
        );
        assert_eq!(gateway.put_all("nightly", slots).len(), 1, "nobody listens any more");
    }
}
