//! One connection: a request, its answer, and the end.

use super::message::{Parsed, Request, Response, parse};
use super::protection::Protection;
use super::server::{Handler, Limits, Phase, Stay};
use super::socket::{Socket, Timed};
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long, and how many bytes, are read on after an answer, so that a client that is still sending sees it.
const LINGER: (Duration, usize) = (Duration::from_millis(500), 64 * 1024);

/// What a connection needs.
pub(super) struct Service {
    pub protection: Arc<Protection>,
    pub handler: Arc<Handler>,
    pub limits: Limits,
    /// Of the client.
    pub stay: Stay,
}

/// Answers what `socket` asks.
///
/// # Errors
/// The client was too slow, went away, or does not speak TLS where it should.
pub(super) fn serve(socket: Socket, service: &Service) -> io::Result<()> {
    let timed = Timed { socket, deadline: Instant::now() + service.limits.deadline };
    let Some(config) = service.protection.tls() else { return answer(timed, service, |t| t) };
    let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
    answer(StreamOwned::new(session, timed), service, |stream| {
        stream.conn.send_close_notify();
        // Only what is in the buffers is left to send; a client that has gone does not want it.
        let _ = stream.flush();
        &mut stream.sock
    })
}

/// Reads a request and answers it; `end` says that no more will follow and gives the socket.
fn answer<S: Read + Write>(mut stream: S, service: &Service, end: impl FnOnce(&mut S) -> &mut Timed) -> io::Result<()> {
    let (head, response) = match read(&mut stream, &service.limits)? {
        Ok(request) => {
            // Before the password is looked at, which takes its time.
            service.stay.is_at(Phase::Asked);
            let refusal = service.protection.refusal(&request, || service.stay.is_over());
            (request.head, refusal.unwrap_or_else(|| (service.handler)(&request)))
        }
        Err(refused) => (false, refused),
    };
    stream.write_all(&response.bytes(head))?;
    stream.flush()?;
    service.stay.is_at(Phase::Answered);
    linger(end(&mut stream));
    Ok(())
}

/// The request, or the answer to what is none.
fn read(stream: &mut impl Read, limits: &Limits) -> io::Result<Result<Request, Response>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        bytes.extend_from_slice(&buffer[..read]);
        if bytes.len() > limits.head {
            return Ok(Err(Response::line(431, "the request's head is too long")));
        }
        match parse(&bytes) {
            Parsed::Whole(request) => return Ok(Ok(request)),
            Parsed::Refused(response) => return Ok(Err(response)),
            Parsed::Partial => {}
        }
    }
}

/// Closing with bytes unread would take the answer back from a client that is still sending.
fn linger(timed: &mut Timed) {
    timed.socket.shut(Shutdown::Write);
    timed.deadline = timed.deadline.min(Instant::now() + LINGER.0);
    let (mut buffer, mut left) = ([0; 2048], LINGER.1);
    while let Ok(read) = timed.read(&mut buffer)
        && read > 0
        && left > read
    {
        left -= read;
    }
}
