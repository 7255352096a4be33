//! Modules import only from lower floors, and each foreign door has one keeper. The table of floors is read from the
//! documentation of `src/lib.rs`, so that there is one truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module -> floor.
type Floors = BTreeMap<String, u32>;

/// What only some files may name: the tokens, and the path prefixes below `src/` that may.
const KEPT: [(&[&str], &[&str]); 12] = [
    (&["tch", "::"], &["clock", "data", "native", "nn", "probe", "run", "train"]),
    (&["torch_sys", "::"], &["native"]),
    (&["clap", "::"], &["cli"]),
    (&["nvml_wrapper", "::"], &["telemetry/nvml"]),
    (&["prometheus", "::"], &["export/metrics"]),
    (&["nvml_wrapper_sys", "::"], &["telemetry/nvml"]),
    (&["print", "!"], &["cli"]),
    (&["println", "!"], &["cli"]),
    (&["eprint", "!"], &["cli"]),
    (&["eprintln", "!"], &["cli"]),
    (&["process", "::", "exit"], &["cli"]),
    (&["env", "::", "args"], &["cli"]),
];

/// The rows `| 3 | [`event`] |` of the table.
fn floors(lib: &str) -> Floors {
    let mut floors = Floors::new();
    for line in lib.lines() {
        let cells: Vec<&str> = line.trim_start_matches("//!").trim().trim_matches('|').split('|').collect();
        let [floor, modules] = cells[..] else { continue };
        let Ok(floor) = floor.trim().parse() else { continue };
        for module in modules.split('`').skip(1).step_by(2) {
            assert!(floors.insert(module.into(), floor).is_none(), "{module} stands on two floors");
        }
    }
    floors
}

/// Source text as words and marks, without comments, texts and characters. `::` is one token.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens: Vec<String> = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => i = (i..chars.len()).find(|&j| chars[j] == '\n').unwrap_or(chars.len()),
            '"' => i = end_of_text(&chars, i, tokens.last().is_some_and(|t| t == "r" || t == "br")),
            // A character, not a lifetime: 'x', '\n', '"'.
            '\'' if at(i + 1) == '\\' => i = (i + 3..chars.len()).find(|&j| chars[j] == '\'').unwrap_or(i) + 1,
            '\'' if at(i + 2) == '\'' => i += 3,
            c if c.is_alphanumeric() || c == '_' => {
                i = (i..chars.len()).find(|&j| !(at(j).is_alphanumeric() || at(j) == '_')).unwrap_or(chars.len());
                tokens.push(chars[start..i].iter().collect());
            }
            ':' if at(i + 1) == ':' => {
                i += 2;
                tokens.push("::".into());
            }
            c => {
                i += 1;
                // `r#"`: the hashes stay out, so that the text after them is seen as a raw one.
                if !c.is_whitespace() && c != '#' {
                    tokens.push(c.into());
                }
            }
        }
    }
    tokens
}

/// The index after the text that begins at `start`.
fn end_of_text(chars: &[char], start: usize, raw: bool) -> usize {
    let hashes = if raw { chars[..start].iter().rev().take_while(|&&c| c == '#').count() } else { 0 };
    let mut i = start + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' if !raw => i += 2,
            '"' if chars[i + 1..].iter().take_while(|&&c| c == '#').count() >= hashes => return i + 1 + hashes,
            _ => i += 1,
        }
    }
    chars.len()
}

/// Modules named by `crate::x` and `crate::{x, y::z}`.
fn imports(tokens: &[String]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for (i, pair) in tokens.windows(2).enumerate() {
        if pair[0] != "crate" || pair[1] != "::" {
            continue;
        }
        let rest = &tokens[i + 2..];
        if rest.first().is_none_or(|t| t != "{") {
            found.extend(rest.first().map(String::as_str));
            continue;
        }
        let mut depth = 0;
        for (before, token) in rest.iter().zip(&rest[1..]) {
            match before.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && (before == "{" || before == ",") {
                found.insert(token);
            }
        }
    }
    found
}

