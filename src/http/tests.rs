//! The server over real sockets.

use super::{Address, Limits, Protection, Request, Response, Server};
use base64::Engine;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const LIMITS: Limits =
    Limits { connections: 8, grace: Duration::from_millis(50), deadline: Duration::from_millis(400), head: 1024 };

fn handler(request: &Request) -> Response {
    match request.path.as_str() {
        "/metrics" => Response::ok("text/plain", *b"up 1\n"),
        _ => Response::not_found(),
    }
}

fn local() -> Address {
    "127.0.0.1:0".parse().unwrap()
}

fn start(limits: Limits) -> (Server, SocketAddr) {
    let server = Server::start(&local(), Protection::default(), limits, handler).unwrap();
    let Address::Tcp(address) = *server.address() else { panic!("TCP was asked for") };
    (server, address)
}

/// What comes back for `text`; empty where the connection was closed without a word.
fn talk(mut stream: impl Read + Write, text: &[u8]) -> String {
    let mut answer = Vec::new();
    if stream.write_all(text).is_ok() {
        // A connection that was cut ends the answer.
        let _ = stream.read_to_end(&mut answer);
    }
    String::from_utf8(answer).unwrap()
}

fn ask(address: SocketAddr, text: &[u8]) -> String {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    talk(stream, text)
}

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/// Tries until there is room.
fn ask_in_time(address: SocketAddr) -> String {
    let tries = (0..100).map(|_| {
        thread::sleep(Duration::from_millis(20));
        ask(address, GET)
    });
    tries.into_iter().find(|answer| answer.starts_with("HTTP/1.1 200 ")).expect("there is room within two seconds")
}

