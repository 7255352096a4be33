//! What a cluster allows.

use super::slurm::{SlurmError, ask};
use crate::profile::{Slurm, time_minutes};

/// What a cluster allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Indices of job arrays are below this.
    pub array_size: u64,
    /// Jobs at a time, each task of an array is one.
    pub jobs: u64,
    /// The longest time limit of the partition in minutes; absent: any.
    pub minutes: Option<u64>,
    /// The nodes of the partition, alike ones once.
    pub nodes: Vec<Node>,
    /// Partitions that were asked for and are not there.
    pub missing: Vec<String>,
    /// Which partition is meant is said neither by the cluster nor by the profile.
    pub undefined: bool,
    /// Partitions that take no jobs now, with their state.
    pub closed: Vec<String>,
}

/// A kind of node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Generic resources, `gpu:h200:8`.
    pub gres: String,
    /// Cores that a job may have.
    pub cpus: u64,
    /// Main memory that a job may have, MiB.
    pub memory: u64,
}

impl Limits {
    /// Those of a cluster that nobody has asked: Slurm's own.
    pub fn unknown() -> Self {
        Self::of("", "", "", None)
    }

    /// Asks the cluster, and about the partitions that `slurm` names or else the default one.
    ///
    /// # Errors
    /// Slurm does not answer.
    pub fn read(slurm: &Slurm) -> Result<Self, SlurmError> {
        let config = ask("scontrol", &["show", "config"], "")?;
        let partitions = ask("scontrol", &["-o", "show", "partition"], "")?;
        let nodes = ask("sinfo", &["-h", "-e", "-o", "%P|%G|%c|%m"], "")?;
        Ok(Self::of(&config, &partitions, &nodes, slurm.partition.as_deref()))
    }

