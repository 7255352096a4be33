//! Downloads that can be cut off at any moment: resumed, checked, then renamed into place.

use super::official::{Download, downloads};
use crate::files::sha256_reader;
use crate::scenario::Dataset;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a download failed; each message names the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody offers this data set for download.
    #[error("{dataset} cannot be fetched: {why}")]
    NoSource {
        /// The data set.
        dataset: Dataset,
        /// What to do instead.
        why: &'static str,
    },
    /// The server refused.
    #[error(
        "{url}: the server answers {status}; check the network, or fetch the file by other means and pass --data DIR"
    )]
    Refused {
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The connection failed again and again.
    #[error(
        "{url}: {why} ({attempts} attempts); check the network and run the same command again, or fetch the file by other means and pass --data DIR"
    )]
    Network {
        /// What was asked for.
        url: String,
        /// The last failure.
        why: String,
        /// How often it was tried in a row without progress.
        attempts: u32,
    },
    /// The content is not the official one.
    #[error("{url}: {what} is {found}, the official one is {expected}; nothing was kept")]
    Mismatch {
        /// What was downloaded.
        url: String,
        /// `size` or `SHA-256`.
        what: &'static str,
        /// Of the official file.
        expected: String,
        /// Of what the server sent.
        found: String,
    },
    /// The disk refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What a download is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The file is there already and has the official checksum.
    Present,
    /// So many bytes are on the disk.
    Bytes(u64),
    /// The connection failed; the next attempt follows after the pause.
    Retry {
        /// What failed.
        why: String,
        /// How long nothing happens.
        pause: Duration,
    },
    /// The file is complete and has the official checksum.
    Done,
}

/// How often and how fast a failed connection is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in a row without any progress.
    pub attempts: u32,
    /// The first pause; each further one is twice as long.
    pub pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 6, pause: Duration::from_secs(1) }
    }
}

/// Downloads the official files of `dataset` into `folder` and returns their paths; files that are there already and
/// have the official checksum are kept.
///
/// # Errors
/// [`FetchError`]; what was downloaded so far stays in a `.part` file for the next call.
pub fn fetch(
    dataset: &Dataset,
    folder: &Path,
    mut progress: impl FnMut(&Download, Progress),
) -> Result<Vec<PathBuf>, FetchError> {
    let why = match dataset {
        Dataset::FashionMini => "it is part of the program, there is nothing to fetch",
        _ => "it is your own; pass the folder that holds it with --data DIR",
    };
    let files = downloads(dataset);
    if files.is_empty() {
        return Err(FetchError::NoSource { dataset: dataset.clone(), why });
    }
    files.iter().map(|file| download(file, folder, Retry::default(), |p| progress(file, p))).collect()
}

/// Downloads one file into `folder`, through `<name>.part`, and returns its path. The name appears only once size and
/// SHA-256 are right.
///
/// # Errors
/// As [`fetch`].
pub fn download(
    file: &Download,
    folder: &Path,
    retry: Retry,
    mut progress: impl FnMut(Progress),
) -> Result<PathBuf, FetchError> {
    let target = folder.join(&file.path);
    let part = folder.join(format!("{}.part", file.path));
    if target.metadata().is_ok_and(|m| m.len() == file.bytes) && checksum(&target)? == file.sha256 {
        progress(Progress::Present);
        return Ok(target);
    }
    let parent = target.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(at(parent))?;
    let mut failures = 0;
    loop {
        let before = part.metadata().map_or(0, |m| m.len());
        if before == file.bytes {
            break;
        }
        let why = match transfer(file, &part, before, &mut progress)? {
            Ok(()) => continue,
            Err(why) => why,
        };
        failures = if part.metadata().map_or(0, |m| m.len()) > before { 1 } else { failures + 1 };
        if failures >= retry.attempts {
            return Err(FetchError::Network { url: file.url.clone(), why, attempts: failures });
        }
        let pause = retry.pause * 2u32.pow((failures - 1).min(10));
        progress(Progress::Retry { why, pause });
        std::thread::sleep(pause);
    }
    let found = checksum(&part)?;
    if found != file.sha256 {
        fs::remove_file(&part).map_err(at(&part))?;
        return Err(mismatch(file, "SHA-256", &file.sha256, found));
    }
    File::open(&part).and_then(|f| f.sync_all()).map_err(at(&part))?;
    fs::rename(&part, &target).map_err(at(&target))?;
    File::open(parent).and_then(|f| f.sync_all()).map_err(at(parent))?;
    progress(Progress::Done);
    Ok(target)
}

/// One request for what is missing, appended to `part`. The inner error is a failure that may pass.
fn transfer(
    file: &Download,
    part: &Path,
    have: u64,
    progress: &mut impl FnMut(Progress),
) -> Result<Result<(), String>, FetchError> {
    let mut request = agent().get(&file.url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(e) => return Ok(Err(e.to_string())),
    };
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(String::from);
    let start = match response.status().as_u16() {
        206 if header("content-range").is_some_and(|range| range.starts_with(&format!("bytes {have}-"))) => have,
        // The whole file: the server knows no ranges, or none was asked for.
        200 => 0,
        // A range that the server cannot give: from the start.
        206 | 416 if have > 0 => {
            fs::remove_file(part).map_err(at(part))?;
            return Ok(Err("the server cannot go on where the download stopped".into()));
        }
        status @ (408 | 429 | 500..=599) => return Ok(Err(format!("the server answers {status}"))),
        status => return Err(FetchError::Refused { url: file.url.clone(), status }),
    };
    let offered = header("content-length").and_then(|length| length.parse::<u64>().ok()).map(|rest| start + rest);
    if let Some(size) = offered.filter(|size| *size != file.bytes) {
        return Err(mismatch(file, "size", &file.bytes.to_string(), size.to_string()));
    }
    let mut out = OpenOptions::new().create(true).append(true).open(part).map_err(at(part))?;
    out.set_len(start).map_err(at(part))?;
    let received = receive(response.into_body().into_reader(), (&mut out, part), start, file.bytes, progress)?;
    match received {
        Ok(size) if size > file.bytes => {
            fs::remove_file(part).map_err(at(part))?;
            Err(mismatch(file, "size", &file.bytes.to_string(), format!("{size} or more")))
        }
        Ok(size) if size < file.bytes => Ok(Err(format!("the connection ended after {size} bytes"))),
        Ok(_) => Ok(Ok(())),
        Err(why) => Ok(Err(why)),
    }
}

/// Writes what `body` yields and returns the size reached; stops beyond `limit`.
fn receive(
    mut body: impl Read,
    (out, path): (&mut File, &Path),
    mut size: u64,
    limit: u64,
    progress: &mut impl FnMut(Progress),
) -> Result<Result<u64, String>, FetchError> {
    let mut buffer = vec![0; 1 << 16];
    while size <= limit {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                out.write_all(&buffer[..n]).map_err(at(path))?;
                size += n as u64;
                progress(Progress::Bytes(size));
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Ok(Err(e.to_string())),
        }
    }
    Ok(Ok(size))
}

fn agent() -> ureq::Agent {
    let patience = Some(Duration::from_secs(30));
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(patience)
        .timeout_recv_response(patience)
        .timeout_per_read(patience)
        .user_agent(concat!("ndbench/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

fn checksum(path: &Path) -> Result<String, FetchError> {
    File::open(path).and_then(sha256_reader).map(|(hash, _)| hash).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    move |source| FetchError::Io { path: path.into(), source }
}

fn mismatch(file: &Download, what: &'static str, expected: &str, found: String) -> FetchError {
    FetchError::Mismatch { url: file.url.clone(), what, expected: expected.into(), found }
}
