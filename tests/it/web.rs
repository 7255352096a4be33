//! A program that serves, and what its clients see.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// So long a test waits for what takes milliseconds on a quiet machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `ndbench` at work, killed with this value.
pub struct Served {
    pub child: Child,
    /// `127.0.0.1:PORT` of its metrics.
    pub address: String,
}

impl Served {
    /// Starts it and waits until it says where its metrics are.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("ndbench"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut said = Vec::new();
        let address = loop {
            let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{e}: {said:?}"));
            if let Some(rest) = line.strip_prefix("metrics: http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
            said.push(line);
        };
        Self { child, address }
    }

    /// Sends a signal and waits for the end.
    pub fn end(&mut self, signal: &str) -> ExitStatus {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap()
    }

    /// The page at `path`, as it is or once `wanted` of it.
    pub fn get(&self, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        let since = Instant::now();
        loop {
            let page = get(&self.address, path);
            if wanted(&page) {
                return page;
            }
            assert!(since.elapsed() < PATIENCE, "{page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer's body.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.split(' ').nth(1) == Some("200"), "{path}: {answer}");
    body.to_owned()
}
