//! What was committed between two points of a history.

use std::path::Path;
use std::process::{Command, Stdio};

/// The commits after one and up to another, the newest first, a line each: abbreviated name and subject. None where git does not
/// know both of them, such as outside their repository.
///
/// Both are as probes record them: hexadecimal digits, with `-dirty` behind them where sources differed.
pub fn commits_between(folder: &Path, after: &str, until: &str) -> Vec<String> {
    let [Some(after), Some(until)] = [after, until].map(name) else { return Vec::new() };
    let range = format!("{after}..{until}");
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["log", "--no-show-signature", "--format=%h %s", &range, "--"]);
    let said = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok().filter(|said| said.status.success());
    let lines = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default();
    lines.lines().map(str::to_owned).collect()
}

/// A commit without what a build adds to it; none where it is no commit.
fn name(recorded: &str) -> Option<&str> {
    let digits = recorded.strip_suffix("-dirty").unwrap_or(recorded);
    (digits.len() >= 7 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_those_of_the_repository_around() {
        let dir = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"];
            let done = Command::new("git").arg("-C").arg(dir.path()).args(identity).args(arguments).output().unwrap();
            assert!(done.status.success(), "{done:?}");
            String::from_utf8(done.stdout).unwrap().trim().to_owned()
        };
        git(&["init", "--quiet"]);
        let commits = ["first", "second", "third"].map(|subject| {
            git(&["commit", "--quiet", "--allow-empty", "-m", subject]);
            git(&["rev-parse", "--short=12", "HEAD"])
        });
        let subjects = |after: &str, until: &str| {
            let found = commits_between(dir.path(), after, until);
            found.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(subjects(&commits[0], &commits[2]), ["third", "second"]);
        assert_eq!(subjects(&commits[1], &format!("{}-dirty", commits[2])), ["third"]);
        for (after, until) in [("unknown", &*commits[2]), ("0123456789ab", &commits[2]), ("--output=x", &commits[2])] {
            assert!(subjects(after, until).is_empty(), "{after}");
        }
        assert!(commits_between(Path::new("/"), &commits[0], &commits[2]).is_empty());
    }
}
