//! `ndbench run --devices`: a process a device. Each trains one block after the other, BN and ND on the same device, and takes
//! the next one when it is done; the records are those of a run on one device.

use super::args::{DeviceArg, RunArgs};
use super::exit::Failure;
use super::interrupt::{interrupt_flag, was_warned};
use super::{stored, talk};
use crate::http::Address;
use crate::plan::{plans, rows};
use crate::record::Store;
use crate::submit::{ELSEWHERE, INTERRUPTED, NO_DEVICE, WARNED};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf, absolute};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A device's process is looked after so often.
const LOOK: Duration = Duration::from_millis(50);

/// What the devices have before them and behind them.
struct Work<'a> {
    args: &'a RunArgs,
    devices: &'a [DeviceArg],
    plan: PathBuf,
    count: usize,
    rows: Mutex<Rows>,
    interrupt: &'a AtomicBool,
}

/// Rows of the plan, from 1.
struct Rows {
    /// Those that no device has taken, or that one has given back.
    left: VecDeque<usize>,
    /// How many devices have one in hand.
    in_hand: usize,
}

/// Trains what is missing on all of `devices` at a time.
///
/// # Errors
/// Every reason why not all that was asked for is done; of several the gravest.
pub fn run(args: &RunArgs, devices: &[DeviceArg]) -> Result<(), Failure> {
    check(devices)?;
    let interrupt = interrupt_flag()?;
    let selected = args.selection.resolve()?;
    args.publish.check()?;
    let store = absolute(&selected.store)?;
    let opened = Store::open(&store).map_err(|e| Failure::Store(Box::new(e)))?;
    let records = stored::records(&store)?;
    let done = stored::done(&records, args.retry.as_slice().into());
    let mut frozen = args.selection.freeze(&store)?;
    frozen.rows = rows(&selected.trials, |id| !done.contains_key(id), |_| None);
    let plan = frozen.write(&plans(&store)).map_err(|e| Failure::File(Box::new(e)))?;
    let count = frozen.rows.len();
    let rows = Mutex::new(Rows { left: (1..=count).collect(), in_hand: 0 });
    let work = Work { args, devices, plan, count, rows, interrupt: &interrupt };
    let codes: Vec<u8> = thread::scope(|scope| {
        let work = &work;
        let all = devices.iter().enumerate().map(|(place, device)| scope.spawn(move || work.on(*device, place)));
        let all: Vec<_> = all.collect();
        all.into_iter().flat_map(|device| device.join().unwrap_or_else(|_| vec![1])).collect()
    });
    let failures = if args.publish.is_empty() {
        Vec::new()
    } else {
        let is_done = codes.iter().all(|code| *code == 0);
        let records = stored::results(&opened, &selected.trials);
        args.publish.publish(selected.scenario.name(), &records, is_done)
    };
    match gravest(&codes, work.rows().left.len()) {
        None if failures.is_empty() => Ok(()),
        None => Err(Failure::Sinks(failures)),
        Some(code) => Err(Failure::Child(code)),
    }
}

/// One GPU has one worker: two would wait for each other, share its memory, and neither's times would count.
///
/// # Errors
/// A GPU that is named twice.
pub fn check(devices: &[DeviceArg]) -> Result<(), Failure> {
    let is_twice =
        |(place, device): &(usize, &DeviceArg)| **device != DeviceArg::Cpu && devices[..*place].contains(device);
    match devices.iter().enumerate().find(is_twice) {
        None => Ok(()),
        Some((_, twice)) => Err(Failure::Input(
            format!("--devices names {twice} twice; a GPU trains one block at a time: name each once").into(),
        )),
    }
}

impl Work<'_> {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A row to train. Waits while others have some in hand, which they may give back; none where all is done or it is
    /// interrupted.
    fn take(&self) -> Option<usize> {
        while !self.interrupt.load(Ordering::Relaxed) {
            let mut rows = self.rows();
            if let Some(row) = rows.left.pop_front() {
                rows.in_hand += 1;
                return Some(row);
            }
            if rows.in_hand == 0 {
                break;
            }
            drop(rows);
            thread::sleep(LOOK);
        }
        None
    }

    /// Lets go of a row, `back` to be trained elsewhere.
    fn let_go(&self, back: Option<usize>) {
        let mut rows = self.rows();
        rows.in_hand -= 1;
        back.into_iter().for_each(|row| rows.left.push_front(row));
    }

    /// Trains rows on `device`, the one at `place` in the list, until none is left; the exit codes that were not 0.
    fn on(&self, device: DeviceArg, place: usize) -> Vec<u8> {
        let mut codes = Vec::new();
        while let Some(row) = self.take() {
            say(device, self.args.quiet, &format!("block {row} of {}", self.count));
            let trained = self.train(device, place, row);
            let is_trained = matches!(trained, Ok(code) if code != NO_DEVICE);
            self.let_go((!is_trained).then_some(row));
            match trained {
                Ok(0) => {}
                Ok(NO_DEVICE) => {
                    say(device, false, "warning: this device takes no further part");
                    break;
                }
                Ok(code) => codes.push(code),
                Err(e) => {
                    say(device, false, &format!("warning: cannot start a process: {e}"));
                    codes.push(1);
                    break;
                }
            }
        }
        codes
    }

    /// The exit code of a process that trains `row`; its words are passed on under the device's name.
    fn train(&self, device: DeviceArg, place: usize, row: usize) -> std::io::Result<u8> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments(self.args, &self.plan, (device, place), row));
        let sharers = self.devices.iter().filter(|other| **other == device).count() - 1;
        command.args(["--sharers", &sharers.to_string()]);
        // Signals of the terminal reach this process alone, which passes them on.
        command.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        ends_with_its_parent(&mut command);
        let mut child = command.spawn()?;
        let words = child.stderr.take().expect("stderr is a pipe");
        thread::scope(|scope| {
            scope.spawn(move || {
                let lines = BufReader::new(words).lines().map_while(Result::ok);
                lines.for_each(|line| say(device, false, &line));
            });
            self.wait(&mut child)
        })
    }

    fn wait(&self, child: &mut Child) -> std::io::Result<u8> {
        let mut told = false;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) as u8);
            }
            if !told && self.interrupt.load(Ordering::Relaxed) {
                let signal = if was_warned() { libc::SIGUSR2 } else { libc::SIGTERM };
                // SAFETY: the child was not waited for, so the number is its own.
                unsafe { libc::kill(child.id() as i32, signal) };
                told = true;
            }
            thread::sleep(LOOK);
        }
    }
}

