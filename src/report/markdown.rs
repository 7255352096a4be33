//! A report as Markdown.

use super::differences::settings_line;
use super::matrix::group_by;
use super::model::{AccuracyRow, Remark, Report, TimeRow};
use super::table::Table;
use super::verdict;
use super::words::{
    NOTHING, attempts, clean, dataset_title, differing, environment_line, length, memory_words, norm_title, plural,
    pooled, pooled_steady, ratio, result, seconds, side_seconds, speed,
};
use crate::record::{Skipped, counted};
use std::fmt::Write as _;

/// Trials or blocks that a line names before it only counts them.
const NAMED: usize = 3;

/// Seconds between two trainings of a block after which the reader is told.
const FAR_APART: f64 = 3600.0;

/// The whole report; `verbose` adds best epochs, top-5 and every trial that is not finished.
pub fn markdown(report: &Report, verbose: bool) -> String {
    let mut out = format!("# {}\n\n", clean(&report.scenario));
    coverage(&mut out, report, verbose);
    out += &settings_line(&report.settings);
    let several = report.environments.len() > 1;
    for rows in group_by(&report.accuracy, |row| row.dataset.clone()) {
        let _ = write!(out, "\n## Accuracy on {}\n\n", dataset_title(&rows[0].dataset));
        out += &accuracy_table(&rows, several, verbose).render();
    }
    out += "\nTop-1 in percent after the last epoch, mean ± standard deviation over the attempts. Training accuracy is \
            that of the last epoch's batches, as the weights stood at each.";
    if report.accuracy.iter().any(|row| row.original.is_some() || row.study.is_some()) {
        out += " Original: Ye et al. (2020). Study: mean of the attempts of Obadage et al. (2024) and their range.";
    }
    out += "\n";
    for rows in group_by(&report.time, |row| row.dataset.clone()) {
        let _ = write!(out, "\n## Training time and memory on {}\n\n", dataset_title(&rows[0].dataset));
        out += &time_table(&rows, several).render();
    }
    time_notes(&mut out, report);
    out += &verdict::section(report);
    for (title, lines) in [
        ("Times that do not count", invalid(report)),
        ("Notes", notes(report)),
        ("Environments", environments(report)),
        ("Skipped files", skipped(report)),
    ] {
        if !lines.is_empty() {
            let _ = write!(out, "\n## {title}\n\n");
            lines.iter().for_each(|line| out += &format!("- {}\n", clean(line)));
        }
    }
    out
}

fn coverage(out: &mut String, report: &Report, verbose: bool) {
    let c = &report.coverage;
    let _ = write!(out, "Coverage: {} of {} finished", c.finished, plural(c.trials, "trial"));
    let states = group_by(&c.unfinished, |u| u.state.clone());
    for group in &states {
        let _ = write!(out, ", {} {}", group.len(), group[0].state);
    }
    *out += ".\n";
    if c.other_records > 0 {
        let _ = writeln!(out, "The store also holds {} of other trials.", plural(c.other_records, "record"));
    }
    if verbose && !c.unfinished.is_empty() {
        *out += "\n";
        for u in &c.unfinished {
            let _ = writeln!(out, "- {}: {} ({})", u.state, clean(&u.trial), u.trial_id);
        }
    }
}

fn accuracy_table(rows: &[&AccuracyRow], several: bool, verbose: bool) -> Table {
    let mut head = vec!["Network", "Norm"];
    head.extend(several.then_some("Env."));
    let left = head.len();
    head.extend(["Epochs", "Test", "Train"]);
    if verbose {
        head.extend(["Best test", "Test top-5", "Train top-5"]);
    }
    head.push("Attempts");
    let published = rows.iter().any(|row| row.original.is_some() || row.study.is_some());
    if published {
        head.extend(["Original", "Study"]);
    }
    let mut table = Table::new(left, &head);
    for row in rows {
        let mut cells = vec![row.architecture.title().into(), norm_title(row.norm).into()];
        cells.extend(several.then(|| environment(&row.environment)));
        let mut values = vec![&row.test_top1, &row.train_top1];
        if verbose {
            values.extend([&row.best_test_top1, &row.test_top5, &row.train_top5]);
        }
        cells.push(row.epochs.to_string());
        cells.extend(values.into_iter().map(|value| result(value.as_ref(), &row.unfinished)));
        cells.push(attempts(row));
        if published {
            cells.extend([row.original.map_or(NOTHING.into(), |v| format!("{v:.2}")), study(row)]);
        }
        table.row(cells);
    }
    table
}

