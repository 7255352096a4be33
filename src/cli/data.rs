//! `ndbench data fetch` and `ndbench data verify`.

use super::exit::Failure;
use super::talk;
use crate::data::{Progress, Sources, Verdict, Verified, fetch as fetch_files, inventory, verify as check};
use crate::scenario::Dataset;
use crate::units::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};
use std::path::Path;

/// Downloads the official files of `dataset` to `--data DIR` (or the default data folder) and writes their paths to
/// `out`. Progress goes to stderr: a bar on a terminal, a line a file otherwise.
///
/// # Errors
/// A download that failed; at the end, progress that could not be told.
pub fn fetch(dataset: &Dataset, data: Option<&Path>, quiet: bool, out: &mut impl Write) -> Result<(), Failure> {
    let sources = Sources::new(data);
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
    bar.set_style(style.expect("the template is constant").progress_chars("=> "));
    let mut told = Ok(());
    let mut say = |line: String| match (quiet, bar.is_hidden()) {
        (true, _) => {}
        (false, true) => {
            let written = talk::say(&line);
            told = std::mem::replace(&mut told, Ok(())).and(written);
        }
        (false, false) => bar.println(line),
    };
    let mut current = String::new();
    let files = fetch_files(dataset, sources.target(), |file, progress| {
        if current != file.path {
            current.clone_from(&file.path);
            bar.set_message(file.path.clone());
            bar.set_length(file.bytes);
            say(format!("{} ({})", file.url, Bytes(file.bytes)));
        }
        match progress {
            Progress::Bytes(done) => bar.set_position(done),
            Progress::Retry { why, pause } => say(format!("  {why}; again in {} s", pause.as_secs())),
            Progress::Present => say(format!("  {} is there already, SHA-256 as published", file.path)),
            Progress::Done => say(format!("  {} is complete, SHA-256 as published", file.path)),
        }
    });
    bar.finish_and_clear();
    for path in files.map_err(|e| Failure::Data(Box::new(e)))? {
        writeln!(out, "{}", path.display())?;
    }
    Ok(told?)
}

/// Checks `datasets` (none: every one that is found) and prints what was found to `out`. Returns whether all is well: a
/// data set that was named is there, and nothing that is there is broken.
///
/// # Errors
/// When `out` cannot be written.
pub fn verify(datasets: &[Dataset], data: Option<&Path>, json: bool, out: &mut impl Write) -> io::Result<bool> {
    let sources = Sources::new(data);
    let mut wanted = datasets.to_vec();
    if wanted.is_empty() {
        wanted.extend(inventory(&sources).into_iter().filter(|f| f.remedy.is_none()).map(|f| f.dataset));
        wanted.dedup();
    }
    let mut sound = true;
    let mut all = Vec::new();
    for dataset in &wanted {
        let places = check(dataset, &sources).unwrap_or_else(|missing| vec![Err(missing)]);
        for place in places {
            sound &= place.as_ref().is_ok_and(Verified::is_sound);
            match place {
                Ok(verified) if json => all.push(serde_json::to_value(verified)?),
                Ok(verified) => describe(&verified, out)?,
                Err(e) if json => all.push(serde_json::json!({"dataset": dataset, "problem": e.to_string()})),
                Err(e) => writeln!(out, "{dataset}: WRONG\n  {e}")?,
            }
        }
    }
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    }
    Ok(sound)
}

fn describe(verified: &Verified, out: &mut impl Write) -> io::Result<()> {
    let path = verified.path.as_ref().map_or("part of the program".into(), |p| p.display().to_string());
    let state = match &verified.incomplete {
        _ if !verified.is_undamaged() => "WRONG",
        Some(_) => "INCOMPLETE",
        None => "ok",
    };
    writeln!(out, "{}: {state} ({path})", verified.dataset)?;
    verified.incomplete.iter().try_for_each(|what| writeln!(out, "  {what}"))?;
    for (split, counts) in [("train", &verified.train), ("test", &verified.test)] {
        let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
        let each = if least == most { format!("{least} each") } else { format!("{least} to {most} each") };
        writeln!(out, "  {split}: {} images, {} classes, {each}", counts.iter().sum::<u64>(), counts.len())?;
        if least != most {
            for (name, count) in verified.class_names.iter().zip(counts) {
                writeln!(out, "    {}: {count}", name.escape_debug())?;
            }
        }
    }
    for file in &verified.files {
        let verdict = match file.verdict {
            Verdict::Official => "official",
            Verdict::Other => "not the official file",
            Verdict::Damaged => "WRONG: official size, other content; fetch it again",
        };
        writeln!(out, "  {} sha256 {}: {verdict}", file.path.display(), file.sha256)?;
    }
    verified.remarks.iter().try_for_each(|remark| writeln!(out, "  remark: {remark}"))
}
