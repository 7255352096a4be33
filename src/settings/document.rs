//! TOML text with the place of every key.

use super::{Place, Problem, did_you_mean};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Settings, merged from one or more texts, with the place where each key was written. Keys are dotted, list entries
/// numbered: `recipe.lr`, `matrix.epochs[0]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    table: toml::Table,
    places: BTreeMap<String, Place>,
    root: Place,
}

/// Byte ranges of a key and of its value; a list entry has no key of its own.
struct Entry {
    path: String,
    key: Option<Range<usize>>,
    value: Range<usize>,
    is_table: bool,
}

impl Document {
    /// Reads the text of a file; `T` says which keys there may be and of which type.
    ///
    /// # Errors
    /// The first place where `text` is no TOML or does not fit `T`.
    pub fn from_file<T: DeserializeOwned>(label: &str, text: &str) -> Result<Self, Problem> {
        Self::parse::<T>(text, |offset| file_place(label, text, offset))
    }

    /// Reads one setting from the command line; a value that is no TOML is taken as a string, so that users need not
    /// quote it twice.
    ///
    /// # Errors
    /// Where the setting does not fit `T`.
    pub fn from_flag<T: DeserializeOwned>(flag: &str, key: &str, value: &str) -> Result<Self, Problem> {
        let mut text = format!("{key} = {value}");
        if DeTable::parse(&text).is_err() {
            text = format!("{key} = {}", toml::Value::from(value));
        }
        Self::parse::<T>(&text, |_| Place::Flag(flag.into()))
    }

    fn parse<T: DeserializeOwned>(text: &str, place: impl Fn(usize) -> Place) -> Result<Self, Problem> {
        let at = |span: Option<Range<usize>>| span.map_or(0, |s| s.start);
        let parsed = DeTable::parse(text).map_err(|e| Problem {
            place: place(at(e.span())),
            key: String::new(),
            rule: format!("not TOML: {}", e.message()),
        })?;
        let mut entries = Vec::new();
        walk_table("", parsed.get_ref(), &mut entries);
        let misfit = |e: toml::de::Error| Problem {
            place: place(at(e.span())),
            key: innermost(&entries, at(e.span())),
            rule: plain_words(e.message()),
        };
        toml::from_str::<T>(text).map_err(misfit)?;
        let table = toml::from_str::<toml::Table>(text).map_err(misfit)?;
        let start = |e: &Entry| match &e.key {
            Some(key) if e.is_table => key.start,
            _ => e.value.start,
        };
        let places = entries.iter().map(|e| (e.path.clone(), place(start(e)))).collect();
        Ok(Self { table, places, root: place(0) })
    }

    /// Lays `other` over this document: its values win, lists are replaced as a whole.
    pub fn merge(&mut self, other: Document) {
        for path in other.places.keys() {
            let entry = format!("{path}[");
            self.places.retain(|known, _| !known.starts_with(&entry));
        }
        self.places.extend(other.places);
        merge_tables(&mut self.table, other.table);
    }

    /// The values as `T`, the type that every merged text was read with.
    ///
    /// # Errors
    /// Values that fit `T` one by one and not together.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.table.clone().try_into().map_err(|e: toml::de::Error| Problem {
            place: self.root.clone(),
            key: String::new(),
            rule: plain_words(e.message()),
        })
    }

    /// Whether `key` is written down.
    pub fn has(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// Where `key` is written; of a missing key, where its table is; else the start of the file.
    pub fn place(&self, key: &str) -> Place {
        let mut key = key;
        loop {
            if let Some(place) = self.places.get(key) {
                return place.clone();
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return self.root.clone(),
            }
        }
    }

    /// The place of `key` as records keep it, `demo.toml:12`; absent when it is not written down.
    pub fn source(&self, key: &str) -> Option<String> {
        self.places.get(key).map(Place::source)
    }
}

