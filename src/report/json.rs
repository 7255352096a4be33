//! JSON for people and programs, written piece by piece: objects on lines of their own, lists of plain values on one line.
//! The curves of a large store are millions of numbers; a line for each, or a text of all, would be most of a report's cost.

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use std::io::{self, Write};

/// Writes `value` and ends the line.
///
/// # Errors
/// Those of `out`.
pub(super) fn write(out: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Lines::default()))?;
    out.write_all(b"\n")
}

/// The same as a text.
pub(super) fn text(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    write(&mut out, value).expect("a report is plain data with text keys");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// A number and its text. Accuracies are fractions of a number of images: of the millions in a large store few differ.
#[derive(Clone, Default)]
struct Written {
    bits: u64,
    text: Vec<u8>,
}

/// How many texts are kept, a power of two.
const KEPT: usize = 1 << 14;

#[derive(Default)]
struct Lines {
    /// Empty until the first number comes.
    written: Vec<Written>,
    depth: usize,
    /// A value of a list comes next: if it is a list or an object, it begins a line.
    in_list: bool,
    /// The list or object under way has lists or objects, or keys, each on a line of its own.
    on_lines: bool,
}

impl Lines {
    fn line<W: Write + ?Sized>(&self, out: &mut W) -> io::Result<()> {
        // A line of the deepest report has half as many.
        const SPACES: &[u8; 65] = b"\n                                                                ";
        out.write_all(&SPACES[..=(2 * self.depth).min(64)])
    }

    fn begin<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        if std::mem::take(&mut self.in_list) {
            self.line(out)?;
        }
        (self.depth, self.on_lines) = (self.depth + 1, false);
        out.write_all(bracket)
    }

    fn end<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if std::mem::replace(&mut self.on_lines, true) {
            self.line(out)?;
        }
        out.write_all(bracket)
    }
}

impl Formatter for Lines {
    fn write_f64<W: Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        self.written.resize(KEPT, Written::default());
        let bits = value.to_bits();
        // Fibonacci hashing: the high bits of the product depend on all bits of the number.
        let place = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - KEPT.ilog2());
        let kept = &mut self.written[place as usize];
        if kept.bits != bits || kept.text.is_empty() {
            kept.bits = bits;
            kept.text.clear();
            CompactFormatter.write_f64(&mut kept.text, value)?;
        }
        out.write_all(&kept.text)
    }

    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.in_list = false;
        self.end(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.in_list = true;
        out.write_all(if first { b"" } else { b"," })
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b"," })?;
        self.on_lines = true;
        self.line(out)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.in_list = false;
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn numbers_share_a_line_and_objects_do_not() {
        let value =
            json!({"a": [1, 2.5, "x"], "b": [[1, 2], [], [3]], "c": {"d": null}, "e": [{"f": []}, {}], "g": {}});
        let wanted = "{\n  \"a\": [1,2.5,\"x\"],\n  \"b\": [\n    [1,2],\n    [],\n    [3]\n  ],\n  \"c\": {\n    \"d\": null\n  \
                      },\n  \"e\": [\n    {\n      \"f\": []\n    },\n    {}\n  ],\n  \"g\": {}\n}\n";
        assert_eq!(text(&value), wanted);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((".*", inner), 0..5).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_reads_back(value in values()) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text(&value)).unwrap(), value);
        }
    }
}
