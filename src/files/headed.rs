//! Files that say what they are before what they hold: a line with their form and its version, the length of a header (8
//! bytes, little-endian), and the header, JSON.

use std::io::{self, BufRead, Read};

/// Longer than any header is, in bytes.
const LONGEST: u64 = 1 << 26;

/// The beginning of such a file.
pub fn head(form: &str, header: &[u8]) -> Vec<u8> {
    [form.as_bytes(), b"\n", &(header.len() as u64).to_le_bytes(), header].concat()
}

/// The header of a file of that form, and `reader` stands behind it; absent where it is of another form, or cut.
///
/// # Errors
/// Those of `reader`.
pub fn read_head(reader: &mut impl BufRead, form: &str) -> io::Result<Option<Vec<u8>>> {
    let (mut line, mut length) = (Vec::new(), Vec::new());
    reader.by_ref().take(form.len() as u64 + 1).read_until(b'\n', &mut line)?;
    if line.strip_suffix(b"\n") != Some(form.as_bytes()) {
        return Ok(None);
    }
    reader.by_ref().take(8).read_to_end(&mut length)?;
    let Some(length) = length.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).filter(|n| *n <= LONGEST) else {
        return Ok(None);
    };
    let mut header = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut header)?;
    Ok((header.len() as u64 == length).then_some(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_the_rest_follows() {
        let file = [head("x/1", b"{}"), b"rest".to_vec()].concat();
        let mut reader = file.as_slice();
        assert_eq!(read_head(&mut reader, "x/1").unwrap().as_deref(), Some(&b"{}"[..]));
        assert_eq!(reader, b"rest");
        for form in ["x/2", "x/", "x/11", ""] {
            assert_eq!(read_head(&mut file.as_slice(), form).unwrap(), None, "{form}");
        }
        for end in 0..file.len() - b"rest".len() {
            assert_eq!(read_head(&mut &file[..end], "x/1").unwrap(), None, "cut at {end}");
        }
        let endless = [&b"x/1\n"[..], &u64::MAX.to_le_bytes()[..], b"{}"].concat();
        assert_eq!(read_head(&mut endless.as_slice(), "x/1").unwrap(), None);
    }
}
