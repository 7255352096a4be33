//! What each task asks of the cluster: the words of the profile, and what its further options of sbatch say besides or instead.

use crate::profile::Slurm;

/// Options that ask for nothing that a cluster may lack.
const HARMLESS: [&str; 14] = [
    "-D",
    "-H",
    "-b",
    "--begin",
    "--chdir",
    "--comment",
    "--exclusive",
    "--export",
    "--gres-flags",
    "--hold",
    "--mail-type",
    "--mail-user",
    "--nice",
    "--profile",
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
    /// Generic resources, `gpu:h200:1`, with commas between them.
    pub gres: Vec<Wish<String>>,
    /// Cores.
    pub cpus: Option<Wish<u64>>,
    /// Main memory, MiB.
    pub memory: Option<Wish<u64>>,
    /// Options of which it is not known whether the cluster can do what they say.
    pub unchecked: Vec<String>,
}

impl Asked {
    /// What `slurm` asks for.
    pub fn of(slurm: &Slurm) -> Self {
        let wish = |place: &str, value: u64| Wish { place: place.into(), value };
        let mut asked = Self {
            partition: slurm.partition.clone(),
            gres: slurm.gres.iter().map(|gres| Wish { place: "slurm.gres".into(), value: gres.clone() }).collect(),
            cpus: slurm.cpus.map(|cpus| wish("slurm.cpus", cpus.into())),
            memory: slurm.memory_mib().map(|mib| wish("slurm.memory", mib)),
            unchecked: Vec::new(),
        };
        let words: Vec<&str> = slurm.options.iter().flat_map(|line| line.split_whitespace()).collect();
        let mut rest = words.as_slice();
        while let [word, after @ ..] = rest {
            let (name, value) = split(word);
            // The value may be a word of its own.
            let next = after.first().filter(|next| value.is_none() && !next.starts_with('-'));
            rest = if next.is_some() { &after[1..] } else { after };
            asked.option(name, value.or(next.copied()).unwrap_or_default());
        }
        asked
    }

    /// Takes an option of sbatch; of two that say the same the last one counts.
    fn option(&mut self, name: &str, value: &str) {
        let place = format!("slurm.options, {name}");
        let number = value.parse::<u64>().ok();
        match (name, number, mebibytes(value)) {
            ("--partition" | "-p", ..) => self.partition = Some(value.into()),
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
            _ if HARMLESS.contains(&name) => {}
            _ => self.unchecked.push(name.into()),
        }
    }
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
fn mebibytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match text[digits.len()..].to_ascii_uppercase().as_str() {
        "K" | "KB" => Some(number.div_ceil(1 << 10)),
        "" | "M" | "MB" => Some(number),
        "G" | "GB" => number.checked_mul(1 << 10),
        "T" | "TB" => number.checked_mul(1 << 20),
        _ => None,
    }
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
    }

    #[test]
    fn what_is_not_checked_is_known_by_its_name() {
        let unchecked = |options: &str| asked(&format!("options = {options}")).unchecked;
        let harmless = "[\"--mail-type=FAIL --comment=x\", \"--nice\", \"--exclusive=user\", \"-b now\"]";
        assert_eq!(unchecked(harmless), [""; 0]);
        assert_eq!(
            unchecked("[\"--licenses=x:2\", \"-w node7\", \"--mem=much\", \"--cpus-per-task=x\", \"-é\"]"),
            ["--licenses", "-w", "--mem", "--cpus-per-task", "-é"]
        );
    }

    #[test]
    fn memory_is_counted_as_slurm_counts() {
        let of = ["64", "64M", "2g", "1T", "1025K", "0", "", "x", "1X", "99999999999999999999"].map(mebibytes);
        let known = [Some(64), Some(64), Some(2048), Some(1 << 20), Some(2), Some(0)];
        assert_eq!((&of[..6], &of[6..]), (&known[..], &[None; 4][..]));
    }
}