#[test]
fn requests_are_answered_and_the_server_ends_with_its_value() {
    let (server, address) = start(Limits::default());
    let answer = ask(address, GET);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nup 1\n"), "{answer}");
    assert!(ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
    assert!(ask(address, b"GET /nowhere HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(address, b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(ask(address, &[b'x'; 1 << 16]).starts_with("HTTP/1.1 4"));
    assert_eq!(server.describe("/metrics"), format!("http://{address}/metrics (this machine only)"));
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_socket_is_its_owners_alone_and_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.sock");
    let address = Address::Unix(path.clone());
    let start = || Server::start(&address, Protection::default(), LIMITS, handler);
    // A process that was killed leaves its file.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = start().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(talk(UnixStream::connect(&path).unwrap(), GET).ends_with("up 1\n"));
    assert_eq!(start().unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(server);
    assert!(!path.exists() && std::fs::read_dir(folder.path()).unwrap().next().is_none());
    std::fs::write(&path, "not a socket").unwrap();
    assert_eq!(start().unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn slow_clients_give_way_to_new_ones() {
    let (_server, address) = start(Limits { deadline: Duration::from_secs(60), ..LIMITS });
    let slow: Vec<TcpStream> = (0..LIMITS.connections)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metrics HTT").unwrap();
            stream
        })
        .collect();
    assert!(ask_in_time(address).ends_with("up 1\n"), "although all places were taken for a minute");
    drop(slow);
}

#[test]
fn slow_clients_that_come_back_at_once_shut_nobody_out() {
    let (_server, address) =
        start(Limits { grace: Duration::from_secs(20), deadline: Duration::from_secs(60), ..LIMITS });
    let stop = Arc::new(AtomicBool::new(false));
    let slow = |_| {
        let stop = stop.clone();
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // Until it is thrown out; a refusal is as good.
                let Ok(mut stream) = TcpStream::connect(address) else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
                let _ = stream.write_all(b"GET /metrics HTT").and_then(|()| stream.read_to_end(&mut Vec::new()));
                thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let slow: Vec<_> = (0..LIMITS.connections + LIMITS.connections / 2).map(slow).collect();
    // A scraper does not come again before its next turn; a busy machine may fail it once.
    let comes_through = || (0..3).any(|_| try_ask(address).is_ok_and(|page| page.ends_with("up 1\n")));
    let through = (0..10).filter(|_| comes_through()).count();
    stop.store(true, Ordering::Relaxed);
    slow.into_iter().for_each(|client| client.join().unwrap());
    assert_eq!(through, 10);
}

#[test]
fn clients_that_hold_on_after_their_answer_shut_nobody_out() {
    let (_server, address) =
        start(Limits { grace: Duration::from_secs(20), deadline: Duration::from_secs(60), ..LIMITS });
    for _ in 0..3 {
        let answered = |_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(GET).unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            stream
        };
        let held: Vec<TcpStream> = (0..2 * LIMITS.connections).map(answered).collect();
        assert!(try_ask(address).unwrap().ends_with("up 1\n"));
        drop(held);
    }
}

#[test]
fn while_all_places_are_at_work_more_are_told_to_come_back() {
    let (held, work) = (Arc::new(Mutex::new(())), Arc::new(AtomicUsize::new(0)));
    let waits = {
        let (held, work) = (held.clone(), work.clone());
        move |request: &Request| {
            work.fetch_add(1, Ordering::SeqCst);
            drop(held.lock().unwrap());
            handler(request)
        }
    };
    let guard = held.lock().unwrap();
    let limits = Limits { connections: 2, grace: Duration::from_secs(60), deadline: Duration::from_secs(60), ..LIMITS };
    let server = Server::start(&local(), Protection::default(), limits, waits).unwrap();
    let Address::Tcp(address) = *server.address() else { panic!("TCP was asked for") };
    let clients: Vec<_> = (0..2).map(|_| thread::spawn(move || ask(address, GET))).collect();
    while work.load(Ordering::SeqCst) < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(ask(address, GET).starts_with("HTTP/1.1 503 "));
    drop(guard);
    clients.into_iter().for_each(|client| assert!(client.join().unwrap().ends_with("up 1\n")));
}

fn try_ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(GET)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let (_server, address) = start(LIMITS);
    assert_eq!(ask(address, b"GET /"), "", "the connection ends at its deadline");
}

#[test]
fn a_thousand_clients_at_once_leave_the_server_as_it_was() {
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = {
        let (at_once, most) = (at_once.clone(), most.clone());
        move |request: &Request| {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
            at_once.fetch_sub(1, Ordering::SeqCst);
            handler(request)
        }
    };
    let server = Server::start(&local(), Protection::default(), LIMITS, counted).unwrap();
    let Address::Tcp(address) = *server.address() else { panic!("TCP was asked for") };
    let client = move |kind: usize| match kind % 4 {
        0 => ask(address, b"GET /metr"),
        1 => ask(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"),
        _ => ask(address, GET),
    };
    let work = move |n: usize| thread::Builder::new().stack_size(128 * 1024).spawn(move || client(n)).unwrap();
    let answers: Vec<String> = (0..1000).map(work).collect::<Vec<_>>().into_iter().map(|c| c.join().unwrap()).collect();
    let count = |start: &str| answers.iter().filter(|a| a.starts_with(start)).count();
    let (answered, busy) = (count("HTTP/1.1 200 "), count("HTTP/1.1 503 "));
    assert!(answered > 0, "{answered} answered, {busy} turned away");
    // Those that were let in for longer than the grace may still be asking while the next one is.
    assert!(most.load(Ordering::SeqCst) <= 2 * LIMITS.connections, "{most:?}");
    assert!(ask_in_time(address).ends_with("up 1\n"));
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// What comes back over TLS; the error where there is no connection.
fn ask_tls(address: SocketAddr, text: &str, certificate: bool) -> Result<String, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = if certificate {
        let chain = vec![CertificateDer::from_pem_file(fixture("client.pem")).unwrap()];
        builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(fixture("client.key")).unwrap()).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let session = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(session, TcpStream::connect(address).unwrap());
    let mut answer = String::new();
    stream.write_all(text.as_bytes()).map_err(|e| e.to_string())?;
    stream.read_to_string(&mut answer).map_err(|e| e.to_string())?;
    Ok(answer)
}

#[test]
fn a_web_config_file_brings_tls_and_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    let everywhere: Address = "0.0.0.0:0".parse().unwrap();
    let open = Protection::of(&everywhere, None, false).unwrap_err().to_string();
    assert!(open.contains("0.0.0.0:0") && open.contains("--web-config") && open.contains("--insecure-listen"));
    assert!(Protection::of(&everywhere, None, true).is_ok() && Protection::of(&local(), None, false).is_ok());

    let (certificate, key, authority) = (fixture("server.pem"), fixture("server.key"), fixture("ca.pem"));
    let tls = format!("tls_server_config:\n  cert_file: {}\n  key_file: {}\n", certificate.display(), key.display());
    let verified =
        format!("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {}\n", authority.display());
    let users = format!("basic_auth_users:\n  alice: {}\n", bcrypt::hash("secret", 4).unwrap());
    let start = |text: String| {
        std::fs::write(&path, text).unwrap();
        let server =
            Server::start(&everywhere, Protection::of(&everywhere, Some(&path), false).unwrap(), LIMITS, handler)
                .unwrap();
        let Address::Tcp(mut address) = *server.address() else { panic!("TCP was asked for") };
        address.set_ip([127, 0, 0, 1].into());
        (server, address)
    };
    let login = base64::prelude::BASE64_STANDARD.encode("alice:secret");
    let known = format!("GET /metrics HTTP/1.1\r\nAuthorization: Basic {login}\r\n\r\n");
    let unknown = String::from_utf8(GET.to_vec()).unwrap();

    let (server, address) = start(format!("{tls}{users}"));
    assert!(server.describe("/").ends_with("/ (the network, TLS, basic auth)"), "{}", server.describe("/"));
    assert!(ask_tls(address, &known, false).unwrap().ends_with("up 1\n"));
    assert!(ask_tls(address, &unknown, false).unwrap().starts_with("HTTP/1.1 401 "));
    assert!(!ask(address, GET).contains("up 1"), "no TLS, no answer");

    let (server, address) = start(format!("{tls}{verified}"));
    assert!(server.describe("/").contains("client certificates"));
    assert!(ask_tls(address, &unknown, true).unwrap().ends_with("up 1\n"));
    assert!(ask_tls(address, &unknown, false).is_err());

    let (server, address) = start(users);
    assert!(server.describe("/").contains("passwords can be read on the way"));
    assert!(ask(address, known.as_bytes()).ends_with("up 1\n"));
    assert!(ask(address, GET).contains("\r\nWWW-Authenticate: Basic realm="));

    std::fs::write(&path, tls.clone() + "  client_auth_type: RequireAndVerifyClientCert\n").unwrap();
    assert!(Protection::of(&everywhere, Some(&path), false).unwrap_err().to_string().contains("client_ca_file"));
}
