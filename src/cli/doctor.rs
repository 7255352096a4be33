//! `ndbench doctor`: what this machine can do, and what to do about what it cannot.

use crate::cli::exit::Failure;
use crate::telemetry::{self, COMMIT, CudaRuntime, Gpu, Host, Reading, available_memory, cudnn_version};
use crate::units::Bytes;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Less free space than this for the store is told as a problem.
const ROOM: Bytes = Bytes(1 << 30);

/// What the caller knows and this module cannot find out by itself.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// libtorch; absent in a program built without it.
    pub libtorch: Option<Libtorch>,
    /// Data sets by name: what was found, or the problem.
    pub data: Vec<(String, Result<String, Problem>)>,
    /// The folder that records would go to.
    pub store: PathBuf,
}

/// The libtorch that this program runs with.
#[derive(Debug, Clone)]
pub struct Libtorch {
    /// Its `lib` folder.
    pub lib: PathBuf,
    /// Threads it uses for one operation.
    pub threads: u32,
    /// Whether a kernel for whitening's products can be made for the first GPU, or why not; absent without a GPU.
    pub kernel: Option<Result<(), String>>,
}

/// Something that cannot be used.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it belongs to.
    pub section: &'static str,
    /// What was looked at.
    pub name: String,
    /// What was found, or the problem.
    pub found: String,
    /// What to do about it; a finding with a remedy is a problem.
    pub remedy: Option<String>,
}

/// What was found, and whether trainings can run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// At least one data set can be trained on.
    pub can_train: bool,
    /// In the order of the report.
    pub findings: Vec<Finding>,
}

/// The libtorch that this program is linked with.
#[cfg(feature = "torch")]
pub fn linked_libtorch() -> Libtorch {
    let kernel = crate::run::device(Some(0)).ok().map(|_| crate::native::product_kernel(0).map_err(|e| e.0));
    Libtorch { lib: env!("NDBENCH_LIBTORCH_LIB").into(), threads: crate::run::threads(), kernel }
}

/// The data sets that a scenario can name and where they were found.
#[cfg(feature = "torch")]
pub fn data_sets(folder: Option<&Path>) -> Vec<(String, Result<String, Problem>)> {
    let found = crate::data::inventory(&crate::data::Sources::new(folder)).into_iter().map(|found| {
        let state = match found.remedy {
            Some(remedy) => Err(Problem { what: found.what, remedy }),
            None => Ok(found.path.map_or(found.what, |path| path.display().to_string())),
        };
        (found.dataset.to_string(), state)
    });
    found.collect()
}

/// Looks at this machine and writes the report to `out`, as a table or as JSON.
///
/// # Errors
/// When no training can run here although the program is built for it, or the report cannot be written.
pub fn run(inputs: &Inputs, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let report = examine(inputs);
    let text = if json {
        let value = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        value + "\n"
    } else {
        table(&report.findings)
    };
    out.write_all(text.as_bytes())?;
    match inputs.libtorch {
        Some(_) if !report.can_train => Err(Failure::Machine("no data set to train on; see the remedies above".into())),
        _ => Ok(()),
    }
}

/// Looks at this machine.
pub fn examine(inputs: &Inputs) -> Report {
    let mut findings = Findings::default();
    host(&mut findings);
    match &inputs.libtorch {
        Some(libtorch) => {
            self::libtorch(&mut findings, libtorch);
            cuda(&mut findings, libtorch);
        }
        None => findings.problem(
            "libtorch",
            "version",
            "this program is built without libtorch: it reports, but does not train",
            "build it with the default features: make build",
        ),
    }
    nvml(&mut findings);
    for (name, found) in &inputs.data {
        match found {
            Ok(what) => findings.note("data", name, what),
            Err(problem) => findings.problem("data", name, &problem.what, &problem.remedy),
        }
    }
    store(&mut findings, &inputs.store);
    let can_train = inputs.libtorch.is_some() && inputs.data.iter().any(|(_, found)| found.is_ok());
    Report { can_train, findings: findings.0 }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn note(&mut self, section: &'static str, name: &str, found: impl ToString) {
        self.0.push(Finding { section, name: name.into(), found: found.to_string(), remedy: None });
    }

    fn problem(&mut self, section: &'static str, name: &str, found: impl ToString, remedy: impl ToString) {
        self.note(section, name, found);
        if let Some(last) = self.0.last_mut() {
            last.remedy = Some(remedy.to_string());
        }
    }
}

fn host(findings: &mut Findings) {
    let host = Host::read();
    findings.note("program", "version", format!("ndbench {} ({COMMIT})", env!("CARGO_PKG_VERSION")));
    findings.note("host", "name", host.name);
    findings.note("host", "system", host.os);
    findings.note("host", "CPU", format!("{}, {} cores for this process", host.cpu, host.cores));
    let free = available_memory().map_or("an unknown part".into(), |bytes| bytes.to_string());
    findings.note("host", "memory", format!("{}, of it {free} available", host.memory));
}

fn libtorch(findings: &mut Findings, libtorch: &Libtorch) {
    let remedy = "run `make build`, which installs libtorch 2.11 where it is missing";
    match version(&libtorch.lib) {
        Some(version) if version.starts_with("2.11.") => findings.note("libtorch", "version", version),
        Some(version) => findings.problem("libtorch", "version", format!("{version}, but 2.11 is needed"), remedy),
        None => findings.problem("libtorch", "version", "its folder does not say", remedy),
    }
    findings.note("libtorch", "folder", libtorch.lib.display());
    findings.note("libtorch", "threads", libtorch.threads);
    let set: Vec<String> = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var_os(name)?.display())))
        .collect();
    let allocator = if set.is_empty() {
        "freed memory is kept, as ndbench sets it".into()
    } else {
        format!("as the environment sets it: {}", set.join(", "))
    };
    findings.note("libtorch", "allocator", allocator);
}

