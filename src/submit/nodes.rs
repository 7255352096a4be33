//! What the nodes of a cluster have, and whether one has what is asked for.

use super::asked::{Asked, Wish};
use super::cluster::{field, setting};

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

/// A line of `sinfo` about a node of one of these partitions, and which; `config`: of the cluster.
pub fn node<'a>(line: &'a str, partitions: &[&str], config: &str) -> Option<(&'a str, Node)> {
    let fields: Vec<&str> = line.split('|').collect();
    // A partition without nodes has a line with nothing but zeros.
    let [of, gres, cpus, memory] = fields.as_slice().first_chunk().filter(|[_, _, cpus, _]| *cpus != "0")?;
    // `8+`: some have more.
    let number = |text: &str| text.parse().unwrap_or(u64::MAX);
    let of = of.trim_end_matches('*');
    let partition = partitions.iter().find(|line| field(line, "PartitionName=") == Some(of))?;
    // What a job may have of a node; `UNLIMITED` is no number.
    let most = number(field(partition, "MaxCPUsPerNode=").unwrap_or_default());
    let memory = number(memory).min(most_memory(partition, config, number(cpus)));
    Some((of, Node { gres: (*gres).into(), cpus: number(cpus).min(most), memory }))
}

/// The most memory, MiB, that a job may have of a node with so many cores: by the partition's line, or else the cluster's.
fn most_memory(partition: &str, config: &str, cpus: u64) -> u64 {
    let of = |number: &dyn Fn(&str) -> Option<u64>| {
        number("MaxMemPerNode").or_else(|| Some(number("MaxMemPerCPU")?.saturating_mul(cpus)))
    };
    let own = of(&|name| field(partition, &format!("{name}="))?.parse().ok());
    own.or_else(|| of(&|name| setting(config, name)?.parse().ok())).unwrap_or(u64::MAX)
}

/// What none of `nodes` has of what is asked for, in words.
pub fn lacking(nodes: &[Node], asked: &Asked) -> Vec<String> {
    let Asked { gres, cpus, memory, .. } = asked;
    let mut lacking = Vec::new();
    for Wish { place, value } in gres {
        if !nodes.iter().any(|node| node.has_gres(value)) {
            let has: Vec<&str> = nodes.iter().map(|node| node.gres.as_str()).collect();
            lacking.push(format!("{place}: no node of the partition has {value}; they have {}", has.join(" and ")));
        }
    }
    let mut amount = |wish: &Option<Wish<u64>>, unit: &str, of: &dyn Fn(&Node) -> u64| {
        let most = nodes.iter().map(of).max().unwrap_or_default();
        if let Some(Wish { place, value }) = wish.as_ref().filter(|wish| wish.value > most) {
            lacking.push(format!("{place}: no node of the partition has {value} {unit}; {most} is the most"));
        }
    };
    amount(cpus, "cores", &|node| node.cpus);
    amount(memory, "MiB", &|node| node.memory);
    let all = |node: &Node| {
        let has = |wish: &Option<Wish<u64>>, amount| wish.as_ref().is_none_or(|wish| wish.value <= amount);
        gres.iter().all(|wish| node.has_gres(&wish.value)) && has(cpus, node.cpus) && has(memory, node.memory)
    };
    if lacking.is_empty() && !nodes.iter().any(all) {
        lacking.push("slurm: no node of the partition has gres, cores and memory together".into());
    }
    lacking
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
    let fits = |(has_name, has_kind, _): &(String, Option<String>, u64)| {
        *has_name == name && (kind.is_none() || *has_kind == kind)
    };
    let found: Vec<u64> =
        has.split(',').map(|entry| parts(&plain(entry))).filter(fits).map(|(.., count)| count).collect();
    !found.is_empty() && found.iter().sum::<u64>() >= count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_of_several_kinds_are_counted_together_unless_one_kind_is_asked_for() {
        let has = "gpu:a100:4(S:0),gpu:h200:4(S:1),shard:2";
        for (asked, fits) in [
            ("gpu:6", true),
            ("gpu:9", false),
            ("gpu:h200:5", false),
            ("gpu:h200", true),
            ("nic", false),
            ("gpu:0", true),
        ] {
            assert_eq!(has_gres(has, asked), fits, "{asked}");
        }
    }
}
