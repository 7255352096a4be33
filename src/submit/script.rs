//! The batch scripts.

use super::asked::for_report;
use super::queue::JOB;
use super::training::{NODES, requeueing, training};
use crate::profile::{Slurm, TaskMetrics, time_limit};
use std::path::Path;

/// Before the end of its time a training is warned by SIGUSR2; Slurm may do so a minute early.
const WARNING: u64 = 300;

/// How many seconds before the end of `minutes`.
pub(super) fn warning(minutes: u64) -> u64 {
    WARNING.min(minutes * 60 / 4)
}

/// What a script is made of, besides what it trains.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    /// This program.
    pub program: &'a Path,
    /// The plan: its file and name.
    pub plan: (&'a Path, &'a str),
    /// Where scripts and the tasks' output go.
    pub folder: &'a Path,
    /// What the profile says of the cluster.
    pub slurm: &'a Slurm,
}

/// A job array: rows of one wall-time class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// How many rows of its class the arrays before it have, where they share a plan.
    pub before: usize,
    /// Its rows in the plan, from 1, rising.
    pub rows: Vec<usize>,
    /// The time limit of each, minutes.
    pub minutes: u64,
}

impl Array {
    /// Its name among jobs.
    pub fn name(&self, plan: &str) -> String {
        format!("{JOB}{plan}-{}-{}", self.before, self.minutes)
    }

    /// Its script, where its rows are all that the plan has. `more`: what the tasks' command line has besides.
    pub fn script(&self, common: &Common, more: &[String]) -> String {
        let Common { program, plan: (path, plan), folder, slurm } = common;
        let throttle = slurm.throttle.map_or(String::new(), |tasks| format!("%{tasks}"));
        let indices = match self.rows.len() {
            1 => "1".to_owned(),
            rows => format!("1-{rows}"),
        };
        let mut text = head(&self.name(plan), folder, "%x-%a-%A-%N.log");
        for (option, value) in [
            ("array", format!("{indices}{throttle}")),
            ("time", time_limit(self.minutes)),
            ("signal", format!("USR2@{}", warning(self.minutes))),
        ] {
            option_line(&mut text, option, Some(&value));
        }
        text += "#SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --nodes=1\n#SBATCH --ntasks=1\n";
        resources(&mut text, slurm);
        let command = [quoted(program), "run".into(), quoted(path), "--row".into(), "\"$SLURM_ARRAY_TASK_ID\"".into()];
        let more = more.iter().map(|word| quoted(Path::new(word)));
        let command = command.into_iter().chain(more).chain(listening(slurm)).collect::<Vec<_>>();
        let command = command.join(" ");
        text += &requeueing();
        text += &guarded(&setup(slurm));
        text += &targets(slurm, plan);
        let cleanup = "# Also where the training was killed.\nrm -f \"$targets\"\nsweep\n";
        let cleanup = if slurm.metrics.is_some() { cleanup } else { "" };
        text += "# srun does not take it from the script's own options.\n\
                 [ -z \"${SLURM_CPUS_PER_TASK:-}\" ] || export SRUN_CPUS_PER_TASK=\"$SLURM_CPUS_PER_TASK\"\n";
        text += &training(&command, cleanup);
        text
    }
}

/// The longest time of a report, minutes.
const REPORT: u64 = 30;

/// The script of the report at the end, which goes into `name` in the folder of scripts; `longest`: the partition's limit,
/// minutes.
pub fn report(common: &Common, name: &str, longest: Option<u64>) -> String {
    let Common { program, plan: (path, plan), folder, slurm } = common;
    let mut text = head(&format!("{JOB}{plan}-report"), folder, "%x-%j-%N.log");
    let minutes = longest.map_or(REPORT, |longest| longest.min(REPORT));
    option_line(&mut text, "time", Some(&time_limit(minutes)));
    text += "#SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --nodes=1\n#SBATCH --ntasks=1\n";
    // It runs anywhere, without a GPU.
    let options = [for_report(&slurm.options), slurm.report_options.clone()].concat();
    let small = Slurm { gres: None, cpus: None, memory: None, exclusive: false, options, ..(*slurm).clone() };
    resources(&mut text, &small);
    // It may not need what a line of these fails to bring.
    text.extend(slurm.setup.iter().map(|line| format!("{line}\n")));
    if let Some(metrics) = &slurm.metrics {
        text += &format!(
            "# Those of tasks whose node died with them, of the arrays that were waited for.\n\
             for array in ${{SLURM_JOB_DEPENDENCY//[!0-9]/ }}; do\n  \
             rm -f {}/{JOB}*-\"${{array}}\"_*.json\n\
             done\n",
            quoted(&metrics.targets)
        );
    }
    let (program, path, out) = (quoted(program), quoted(path), quoted(&folder.join(name)));
    text + &format!("exec {program} report {path} --out {out}\n")
}