/// The version that libtorch's folder states: `build-version` in an archive, `version.py` in a wheel.
fn version(lib: &Path) -> Option<String> {
    let root = lib.parent()?;
    if let Ok(text) = std::fs::read_to_string(root.join("build-version")) {
        return Some(text.trim().into());
    }
    let text = std::fs::read_to_string(root.join("version.py")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(line.trim().trim_matches(['\'', '"']).into())
}

fn cuda(findings: &mut Findings, libtorch: &Libtorch) {
    match telemetry::open_cuda(&libtorch.lib) {
        CudaRuntime::Opened { path } => {
            findings.note("GPU", "CUDA", path.display());
            findings.note("GPU", "cuDNN", cudnn_version());
            match &libtorch.kernel {
                None => {}
                Some(Ok(())) => {
                    findings.note("GPU", "kernel", "can be made for the first device (NDBENCH_PRODUCTS=kernel)")
                }
                Some(Err(why)) => findings.note("GPU", "kernel", format!("cannot be made for the first device: {why}")),
            }
        }
        CudaRuntime::Unavailable { why, remedy } => {
            findings.problem("GPU", "CUDA", why, remedy);
            findings.problem("GPU", "cuDNN", "not looked for: libtorch brings it with CUDA", "make CUDA work first");
        }
    }
}

fn nvml(findings: &mut Findings) {
    let gpus = match telemetry::gpus() {
        Ok(gpus) => gpus,
        Err(why) => {
            let remedy = "on a machine with an NVIDIA GPU, install its driver with the management library";
            return findings.problem("GPU", "NVML", why, remedy);
        }
    };
    findings.note("GPU", "driver", format!("{}, for CUDA up to {}", gpus.driver, gpus.cuda));
    for (index, device) in gpus.devices.iter().enumerate() {
        let name = format!("device {index}");
        match device {
            Reading::Value(Gpu { name: model, uuid, memory, used }) => {
                findings.note("GPU", &name, format!("{model}, memory {memory}, of it {used} in use, {uuid}"));
            }
            Reading::Unsupported => findings.note("GPU", &name, "unsupported by NVML"),
            Reading::Failed { why } => findings.problem("GPU", &name, why, "look at the output of nvidia-smi"),
        }
    }
    if gpus.devices.is_empty() {
        findings.problem("GPU", "devices", "the driver sees none", "look at the output of nvidia-smi and of dmesg");
    }
}

fn store(findings: &mut Findings, store: &Path) {
    let elsewhere = "name another folder with --store";
    findings.note("store", "folder", store.display());
    match telemetry::free_disk(store) {
        Ok(free) if free >= ROOM => findings.note("store", "free space", free),
        Ok(free) => findings.problem("store", "free space", free, format!("make room, or {elsewhere}")),
        Err(e) => findings.problem("store", "free space", e, elsewhere),
    }
    if let Err(e) = telemetry::nearest_folder(store).and_then(tempfile::tempfile_in) {
        findings.problem("store", "writing", e, format!("allow writing there, or {elsewhere}"));
    }
}

/// The report for people: a section a block, problems marked with `!`, their remedies below.
fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|f| f.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut section = "";
    for finding in findings {
        if finding.section != section {
            section = finding.section;
            text += &format!("{section}\n");
        }
        let mark = if finding.remedy.is_some() { '!' } else { ' ' };
        text += &format!("{mark} {:width$}  {}\n", finding.name, finding.found);
        if let Some(remedy) = &finding.remedy {
            text += &format!("  {:width$}  remedy: {remedy}\n", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_stand_with_their_remedies() {
        let mut findings = Findings::default();
        findings.note("host", "CPU", "fast");
        findings.problem("data", "cifar10", "not found", "ndbench data fetch cifar10");
        let expected =
            "host\n  CPU      fast\ndata\n! cifar10  not found\n           remedy: ndbench data fetch cifar10\n";
        assert_eq!(table(&findings.0), expected);
    }

    #[test]
    fn trainings_need_libtorch_and_one_data_set() {
        let folder = tempfile::tempdir().unwrap();
        let torch = folder.path().join("torch");
        std::fs::create_dir(&torch).unwrap();
        std::fs::write(torch.join("version.py"), "from typing\n__version__ = '2.10.0+cu130'\n").unwrap();
        let libtorch = Some(Libtorch { lib: torch.join("lib"), threads: 2, kernel: None });
        let bad = ("cifar10".to_string(), Err(Problem { what: "not found".into(), remedy: "fetch it".into() }));
        let mut inputs = Inputs { libtorch, data: vec![bad], store: folder.path().join("store") };
        let report = examine(&inputs);
        assert!(!report.can_train);
        let mut json = Vec::new();
        assert!(matches!(run(&inputs, true, &mut json), Err(Failure::Machine(_))));
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["can_train"], false);
        let version = report.findings.iter().find(|f| f.section == "libtorch" && f.name == "version").unwrap();
        assert!(version.found.starts_with("2.10.0") && version.remedy.is_some(), "{version:?}");

        inputs.data.push(("demo".into(), Ok("6,000 + 1,000 images".into())));
        assert!(examine(&inputs).can_train);
        inputs.libtorch = None;
        assert!(!examine(&inputs).can_train);
        assert!(run(&inputs, false, &mut Vec::new()).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_a_problem() {
        let mut findings = Findings::default();
        store(&mut findings, Path::new("/proc/ndbench"));
        assert!(findings.0.iter().any(|f| f.name == "writing" && f.remedy.is_some()), "{:?}", findings.0);
    }
}