fn study(row: &AccuracyRow) -> String {
    let mark = if row.study_implausible { " †" } else { "" };
    row.study.map_or(NOTHING.into(), |s| format!("{:.2} ({:.2} to {:.2}, n = {}){mark}", s.mean, s.min, s.max, s.n))
}

fn time_table(rows: &[&TimeRow], several: bool) -> Table {
    let mut head = vec!["Network"];
    head.extend(several.then_some("Env."));
    let left = head.len();
    head.extend(["Epochs", "BN, s", "ND, s", "ND/BN [95 % CI]", "Blocks", "BN, images/s", "ND, images/s"]);
    head.extend(["Peak BN", "Peak ND", "Peak ND/BN"]);
    let published = rows.iter().any(|row| row.study_ratio.is_some());
    if published {
        head.extend(["Study BN, s", "Study ND, s", "Study ND/BN"]);
    }
    let mut table = Table::new(left, &head);
    for row in rows {
        let mut cells = vec![row.architecture.title().to_string()];
        cells.extend(several.then(|| environment(&row.environment)));
        let peak = |memory: Option<crate::units::Bytes>| memory.map_or(NOTHING.into(), |m| m.to_string());
        let study = |s: Option<f64>| s.map_or(NOTHING.into(), seconds);
        let factor = |r: Option<f64>| r.map_or(NOTHING.into(), |r| format!("{r:.2}"));
        cells.extend([row.epochs.to_string(), side_seconds(&row.bn), side_seconds(&row.nd), ratio(row)]);
        cells.extend([row.blocks.len().to_string(), speed(&row.bn), speed(&row.nd)]);
        cells.extend([peak(row.bn.memory), peak(row.nd.memory), factor(row.memory_ratio)]);
        if published {
            cells.extend([study(row.bn.study_seconds), study(row.nd.study_seconds), factor(row.study_ratio)]);
        }
        table.row(cells);
    }
    table
}

/// What the time tables mean and what they leave out.
fn time_notes(out: &mut String, report: &Report) {
    *out += "\nSeconds of a whole training, mean over the attempts: host time of the training loop, waiting for data \
             included, evaluation excluded. ND/BN: geometric mean over blocks, each a BN and an ND trial of one attempt in \
             one environment, with Student's t interval of the log-ratios or, of three blocks and more, the bootstrap's over the \
             blocks if that is wider. Images/s: in training, mean over the attempts, without the first epoch where there are more.";
    for kind in group_by(report.time.iter().filter_map(|r| r.memory_kind), |kind| *kind) {
        let _ = write!(out, " Peak memory: {}.", memory_words(kind[0]));
    }
    if report.time.iter().any(|row| row.study_ratio.is_some()) {
        *out += " Study: mean of the attempts on an NVIDIA V100 16 GB; compare the ratios, not the seconds.";
    }
    let measured = report.resources.iter().any(|row| row.energy.is_some());
    *out += if measured { " Energy: see its table.\n" } else { " Energy: not measured.\n" };
    let several = report.environments.len() > 1;
    if !report.overall.is_empty() {
        *out += "\n";
    }
    for o in &report.overall {
        let place = if several { format!(", environment {}", o.environment) } else { String::new() };
        let (data, epochs) = (dataset_title(&o.dataset), length(o.epochs));
        let (found, steady) = (pooled(o), pooled_steady(o));
        let _ = writeln!(
            out,
            "- Geometric mean of ND/BN over {} networks, {data}, {epochs}{place}: {found}{steady}",
            o.rows
        );
    }
    if report.overall.iter().any(|o| o.interval.is_some()) {
        *out += "\nOver networks: 95 % confidence interval, for networks like these: the wider of Student's t over the networks' \
                 log-ratios and the percentile bootstrap that draws networks, and then blocks of each.\n";
    }
    left_out(out, report, several);
    far_apart(out, report);
}

