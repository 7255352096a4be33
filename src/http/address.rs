//! Where a server listens.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a server listens: a TCP address or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `9400`, which is `127.0.0.1:9400`; `127.0.0.1:9400`; `[::1]:9400`. Port 0 lets the system choose one.
    Tcp(SocketAddr),
    /// `unix:/run/ndbench.sock`.
    Unix(PathBuf),
}

/// Who can reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// The programs of this machine.
    Machine,
    /// Whoever may open the socket's file.
    File,
    /// Other machines.
    Network,
}

/// A text is no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is no address: {why}; expected is a port of this machine (9400), HOST:PORT or unix:PATH")]
pub struct AddressError {
    text: String,
    why: String,
}

impl Address {
    /// Who can reach it.
    pub fn exposure(&self) -> Exposure {
        match self {
            Self::Tcp(address) if address.ip().is_loopback() => Exposure::Machine,
            Self::Tcp(_) => Exposure::Network,
            Self::Unix(_) => Exposure::File,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = |why: String| AddressError { text: text.into(), why };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.file_name().is_some() { Ok(Self::Unix(path)) } else { Err(error("no path".into())) };
        }
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self::Tcp(SocketAddr::from(([127, 0, 0, 1], port))));
        }
        if text.starts_with(':') {
            return Err(error("it does not say which host".into()));
        }
        let mut found = text.to_socket_addrs().map_err(|e| error(e.to_string()))?;
        found.next().map(Self::Tcp).ok_or_else(|| error("the host has no address".into()))
    }
}

/// As it is parsed.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine_and_who_is_reached_is_known() {
        let exposure = |text: &str| text.parse::<Address>().unwrap().exposure();
        assert_eq!("9400".parse::<Address>().unwrap().to_string(), "127.0.0.1:9400");
        assert_eq!(exposure("[::1]:0"), Exposure::Machine);
        assert_eq!(exposure("localhost:1"), Exposure::Machine);
        assert_eq!((exposure("0.0.0.0:1"), exposure("[::]:1")), (Exposure::Network, Exposure::Network));
        assert_eq!(exposure("unix:/a/b.sock"), Exposure::File);
        for wrong in [":9400", "", "127.0.0.1", "127.0.0.1:70000", "unix:", "unix:/", "99999"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
