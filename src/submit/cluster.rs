//! What a cluster allows.

use super::asked::Asked;
use super::nodes::{Node, lacking, node};
use super::qos::{self, Qos};
use super::slurm::{SlurmError, ask};
use crate::profile::{Slurm, time_minutes};
use std::fmt;

/// What a cluster allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Indices of job arrays are below this.
    pub array_size: u64,
    /// Jobs at a time, each task of an array is one.
    pub jobs: u64,
    /// The longest time limit of the partition in minutes, within that of the quality of service; absent: any.
    pub minutes: Option<u64>,
    /// The qualities of service under which jobs run, as far as they are known, in the order in which their limits count.
    pub qos: Vec<Qos>,
    /// The nodes of the partition, alike ones once; absent where nobody has asked.
    pub nodes: Option<Vec<Node>>,
    /// Why nothing is known of them though there are some: the accounting does not answer.
    pub silent: Option<String>,
    /// Why jobs cannot start in the partitions and with the quality of service that were asked for.
    pub obstacles: Vec<Obstacle>,
}

/// Why jobs cannot start in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// There is none of that name.
    Missing(String),
    /// Which one is meant is said neither by the cluster nor by the profile.
    Undefined,
    /// It takes no jobs now.
    Closed {
        /// Which.
        partition: String,
        /// `DRAIN` or `INACTIVE`.
        state: String,
    },
    /// It has no nodes.
    Empty(String),
    /// There is no quality of service of that name.
    NoQos(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "slurm.partition: the cluster has no partition {name}"),
            Self::Undefined => f.write_str("slurm.partition: the cluster has no default partition; name one"),
            Self::Closed { partition, state } => {
                write!(f, "slurm.partition: {partition} is {state} and takes no jobs")
            }
            Self::Empty(name) => write!(f, "slurm.partition: {name} has no nodes"),
            Self::NoQos(name) => write!(f, "slurm.qos: the cluster has no QOS {name}"),
        }
    }
}

/// What Slurm's programs have said.
#[derive(Debug, Clone, Copy, Default)]
struct Answers<'a> {
    config: &'a str,
    partitions: &'a str,
    nodes: &'a str,
    qos: &'a str,
}

impl Limits {
    /// Those of a cluster that nobody has asked: Slurm's own.
    pub fn unknown() -> Self {
        Self::of(Answers::default(), &Asked::default())
    }

    /// Asks the cluster, and about the partitions that `slurm` names or else the default one. What is kept in an
    /// accounting is not known where there is none.
    ///
    /// # Errors
    /// Slurm does not answer.
    pub fn read(slurm: &Slurm) -> Result<Self, SlurmError> {
        let config = ask("scontrol", &["show", "config"], "")?;
        // Hidden partitions too.
        let partitions = ask("scontrol", &["-a", "-o", "show", "partition"], "")?;
        let nodes = ask("sinfo", &["-a", "-h", "-e", "-o", "%P|%G|%c|%m"], "")?;
        let asked = Asked::of(slurm);
        let is_named = asked.qos.is_some() || partitions.lines().any(|line| partition_qos(line).is_some());
        let keeps_accounts = setting(&config, "AccountingStorageType").is_some_and(|kind| !kind.ends_with("none"));
        let qos = is_named.then(|| ask("sacctmgr", &qos::QUESTION, "")).transpose();
        let silent = qos.as_ref().err().filter(|_| keeps_accounts).map(ToString::to_string);
        let qos = qos.ok().flatten().unwrap_or_default();
        let answers = Answers { config: &config, partitions: &partitions, nodes: &nodes, qos: &qos };
        let mut limits = Self { silent, ..Self::of(answers, &asked) };
        qos::count(&mut limits.qos)?;
        Ok(limits)
    }

