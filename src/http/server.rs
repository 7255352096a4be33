//! The server: it accepts connections, gives each a thread, and bounds their number.

use super::address::Address;
use super::connection::{Service, serve};
use super::message::{Request, Response};
use super::protection::Protection;
use super::socket::Socket;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Answers requests; it must not wait for anything.
pub type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// What a server allows its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more are answered 503.
    pub connections: usize,
    /// A connection this old gives way to a new one where there are too many; one that has asked nothing yet does much
    /// sooner.
    pub grace: Duration,
    /// From the first byte to the last of one connection.
    pub deadline: Duration,
    /// Bytes of a request's head.
    pub head: usize,
}

/// Clients that mean to ask have asked by then; those that come back as soon as they have been thrown out leave room for
/// them.
const SILENCE: Duration = Duration::from_millis(20);

/// So long a connection waits for room before it is turned away: somebody who does not ask has given way by then.
const AT_THE_DOOR: Duration = Duration::from_millis(50);

/// With TLS two round trips and their arithmetic come first.
const SILENCE_OF_TLS: Duration = Duration::from_millis(300);

impl Default for Limits {
    fn default() -> Self {
        let (grace, deadline) = (Duration::from_secs(1), Duration::from_secs(5));
        Self { connections: 64, grace, deadline, head: 8 * 1024 }
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: Address,
    protection: Arc<Protection>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `address` and answers by `handler`.
    ///
    /// # Errors
    /// The address is taken, or the system refuses it.
    pub fn start(
        address: &Address,
        protection: Protection,
        limits: Limits,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = Listener::bind(address)?;
        let address = listener.address(address)?;
        let (protection, stop) = (Arc::new(protection), Arc::new(AtomicBool::new(false)));
        let door = Door {
            listener,
            protection: protection.clone(),
            handler: Arc::new(handler),
            limits,
            stop: stop.clone(),
            guests: Guests::default(),
        };
        let accepting = thread::Builder::new().name("http".into()).spawn(move || door.keep())?;
        Ok(Self { address, protection, stop, accepting: Some(accepting) })
    }

    /// Where it listens; where port 0 was asked for, the port that it got.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.protection.tls().is_some() { "https" } else { "http" }
    }

    /// Where a path of it is found, and how it is protected, for people.
    pub fn describe(&self, path: &str) -> String {
        let protection = self.protection.describe(self.address.exposure());
        match &self.address {
            Address::Tcp(address) => format!("{}://{address}{path} ({protection})", self.scheme()),
            Address::Unix(_) => format!("{}{path} ({protection})", self.address),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Accepting ends with the next connection. Where none can be made, one is waiting already.
        let _ = match &self.address {
            Address::Tcp(address) => TcpStream::connect_timeout(address, Duration::from_secs(1)).map(drop),
            Address::Unix(path) => UnixStream::connect(path).map(drop),
        };
        if let Some(thread) = self.accepting.take() {
            // It does not panic; if it did, there is nothing left to end.
            let _ = thread.join();
        }
        if let Address::Unix(path) = &self.address {
            // Someone else may have removed it.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => TcpListener::bind(address).map(Self::Tcp),
            Address::Unix(path) => private_socket(path).map(Self::Unix),
        }
    }

    fn address(&self, asked: &Address) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(_) => Ok(asked.clone()),
        }
    }

    fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Socket::Tcp(stream)),
            Self::Unix(listener) => listener.accept().map(|(stream, _)| Socket::Unix(stream)),
        }
    }
}

/// A socket's file that is the owner's alone from its first moment. A file that a process has left behind is replaced.
fn private_socket(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    match std::fs::symlink_metadata(path) {
        Ok(file) if !file.file_type().is_socket() => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) if UnixStream::connect(path).is_ok() => return Err(io::ErrorKind::AddrInUse.into()),
        _ => {}
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let private = tempfile::Builder::new().prefix(".nd").rand_bytes(4).tempdir_in(folder)?;
    let first = private.path().join("s");
    let listener = UnixListener::bind(&first)?;
    std::fs::set_permissions(&first, PermissionsExt::from_mode(0o600))?;
    std::fs::rename(&first, path)?;
    Ok(listener)
}

