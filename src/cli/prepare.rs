//! `ndbench data prepare imagenet`.

use super::args::ImagenetArgs;
use super::exit::Failure;
use super::interrupt::{interrupt_flag, was_warned};
use super::talk;
use crate::data::imagenet::{Kind, Preparation, PrepareError, Prepared, Storage, prepare};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};

/// Without a terminal, a line is written after each of so many equal parts.
const PARTS: usize = 20;
/// So many odd pictures of a kind, and bad ones, are named; the report has them all.
const NAMED: usize = 10;

/// Prepares what `args` name and writes to `out` what was found. Progress goes to stderr.
///
/// # Errors
/// Pictures that are missing or cannot be decoded, a signal, a disk that refuses.
pub(super) fn run(args: &ImagenetArgs, out: &mut impl Write) -> Result<(), Failure> {
    let interrupt = interrupt_flag()?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let preparation = Preparation {
        out: args.out.clone(),
        storage: match args.pack_scaled {
            Some(shorter_side) => Storage::Scaled { shorter_side },
            None if args.pack => Storage::Packed,
            None => Storage::Files,
        },
        threads: args.threads.map_or_else(cores, usize::from),
        max_bad: args.max_bad,
        again: args.again,
    };
    let mut progress = Progress::new(args.quiet);
    let prepared = prepare(&args.folder, &preparation, &interrupt, |done, of| progress.tell(done, of));
    let told = progress.finish();
    let prepared = prepared.map_err(|e| match e {
        PrepareError::Interrupted if was_warned() => Failure::Warned,
        PrepareError::Interrupted => Failure::Interrupted,
        e @ (PrepareError::Write { .. } | PrepareError::Storage { .. }) => Failure::File(Box::new(e)),
        e => Failure::Data(Box::new(e)),
    })?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&prepared).map_err(io::Error::from)?)?;
    } else {
        describe(&prepared, out)?;
    }
    if prepared.digest.is_none() {
        let what = format!(
            "{} pictures cannot be decoded, and no index was written: replace them and run the same command again, or pass --max-bad {0}",
            prepared.bad.len()
        );
        return Err(Failure::Data(what.into()));
    }
    Ok(told?)
}

fn describe(prepared: &Prepared, out: &mut impl Write) -> io::Result<()> {
    let state = if prepared.digest.is_some() { "ok" } else { "WRONG" };
    let stored: String = match prepared.storage {
        Storage::Files => "the files stay where they are".into(),
        Storage::Packed => "packed".into(),
        Storage::Scaled { shorter_side } => format!("packed, scaled to a shorter side of {shorter_side}"),
    };
    writeln!(out, "imagenet: {state} ({}, {stored})", prepared.folder.display())?;
    for (split, counts) in [("train", &prepared.train), ("val", &prepared.val)] {
        let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
        let each = if least == most { format!("{least} each") } else { format!("{least} to {most} each") };
        writeln!(out, "  {split}: {} pictures, {} classes, {each}", counts.iter().sum::<u64>(), counts.len())?;
    }
    writeln!(out, "  read now: {} pictures, {}", prepared.read, prepared.read_bytes)?;
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Rgb) {
        let odd: Vec<&str> = prepared.odd.iter().filter(|(k, _)| *k == kind).map(|(_, path)| &**path).collect();
        named(&format!("{} ({})", kind.name(), meaning(kind)), &odd, out)?;
    }
    let bad: Vec<String> = prepared.bad.iter().map(|(path, why)| format!("{path}: {why}")).collect();
    named("BAD, left out", &bad.iter().map(String::as_str).collect::<Vec<_>>(), out)?;
    prepared.remarks.iter().try_for_each(|remark| writeln!(out, "  remark: {remark}"))?;
    match &prepared.digest {
        Some(digest) => writeln!(out, "  digest: {digest}"),
        None => Ok(()),
    }
}

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Rgb => "three components",
        Kind::Grey => "one component, repeated",
        Kind::Cmyk => "four components, converted",
        Kind::Png => "whatever the name says",
    }
}

fn named(what: &str, paths: &[&str], out: &mut impl Write) -> io::Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {what}: {}", paths.len())?;
    paths.iter().take(NAMED).try_for_each(|path| writeln!(out, "    {path}"))?;
    if paths.len() > NAMED {
        writeln!(out, "    … and {} more, in report.json", paths.len() - NAMED)?;
    }
    Ok(())
}

/// A bar on a terminal, lines elsewhere.
struct Progress {
    bar: ProgressBar,
    quiet: bool,
    part: usize,
    told: io::Result<()>,
}

impl Progress {
    fn new(quiet: bool) -> Self {
        let style = ProgressStyle::with_template("pictures [{bar:30}] {human_pos}/{human_len} {per_sec} {eta}");
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
        bar.set_style(style.expect("the template is constant").progress_chars("=> "));
        Self { bar, quiet, part: 0, told: Ok(()) }
    }

    fn tell(&mut self, done: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
        let part = done * PARTS / of.max(1);
        if !self.quiet && self.bar.is_hidden() && part > self.part && self.told.is_ok() {
            self.part = part;
            self.told = talk::say(&format!("{done} of {of} pictures"));
        }
    }

    fn finish(self) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.told
    }
}
