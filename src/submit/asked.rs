//! What each task asks of the cluster: the words of the profile, and what its further options of sbatch say besides or
//! instead.

use crate::profile::Slurm;

/// Options that ask for nothing that a cluster may lack.
const HARMLESS: [&str; 13] = [
    "-D",
    "-H",
    "-b",
    "--begin",
    "--chdir",
    "--comment",
    "--export",
    "--gres-flags",
    "--hold",
    "--mail-type",
    "--mail-user",
    "--nice",
    "--profile",
];

/// Options that the scripts set themselves: by these arrays are told from one another, ended in time and begun again.
const OURS: [&str; 24] = [
    "--array",
    "--clusters",
    "--dependency",
    "--job-name",
    "--no-requeue",
    "--nodes",
    "--ntasks",
    "--open-mode",
    "--output",
    "--parsable",
    "--signal",
    "--test-only",
    "--time",
    "--wait",
    "--wrap",
    "-J",
    "-M",
    "-N",
    "-W",
    "-a",
    "-d",
    "-n",
    "-o",
    "-t",
];

/// Options that ask for what a training needs and a report does not.
const TRAINING: [&str; 21] = [
    "--cpus-per-gpu",
    "--cpus-per-task",
    "--exclusive",
    "--gpu-bind",
    "--gpu-freq",
    "--gpus",
    "--gpus-per-node",
    "--gpus-per-socket",
    "--gpus-per-task",
    "--gres",
    "--gres-flags",
    "--mem",
    "--mem-per-cpu",
    "--mem-per-gpu",
    "--mincpus",
    "--ntasks-per-gpu",
    "--tmp",
    "--tres-bind",
    "--tres-per-task",
    "-G",
    "-c",
];

/// Something that is asked for, and where the profile says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish<T> {
    /// `slurm.gres`, or an option of `slurm.options`.
    pub place: String,
    /// How much of what.
    pub value: T,
}

/// What each task asks of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Partitions, with commas between them; absent: the default one.
    pub partition: Option<String>,
    /// The quality of service.
    pub qos: Option<String>,
    /// Generic resources, `gpu:h200:1`, with commas between them.
    pub gres: Vec<Wish<String>>,
    /// Cores.
    pub cpus: Option<Wish<u64>>,
    /// Main memory, MiB.
    pub memory: Option<Wish<u64>>,
    /// Its node, and all that is in it, for no other job.
    pub alone: bool,
    /// Options of which it is not known whether the cluster can do what they say.
    pub unchecked: Vec<String>,
    /// Options that are not the profile's to give.
    pub ours: Vec<String>,
}

impl Asked {
    /// What `slurm` asks for.
    pub fn of(slurm: &Slurm) -> Self {
        let wish = |place: &str, value: u64| Wish { place: place.into(), value };
        let mut asked = Self {
            partition: slurm.partition.clone(),
            qos: slurm.qos.clone(),
            gres: slurm.gres.iter().map(|gres| Wish { place: "slurm.gres".into(), value: gres.clone() }).collect(),
            cpus: slurm.cpus.map(|cpus| wish("slurm.cpus", cpus.into())),
            memory: slurm.memory_mib().map(|mib| wish("slurm.memory", mib)),
            alone: slurm.exclusive,
            unchecked: Vec::new(),
            ours: Vec::new(),
        };
        for (name, value, _) in options(&words(&slurm.options)) {
            asked.option(name, value);
        }
        let of_report = words(&slurm.report_options);
        let of_report = options(&of_report).into_iter().map(|(name, ..)| name);
        asked.ours.extend(of_report.filter(|name| OURS.contains(name)).map(str::to_owned));
        asked
    }

    /// Takes an option of sbatch; of two that say the same the last one counts.
    fn option(&mut self, name: &str, value: &str) {
        let place = format!("slurm.options, {name}");
        let number = value.parse::<u64>().ok();
        match (name, number, mebibytes(value)) {
            ("--partition" | "-p", ..) => self.partition = Some(value.into()),
            ("--qos" | "-q", ..) => self.qos = Some(value.into()),
            ("--gres", ..) => {
                self.gres.retain(|wish| wish.place != "slurm.gres" && wish.place != place);
                self.gres.push(Wish { place, value: value.into() });
            }
            // A task is alone in its job, on one node.
            ("--gpus" | "-G" | "--gpus-per-node" | "--gpus-per-task", ..) if !value.is_empty() => {
                let gpus = value.split(',').map(|gpus| format!("gpu:{gpus}")).collect::<Vec<_>>().join(",");
                self.gres.push(Wish { place, value: gpus });
            }
            ("--cpus-per-task" | "-c", Some(cpus), _) => self.cpus = Some(Wish { place, value: cpus }),
            // None at all means all that a node has.
            ("--mem", _, Some(mib)) => self.memory = Some(Wish { place, value: mib }),
            // With a value, as for a user, other jobs of theirs may be there.
            ("--exclusive", ..) => self.alone |= value.is_empty(),
            _ if OURS.contains(&name) => self.ours.push(name.into()),
            _ if HARMLESS.contains(&name) => {}
            _ => self.unchecked.push(name.into()),
        }
    }
}

/// `lines` of options without those that ask for what only a training needs.
pub fn for_report(lines: &[String]) -> Vec<String> {
    let kept = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let options = options(&words);
        let is_kept = |name: &str| !TRAINING.contains(&name);
        // One with a text in it stays as it is.
        if options.iter().all(|(name, ..)| is_kept(name)) {
            return Some(line.clone());
        }
        let kept: Vec<&str> =
            options.iter().filter(|(name, ..)| is_kept(name)).flat_map(|(.., words)| words.iter().copied()).collect();
        (!kept.is_empty()).then(|| kept.join(" "))
    };
    lines.iter().filter_map(kept).collect()
}

