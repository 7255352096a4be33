//! The thread that writes a series. The sampler never waits for the disk: lines that find no room are lost, and counted.

use super::members::Members;
use super::{Line, Row};
use crate::telemetry::cpu_time::thread_cpu;
use crate::telemetry::tally::SeriesFile;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// Lines that wait for the disk: a few minutes' worth.
const ROOM: usize = 4096;

/// What a killed program has not written yet is not older.
const EVERY: Duration = Duration::from_secs(10);

/// The sampler's end.
pub(crate) struct SeriesSender {
    /// Where this end goes, the file ends.
    lines: SyncSender<Line>,
    count: Arc<Count>,
}

/// What the two ends count.
#[derive(Debug, Default)]
struct Count {
    lost: AtomicU64,
    /// CPU time of the thread.
    cpu_nanos: AtomicU64,
}

/// The end of who began the recording.
pub(crate) struct SeriesWriter {
    written: Receiver<Result<SeriesFile, String>>,
}

impl SeriesSender {
    /// Writes a line, unless the disk is too slow.
    pub fn send(&mut self, row: &Row) {
        if self.lines.try_send(row.line()).is_err() {
            self.count.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// CPU time of the thread at the other end, some lines ago.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.count.cpu_nanos.load(Ordering::Relaxed))
    }
}

impl SeriesWriter {
    /// Starts a thread that writes to `path`; behind what is there already where `resumes`, else instead of it.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(path: PathBuf, resumes: bool) -> io::Result<(Self, SeriesSender)> {
        Self::writing_every(EVERY, path, resumes)
    }

    fn writing_every(every: Duration, path: PathBuf, resumes: bool) -> io::Result<(Self, SeriesSender)> {
        let (lines, waiting) = sync_channel(ROOM);
        let (tell, written) = channel();
        let count = Arc::<Count>::default();
        let sender = SeriesSender { lines, count: Arc::clone(&count) };
        std::thread::Builder::new().name("telemetry-series".into()).spawn(move || {
            let result = write(&path, resumes, every, &waiting, &count)
                .map_err(|e| format!("cannot write the series {}: {e}", path.display()));
            // Who waited may have lost patience.
            let _ = tell.send(result);
        })?;
        Ok((Self { written }, sender))
    }

    /// Waits until the file is whole, but not for ever.
    ///
    /// # Errors
    /// Why there is no such file.
    pub fn finish(self, patience: Duration) -> Result<SeriesFile, String> {
        self.written.recv_timeout(patience).unwrap_or_else(|e| match e {
            RecvTimeoutError::Timeout => {
                Err("the series of the readings is not on the disk yet; it may come late".into())
            }
            RecvTimeoutError::Disconnected => Err("the series of the readings was given up".into()),
        })
    }
}

/// Lines that are written together.
struct Block {
    text: String,
    rows: u64,
    /// When its first line came.
    since: Instant,
}

impl Block {
    fn new() -> Self {
        Self { text: String::new(), rows: 0, since: Instant::now() }
    }

    fn add(&mut self, line: &Line, execution: u32) {
        if self.rows == 0 {
            self.since = Instant::now();
        }
        self.text.push_str(&line.of(execution));
        self.rows += 1;
    }
}

