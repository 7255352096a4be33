//! As much of Python's pickle format as the Python archives of CIFAR use: plain containers, byte strings, small integers
//! and arrays of bytes. Nothing is ever called: a class is only a name, an object only its state.
//!
//! Values lie in one arena and refer to each other by index, so that neither depth nor shared references can exhaust
//! stack or memory; the number of operations is bounded.

use super::error::{At, DataError};
use std::collections::HashMap;

/// CIFAR-100's training file has 200,000.
const MAX_OPERATIONS: usize = 4_000_000;

type Id = u32;

#[derive(Debug, Clone, PartialEq)]
enum Value<'a> {
    /// None, a class, or anything else that carries no data.
    Nothing,
    Int(i64),
    Bytes(&'a [u8]),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// What a constructor returned; its state comes later.
    Object(Option<Id>),
}

/// A pickled dictionary.
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
    file: &'a str,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle in `bytes`; `file` is for messages.
    pub(super) fn parse(bytes: &'a [u8], file: &'a str) -> Result<Self, DataError> {
        let mut machine = Machine { bytes, ..Machine::default() };
        match machine.run() {
            Ok(root) => Ok(Self { values: machine.values, root, file }),
            Err(rule) => Err(DataError::format(file, At::Byte(machine.at as u64), rule)),
        }
    }

    /// The list of integers under `key`.
    pub(super) fn ints(&self, key: &str) -> Result<Vec<i64>, DataError> {
        let int = |id: &Id| if let Value::Int(n) = self.values[*id as usize] { Some(n) } else { None };
        match self.get(key)? {
            Value::List(items) => items.iter().map(int).collect::<Option<_>>(),
            _ => None,
        }
        .ok_or_else(|| self.wrong(key, "a list of integers"))
    }

    /// The list of strings under `key`.
    pub(super) fn strings(&self, key: &str) -> Result<Vec<String>, DataError> {
        let text = |id: &Id| match self.values[*id as usize] {
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        };
        match self.get(key)? {
            Value::List(items) => items.iter().map(text).collect::<Option<_>>(),
            _ => None,
        }
        .ok_or_else(|| self.wrong(key, "a list of strings"))
    }

    /// The rows and the bytes of the two-dimensional array of bytes, `columns` wide, under `key`.
    pub(super) fn array(&self, key: &str, columns: usize) -> Result<(usize, &'a [u8]), DataError> {
        let found = || {
            let Value::Object(Some(state)) = self.get(key).ok()? else { return None };
            // NumPy's state: version, shape, element type, Fortran order, content.
            let Value::Tuple(state) = self.value(*state) else { return None };
            let [_, shape, _, fortran, content] = state[..] else { return None };
            let (Value::Tuple(shape), Value::Bytes(content)) = (self.value(shape), self.value(content)) else {
                return None;
            };
            let [Value::Int(rows), Value::Int(width)] = [self.value(*shape.first()?), self.value(*shape.get(1)?)]
            else {
                return None;
            };
            let rows = usize::try_from(*rows).ok()?;
            let plain = shape.len() == 2 && *width == columns as i64 && *self.value(fortran) == Value::Int(0);
            (plain && rows.checked_mul(columns)? == content.len()).then_some((rows, *content))
        };
        found().ok_or_else(|| self.wrong(key, &format!("an array of bytes with {columns} columns")))
    }

    fn value(&self, id: Id) -> &Value<'a> {
        &self.values[id as usize]
    }

    fn get(&self, key: &str) -> Result<&Value<'a>, DataError> {
        let Value::Dict(items) = self.value(self.root) else {
            return Err(DataError::format(self.file, At::File, "is not a pickled dictionary"));
        };
        let found = items.iter().rev().find(|(k, _)| *self.value(*k) == Value::Bytes(key.as_bytes()));
        found.map(|(_, id)| self.value(*id)).ok_or_else(|| self.wrong(key, "present"))
    }

    fn wrong(&self, key: &str, expected: &str) -> DataError {
        DataError::format(self.file, At::File, format!("`{key}` is not {expected}"))
    }
}