    fn of(Answers { config, partitions, nodes, qos }: Answers, asked: &Asked) -> Self {
        let mut known = qos::all(qos);
        for qos in &mut known {
            let named = partitions.lines().filter(|line| partition_qos(line) == Some(&qos.name));
            qos.partitions = named.filter_map(|line| field(line, "PartitionName=")).map(str::to_owned).collect();
        }
        if !limits_are_enforced(config) {
            known = known.into_iter().map(|qos| Qos { name: qos.name, ..Qos::default() }).collect();
        }
        let qos = |name: &str| known.iter().find(|qos| qos.name == name);
        let own = asked.qos.as_deref();
        let no_qos =
            own.filter(|name| !known.is_empty() && qos(name).is_none()).map(|name| Obstacle::NoQos(name.into()));
        let asked = asked.partition.as_deref();
        let setting = |name: &str| setting(config, name)?.parse().ok();
        let named = |line: &&str| {
            let name = field(line, "PartitionName=");
            asked.map_or(line.contains("Default=YES"), |asked| asked.split(',').any(|asked| Some(asked) == name))
        };
        let lines: Vec<&str> = partitions.lines().filter(named).collect();
        let own_qos = own.and_then(qos);
        let own_time = own_qos.and_then(|qos| qos.minutes);
        // The QOS of the partition goes before that of the job, unless the latter says otherwise.
        let in_order = |of_partition| match own_qos {
            Some(own) if own.goes_first => [Some(own), of_partition],
            own => [of_partition, own],
        };
        let time = |line: &&str| {
            let of_partition = field(line, "MaxTime=").and_then(time_minutes);
            let order = in_order(partition_qos(line).and_then(qos));
            of_partition.into_iter().chain(order.into_iter().flatten().find_map(|qos| qos.minutes)).min()
        };
        let times: Option<Vec<u64>> = lines.iter().map(time).collect();
        // Of several partitions each has its own.
        let of_all = if let [line] = *lines { partition_qos(line).and_then(qos) } else { None };
        let under = in_order(of_all).into_iter().flatten();
        let nodes: Vec<(&str, Node)> = nodes.lines().filter_map(|line| node(line, &lines, config)).collect();
        let is_known = !partitions.is_empty();
        Self {
            array_size: setting("MaxArraySize").unwrap_or(1001).min(most_tasks(config).unwrap_or(u64::MAX)),
            jobs: setting("MaxJobCount").unwrap_or(10_000),
            minutes: times.and_then(|times| times.into_iter().max()).or(own_time.filter(|_| lines.is_empty())),
            qos: under.cloned().collect(),
            silent: None,
            obstacles: if is_known { obstacles(&lines, &nodes, asked) } else { Vec::new() }
                .into_iter()
                .chain(no_qos)
                .collect(),
            nodes: is_known.then(|| nodes.into_iter().map(|(_, node)| node).collect()),
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
        let asked = Asked::of(slurm);
        let mut misfits: Vec<String> = self.obstacles.iter().map(ToString::to_string).collect();
        // Without nodes all has been said.
        let nodes = self.nodes.as_deref().filter(|nodes| !nodes.is_empty());
        misfits.extend(nodes.into_iter().flat_map(|nodes| lacking(nodes, &asked)));
        misfits.extend(qos::exceeded(&self.qos, &asked));
        let ours = |name: &String| format!("slurm: the scripts set {name} themselves; leave it out of the options");
        misfits.extend(asked.ours.iter().map(ours));
        if self.array_size < 2 {
            misfits.push("the cluster takes no job arrays (MaxArraySize)".into());
        }
        misfits
    }
}

/// An array has fewer tasks than this, whatever their indices: `max_array_tasks` of the scheduler's parameters.
fn most_tasks(config: &str) -> Option<u64> {
    let parameters = setting(config, "SchedulerParameters")?;
    let most = parameters.split(',').find_map(|parameter| parameter.strip_prefix("max_array_tasks="))?;
    most.parse::<u64>().ok()?.checked_add(1)
}

/// What the cluster is called.
///
/// # Errors
/// Slurm does not answer.
pub fn name() -> Result<Option<String>, SlurmError> {
    Ok(setting(&ask("scontrol", &["show", "config"], "")?, "ClusterName").map(str::to_owned))
}

/// The value of a line of `scontrol show config`.
pub(super) fn setting<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    let line = config.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == name))?;
    Some(line.1.trim())
}

