//! Downloads from a small server on loopback that breaks off, ignores ranges or sends something else.

use ndbench::data::{Download, FetchError, Progress, Retry, download, fetch};
use ndbench::files::sha256_hex;
use ndbench::scenario::Dataset;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Retry = Retry { attempts: 3, pause: Duration::from_millis(5) };

/// How the server treats one request.
#[derive(Clone, Copy)]
enum Answer {
    /// As it should, ranges included, but it closes the connection after so many bytes of the body.
    Cut(usize),
    /// The whole file whatever range was asked for.
    NoRanges,
    /// Only a status.
    Status(u16),
}

/// Serves `content` once for each answer; returns the address and, request by request, where the range began.
fn serve(content: Vec<u8>, answers: Vec<Answer>) -> (String, Arc<Mutex<Vec<Option<usize>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file.bin", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = ranges.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut range = None;
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap().to_ascii_lowercase();
                if let Some(start) = line.strip_prefix("range: bytes=") {
                    range = start.trim_end_matches('-').parse().ok();
                }
                if line.is_empty() {
                    break;
                }
            }
            seen.lock().unwrap().push(range);
            let (head, body) = respond(answer, range, &content);
            // The client may have gone away already; that is its right.
            let _ = stream.write_all(format!("HTTP/1.1 {head}Connection: close\r\n\r\n").as_bytes());
            let _ = stream.write_all(body);
        }
    });
    (url, ranges)
}

fn respond(answer: Answer, range: Option<usize>, content: &[u8]) -> (String, &[u8]) {
    let length = content.len();
    match (answer, range) {
        (Answer::Status(status), _) => (format!("{status} Told\r\nContent-Length: 0\r\n"), &[]),
        (Answer::Cut(after), Some(start)) => {
            let head = format!(
                "206 Partial Content\r\nContent-Range: bytes {start}-{}/{length}\r\nContent-Length: {}\r\n",
                length - 1,
                length - start
            );
            (head, &content[start..start.saturating_add(after).min(length)])
        }
        (Answer::Cut(after), None) => {
            (format!("200 OK\r\nContent-Length: {length}\r\n"), &content[..after.min(length)])
        }
        (Answer::NoRanges, _) => (format!("200 OK\r\nContent-Length: {length}\r\n"), content),
    }
}

fn content() -> Vec<u8> {
    (0..200_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect()
}

fn file(url: String, content: &[u8]) -> Download {
    Download { url, path: "set/file.bin".into(), bytes: content.len() as u64, sha256: sha256_hex(content) }
}

fn part(folder: &Path) -> std::path::PathBuf {
    folder.join("set/file.bin.part")
}

#[test]
fn a_cut_connection_is_resumed_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let answers = vec![Answer::Cut(70_000), Answer::Status(503), Answer::Cut(30_000), Answer::Cut(usize::MAX)];
    let (url, ranges) = serve(content(), answers);
    let mut seen = Vec::new();
    let path = download(&file(url, &content()), dir.path(), PATIENCE, |p| seen.push(p)).unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(*ranges.lock().unwrap(), [None, Some(70_000), Some(70_000), Some(100_000)]);
    assert_eq!(seen.iter().filter(|p| matches!(p, Progress::Retry { .. })).count(), 3);
    assert_eq!(seen.last(), Some(&Progress::Done));
    assert!(!part(dir.path()).exists());
}

#[test]
fn an_interrupted_command_goes_on_and_a_finished_one_asks_nobody() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("set")).unwrap();
    fs::write(part(dir.path()), &content()[..150_000]).unwrap();
    let (url, ranges) = serve(content(), vec![Answer::Cut(usize::MAX)]);
    let file = file(url, &content());
    download(&file, dir.path(), PATIENCE, |_| {}).unwrap();
    assert_eq!(*ranges.lock().unwrap(), [Some(150_000)]);
    let mut seen = Vec::new();
    download(&file, dir.path(), PATIENCE, |p| seen.push(p)).unwrap();
    assert_eq!(seen, [Progress::Present]);
}

#[test]
fn a_server_without_ranges_sends_everything_again() {
    let dir = tempfile::tempdir().unwrap();
    let (url, ranges) = serve(content(), vec![Answer::Cut(70_000), Answer::NoRanges]);
    let path = download(&file(url, &content()), dir.path(), PATIENCE, |_| {}).unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(*ranges.lock().unwrap(), [None, Some(70_000)]);
}

#[test]
fn a_range_that_cannot_be_given_starts_from_zero() {
    let dir = tempfile::tempdir().unwrap();
    let (url, ranges) = serve(content(), vec![Answer::Cut(70_000), Answer::Status(416), Answer::Cut(usize::MAX)]);
    let path = download(&file(url, &content()), dir.path(), PATIENCE, |_| {}).unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(*ranges.lock().unwrap(), [None, Some(70_000), None]);
}

#[test]
fn other_content_is_refused_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = content();
    other[5] ^= 1;
    for (sent, what) in [(other, "SHA-256"), (content()[1..].to_vec(), "size"), (vec![0; 300_000], "size")] {
        let (url, _) = serve(sent, vec![Answer::Cut(usize::MAX)]);
        let error = download(&file(url, &content()), dir.path(), PATIENCE, |_| {}).unwrap_err();
        assert!(matches!(error, FetchError::Mismatch { what: w, .. } if w == what), "{error}");
        assert_eq!(fs::read_dir(dir.path().join("set")).unwrap().count(), 0, "{what}");
    }
}

#[test]
fn refusals_end_at_once_and_failures_after_some_attempts() {
    let dir = tempfile::tempdir().unwrap();
    let (url, ranges) = serve(content(), vec![Answer::Status(404)]);
    let error = download(&file(url, &content()), dir.path(), PATIENCE, |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Refused { status: 404, .. }), "{error}");
    assert_eq!(ranges.lock().unwrap().len(), 1);
    let (url, ranges) = serve(content(), vec![Answer::Status(500); 5]);
    let error = download(&file(url, &content()), dir.path(), PATIENCE, |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Network { attempts: 3, .. }), "{error}");
    assert_eq!(ranges.lock().unwrap().len(), 3);
}

#[test]
fn what_nobody_offers_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for (dataset, part) in [(Dataset::FashionMini, "part of the program"), (Dataset::Folder("x".into()), "your own")] {
        assert!(fetch(&dataset, dir.path(), |_, _| {}).unwrap_err().to_string().contains(part));
    }
}
