//! Files that are either whole or absent: atomic writes, checksums, locks.

mod cache;
mod headed;

pub use cache::cache_folder;
pub use headed::{head, read_head};

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Writes `bytes` to `path` so that a reader, or a crash, sees the old file or the new one and nothing between: a
/// temporary file in the same folder, flushed to the disk, then renamed, then the folder flushed. Creates the folder; who
/// may read the file is for the umask to say. A process that is killed leaves its temporary file, which
/// [`is_temporary_of`] knows by its name.
///
/// # Errors
/// Whatever the file system says; the temporary file is removed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// Like [`write_atomic`], for content that is produced piece by piece.
///
/// # Errors
/// Whatever `fill` or the file system says; the temporary file is removed.
pub fn write_atomic_with(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    write_with(path, fill, |temporary| temporary.persist(path).map(drop).map_err(|e| e.error))
}

/// Like [`write_atomic`], where there is no such file yet: of several writers, on several machines even, one succeeds.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where another one was first; else as [`write_atomic`].
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(
        path,
        |file| file.write_all(bytes),
        |temporary| temporary.persist_noclobber(path).map(drop).map_err(|e| e.error),
    )
}

/// Fills a temporary file beside `path`, flushes it to the disk and has it put in its place.
fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
    put: impl FnOnce(tempfile::NamedTempFile) -> io::Result<()>,
) -> io::Result<()> {
    let mut temporary = temporary_beside(path)?;
    fill(temporary.as_file_mut())?;
    temporary.as_file().sync_all()?;
    put(temporary)?;
    File::open(folder_of(path))?.sync_all()
}

/// Changes the folder in which `path` lies or will lie, by a file that is gone again: what the system remembers of the folder is then
/// of now, also where it lies on another machine.
///
/// # Errors
/// Whatever the file system says.
pub fn touch_folder_of(path: &Path) -> io::Result<()> {
    temporary_beside(path)?.close()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    fs::create_dir_all(folder_of(path))?;
    let prefix = temporary_prefix(&path.file_name().unwrap_or_default().to_string_lossy());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Temporary files are private; results are for everyone whom the umask lets in.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

/// Whether `name` is that of a temporary file of [`write_atomic`] for a file that is called `target`.
pub fn is_temporary_of(name: &str, target: &str) -> bool {
    // What follows the prefix is random and has no hyphen: `a-b` has no temporary file of `a`.
    name.strip_prefix(&temporary_prefix(target)).is_some_and(|random| !random.is_empty() && !random.contains('-'))
}

/// What the name of a temporary file begins with; a long target is cut, since file systems end names at 255 bytes.
fn temporary_prefix(target: &str) -> String {
    let ends = target.char_indices().map(|(start, c)| start + c.len_utf8());
    format!(".tmp-{}-", &target[..ends.take_while(|end| *end <= 200).last().unwrap_or(0)])
}

/// The SHA-256 of `bytes`, 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 and the length of what `reader` yields.
///
/// # Errors
/// Those of `reader`.
pub fn sha256_reader(mut reader: impl Read) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok((hex(&hasher.finalize()), length)),
            n => {
                hasher.update(&buffer[..n]);
                length += n as u64;
            }
        }
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_rubbish() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/record.json");
        write_atomic(&path, b"old").unwrap();
        let failed = write_atomic_with(&path, |f| {
            f.write_all(b"ne")?;
            Err(io::Error::other("disk full"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn of_several_writers_of_a_new_file_one_succeeds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.json");
        let write = |n: u8| {
            let path = &path;
            move || write_new(path, &[n; 1 << 16]).map_err(|e| e.kind())
        };
        let ended: Vec<_> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8).map(|n| scope.spawn(write(n))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let winner = ended.iter().position(Result::is_ok).unwrap();
        assert_eq!(ended.iter().filter(|end| **end == Err(io::ErrorKind::AlreadyExists)).count(), 7, "{ended:?}");
        assert_eq!(fs::read(&path).unwrap(), [winner as u8; 1 << 16]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no rubbish");
    }

    #[test]
    fn a_temporary_file_names_its_target_however_long() {
        let dir = tempfile::tempdir().unwrap();
        for target in ["a.ckpt".to_string(), "é".repeat(127)] {
            let path = dir.path().join(&target);
            let mut seen = Vec::new();
            let list = |_: &mut File| {
                seen.extend(fs::read_dir(dir.path())?.map(|e| e.unwrap().file_name().into_string().unwrap()));
                Ok(())
            };
            write_atomic_with(&path, list).unwrap();
            assert_eq!(seen.iter().filter(|name| is_temporary_of(name, &target)).count(), 1, "{seen:?}");
            fs::remove_file(path).unwrap();
        }
        assert!(is_temporary_of(".tmp-a.ckpt-x7Gq", "a.ckpt"));
        for other in ["a.ckpt", ".tmp-x7Gq", ".tmp-a.ckpt-", ".tmp-a.ckpt-2-x7Gq", ".tmp-b-a.ckpt-x7Gq"] {
            assert!(!is_temporary_of(other, "a.ckpt"), "{other}");
        }
    }

    #[test]
    fn digests_match_the_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), abc);
        assert_eq!(sha256_reader(&b"abc"[..]).unwrap(), (abc.to_string(), 3));
    }
}