/// The connections under way, oldest first.
#[derive(Debug, Clone, Default)]
struct Guests(Arc<Mutex<Vec<Guest>>>);

#[derive(Debug)]
struct Guest {
    number: u64,
    since: Instant,
    socket: Socket,
    phase: Phase,
}

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its request is not here.
    Silent,
    /// Its request is here.
    Asked,
    /// Its answer is sent; it may hold the connection.
    Answered,
}

impl Guests {
    fn all(&self) -> MutexGuard<'_, Vec<Guest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, if need be in place of one that has been here for long.
    fn admit(&self, number: u64, socket: &Socket, limits: &Limits, silence: Duration) -> io::Result<bool> {
        let mut all = self.all();
        if all.len() >= limits.connections {
            let patience = |guest: &Guest| match guest.phase {
                Phase::Silent => silence,
                Phase::Asked => limits.grace,
                Phase::Answered => Duration::ZERO,
            };
            let gives_way = |guest: &Guest| guest.since.elapsed() >= patience(guest);
            match all.iter().position(gives_way) {
                Some(place) => all.remove(place).socket.shut(Shutdown::Both),
                None => return Ok(false),
            }
        }
        all.push(Guest { number, since: Instant::now(), socket: socket.try_clone()?, phase: Phase::Silent });
        Ok(true)
    }
}

/// What the accepting thread needs.
struct Door {
    listener: Listener,
    protection: Arc<Protection>,
    handler: Arc<Handler>,
    limits: Limits,
    stop: Arc<AtomicBool>,
    guests: Guests,
}

impl Door {
    fn keep(self) {
        for number in 0.. {
            let accepted = self.listener.accept();
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            match accepted.and_then(|socket| self.admit(number, socket)) {
                Ok(()) => {}
                // A client that went away at once, or too many open files: others may have better luck later.
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
        self.guests.all().drain(..).for_each(|guest| guest.socket.shut(Shutdown::Both));
    }

    /// Lets a connection in, in place of another one if need be, which may take a moment: others wait in the system's queue.
    fn room(&self, number: u64, socket: &Socket, silence: Duration) -> io::Result<bool> {
        let begun = Instant::now();
        loop {
            if self.guests.admit(number, socket, &self.limits, silence)? {
                return Ok(true);
            }
            if begun.elapsed() > AT_THE_DOOR || self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn admit(&self, number: u64, socket: Socket) -> io::Result<()> {
        let silence = if self.protection.tls().is_some() { SILENCE_OF_TLS } else { SILENCE };
        if !self.room(number, &socket, silence)? {
            if self.protection.tls().is_none() {
                turn_away(socket);
            }
            return Ok(());
        }
        let service = Service {
            protection: self.protection.clone(),
            handler: self.handler.clone(),
            limits: self.limits,
            stay: Stay { guests: self.guests.clone(), number },
        };
        let work = move || {
            // What went wrong is the client's affair.
            let _ = serve(socket, &service);
        };
        thread::Builder::new().name("http client".into()).stack_size(256 * 1024).spawn(work).map(drop)
    }
}

/// A connection leaves when this is dropped, also by a panic or when it got no thread.
pub(super) struct Stay {
    guests: Guests,
    number: u64,
}

impl Stay {
    /// It has come so far.
    pub fn is_at(&self, phase: Phase) {
        self.guests.all().iter_mut().filter(|guest| guest.number == self.number).for_each(|guest| guest.phase = phase);
    }

    /// It had to give way to another one.
    pub fn is_over(&self) -> bool {
        self.guests.all().iter().all(|guest| guest.number != self.number)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.guests.all().retain(|guest| guest.number != self.number);
    }
}

/// Says 503 without waiting for anything.
fn turn_away(mut socket: Socket) {
    let told = socket.set_nonblocking(true).and_then(|()| socket.write_all(&Response::busy().bytes(false)));
    if told.is_ok() {
        socket.shut(Shutdown::Write);
        // What the client has sent is taken from the system, else closing would take the answer back.
        let _ = socket.read(&mut [0; 8192]);
    }
}