    /// `asked`: partitions, with commas between them; absent: the default one.
    fn of(config: &str, partitions: &str, nodes: &str, asked: Option<&str>) -> Self {
        let setting = |name: &str| {
            let line = config.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == name))?;
            line.1.trim().parse().ok()
        };
        fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
            line.split_whitespace().find_map(|field| field.strip_prefix(name))
        }
        let named = |line: &&str| {
            let name = field(line, "PartitionName=");
            asked.map_or(line.contains("Default=YES"), |asked| asked.split(',').any(|asked| Some(asked) == name))
        };
        let lines: Vec<&str> = partitions.lines().filter(named).collect();
        let names: Vec<&str> = lines.iter().filter_map(|line| field(line, "PartitionName=")).collect();
        let wanted = asked.into_iter().flat_map(|asked| asked.split(','));
        let undefined = asked.is_none() && lines.is_empty() && !partitions.is_empty();
        let missing = wanted.filter(|name| !partitions.is_empty() && !names.contains(name)).map(String::from).collect();
        let is_closed = |line: &&&str| matches!(field(line, "State="), Some("DRAIN" | "INACTIVE"));
        let closed = lines.iter().filter(is_closed);
        let closed =
            closed.filter_map(|line| Some(format!("{} is {}", field(line, "PartitionName=")?, field(line, "State=")?)));
        let times: Option<Vec<u64>> = lines.iter().map(|line| field(line, "MaxTime=").and_then(time_minutes)).collect();
        let node = |line: &str| {
            let fields: Vec<&str> = line.split('|').collect();
            let [of, gres, cpus, memory] = fields.as_slice() else { return None };
            // `8+`: some have more.
            let number = |text: &str| text.parse().unwrap_or(u64::MAX);
            let of = of.trim_end_matches('*');
            let partition = lines.iter().find(|line| field(line, "PartitionName=") == Some(of))?;
            // What a job may have of a node; `UNLIMITED` is no number.
            let most = |name: &str| field(partition, name).map_or(u64::MAX, number);
            let (cpus, memory) =
                (number(cpus).min(most("MaxCPUsPerNode=")), number(memory).min(most("MaxMemPerNode=")));
            Some(Node { gres: (*gres).into(), cpus, memory })
        };
        Self {
            array_size: setting("MaxArraySize").unwrap_or(1001),
            jobs: setting("MaxJobCount").unwrap_or(10_000),
            minutes: times.and_then(|times| times.into_iter().max()),
            nodes: nodes.lines().filter_map(node).collect(),
            missing,
            undefined,
            closed: closed.collect(),
        }
    }

    /// The longest time limit that a job may ask for, minutes: the profile's, within the partition's.
    pub fn longest(&self, slurm: &Slurm) -> u64 {
        /// A week, where neither says.
        const WEEK: u64 = 10_080;
        let asked = slurm.max_time.as_deref().and_then(time_minutes);
        asked.into_iter().chain(self.minutes).min().unwrap_or(WEEK)
    }

    /// What of `slurm` no node has, or the cluster does not do, in words.
    pub fn misfits(&self, slurm: &Slurm) -> Vec<String> {
        let any = |has: &dyn Fn(&Node) -> bool| self.nodes.is_empty() || self.nodes.iter().any(has);
        let unknown = |name: &String| format!("slurm.partition: the cluster has no partition {name}");
        let mut misfits: Vec<String> = self.missing.iter().map(unknown).collect();
        if self.undefined {
            misfits.push("slurm.partition: the cluster has no default partition; name one".into());
        }
        misfits.extend(self.closed.iter().map(|state| format!("slurm.partition: {state} and takes no jobs")));
        if let Some(gres) = &slurm.gres
            && !any(&|node| node.has_gres(gres))
        {
            let has: Vec<&str> = self.nodes.iter().map(|node| node.gres.as_str()).collect();
            misfits.push(format!("slurm.gres: no node of the partition has {gres}; they have {}", has.join(" and ")));
        }
        if let Some(cpus) = slurm.cpus
            && !any(&|node| node.cpus >= u64::from(cpus))
        {
            let most = self.nodes.iter().map(|node| node.cpus).max().unwrap_or_default();
            misfits.push(format!("slurm.cpus: no node of the partition has {cpus} cores; {most} is the most"));
        }
        if let Some(memory) = slurm.memory_mib()
            && !any(&|node| node.memory >= memory)
        {
            let most = self.nodes.iter().map(|node| node.memory).max().unwrap_or_default();
            misfits.push(format!("slurm.memory: no node of the partition has {memory} MiB; {most} MiB is the most"));
        }
        let (cpus, memory) = (u64::from(slurm.cpus.unwrap_or(0)), slurm.memory_mib().unwrap_or(0));
        let all = |node: &Node| {
            let gres = slurm.gres.as_ref().is_none_or(|gres| node.has_gres(gres));
            gres && node.cpus >= cpus && node.memory >= memory
        };
        if misfits.is_empty() && !any(&all) {
            misfits.push("slurm: no node of the partition has gres, cores and memory together".into());
        }
        if self.array_size < 2 {
            misfits.push("the cluster takes no job arrays (MaxArraySize)".into());
        }
        misfits
    }
}

impl Node {
    /// Whether it can give all of `asked`, with commas between them.
    fn has_gres(&self, asked: &str) -> bool {
        asked.split(',').all(|asked| asked == "none" || has_gres(&self.gres, asked))
    }
}

