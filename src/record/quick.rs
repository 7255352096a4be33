//! The short way from a text to its record: for texts that are, but for white space, what [`Record::to_json`] writes. It
//! builds no tree of JSON values. Whatever it does not take goes the long way, which knows every reason to refuse.

use super::Record;
use crate::files::sha256_hex;
use std::ops::Range;

/// The key of the checksum with what follows it.
const MEMBER: &[u8] = b"\"checksum\":\"sha256:";

/// Digits of a checksum.
const DIGITS: usize = 64;

/// The record of a text whose checksum fits; `None` where the long way has to decide.
pub(super) fn parse(text: &[u8]) -> Option<Record> {
    let (mut compact, key) = compact(text)?;
    let (member, stated) = member(&compact, key)?;
    compact.drain(member);
    if sha256_hex(&compact).as_bytes() != stated {
        return None;
    }
    // One look at the whole is cheaper than one at each text in it.
    serde_json::from_str(std::str::from_utf8(&compact).ok()?).ok()
}

/// The text without the white space between its tokens, and where the key of the checksum begins.
fn compact(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut out = Vec::with_capacity(text.len());
    // Copied in runs, from `start` to the next white space.
    let (mut depth, mut key, mut start, mut i) = (0_usize, None, 0, 0);
    while let Some(&byte) = text.get(i) {
        match byte {
            b' ' | b'\n' | b'\t' | b'\r' => {
                out.extend_from_slice(&text[start..i]);
                i = end_of_space(text, i + 1);
                start = i;
            }
            b'"' => {
                let end = end_of_text(text, i)?;
                if depth == 1 && key.is_none() && text[i..end] == *b"\"checksum\"" {
                    key = Some(out.len() + i - start);
                }
                i = end;
            }
            b'{' | b'[' => (depth, i) = (depth + 1, i + 1),
            b'}' | b']' => (depth, i) = (depth.checked_sub(1)?, i + 1),
            _ => i += 1 + text[i + 1..].iter().take_while(|b| !ENDS_A_RUN[usize::from(**b)]).count(),
        }
    }
    out.extend_from_slice(&text[start..]);
    Some((out, key?))
}

/// What a number, a literal and a comma end before.
const ENDS_A_RUN: [bool; 256] = {
    let (ends, mut table, mut i) = (b" \n\t\r\"{[}]", [false; 256], 0);
    while i < ends.len() {
        table[ends[i] as usize] = true;
        i += 1;
    }
    table
};

/// The index after white space; long runs of it are spaces.
fn end_of_space(text: &[u8], start: usize) -> usize {
    let rest = &text[start..];
    let eights = rest.as_chunks::<8>().0.iter().take_while(|eight| **eight == [b' '; 8]).count() * 8;
    let single = rest[eights..].iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\t' | b'\r')).count();
    start + eights + single
}

/// The index after the text that begins at `start`.
fn end_of_text(text: &[u8], start: usize) -> Option<usize> {
    let mut i = start + 1;
    loop {
        match text.get(i)? {
            b'"' => return Some(i + 1),
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
}

/// The place of the checksum and the comma after it, and its digits.
fn member(compact: &[u8], key: usize) -> Option<(Range<usize>, [u8; DIGITS])> {
    let digits = compact.get(key..)?.strip_prefix(MEMBER)?.first_chunk::<DIGITS>()?;
    let end = key + MEMBER.len() + DIGITS;
    // The keys are sorted, and others come after this one.
    compact.get(end..)?.starts_with(b"\",").then_some((key..end + 2, *digits))
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::scenario::{Architecture, Dataset, Norm};
    use serde_json::Value;

    fn record() -> Record {
        let trial = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Nd, 3, 1);
        let mut record = made_up::record(&made_up::resolved(trial), 0.743, 12.5);
        record.remarks = vec!["  { \"checksum\": \"sha256:0\" } \\".into(), "ä\u{1}\n".into()];
        record
    }

    #[test]
    fn what_is_written_goes_the_short_way() {
        let text = record().to_json().unwrap();
        assert_eq!(parse(text.as_bytes()), Some(record()));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parse(value.to_string().as_bytes()), Some(record()), "white space does not matter");
        assert_eq!(parse(text.replace('\n', "\r\n\t").as_bytes()), Some(record()));
    }

    #[test]
    fn what_was_changed_does_not() {
        let text = record().to_json().unwrap();
        for (old, new) in
            [("0.743", "0.943"), ("\"nd\"", "\"bn\""), ("\"  { ", "\" { "), ("sha256:", ""), ("true", "1")]
        {
            let changed = text.replacen(old, new, 1);
            assert_ne!(changed, text, "{old}");
            assert_eq!(parse(changed.as_bytes()), None, "{old}");
        }
        for end in 0..text.trim_end().len() {
            assert_eq!(parse(&text.as_bytes()[..end]), None, "{end}");
        }
        for foreign in ["", "[]", "{}", "}", "\"", "\"\\", "{\"checksum\":\"sha256:", "{\"a\":{\"checksum\":\"sha256:"]
        {
            assert_eq!(parse(foreign.as_bytes()), None, "{foreign}");
        }
    }
}