/// The stack machine that a pickle is a program for. Errors are the broken rule; the place is `at`.
#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, String> {
        for _ in 0..MAX_OPERATIONS {
            let code = self.take(1)?[0];
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
        Err(format!("more than {MAX_OPERATIONS} operations"))
    }

    fn step(&mut self, code: u8) -> Result<(), String> {
        match code {
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Value::Nothing),
            0x88 => self.push(Value::Int(1)),
            0x89 => self.push(Value::Int(0)),
            b'K' | b'M' | b'J' => self.int(code)?,
            b'U' | b'C' | 0x8c => self.string(1)?,
            b'T' | b'B' | b'X' => self.string(4)?,
            0x8e => self.string(8)?,
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let items = self.top(usize::from(code - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b'q' | b'r' | b'h' | b'j' | 0x94 => self.memo(code)?,
            b'a' => {
                let items = self.top(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            b's' => {
                let items = self.top(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set_items(&items)?;
            }
            b'c' | 0x93 | b'R' => self.object(code)?,
            b'b' => self.build()?,
            other => {
                self.at -= 1;
                return Err(format!("operation 0x{other:02X} does not belong in a CIFAR file"));
            }
        }
        Ok(())
    }

    /// What names a class or makes an object of one: never done, only counted on the stack.
    fn object(&mut self, code: u8) -> Result<(), String> {
        if code == b'c' {
            self.line()?;
            self.line()?;
        } else {
            self.top(2)?;
        }
        self.push(if code == b'R' { Value::Object(None) } else { Value::Nothing });
        Ok(())
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..n).ok_or_else(|| format!("{n} bytes expected, {} left", rest.len()))?;
        self.at += n;
        Ok(taken)
    }

    fn little_endian(&mut self, n: usize) -> Result<u64, String> {
        Ok(self.take(n)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn line(&mut self) -> Result<(), String> {
        let length = self.bytes[self.at..].iter().position(|b| *b == b'\n').ok_or("a line without end")?;
        self.at += length + 1;
        Ok(())
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, String> {
        Ok(self.top(1)?[0])
    }

    /// Takes the last `n` items off the stack, none of them below the last mark.
    fn top(&mut self, n: usize) -> Result<Vec<Id>, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = self.stack.len().checked_sub(n).filter(|start| *start >= floor);
        Ok(self.stack.split_off(start.ok_or("the stack is empty")?))
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("no mark on the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn int(&mut self, code: u8) -> Result<(), String> {
        let number = match code {
            b'K' => self.little_endian(1)? as i64,
            b'M' => self.little_endian(2)? as i64,
            _ => i64::from(self.little_endian(4)? as u32 as i32),
        };
        self.push(Value::Int(number));
        Ok(())
    }

    fn string(&mut self, length_bytes: usize) -> Result<(), String> {
        let length = self.little_endian(length_bytes)?;
        let length = usize::try_from(length).map_err(|_| format!("a string of {length} bytes"))?;
        let bytes = self.take(length)?;
        self.push(Value::Bytes(bytes));
        Ok(())
    }

    fn memo(&mut self, code: u8) -> Result<(), String> {
        let key = match code {
            b'q' | b'h' => self.little_endian(1)? as u32,
            b'r' | b'j' => self.little_endian(4)? as u32,
            _ => self.memo.len() as u32,
        };
        if matches!(code, b'h' | b'j') {
            let id = *self.memo.get(&key).ok_or_else(|| format!("memo {key} was never set"))?;
            self.stack.push(id);
        } else {
            let id = *self.stack.last().ok_or("the stack is empty")?;
            self.memo.insert(key, id);
        }
        Ok(())
    }

    fn last(&mut self) -> Result<&mut Value<'a>, String> {
        let id = *self.stack.last().ok_or("the stack is empty")?;
        Ok(&mut self.values[id as usize])
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), String> {
        match self.last()? {
            Value::List(list) => list.extend(items),
            _ => return Err("appends to what is no list".into()),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), String> {
        match self.last()? {
            Value::Dict(dict) if items.len().is_multiple_of(2) => dict.extend(items.chunks(2).map(|p| (p[0], p[1]))),
            _ => return Err("sets items of what is no dictionary".into()),
        }
        Ok(())
    }

    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        match self.last()? {
            Value::Object(own) => *own = Some(state),
            _ => return Err("gives a state to what is no object".into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The layout of a CIFAR batch as Python 2 wrote it: two images of `columns` bytes.
    fn batch(columns: u8) -> Vec<u8> {
        let mut out = b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(K\x06K\x09eU\x04dataq\x04".to_vec();
        out.extend(b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01b\x87Rq\x07");
        out.extend([b"(K\x01K\x02K", &[columns][..], b"\x86cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09"].concat());
        out.extend(b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U");
        out.push(2 * columns);
        out.extend((0..2 * columns).collect::<Vec<u8>>());
        out.extend(b"tbU\x09filenames]q\x0a(U\x05a.pngU\x05b.pngeu.");
        out
    }

    #[test]
    fn a_batch_as_python_wrote_it() {
        let bytes = batch(5);
        let pickle = Pickle::parse(&bytes, "f").unwrap();
        assert_eq!(pickle.ints("labels").unwrap(), [6, 9]);
        assert_eq!(pickle.strings("filenames").unwrap(), ["a.png", "b.png"]);
        assert_eq!(pickle.array("data", 5).unwrap(), (2, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..]));
        assert!(pickle.array("data", 4).is_err() && pickle.array("labels", 5).is_err());
        assert!(pickle.ints("fine_labels").unwrap_err().to_string().contains("`fine_labels` is not present"));
    }

    #[test]
    fn deep_and_wide_pickles_end_with_an_error() {
        let nested = [&vec![b'N'][..], &vec![0x85; 100_000], b"."].concat();
        assert!(Pickle::parse(&nested, "f").unwrap().ints("labels").is_err());
        let endless = vec![b'N'; MAX_OPERATIONS + 1];
        assert!(Pickle::parse(&endless, "f").is_err());
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Pickle::parse(&bytes, "f").map(|p| (p.ints("labels"), p.array("data", 5)));
        }

        #[test]
        fn damaged_batches_never_panic(at in 0usize..240, byte: u8, cut in 0usize..240) {
            let mut bytes = batch(5);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = Pickle::parse(&bytes, "f").map(|p| (p.ints("labels"), p.array("data", 5)));
            bytes.truncate(cut % bytes.len());
            prop_assert!(Pickle::parse(&bytes, "f").is_err() || bytes.contains(&b'.'));
        }
    }
}