/// What is wrong with one file; `path` is relative to `src/`.
fn breaches(path: &str, source: &str, floors: &Floors) -> Vec<String> {
    let own = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
    let tokens = tokens(source);
    let mut found = Vec::new();
    if !["lib", "main"].contains(&own) {
        let floor = floors.get(own).copied();
        if floor.is_none() {
            found.push(format!("{path}: `{own}` stands on no floor of the table in src/lib.rs"));
        }
        for module in imports(&tokens).into_iter().filter(|&m| m != own) {
            if let (Some(&theirs), Some(ours)) = (floors.get(module), floor)
                && theirs >= ours
            {
                found.push(format!("{path}: floor {ours} imports `{module}` of floor {theirs}"));
            }
        }
        // The way to a neighbour is `crate::`, where the check above sees it.
        for parts in tokens.windows(3).filter(|p| p[0] == "super" && p[1] == "::") {
            if floors.contains_key(&parts[2]) && parts[2] != own && path.matches('/').count() <= 1 {
                let sub = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(own).join(&parts[2]);
                if !sub.is_dir() && !sub.with_extension("rs").is_file() {
                    found.push(format!("{path}: write `crate::{0}`, not `super::{0}`", parts[2]));
                }
            }
        }
    }
    for (words, keepers) in KEPT {
        let named = tokens.windows(words.len()).any(|window| window == words);
        if named && !keepers.iter().any(|k| path.starts_with(&format!("{k}/")) || path == format!("{k}.rs")) {
            found.push(format!("{path}: `{}` belongs to {keepers:?}", words.concat()));
        }
    }
    found
}

/// Every Rust file below `folder`.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn modules_import_only_from_lower_floors() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let floors = floors(&lib);
    let lib_tokens = tokens(&lib);
    let declared: BTreeSet<&str> = lib_tokens.windows(2).filter(|p| p[0] == "mod").map(|p| p[1].as_str()).collect();
    assert_eq!(declared, floors.keys().map(String::as_str).collect(), "modules of src/lib.rs, and its table");

    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 20, "{files:?}");
    let all: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            breaches(&path, &fs::read_to_string(file).unwrap(), &floors)
        })
        .collect();
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn breaches_are_seen() {
    let floors = floors("//! | floor | modules |\n//! |---|---|\n//! | 2 | [`nn`], [`data`] |\n//! | 1 | [`clock`] |");
    assert_eq!(floors.len(), 3);
    let count = |path: &str, source: &str| breaches(path, source, &floors).len();
    assert_eq!(count("nn/a.rs", "use crate::clock; use tch::Tensor; use crate::nn::b;"), 0);
    assert_eq!(count("nn/a.rs", "// crate::data\nconst T: &str = \"crate::data \\\" tch::x\"; 'x'"), 0);
    assert_eq!(count("nn/a.rs", "const T: &str = r#\"\\\"#; const Q: char = '\"'; use crate::clock;"), 0);
    assert_eq!(count("nn/a.rs", "const T: &str = r#\"\\\"#; const Q: char = '\"'; use crate::data;"), 1);
    assert_eq!(count("nn/a.rs", "use crate::data::Images;"), 1);
    assert_eq!(count("nn/a.rs", "use crate::{clock::{now, data}, data};"), 1);
    assert_eq!(count("clock.rs", "fn f<'a>(x: &'a str) { crate::nn::g(x) }"), 1);
    assert_eq!(count("clock.rs", "use super::nn;"), 1);
    assert_eq!(count("stray.rs", ""), 1);
    assert_eq!(count("nn/a.rs", "fn f() { println!(); std::process::exit(1) }"), 2);
    assert_eq!(count("main.rs", "fn main() { std::process::exit(clap::x()) }"), 2);
    assert_eq!(count("telemetry_nvml.rs", "use nvml_wrapper::Nvml;"), 2);
}