fn words(lines: &[String]) -> Vec<&str> {
    lines.iter().flat_map(|line| line.split_whitespace()).collect()
}

/// The options in `words`: the name of each, its value, and its words, since the value may be one of its own.
fn options<'a, 'w>(words: &'w [&'a str]) -> Vec<(&'a str, &'a str, &'w [&'a str])> {
    let (mut options, mut rest) = (Vec::new(), words);
    while let [word, after @ ..] = rest {
        let (name, value) = split(word);
        let next = after.first().filter(|next| value.is_none() && !next.starts_with('-'));
        let (own, others) = rest.split_at(1 + usize::from(next.is_some()));
        options.push((name, value.or(next.copied()).unwrap_or_default(), own));
        rest = others;
    }
    options
}

/// `--name=value`, `--name`, `-c4` or `-c`.
fn split(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") || !word.starts_with('-') {
        return word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    }
    let (name, value) = word.split_at(word.char_indices().nth(2).map_or(word.len(), |(end, _)| end));
    (name, Some(value).filter(|value| !value.is_empty()))
}

/// An amount of memory in Slurm's form: MiB, or with a letter other ones.
pub(super) fn mebibytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    let mebibytes = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "K" | "KB" => number / 1024.0,
        "" | "M" | "MB" => number,
        "G" | "GB" => number * 1024.0,
        "T" | "TB" => number * 1024.0_f64.powi(2),
        "P" | "PB" => number * 1024.0_f64.powi(3),
        _ => return None,
    };
    // More than that no machine has.
    (0.0..=1e15).contains(&mebibytes).then(|| mebibytes.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Asked::of(&toml::from_str(text).unwrap())
    }

    #[test]
    fn options_say_besides_or_instead_what_is_asked_for() {
        let said = "partition = \"gpu\"\ngres = \"gpu:1\"\ncpus = 4\nmemory = \"1 GiB\"\n";
        let plain = asked(said);
        assert_eq!((plain.partition.as_deref(), plain.gres[0].value.as_str()), (Some("gpu"), "gpu:1"));
        assert_eq!((plain.cpus.unwrap().value, plain.memory.unwrap().value), (4, 1024));
        let gres = |options: &str| {
            let gres = asked(&format!("{said}options = {options}")).gres;
            gres.into_iter().map(|wish| (wish.place, wish.value)).collect::<Vec<_>>()
        };
        let of = |place: &str, value: &str| (place.to_owned(), value.to_owned());
        assert_eq!(gres("[\"--gres=shard:2\"]"), [of("slurm.options, --gres", "shard:2")]);
        let both = [of("slurm.gres", "gpu:1"), of("slurm.options, --gpus-per-task", "gpu:h200:2,gpu:1")];
        assert_eq!(gres("[\"--gpus-per-task=h200:2,1\"]"), both);
        assert_eq!(gres("[\"-G 8\"]")[1].1, "gpu:8");
        let other = asked(&format!("{said}options = [\"-pslow -c 8\", \"--mem 2G\"]"));
        assert_eq!((other.partition.as_deref(), other.cpus.unwrap().value), (Some("slow"), 8));
        assert_eq!((other.memory.unwrap().value, other.unchecked), (2048, vec![]));
        assert_eq!(asked("qos = \"a\"\noptions = [\"-q b\"]").qos.as_deref(), Some("b"));
    }

    #[test]
    fn a_report_asks_for_nothing_that_only_a_training_needs() {
        let lines = |lines: &[&str]| for_report(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        let training = ["--gpus=h200:1", "--gres gpu:1", "-G 2", "-c4", "--exclusive", "--mem=10G --cpus-per-gpu 4"];
        assert_eq!(lines(&training), [""; 0]);
        let mixed = ["--comment=\"a  b\"", "--nice -G 2 --mail-type FAIL", "-A lab"];
        assert_eq!(lines(&mixed), ["--comment=\"a  b\"", "--nice --mail-type FAIL", "-A lab"]);
    }

    #[test]
    fn what_is_not_checked_is_known_by_its_name() {
        let unchecked = |options: &str| asked(&format!("options = {options}")).unchecked;
        assert!(asked("options = [\"--nice --exclusive\"]").alone && !asked("options = [\"--exclusive=user\"]").alone);
        let harmless = "[\"--mail-type=FAIL --comment=x\", \"--nice\", \"--exclusive=user\", \"-b now\"]";
        assert_eq!(unchecked(harmless), [""; 0]);
        assert_eq!(
            unchecked("[\"--licenses=x:2\", \"-w node7\", \"--mem=much\", \"--cpus-per-task=x\", \"-é\"]"),
            ["--licenses", "-w", "--mem", "--cpus-per-task", "-é"]
        );
    }

    #[test]
    fn what_the_scripts_set_themselves_is_not_the_profiles_to_give() {
        let ours = |options: &str| asked(options).ours;
        assert_eq!(ours("options = [\"--job-name=nd --nice\", \"-t 10\"]"), ["--job-name", "-t"]);
        assert_eq!(ours("report_options = [\"-J nd\", \"--partition=cpu\"]"), ["-J"]);
        assert_eq!(ours("options = [\"--mail-type=FAIL\"]"), [""; 0]);
    }

    #[test]
    fn memory_is_counted_as_slurm_counts() {
        let of = ["64", "64M", "2g", "1T", "1025K", "0", "1.50G", "", "x", "1X", "-1", "99999999999999999999"]
            .map(mebibytes);
        let known = [Some(64), Some(64), Some(2048), Some(1 << 20), Some(2), Some(0), Some(1536)];
        assert_eq!((&of[..7], &of[7..]), (&known[..], &[None; 5][..]));
    }
}
