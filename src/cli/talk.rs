//! Talk on stderr. A write that fails is an error for the exit code to tell, never a panic.

use std::io::{self, Write};

/// Writes a line to stderr.
///
/// # Errors
/// As [`write_line`].
pub fn say(line: &str) -> io::Result<()> {
    write_line(&mut io::stderr(), line)
}

/// Writes a line to `out` in one piece.
///
/// # Errors
/// What the system says, unless the reader has gone away.
pub fn write_line(out: &mut impl Write, line: &str) -> io::Result<()> {
    write_all(out, &format!("{line}\n"))
}

/// Writes `text` to `out`, down to the operating system. A reader that has gone away, as `head` does, has seen enough:
/// that is no error.
///
/// # Errors
/// What the system says.
pub fn write_all(out: &mut impl Write, text: &str) -> io::Result<()> {
    seen_enough(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// No error where the reader has gone away.
pub fn seen_enough(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Takes text until it fails, if ever.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Paper {
        text: Arc<Mutex<String>>,
        torn: Option<io::ErrorKind>,
    }

    impl Paper {
        pub(crate) fn torn(kind: io::ErrorKind) -> Self {
            Self { torn: Some(kind), ..Self::default() }
        }

        pub(crate) fn text(&self) -> String {
            self.text.lock().unwrap().clone()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(kind) = self.torn {
                return Err(kind.into());
            }
            self.text.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_reader_that_went_away_is_none() {
        let mut paper = Paper::default();
        write_line(&mut paper, "hello").unwrap();
        assert_eq!(paper.text(), "hello\n");
        assert!(write_line(&mut Paper::torn(io::ErrorKind::StorageFull), "hello").is_err());
        assert!(write_line(&mut Paper::torn(io::ErrorKind::BrokenPipe), "hello").is_ok());
    }
}