/// Whether jobs are held to the limits of a QOS; where that is not known, they may be.
fn limits_are_enforced(config: &str) -> bool {
    let holds = |enforced: &str| enforced.split(',').any(|what| ["limits", "safe", "all"].contains(&what.trim()));
    setting(config, "AccountingStorageEnforce").is_none_or(holds)
}

/// What a partition's line says of the quality of service of all its jobs.
fn partition_qos(line: &str) -> Option<&str> {
    field(line, "QoS=").filter(|name| *name != "N/A")
}

/// The value of `name`, which ends in `=`, in a line of `scontrol`.
pub(super) fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|field| field.strip_prefix(name))
}

/// What is wrong with the partitions of `lines`, which are those of `asked` that there are, or else the default one.
fn obstacles(lines: &[&str], nodes: &[(&str, Node)], asked: Option<&str>) -> Vec<Obstacle> {
    if asked.is_none() && lines.is_empty() {
        return vec![Obstacle::Undefined];
    }
    let names: Vec<&str> = lines.iter().filter_map(|line| field(line, "PartitionName=")).collect();
    let wanted = asked.into_iter().flat_map(|asked| asked.split(','));
    let missing = wanted.filter(|name| !names.contains(name)).map(|name| Obstacle::Missing(name.into()));
    let wrong = lines.iter().zip(&names).filter_map(|(line, name)| match field(line, "State=") {
        Some(state @ ("DRAIN" | "INACTIVE")) => {
            Some(Obstacle::Closed { partition: (*name).into(), state: state.into() })
        }
        // One of several will do.
        _ if nodes.is_empty() => Some(Obstacle::Empty((*name).into())),
        _ => None,
    });
    missing.chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "Configuration data as of 2026-01-01\nMaxArraySize            = 501\nMaxJobCount = 2000\n";
    const PARTITIONS: &str = "PartitionName=long AllowGroups=ALL Default=NO MaxTime=7-00:00:00 State=UP\n\
                              PartitionName=gpu AllowGroups=ALL Default=YES MaxTime=1-00:00:00 State=UP\n";
    const NODES: &str = "gpu*|gpu:h200:8(S:0-1),shard:4|96|1031000\ngpu*|gpu:a100:4|64|515000\nlong|(null)|64|100\n";

    /// `partition`: those that are asked for.
    fn limits_of(config: &str, partitions: &str, nodes: &str, partition: Option<&str>) -> Limits {
        let asked = Asked { partition: partition.map(str::to_owned), ..Asked::default() };
        Limits::of(Answers { config, partitions, nodes, qos: "" }, &asked)
    }

    fn slurm(text: &str) -> Slurm {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn limits_are_those_of_the_partition() {
        let limits = limits_of(CONFIG, PARTITIONS, NODES, None);
        assert_eq!(
            (limits.array_size, limits.jobs, limits.minutes, limits.nodes.as_ref().map(Vec::len)),
            (501, 2000, Some(1440), Some(2))
        );
        assert_eq!(limits.longest(&slurm("")), 1440);
        assert_eq!(limits.longest(&slurm("max_time = \"8:00:00\"")), 480);
        let few = "MaxArraySize = 501\nSchedulerParameters     = bf_window=10,max_array_tasks=100\n";
        assert_eq!(limits_of(few, PARTITIONS, NODES, None).array_size, 101, "a hundred tasks");
        let both = limits_of(CONFIG, PARTITIONS, NODES, Some("gpu,long"));
        assert_eq!((both.minutes, both.nodes.map(|nodes| nodes.len())), (Some(10_080), Some(3)));
        let unlimited = limits_of("", "PartitionName=x Default=YES MaxTime=UNLIMITED", "", None);
        assert_eq!((unlimited.longest(&slurm("")), unlimited.array_size), (10_080, 1001));
        assert_eq!(limits_of("", "", "gpu*|gpu|64+|7+", None).misfits(&slurm("cpus = 100")), [""; 0]);
    }

    #[test]
    fn a_quality_of_service_limits_time_too_where_it_is_known() {
        let limits = |partitions: &str, slurm: &str, qos: &str| {
            let answers = Answers { config: CONFIG, partitions, nodes: NODES, qos };
            Limits::of(answers, &Asked::of(&self::slurm(slurm)))
        };
        let qos = "normal|||||\nshort|04:00:00|20|gres/gpu=2||\nlong|7-00:00:00||||\n";
        let minutes = |partitions: &str, slurm: &str, qos: &str| limits(partitions, slurm, qos).minutes;
        let of = |slurm: &str| minutes(PARTITIONS, slurm, qos);
        assert_eq!([of(""), of("qos = \"normal\""), of("qos = \"long\"")], [Some(1440); 3]);
        assert_eq!([of("qos = \"short\""), of("options = [\"-q short\"]")], [Some(240); 2]);
        assert_eq!(minutes(PARTITIONS, "qos = \"short\"", ""), Some(1440), "there is no accounting");
        let named =
            PARTITIONS.replace("MaxTime=1-00", "QoS=short MaxTime=1-00").replace("MaxTime=7", "QoS=N/A MaxTime=7");
        assert_eq!(minutes(&named, "", qos), Some(240));
        assert_eq!(minutes(&named, "partition = \"gpu,long\"", qos), Some(10_080), "the other one has none");
        assert_eq!(minutes(&named, "qos = \"long\"", qos), Some(240), "the partition's goes before the job's");
        assert_eq!(minutes(&named.replace("QoS=short", "QoS=long"), "qos = \"short\"", qos), Some(1440));
        let both = limits(&named.replace("QoS=short", "QoS=normal"), "qos = \"short\"", qos);
        assert_eq!(
            (both.minutes, both.qos[0].name.as_str()),
            (Some(240), "normal"),
            "one without a limit leaves it to the other"
        );
        let free = "PartitionName=gpu Default=YES MaxTime=UNLIMITED";
        assert_eq!([minutes(free, "", qos), minutes(free, "qos = \"short\"", qos)], [None, Some(240)]);
        let said = |name: &str| limits(PARTITIONS, "", qos).qos.iter().any(|qos| qos.name == name);
        assert!(!said("short") && limits(&named, "", qos).qos[0].jobs == Some(20));
        assert_eq!(limits(&named, "", qos).qos[0].partitions, ["gpu"]);
        let first = qos.replace("7-00:00:00||||", "7-00:00:00||||OverPartQOS");
        assert_eq!(minutes(&named, "qos = \"long\"", &first), Some(1440), "the job's own goes first");
        assert!(limits(&named, "qos = \"long\"", &first).qos[0].name == "long");
        let three = "qos = \"short\"\ngres = \"gpu:3\"";
        let said = "slurm.gres: the QOS short allows 2 of gres/gpu at the most, and 3 are asked for";
        assert_eq!(limits(PARTITIONS, three, qos).misfits(&slurm(three)), [said]);
        for (enforced, counts) in [("none", false), ("associations,qos", false), ("associations,limits", true)] {
            let config = format!("AccountingStorageEnforce = {enforced}\n");
            let answers = Answers { config: &config, partitions: PARTITIONS, nodes: NODES, qos };
            let limits = Limits::of(answers, &Asked::of(&slurm(three)));
            assert_eq!(limits.misfits(&slurm(three)).len(), usize::from(counts), "{enforced}");
        }
        let missing = "qos = \"nosuch\"";
        let misfits = limits(PARTITIONS, missing, qos).misfits(&slurm(missing));
        assert_eq!(misfits, ["slurm.qos: the cluster has no QOS nosuch"]);
        assert_eq!(limits(PARTITIONS, missing, "").misfits(&slurm(missing)), [""; 0]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let limits = limits_of(CONFIG, PARTITIONS, NODES, None);
        for fits in [
            "gres = \"gpu:1\"",
            "gres = \"gpu:h200:8\"",
            "gres = \"gpu:a100\"",
            "gres = \"gpu:1,shard:2\"",
            "gres = \"none\"",
            "cpus = 96",
            "memory = \"900 GiB\"",
            "options = [\"--gpus=h200:8\", \"--licenses=x\"]",
        ] {
            assert_eq!(limits.misfits(&slurm(fits)), [""; 0], "{fits}");
        }
        for (text, said) in [
            (
                "gres = \"gpu:v100:1\"",
                "no node of the partition has gpu:v100:1; they have gpu:h200:8(S:0-1),shard:4 and gpu:a100:4",
            ),
            ("gres = \"gpu:9\"", "gpu:9"),
            ("gres = \"gpu:1\"\noptions = [\"--gpus=9\"]", "slurm.options, --gpus: no node of the partition has gpu:9"),
            ("cpus = 97", "slurm.cpus: no node of the partition has 97 cores; 96 is the most"),
            ("cpus = 2\noptions = [\"-c 97\"]", "slurm.options, -c: no node of the partition has 97 cores"),
            ("memory = \"2 TiB\"", "2097152 MiB"),
        ] {
            let misfits = limits.misfits(&slurm(text));
            assert!(misfits.len() == 1 && misfits[0].contains(said), "{text}: {misfits:?}");
        }
        let together = "gres = \"gpu:a100:1\"\ncpus = 96";
        assert!(limits.misfits(&slurm(together))[0].contains("together"), "no node has both");
        let nowhere = limits_of(CONFIG, PARTITIONS, NODES, Some("gpu,nosuch"));
        assert_eq!(nowhere.misfits(&slurm("")), ["slurm.partition: the cluster has no partition nosuch"]);
        let narrow =
            "PartitionName=gpu Default=YES State=DRAIN MaxCPUsPerNode=32 MaxMemPerNode=64000 MaxTime=1:00:00\n";
        let narrow = limits_of(CONFIG, narrow, NODES, None);
        assert_eq!(narrow.misfits(&slurm("")), ["slurm.partition: gpu is DRAIN and takes no jobs"]);
        let misfits = narrow.misfits(&slurm("cpus = 33\nmemory = \"63 GiB\"")).join("; ");
        assert!(misfits.contains("; 32 is the most") && misfits.contains("MiB; 64000 is the most"), "{misfits}");
        let most = |config: &str, partition: &str| {
            let misfits =
                limits_of(config, partition, "gpu*|gpu:8|16|1031000\n", None).misfits(&slurm("memory = \"63 GiB\""));
            misfits.first().and_then(|misfit| misfit.split("MiB; ").nth(1)?.split(' ').next()?.parse::<u64>().ok())
        };
        let of_cluster = "MaxMemPerNode           = 60000\n";
        assert_eq!(most(of_cluster, "PartitionName=gpu Default=YES MaxMemPerNode=UNLIMITED"), Some(60_000));
        assert_eq!(most(of_cluster, "PartitionName=gpu Default=YES MaxMemPerCPU=5000"), None, "80000 of 16 cores");
        assert_eq!(most("MaxMemPerCPU = 4000\n", "PartitionName=gpu Default=YES"), Some(64_000));
        assert_eq!(most("MaxMemPerNode = UNLIMITED\n", "PartitionName=gpu Default=YES"), None);
        let undefined = limits_of(CONFIG, "PartitionName=x Default=NO MaxTime=1:00:00\n", NODES, None);
        assert_eq!(undefined.misfits(&slurm("")), ["slurm.partition: the cluster has no default partition; name one"]);
        let (partitions, nodes) =
            ([PARTITIONS, "PartitionName=new State=UP"].concat(), [NODES, "new|(null)|0|0\n"].concat());
        let empty = |asked| limits_of(CONFIG, &partitions, &nodes, Some(asked)).misfits(&slurm("cpus = 96"));
        assert_eq!(empty("new"), ["slurm.partition: new has no nodes"]);
        assert_eq!(empty("gpu,new"), [""; 0]);
        assert_eq!(Limits::unknown().misfits(&slurm("partition = \"any\"")), [""; 0]);
    }
}
