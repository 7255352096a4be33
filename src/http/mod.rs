//! A small HTTP/1.1 server for metrics and reports: GET and HEAD, one request a connection, every wait and every amount
//! bounded. A connection has a thread; clients that are slow, many or malformed cost those threads' time and nothing else.

mod address;
mod auth;
mod connection;
mod message;
mod protection;
mod server;
mod socket;
#[cfg(test)]
mod tests;
mod tls;
mod web_config;

pub use address::{Address, AddressError, Exposure};
pub use message::{Request, Response};
pub use protection::{Protection, ProtectionError};
pub use server::{Handler, Limits, Server};
pub use web_config::WebConfigError;