/// Writes `lines` to `path`, those of each span of `every` together, until their sender is gone.
fn write(path: &Path, resumes: bool, every: Duration, lines: &Receiver<Line>, count: &Count) -> io::Result<SeriesFile> {
    let mut members = Members::open(path, resumes)?;
    let execution = members.executions + 1;
    let (mut rows, mut refused) = (0, None);
    // What it takes to go on from a file is not what it takes to watch.
    let begun = thread_cpu();
    let mut block = Block::new();
    loop {
        let line = lines.recv_timeout(every);
        line.iter().for_each(|line| block.add(line, execution));
        let is_last = matches!(line, Err(RecvTimeoutError::Disconnected));
        if block.rows > 0 && (is_last || block.since.elapsed() >= every) {
            let block = std::mem::replace(&mut block, Block::new());
            match members.add(&block.text) {
                Ok(()) => rows += block.rows,
                Err(e) => {
                    count.lost.fetch_add(block.rows, Ordering::Relaxed);
                    refused = Some(e);
                }
            }
        }
        let used = thread_cpu().saturating_sub(begun);
        count.cpu_nanos.store(used.as_nanos() as u64, Ordering::Relaxed);
        if is_last {
            break;
        }
    }
    if let Some(why) = refused.filter(|_| rows == 0) {
        return Err(why);
    }
    members.sync()?;
    Ok(SeriesFile {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        rows,
        lost: count.lost.load(Ordering::Relaxed),
        executions: if rows > 0 { execution } else { members.executions },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::recorder::{GpuLook, Look};
    use crate::telemetry::series::is_series;
    use crate::telemetry::snapshot::{Call, GpuSnapshot, HostSnapshot, ProcessSnapshot};
    use crate::units::{Ratio, Seconds, Watts};
    use flate2::read::MultiGzDecoder;
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::io::Read;

    /// Writes two lines: of a device whose power is new, and of the host.
    fn record(path: &Path, resumes: bool) -> Result<SeriesFile, String> {
        let (writer, mut sender) = SeriesWriter::start(path.into(), resumes).unwrap();
        let gpu = GpuSnapshot { power: Some(Watts(627.25)), utilisation: Some(Ratio(1.0)), ..GpuSnapshot::default() };
        let fresh = BTreeSet::from([Call::Power]);
        let gpu = GpuLook { number: 0, snapshot: &gpu, fresh: &fresh };
        for gpu in [Some(gpu), None] {
            let look = Look {
                at: Duration::from_secs(1),
                unix: Seconds(1_790_000_000.25),
                host: &HostSnapshot { cpu: Some(Ratio(0.5)), ..HostSnapshot::default() },
                process: &ProcessSnapshot { cpu: Some(Seconds(1.5)), ..ProcessSnapshot::default() },
                allocator: None,
                host_is_new: true,
                machine_is_new: gpu.is_none(),
                own_cpu: Duration::ZERO,
                ticks: (1, 0),
                counts: &[],
                gpu,
            };
            sender.send(&Row(&look));
        }
        drop(sender);
        writer.finish(Duration::from_secs(60))
    }

    /// A look at nothing.
    fn with_look(take: impl FnOnce(&Look)) {
        take(&Look {
            at: Duration::ZERO,
            unix: Seconds(0.0),
            host: &HostSnapshot::default(),
            process: &ProcessSnapshot::default(),
            allocator: None,
            host_is_new: true,
            machine_is_new: true,
            own_cpu: Duration::ZERO,
            ticks: (1, 0),
            counts: &[],
            gpu: None,
        });
    }

    fn lines(path: &Path) -> Vec<String> {
        let mut text = String::new();
        MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        text.lines().map(String::from).collect()
    }

    /// The cells of a line that are not empty, under the names of their columns.
    fn cells(lines: &[String], line: usize) -> Vec<String> {
        let pairs = lines[0].split(',').zip(lines[line].split(','));
        pairs.filter(|(_, cell)| !cell.is_empty()).map(|(name, cell)| format!("{name}={cell}")).collect()
    }

    #[test]
    fn what_is_new_fills_a_cell_and_resumed_trials_append() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("series/x.csv.gz");
        let first = record(&path, true).unwrap();
        assert_eq!(first, SeriesFile { file: "x.csv.gz".into(), rows: 2, lost: 0, executions: 1 });
        assert_eq!(record(&path, true).unwrap().executions, 2);
        let all = lines(&path);
        assert_eq!(all.len(), 5, "{all:?}");
        let columns = all[0].split(',').count();
        assert!(all.iter().all(|line| line.split(',').count() == columns), "{all:?}");
        let [gpu, host] = [cells(&all, 1), cells(&all, 2)];
        assert_eq!(
            gpu,
            ["unix_seconds=1790000000.250", "execution=1", "power_watts=627.25", "process_cpu_seconds=1.5"]
        );
        assert_eq!(host[2..], ["process_cpu_seconds=1.5", "host_cpu_ratio=0.5"]);
        assert_eq!(cells(&all, 4)[1], "execution=2");
        assert_eq!(record(&path, false).unwrap().executions, 1);
        assert_eq!(lines(&path).len(), 3, "a trial that begins anew has a file of its own");
    }

    #[test]
    fn a_file_that_is_no_such_series_is_set_aside_and_a_folder_that_is_none_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv.gz");
        record(&path, false).unwrap();
        std::fs::write(&path, "not gzip").unwrap();
        assert_eq!(record(&path, true).unwrap().executions, 1);
        assert_eq!(lines(&path).len(), 3);
        assert_eq!(std::fs::read(dir.path().join("x.csv.gz.before")).unwrap(), b"not gzip");
        assert!(is_series(&path));
        std::fs::write(&path, "nor this").unwrap();
        assert!(!is_series(&path) && !is_series(&dir.path().join("none")));
        record(&path, true).unwrap();
        assert_eq!(std::fs::read(dir.path().join("x.csv.gz.before-2")).unwrap(), b"nor this");
        assert_eq!(std::fs::read(dir.path().join("x.csv.gz.before")).unwrap(), b"not gzip");
        let error = record(&path.join("y.csv.gz"), false).unwrap_err();
        assert!(error.contains("y.csv.gz"), "{error}");
    }

    #[test]
    fn of_a_program_that_was_killed_all_but_the_last_lines_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv.gz");
        // The first execution is never finished: its lines are there all the same.
        let (_writer, mut sender) = SeriesWriter::writing_every(Duration::ZERO, path.clone(), false).unwrap();
        with_look(|look| sender.send(&Row(look)));
        let begun = Instant::now();
        let is_begun = || std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        while !is_begun() || lines(&path).len() < 2 {
            assert!(begun.elapsed() < Duration::from_secs(60), "not written");
            std::thread::sleep(Duration::from_millis(5));
        }
        // It was killed while it wrote more.
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
        assert_eq!(record(&path, true).unwrap().executions, 2);
        let all = lines(&path);
        let executions: Vec<_> = all[1..].iter().map(|line| line.split(',').nth(1).unwrap()).collect();
        assert_eq!(executions, ["1", "2", "2"], "{all:?}");
    }

    #[test]
    fn a_disk_that_stands_still_costs_lines_and_no_time() {
        let (lines, waiting) = sync_channel(1);
        let count = Arc::<Count>::default();
        let mut sender = SeriesSender { lines, count: Arc::clone(&count) };
        with_look(|look| (0..5).for_each(|_| sender.send(&Row(look))));
        assert_eq!((count.lost.load(Ordering::Relaxed), waiting.try_iter().count()), (4, 1));
    }
}
