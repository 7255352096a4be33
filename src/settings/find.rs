//! Settings files by name or by path.

use super::{SettingsError, did_you_mean};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The largest settings file that is read; anything larger is some other kind of file.
const LARGEST: u64 = 1 << 20;

/// The label and the text of the settings file `name`: a path (anything with a `/` or ending in `.toml`) or a file that
/// exists wins over one of the `built_in` (name, text).
///
/// # Errors
/// [`SettingsError::NotFound`] and [`SettingsError::Read`]; files that are not UTF-8, exceed 1 MiB or are no regular files
/// are refused.
pub fn find(what: &'static str, name: &str, built_in: &[(&str, &str)]) -> Result<(String, String), SettingsError> {
    let path = Path::new(name);
    if name.contains(['/', '\\']) || name.ends_with(".toml") || path.is_file() {
        let text = read(path).map_err(|source| SettingsError::Read { what, path: path.into(), source })?;
        return Ok((name.into(), text));
    }
    let found = built_in.iter().find(|(known, _)| *known == name);
    found.map(|(known, text)| (format!("{known}.toml"), (*text).into())).ok_or_else(|| SettingsError::NotFound {
        what,
        name: name.into(),
        suggestion: did_you_mean(name, built_in.iter().map(|(known, _)| *known)),
        known: built_in.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", "),
    })
}

fn read(path: &Path) -> io::Result<String> {
    // Asked before the file is opened: opening a pipe waits for its other end. What the shell has opened does not wait.
    let opened = path == Path::new("/dev/stdin") || path.starts_with("/dev/fd");
    if !opened && !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB, not a settings file"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let (before, after) = e.as_bytes().split_at(e.utf8_error().valid_up_to());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let what = format!("line {line}: the byte {:#04x} is not UTF-8", after[0]);
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN: [(&str, &str); 2] = [("demo", "a = 1"), ("smoke", "")];

    #[test]
    fn names_find_built_ins_and_paths_find_files() {
        assert_eq!(find("scenario", "demo", &BUILT_IN).unwrap(), ("demo.toml".into(), "a = 1".into()));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo.toml");
        std::fs::write(&path, "b = 2").unwrap();
        let name = path.to_str().unwrap();
        assert_eq!(find("scenario", name, &BUILT_IN).unwrap(), (name.into(), "b = 2".into()));
    }

    #[test]
    fn what_cannot_be_found_or_read_is_said() {
        let message = find("scenario", "dmeo", &BUILT_IN).unwrap_err().to_string();
        assert_eq!(
            message,
            "no scenario named `dmeo` (did you mean `demo`?); built in: demo, smoke; or give the path of a file, `./my.toml`"
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.toml");
        let name = path.to_str().unwrap();
        assert!(matches!(find("scenario", name, &BUILT_IN), Err(SettingsError::Read { .. })));
        std::fs::write(&path, b"a = 1\nb = \"\xff\"").unwrap();
        let message = find("scenario", name, &BUILT_IN).unwrap_err().to_string();
        assert!(message.ends_with("x.toml: line 2: the byte 0xff is not UTF-8"), "{message}");
        std::fs::write(&path, vec![b'#'; (LARGEST + 1) as usize]).unwrap();
        assert!(find("scenario", name, &BUILT_IN).unwrap_err().to_string().contains("1 MiB"));
    }

    #[cfg(unix)]
    #[test]
    fn a_named_pipe_does_not_block() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe.toml");
        let name = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: `name` is a string that ends in zero and lives through the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        for path in [path.as_path(), dir.path()] {
            let message = find("scenario", path.to_str().unwrap(), &BUILT_IN).unwrap_err().to_string();
            assert!(message.ends_with(&format!("{}: not a regular file", path.display())), "{message}");
        }
    }
}