/// The process is interrupted where the thread that starts it, and looks after it, dies.
fn ends_with_its_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: `prctl` may be called between fork and exec.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// A line of the process on `device`. Where stderr cannot be written there is nobody to tell.
fn say(device: DeviceArg, quiet: bool, line: &str) {
    if !quiet {
        let _ = talk::say(&format!("[{device}] {line}"));
    }
}

/// The command line that trains `row` of the plan on a device, the one at the place in the list, as `args` say.
fn arguments(args: &RunArgs, plan: &Path, (device, place): (DeviceArg, usize), row: usize) -> Vec<OsString> {
    let mut all: Vec<OsString> = vec!["run".into(), plan.into()];
    let mut option = |name: &str, value: OsString| all.extend([name.into(), value]);
    option("--row", row.to_string().into());
    option("--device", device.to_string().into());
    option("--checkpoint-every", args.checkpoint_every.to_string().into());
    option("--telemetry", args.instruments.telemetry.to_string().into());
    if let Some(threads) = args.compute.threads {
        option("--threads", threads.to_string().into());
    }
    for (name, path) in [
        ("--data", args.data.clone()),
        ("--nvml-lib", args.instruments.nvml_library()),
        ("--web-config", args.listen.guard.web_config.clone()),
        ("--targets", args.listen.guard.targets.as_deref().map(|path| numbered(path, place))),
    ] {
        path.into_iter().for_each(|path| option(name, path.into()));
    }
    if let Some(address) = &args.listen.listen {
        option("--listen", moved(address, place).to_string().into());
    }
    for retry in &args.retry {
        option("--retry", retry.to_string().into());
    }
    for (is_on, flag) in [
        (args.quiet, "--quiet"),
        (args.verbose, "--verbose"),
        (args.json, "--json"),
        (args.listen.guard.insecure_listen, "--insecure-listen"),
    ] {
        all.extend(is_on.then(|| flag.into()));
    }
    all
}

/// `a/b.json` as `a/b-1.json`.
fn numbered(path: &Path, place: usize) -> PathBuf {
    let [stem, end] = [path.file_stem(), path.extension()].map(|p| p.unwrap_or_default().to_string_lossy());
    path.with_file_name(format!("{stem}-{place}.{end}"))
}

/// The address of the process at `place`: so many ports further on, unless the system chooses one.
fn moved(address: &Address, place: usize) -> Address {
    match address {
        Address::Tcp(tcp) if tcp.port() != 0 => {
            let mut tcp = *tcp;
            tcp.set_port(tcp.port().saturating_add(u16::try_from(place).unwrap_or(u16::MAX)));
            Address::Tcp(tcp)
        }
        Address::Tcp(_) => address.clone(),
        Address::Unix(path) => Address::Unix(numbered(path, place)),
    }
}

/// Exit codes, those first that say most of a run; whatever is not there is a failure.
const GRAVEST: [u8; 8] = [INTERRUPTED, WARNED, FAILED, 5, 4, 3, 2, ELSEWHERE];

/// The exit code of a run that did not do all.
const FAILED: u8 = 1;

/// Of the exit codes of all processes the gravest; rows that are left had no device to be trained on.
fn gravest(codes: &[u8], left: usize) -> Option<u8> {
    let known = codes.iter().map(|code| if GRAVEST.contains(code) { *code } else { FAILED });
    let gravest = known.min_by_key(|code| GRAVEST.iter().position(|known| known == code));
    gravest.or((left > 0).then_some(NO_DEVICE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_code_is_passed_on() {
        assert_eq!(gravest(&[], 0), None);
        assert_eq!(gravest(&[], 2), Some(6), "no device was left");
        assert_eq!(gravest(&[7, 4], 0), Some(4));
        assert_eq!(gravest(&[7, 137], 0), Some(1), "one was killed");
        assert_eq!(gravest(&[1, WARNED, 137], 0), Some(WARNED));
        assert_eq!(gravest(&[130, 7], 3), Some(130));
    }

    #[test]
    fn a_gpu_is_named_once() {
        let said = |devices: &[DeviceArg]| check(devices).map_err(|failure| failure.to_string());
        let (cpu, [zero, one]) = (DeviceArg::Cpu, [0, 1].map(DeviceArg::Cuda));
        assert_eq!(said(&[zero, one, cpu, cpu]), Ok(()));
        assert!(said(&[zero, one, zero]).unwrap_err().contains("--devices names cuda:0 twice"));
    }

    #[test]
    fn each_process_has_a_port_and_files_of_its_own() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        assert_eq!(moved(&address("127.0.0.1:9400"), 2), address("127.0.0.1:9402"));
        assert_eq!(moved(&address("127.0.0.1:0"), 2), address("127.0.0.1:0"));
        assert_eq!(moved(&address("unix:/run/nd.sock"), 1), address("unix:/run/nd-1.sock"));
        assert_eq!(numbered(Path::new("/t/a.json"), 3), Path::new("/t/a-3.json"));
    }
}