/// The first lines of a script. `output`: of its output in `folder`, with Slurm's own symbols.
fn head(name: &str, folder: &Path, output: &str) -> String {
    let folder = folder.to_string_lossy().replace('%', "%%");
    format!("#!/bin/bash\n#SBATCH --job-name={name}\n#SBATCH --output={}\n", quoted(&Path::new(&folder).join(output)))
}

/// Whether Slurm writes a job's output into a folder of this name: a backslash means something else to it, and lines end.
pub fn can_be_written(folder: &Path) -> bool {
    !folder.to_string_lossy().contains(|c: char| c == '\\' || c.is_control())
}

/// What the profile asks of a node.
fn resources(text: &mut String, slurm: &Slurm) {
    let cpus = slurm.cpus.map(|cpus| cpus.to_string());
    let memory = slurm.memory_mib().map(|mib| format!("{mib}M"));
    for (option, value) in [
        ("partition", &slurm.partition),
        ("account", &slurm.account),
        ("qos", &slurm.qos),
        ("constraint", &slurm.constraint),
        ("gres", &slurm.gres),
        ("cpus-per-task", &cpus),
        ("mem", &memory),
    ] {
        option_line(text, option, value.as_deref());
    }
    if slurm.exclusive {
        *text += "#SBATCH --exclusive\n";
    }
    slurm.options.iter().for_each(|option| *text += &format!("#SBATCH {option}\n"));
}

fn option_line(text: &mut String, option: &str, value: Option<&str>) {
    if let Some(value) = value {
        *text += &format!("#SBATCH --{option}={value}\n");
    }
}

/// The file by which Prometheus finds a task, each time that it is started another one, and a function that removes those of
/// tasks of the array that are over.
fn targets(slurm: &Slurm, plan: &str) -> String {
    slurm.metrics.as_ref().map_or(String::new(), |metrics| {
        let folder = quoted(&metrics.targets);
        format!(
            r#"mkdir -p {folder}
array={folder}/"{JOB}{plan}-$SLURM_ARRAY_JOB_ID"
targets="${{array}}_$SLURM_ARRAY_TASK_ID"
# A start before this one died with its node.
rm -f "$targets"-*.json
targets="$targets-${{SLURM_RESTART_COUNT:-0}}.json"
# Those of tasks that were killed with their scripts or nodes. What is there before Slurm answers is of a task that it names, or
# of one that is over.
sweep() {{
  local files=("$array"_*.json) known file task
  [ -e "${{files[0]}}" ] || return 0
  known="$(timeout 20 squeue -h -r -j "$SLURM_ARRAY_JOB_ID" -o %K/%T)"
  [ -n "$known" ] || return 0
  for file in "${{files[@]}}"; do
    task="${{file#"$array"_}}"
    grep -q "^${{task%%-*}}/[^P]" <<< "$known" || rm -f "$file"
  done
}}
sweep
"#
        )
    })
}

/// What the tasks' command line has for live metrics.
fn listening(slurm: &Slurm) -> Vec<String> {
    let Some(TaskMetrics { listen, web_config, .. }) = &slurm.metrics else { return Vec::new() };
    let guard = match web_config {
        Some(file) => vec!["--web-config".into(), quoted(file)],
        None => vec!["--insecure-listen".into()],
    };
    let listen = ["--listen".into(), quoted(Path::new(listen)), "--targets".into(), "\"$targets\"".into()];
    listen.into_iter().chain(guard).collect()
}

/// The profile's lines; the script ends where one fails.
fn setup(slurm: &Slurm) -> String {
    if slurm.setup.is_empty() { String::new() } else { format!("set -e\n{}\nset +e\n", slurm.setup.join("\n")) }
}