/// Whether a node with `has`, such as `gpu:h200:8(S:0-1),shard:16`, can give `asked`: `gpu`, `gpu:2`, `gpu:h200` or
/// `gpu:h200:2`.
fn has_gres(has: &str, asked: &str) -> bool {
    let parts = |text: &str| -> (String, Option<String>, u64) {
        let parts: Vec<&str> = text.split(':').collect();
        let name = parts[0].to_owned();
        match parts.as_slice() {
            [_, second] => match second.parse() {
                Ok(count) => (name, None, count),
                Err(_) => (name, Some((*second).to_owned()), 1),
            },
            [_, kind, count, ..] => (name, Some((*kind).to_owned()), count.parse().unwrap_or(1)),
            _ => (name, None, 1),
        }
    };
    let (name, kind, count) = parts(asked);
    let plain = |entry: &str| entry.split('(').next().unwrap_or_default().to_owned();
    has.split(',').map(plain).map(|entry| parts(&entry)).any(|(has_name, has_kind, has_count)| {
        has_name == name && (kind.is_none() || has_kind == kind) && has_count >= count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "Configuration data as of 2026-01-01\nMaxArraySize            = 501\nMaxJobCount = 2000\n";
    const PARTITIONS: &str = "PartitionName=long AllowGroups=ALL Default=NO MaxTime=7-00:00:00 State=UP\n\
                              PartitionName=gpu AllowGroups=ALL Default=YES MaxTime=1-00:00:00 State=UP\n";
    const NODES: &str = "gpu*|gpu:h200:8(S:0-1),shard:4|96|1031000\ngpu*|gpu:a100:4|64|515000\nlong|(null)|64|100\n";

    fn slurm(text: &str) -> Slurm {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn limits_are_those_of_the_partition() {
        let limits = Limits::of(CONFIG, PARTITIONS, NODES, None);
        assert_eq!((limits.array_size, limits.jobs, limits.minutes, limits.nodes.len()), (501, 2000, Some(1440), 2));
        assert_eq!(limits.longest(&slurm("")), 1440);
        assert_eq!(limits.longest(&slurm("max_time = \"8:00:00\"")), 480);
        let both = Limits::of(CONFIG, PARTITIONS, NODES, Some("gpu,long"));
        assert_eq!((both.minutes, both.nodes.len()), (Some(10_080), 3));
        let unlimited = Limits::of("", "PartitionName=x Default=YES MaxTime=UNLIMITED", "", None);
        assert_eq!((unlimited.longest(&slurm("")), unlimited.array_size), (10_080, 1001));
        assert_eq!(Limits::of("", "", "gpu*|gpu|64+|7+", None).misfits(&slurm("cpus = 100")), [""; 0]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let limits = Limits::of(CONFIG, PARTITIONS, NODES, None);
        for fits in [
            "gres = \"gpu:1\"",
            "gres = \"gpu:h200:8\"",
            "gres = \"gpu:a100\"",
            "gres = \"gpu:1,shard:2\"",
            "gres = \"none\"",
            "cpus = 96",
            "memory = \"900 GiB\"",
        ] {
            assert_eq!(limits.misfits(&slurm(fits)), [""; 0], "{fits}");
        }
        for (text, said) in [
            (
                "gres = \"gpu:v100:1\"",
                "no node of the partition has gpu:v100:1; they have gpu:h200:8(S:0-1),shard:4 and gpu:a100:4",
            ),
            ("gres = \"gpu:9\"", "gpu:9"),
            ("cpus = 97", "96 is the most"),
            ("memory = \"2 TiB\"", "2097152 MiB"),
        ] {
            let misfits = limits.misfits(&slurm(text));
            assert!(misfits.len() == 1 && misfits[0].contains(said), "{text}: {misfits:?}");
        }
        let together = "gres = \"gpu:a100:1\"\ncpus = 96";
        assert!(limits.misfits(&slurm(together))[0].contains("together"), "no node has both");
        let nowhere = Limits::of(CONFIG, PARTITIONS, NODES, Some("gpu,nosuch"));
        assert_eq!(nowhere.misfits(&slurm("")), ["slurm.partition: the cluster has no partition nosuch"]);
        let narrow =
            "PartitionName=gpu Default=YES State=DRAIN MaxCPUsPerNode=32 MaxMemPerNode=64000 MaxTime=1:00:00\n";
        let narrow = Limits::of(CONFIG, narrow, NODES, None);
        assert_eq!(narrow.misfits(&slurm("")), ["slurm.partition: gpu is DRAIN and takes no jobs"]);
        let misfits = narrow.misfits(&slurm("cpus = 33\nmemory = \"63 GiB\"")).join("; ");
        assert!(misfits.contains("; 32 is the most") && misfits.contains("; 64000 MiB is the most"), "{misfits}");
        let undefined = Limits::of(CONFIG, "PartitionName=x Default=NO MaxTime=1:00:00\n", NODES, None);
        assert_eq!(undefined.misfits(&slurm("")), ["slurm.partition: the cluster has no default partition; name one"]);
        assert_eq!(Limits::unknown().misfits(&slurm("partition = \"any\"")), [""; 0]);
    }
}
