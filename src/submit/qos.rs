//! What the qualities of service that jobs run under allow.

use super::asked::{Asked, Wish, mebibytes};
use super::slurm::{SlurmError, ask};
use crate::profile::time_minutes;
use std::collections::BTreeMap;

/// What is asked of `sacctmgr`.
pub const QUESTION: [&str; 5] = ["-n", "-P", "show", "qos", "format=Name,MaxWall,MaxSubmitPU,MaxTRES,MaxTRESPU,Flags"];

/// What a quality of service allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Qos {
    /// Its name.
    pub name: String,
    /// The longest time limit, minutes; absent: any.
    pub minutes: Option<u64>,
    /// Jobs of a user at a time, each task of an array is one; absent: any number.
    pub jobs: Option<u64>,
    /// What a job may have: `gres/gpu:h200` to `2`, `mem` to `64G`.
    pub of_job: BTreeMap<String, String>,
    /// What all jobs of a user may have at a time.
    pub of_user: BTreeMap<String, String>,
    /// As that of a job it goes before that of the partition.
    pub goes_first: bool,
    /// The partitions all of whose jobs run under it.
    pub partitions: Vec<String>,
    /// Jobs of this user that wait or run under it already.
    pub queued: u64,
}

/// The answer to [`QUESTION`], such as `normal|1-00:00:00|500|cpu=64,gres/gpu=2||DenyOnLimit`; none where there is no
/// accounting.
pub fn all(answer: &str) -> Vec<Qos> {
    let of = |line: &str| {
        let fields: Vec<&str> = line.trim().split('|').collect();
        let [name, time, jobs, of_job, of_user, flags] = *fields.as_slice() else { return None };
        let has = |flag| flags.split(',').any(|one| one == flag);
        // Those of a relative one are per cent of the cluster.
        let limits = |list: &str| {
            let pairs = list.split(',').filter_map(|limit| limit.split_once('=')).filter(|_| !has("Relative"));
            pairs.map(|(what, most)| (what.to_owned(), most.to_owned())).collect()
        };
        (!name.is_empty()).then(|| Qos {
            name: name.into(),
            minutes: time_minutes(time),
            jobs: jobs.parse().ok(),
            of_job: limits(of_job),
            of_user: limits(of_user),
            goes_first: has("OverPartQOS"),
            ..Qos::default()
        })
    };
    answer.lines().filter_map(of).collect()
}

/// Counts this user's jobs under each of them whose number is limited.
///
/// # Errors
/// Slurm does not answer.
pub fn count(qos: &mut [Qos]) -> Result<(), SlurmError> {
    let mut limited: Vec<&mut Qos> = qos.iter_mut().filter(|qos| qos.jobs.is_some()).collect();
    if limited.is_empty() {
        return Ok(());
    }
    // Hidden partitions too; not jobs that are about to go.
    let jobs = ask("squeue", &["--me", "-a", "-h", "-r", "-t", "PD,R,CF,S", "-o", "%P|%q"], "")?;
    for qos in &mut limited {
        let is_under = |line: &&str| {
            line.split_once('|').is_some_and(|(partition, own)| {
                own == qos.name || partition.split(',').any(|one| qos.partitions.iter().any(|known| known == one))
            })
        };
        qos.queued = jobs.lines().filter(is_under).count() as u64;
    }
    Ok(())
}

/// What of `asked` is more than a job may have under these qualities of service, in words. Of several that limit one resource
/// the first counts.
pub fn exceeded(qos: &[Qos], asked: &Asked) -> Vec<String> {
    let mut exceeded = Vec::new();
    for (resource, (place, value)) in wanted(asked) {
        let unit = match resource.as_str() {
            "cpu" => "cores",
            "mem" => "MiB",
            gres => &format!("of {gres}"),
        };
        let number = |text: &String| if resource == "mem" { mebibytes(text) } else { text.parse().ok() };
        let first = |of: fn(&Qos) -> &BTreeMap<String, String>| {
            qos.iter().find_map(|qos| Some((number(of(qos).get(&resource)?)?, &qos.name)))
        };
        let least = [first(|qos| &qos.of_job), first(|qos| &qos.of_user)].into_iter().flatten().min();
        exceeded.extend(least.filter(|(most, _)| value > *most).map(|(most, name)| {
            format!("{place}: the QOS {name} allows {most} {unit} at the most, and {value} are asked for")
        }));
    }
    exceeded
}

/// How much of each of Slurm's resources is asked for, and where. Generic resources of a kind count as such of any kind too.
fn wanted(asked: &Asked) -> BTreeMap<String, (&str, u64)> {
    let mut wanted = BTreeMap::new();
    for (resource, wish) in [("cpu", &asked.cpus), ("mem", &asked.memory)] {
        wanted.extend(wish.iter().map(|Wish { place, value }| (resource.to_owned(), (place.as_str(), *value))));
    }
    for Wish { place, value } in &asked.gres {
        for entry in value.split(',') {
            let words: Vec<&str> = entry.split(':').collect();
            let count: Option<u64> = words.last().and_then(|word| word.parse().ok());
            let kind = &words[..words.len() - usize::from(count.is_some())];
            for n in 1..=kind.len() {
                let resource = format!("gres/{}", kind[..n].join(":"));
                wanted.entry(resource).or_insert((place.as_str(), 0)).1 += count.unwrap_or(1);
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_qos_and_what_is_empty_is_without_limit() {
        let qos = |name: &str, minutes, jobs| Qos { name: name.into(), minutes, jobs, ..Qos::default() };
        let answer = "normal|||||\nshort|04:00:00|20|||OverPartQOS\nlong|7-00:00:00||||\nhalf||||cpu=50|Relative\n\n|1|1|||\nx\n";
        let short = Qos { goes_first: true, ..qos("short", Some(240), Some(20)) };
        let wanted = [qos("normal", None, None), short, qos("long", Some(10_080), None), qos("half", None, None)];
        assert_eq!(all(answer), wanted);
        assert_eq!(all(""), []);
    }

    #[test]
    fn a_job_that_asks_for_more_than_its_qos_allows_is_told() {
        let qos =
            all("part|||gres/gpu=4,cpu=64||\nown|||cpu=16,mem=1.50G,gres/gpu=1|gres/gpu:h200=2,cpu=8|DenyOnLimit\n");
        let said = |text: &str| exceeded(&qos, &Asked::of(&toml::from_str(text).unwrap()));
        for fits in [
            "",
            "cpus = 8\nmemory = \"1536 MiB\"",
            "gres = \"gpu:4\"",
            "gres = \"gpu:h200:2,shard:9\"",
            "gres = \"gpu\"",
            "gres = \"none\"",
        ] {
            assert_eq!(said(fits), [""; 0], "{fits}");
        }
        for (text, wanted) in [
            ("cpus = 9", "slurm.cpus: the QOS own allows 8 cores at the most, and 9 are asked for"),
            ("memory = \"2 GiB\"", "slurm.memory: the QOS own allows 1536 MiB at the most, and 2048 are asked for"),
            ("gres = \"gpu:5\"", "slurm.gres: the QOS part allows 4 of gres/gpu at the most, and 5 are asked for"),
            (
                "options = [\"--gpus=h200:3\"]",
                "slurm.options, --gpus: the QOS own allows 2 of gres/gpu:h200 at the most, and 3 are asked for",
            ),
            (
                "gres = \"gpu:a100:3,gpu:h200:2\"",
                "slurm.gres: the QOS part allows 4 of gres/gpu at the most, and 5 are asked for",
            ),
        ] {
            assert_eq!(said(text), [wanted]);
        }
    }
}
