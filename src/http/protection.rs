//! Who may ask, and who may listen in.

use super::address::{Address, Exposure};
use super::auth::{Admission, Users};
use super::message::{Request, Response};
use super::web_config::{self, WebConfigError};
use rustls::ServerConfig;
use std::path::Path;
use std::sync::Arc;

/// TLS and passwords, where there are any.
#[derive(Debug, Default)]
pub struct Protection {
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Clients need a certificate.
    pub(super) certificates: bool,
    pub(super) users: Users,
}

/// A server would be open to other machines without protection, or its protection cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProtectionError {
    /// Nothing protects the address.
    #[error(
        "{0} can be reached from other machines and nothing protects it; listen on 127.0.0.1 or unix:PATH, protect it \
         by --web-config FILE with TLS or basic_auth_users, or say --insecure-listen"
    )]
    Open(Address),
    /// The web-config file is not usable.
    #[error(transparent)]
    WebConfig(#[from] WebConfigError),
}

impl Protection {
    /// What `web_config`, a file of the form of Prometheus' exporter-toolkit, asks for at `address`.
    ///
    /// # Errors
    /// A file that cannot be used; or an address that other machines reach, without protection and not `insecure`.
    pub fn of(address: &Address, web_config: Option<&Path>, insecure: bool) -> Result<Self, ProtectionError> {
        let protection = web_config.map(web_config::read).transpose()?.unwrap_or_default();
        let bare = protection.tls.is_none() && protection.users.is_empty();
        if bare && !insecure && address.exposure() == Exposure::Network {
            return Err(ProtectionError::Open(address.clone()));
        }
        Ok(protection)
    }

    pub(super) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    /// The answer to a request that may not be answered otherwise. `is_gone`: its client does not wait any more.
    pub(super) fn refusal(&self, request: &Request, is_gone: impl Fn() -> bool) -> Option<Response> {
        match self.users.admit(request.authorization.as_deref(), is_gone) {
            Admission::Granted => return None,
            Admission::Later => return Some(Response::busy()),
            Admission::Refused => {}
        }
        let headers = vec![("WWW-Authenticate", "Basic realm=\"ndbench\", charset=\"UTF-8\"")];
        Some(Response { headers, ..Response::line(401, "a user and a password are needed") })
    }

    /// In words.
    pub(super) fn describe(&self, exposure: Exposure) -> String {
        let mut parts = vec![match exposure {
            Exposure::Machine => "this machine only",
            Exposure::File => "a socket of its owner alone",
            Exposure::Network => "the network",
        }];
        match (&self.tls, self.certificates) {
            (Some(_), true) => parts.push("TLS with client certificates"),
            (Some(_), false) => parts.push("TLS"),
            (None, _) if exposure == Exposure::Network && !self.users.is_empty() => {
                parts.push("no TLS: passwords can be read on the way");
            }
            (None, _) if exposure == Exposure::Network => parts.push("not protected"),
            (None, _) => {}
        }
        if !self.users.is_empty() {
            parts.push("basic auth");
        }
        parts.join(", ")
    }
}