/// The blocks that count although much may have changed between their two trainings.
fn far_apart(out: &mut String, report: &Report) {
    let far = report.time.iter().flat_map(|row| &row.blocks).filter(|block| block.gap.0 > FAR_APART);
    let far: Vec<&str> = far.map(|block| block.block.as_str()).collect();
    if !far.is_empty() {
        let blocks = clean(&named(far.into_iter()));
        let _ = writeln!(out, "\nBlocks whose two trainings lie more than an hour apart, and count: {blocks}.");
    }
}

/// The blocks that do not count, by environment and reason.
fn left_out(out: &mut String, report: &Report, several: bool) {
    let all = report.time.iter().flat_map(|row| row.left_out.iter().map(|l| (l, &row.environment)));
    for (i, same) in group_by(all, |(l, label)| (l.why.clone(), (*label).clone())).into_iter().enumerate() {
        if i == 0 {
            *out += "\nBlocks left out of the ratios:\n\n";
        }
        let (why, label) = (&same[0].0.why, same[0].1);
        let place = if several { format!(", environment {}", environment(label)) } else { String::new() };
        let blocks = named(same.iter().map(|(l, _)| l.block.as_str()));
        let _ = writeln!(out, "- {}{place}: {}", clean(&blocks), clean(why));
    }
}

/// The first few of a list, and how many more there are.
fn named<'a>(items: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = items.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    items.take(NAMED).collect::<Vec<_>>().join("; ") + &more
}

fn notes(report: &Report) -> Vec<String> {
    report.notes.iter().cloned().chain(report.remarks.iter().map(remark)).collect()
}

/// A remark with whom it is about.
fn remark(remark: &Remark) -> String {
    format!("{} ({})", remark.text, named(remark.trials.iter().map(String::as_str)))
}

/// Trials whose accuracy counts and whose time does not.
fn invalid(report: &Report) -> Vec<String> {
    report.invalid.iter().map(remark).collect()
}

fn environments(report: &Report) -> Vec<String> {
    let differences = report.environments.windows(2).map(|pair| {
        let differ = differing(&pair[0].environment, &pair[1].environment).join(", ");
        format!("{} and {} differ in: {differ}", pair[0].label, pair[1].label)
    });
    report
        .environments
        .iter()
        .map(|e| {
            let (hosts, commits) = (e.hosts.join(", "), e.commits.join(", "));
            let line = environment_line(&e.environment);
            let watching: String = e.watching.iter().map(|w| format!("; {}", w.words())).collect();
            let gpus = if e.gpus.len() > 1 { format!("; GPUs {}", e.gpus.join(", ")) } else { String::new() };
            format!(
                "{} ({}, {}): {line}{gpus}; host {hosts}; commit {commits}{watching}",
                e.label,
                e.class,
                plural(e.trials, "trial")
            )
        })
        .chain(differences)
        .collect()
}

fn skipped(report: &Report) -> Vec<String> {
    let mut files: Vec<&Skipped> = report.skipped.iter().collect();
    files.sort_by_key(|s| s.kind);
    let (many, counts) = (files.len() > 1, counted(&report.skipped));
    let total = many.then(|| format!("{} files are not used: {counts}.", files.len()));
    total
        .into_iter()
        .chain(files.iter().map(|s| format!("{}: {}: {}", s.kind.word(), s.path.display(), s.why)))
        .collect()
}

/// The label of a row's environment.
fn environment(label: &Option<String>) -> String {
    label.clone().unwrap_or_else(|| NOTHING.into())
}