/// Lines of a task's script of which one that fails, not by a signal, sends the task to another node.
pub(super) fn guarded(lines: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    // Functions such as `module` inherit it, and what stands in `$(…)`, where a failure may mean nothing.
    let trap = format!(
        "trap 'code=$?; (( BASH_SUBSHELL || code > 128 && code < 160 )) || elsewhere {NODES}; exit \"$code\"' ERR"
    );
    format!("{trap}\nset -E\n{lines}set +E\ntrap - ERR\n")
}

/// A word for a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_ask_for_what_the_profile_says() {
        let slurm: Slurm = toml::from_str(
            "partition = \"gpu\"\ngres = \"gpu:h200:1\"\ncpus = 16\nmemory = \"64 GiB\"\nthrottle = 8\nexclusive = true\n\
             setup = [\"module load cuda\"]\noptions = [\"--mail-type=FAIL\", \"--gpus-per-task=2 --nice\", \"-c 8\"]\n\
             report_options = [\"--partition=cpu\"]\n\
             [metrics]\ntargets = \"/shared/targets\"\nweb_config = \"/shared/web.yml\"\n",
        )
        .unwrap();
        let common = Common {
            program: Path::new("/opt/nd bench/ndbench"),
            plan: (Path::new("/store/plans/3f2a9c1b.plan.json"), "3f2a9c1b"),
            folder: Path::new("/store/slurm"),
            slurm: &slurm,
        };
        let array = Array { before: 0, rows: vec![1, 2, 3], minutes: 240 };
        insta::assert_snapshot!("array", array.script(&common, &["--data".into(), "/it's/data".into()]));
        insta::assert_snapshot!("report", report(&common, "report-table1", Some(60)));
        assert!(report(&common, "report-table1", Some(15)).contains("--time=00:15:00"));
        let odd = Common { folder: Path::new("/100%j/a b"), ..common };
        assert!(report(&odd, "x", None).contains("#SBATCH --output='/100%%j/a b/%x-%j-%N.log'\n"));
        let writes = |folder: &str| can_be_written(Path::new(folder));
        assert_eq!([writes("/100%j/a b"), writes("/a\\b"), writes("/a\nb")], [true, false, false]);
    }

    #[test]
    fn a_task_removes_the_files_of_those_that_are_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let slurm = |folder: &Path| -> Slurm {
            toml::from_str(&format!("[metrics]\ntargets = \"{}\"\ninsecure = true\n", folder.display())).unwrap()
        };
        let text = targets(&slurm(&path("it's here")), "3f2a9c1b");
        let left = |squeue: &str| {
            std::fs::create_dir_all(path("it's here")).unwrap();
            for name in ["31_1-0", "31_2-0", "31_3-1", "31_4-0", "31_10-0", "310_1-0"] {
                std::fs::write(path("it's here").join(format!("{JOB}3f2a9c1b-{name}.json")), "").unwrap();
            }
            std::fs::write(path("squeue"), format!("#!/bin/sh\n{squeue}\n")).unwrap();
            std::fs::set_permissions(path("squeue"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            let mut bash = std::process::Command::new("bash");
            let paths = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
            bash.args(["-c", &text]).env("PATH", paths).env("SLURM_RESTART_COUNT", "1");
            let done = bash.envs([("SLURM_ARRAY_JOB_ID", "31"), ("SLURM_ARRAY_TASK_ID", "4")]).status().unwrap();
            assert!(done.success());
            let mut names: Vec<String> = std::fs::read_dir(path("it's here"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().replace(&format!("{JOB}3f2a9c1b-"), ""))
                .collect();
            names.sort();
            names.join(" ")
        };
        let tasks = "printf '1/RUNNING\\n3/PENDING\\n4/RUNNING\\n11/RUNNING\\n'";
        assert_eq!(left(tasks), "310_1-0.json 31_1-0.json", "of its own the one of an earlier start");
        let all = "310_1-0.json 31_1-0.json 31_10-0.json 31_2-0.json 31_3-1.json";
        for silent in ["exit 1", "true"] {
            assert_eq!(left(silent), all);
        }
    }

    #[test]
    fn shells_take_every_word_as_it_is() {
        for word in ["", "plain", "it's", "a b", "$(rm x)", "\"", "a\nb", "~", "*"] {
            let script = format!("printf %s {}", quoted(Path::new(word)));
            let done = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(done.stdout).unwrap(), word);
        }
    }
}