fn merge_tables(below: &mut toml::Table, above: toml::Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge_tables(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn file_place(label: &str, text: &str, offset: usize) -> Place {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    Place::File { label: label.into(), line: 1 + before.iter().filter(|b| **b == b'\n').count(), column }
}

fn walk_table(prefix: &str, table: &DeTable<'_>, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        walk_value(path, Some(key.span()), value, entries);
    }
}

fn walk_value(path: String, key: Option<Range<usize>>, value: &Spanned<DeValue<'_>>, entries: &mut Vec<Entry>) {
    match value.get_ref() {
        DeValue::Table(table) => walk_table(&path, table, entries),
        DeValue::Array(values) => {
            for (i, value) in values.iter().enumerate() {
                walk_value(format!("{path}[{i}]"), None, value, entries);
            }
        }
        _ => {}
    }
    let is_table = matches!(value.get_ref(), DeValue::Table(_));
    entries.push(Entry { path, key, value: value.span(), is_table });
}

/// The entry whose key or value is the shortest text around `offset`.
fn innermost(entries: &[Entry], offset: usize) -> String {
    let around = |e: &&Entry| {
        let spans = e.key.iter().chain([&e.value]);
        spans.filter(|s| s.contains(&offset)).map(Range::len).min().unwrap_or(usize::MAX)
    };
    entries.iter().filter(|e| around(e) < usize::MAX).min_by_key(around).map_or(String::new(), |e| e.path.clone())
}

/// serde's words for what was found, and those of the people who write settings.
const WORDS: [(&str, &str); 5] = [
    ("invalid type:", "wrong type:"),
    ("invalid value:", "impossible value:"),
    ("wrong type: map", "wrong type: a table"),
    ("wrong type: sequence", "wrong type: a list"),
    ("floating point", "number"),
];
const NO_NAME: [&str; 4] = ["wanted string or table", "wanted exactly 1 element", "expected empty", "expected table"];

/// serde's message in the words of the people who write settings, with the nearest known name.
fn plain_words(message: &str) -> String {
    for (serde, plain, list) in
        [("unknown field `", "unknown key", "known keys"), ("unknown variant `", "unknown value", "known values")]
    {
        if let Some((name, expected)) = message.strip_prefix(serde).and_then(|rest| rest.split_once("`, expected ")) {
            let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
            let near = did_you_mean(name, known.iter().copied());
            return format!("{plain} `{name}`{near}; {list}: {}", known.join(", "));
        }
    }
    // Names of this program's own: "unknown architecture `x`; known: a, b".
    if let Some((what, known)) = message.split_once("`; known: ")
        && let Some((_, name)) = what.split_once('`')
    {
        return format!("{what}`{}; known: {known}", did_you_mean(name, known.split(", ")));
    }
    // What the TOML reader says of what its own integers cannot hold.
    if message == "u64 value was too large" {
        return format!("impossible value, expected a whole number from 0 to {}", i64::MAX);
    }
    if let Some(name) = message.strip_prefix("missing field ") {
        return format!("the key {name} is missing");
    }
    let message = WORDS.iter().fold(message.to_string(), |text, (serde, plain)| text.replace(serde, plain));
    match message.rsplit_once(", expected ") {
        // Larger than any integer of the file format, whatever was expected.
        Some((what, _)) if what.ends_with(" as i128") || what.ends_with(" as u128") => {
            let what = what.rsplit_once(" as ").map_or(what, |(what, _)| what);
            format!("{}, which is too large", what.replace("wrong type:", "impossible value:"))
        }
        Some((what, "u32")) => format!("{what}, expected a whole number from 0 to {}", u32::MAX),
        Some((what, "u64")) => format!("{what}, expected a whole number from 0"),
        Some((what, "i64")) => format!("{what}, expected a whole number"),
        Some((what, array)) if array.starts_with("an array of length ") => {
            format!("{}, expected {} numbers in [ ]", what.replace("invalid length", "wrong length:"), &array[19..])
        }
        Some((what, "f64")) => format!("{what}, expected a number"),
        Some((what, "a sequence")) => format!("{what}, expected a list in [ ]"),
        Some((what, "a map")) => format!("{what}, expected a table"),
        Some((what, "a boolean")) => format!("{what}, expected true or false"),
        Some((what, "a string")) => format!("{what}, expected a text in quotes"),
        Some((what, rust)) if rust.starts_with("struct ") => format!("{what}, expected a table"),
        // What the TOML reader says of a name that is no text.
        _ if NO_NAME.iter().any(|start| message.starts_with(start)) => "wrong type, expected a name in quotes".into(),
        _ => message,
    }
}
