//! The program of another git revision, built once and kept.

use crate::files::cache_folder;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A revision whose program cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// It is neither.
    #[error(
        "{name} is neither a program nor a git revision of {}; run this in a checkout of ndbench, or name a program",
        repository.display()
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where git looked.
        repository: PathBuf,
    },
    /// Nobody knows where to keep it.
    #[error("there is no folder for programs of revisions: set NDBENCH_CACHE, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// A step of the build failed; what it said is above.
    #[error("{command} failed with {code}; what it said is above")]
    Build {
        /// The step.
        command: String,
        /// How it ended.
        code: String,
    },
    /// A file or a program is not to be had.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The program of a revision of the repository around the current folder: the one kept from before, else `make build` in a
/// checkout of its own, which takes minutes and is removed afterwards. Builds of all revisions share one target folder.
///
/// # Errors
/// [`RevisionError`]; what git and make say goes to stderr.
pub fn program_of(revision: &str) -> Result<PathBuf, RevisionError> {
    let cache = cache_folder().ok_or(RevisionError::NoCache)?;
    Repository { folder: Path::new("."), cache: &cache }.program_of(revision)
}

/// Where revisions are, and where their programs are kept.
struct Repository<'a> {
    folder: &'a Path,
    cache: &'a Path,
}

impl Repository<'_> {
    fn program_of(&self, revision: &str) -> Result<PathBuf, RevisionError> {
        let commit = self.commit(revision)?;
        let folder = self.cache.join("revisions");
        let (kept, work) = (folder.join(&commit).join("ndbench"), folder.join(&commit).join("checkout"));
        fs::create_dir_all(folder.join(&commit)).map_err(io_error("make", &folder))?;
        // One build at a time: they share the target folder.
        let lock = folder.join("lock");
        let locked = File::create(&lock).and_then(|lock| lock.lock().map(|()| lock));
        let _locked = locked.map_err(io_error("lock", &lock))?;
        if !kept.is_file() {
            if work.exists() {
                // A killed build has left it.
                fs::remove_dir_all(&work).map_err(io_error("remove", &work))?;
            }
            let built = self.build(&commit, &work);
            // Also what git remembers of it.
            let removed = run(self.git(["worktree", "remove", "--force"]).arg(&work));
            fs::rename(built?, &kept).map_err(io_error("keep", &kept))?;
            removed?;
        }
        Ok(kept)
    }

    /// Builds `commit` in a checkout of its own, `work`.
    fn build(&self, commit: &str, work: &Path) -> Result<PathBuf, RevisionError> {
        run(self.git(["worktree", "add", "--quiet", "--force", "--detach"]).arg(work).arg(commit))?;
        let target = self.cache.join("revisions/target");
        let mut make = Command::new("make");
        make.arg("--no-print-directory").arg("-C").arg(work).arg("build").env("CARGO_TARGET_DIR", &target);
        run(&mut make)?;
        Ok(target.join("release/ndbench"))
    }

    fn commit(&self, revision: &str) -> Result<String, RevisionError> {
        let asked = self
            .git(["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .arg(format!("{revision}^{{commit}}"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let said = asked.ok().filter(|said| said.status.success()).and_then(|said| String::from_utf8(said.stdout).ok());
        let unknown = || RevisionError::Unknown { name: revision.into(), repository: self.folder.into() };
        said.map(|said| said.trim().to_owned()).ok_or_else(unknown)
    }

    fn git<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.folder).args(arguments);
        git
    }
}

/// Runs a step to its end, its words on stderr.
fn run(command: &mut Command) -> Result<(), RevisionError> {
    let name = command.get_program().to_owned();
    let start = io_error("start", Path::new(&name));
    let status = command.stdin(Stdio::null()).stdout(io::stderr()).status().map_err(start)?;
    if status.success() {
        return Ok(());
    }
    let words = std::iter::once(name.as_os_str()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    Err(RevisionError::Build { command: words.join(" "), code: status.to_string() })
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RevisionError {
    move |source| RevisionError::Io { action, path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository whose programs say which commit they are; without `build`, a Makefile that fails.
    fn repository(folder: &Path, versions: &[&str]) {
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"];
            let done = Command::new("git").arg("-C").arg(folder).args(identity).args(arguments).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        git(&["init", "--quiet"]);
        for version in versions {
            let recipe = match *version {
                "broken" => "false".to_owned(),
                version => format!(
                    "mkdir -p $(CARGO_TARGET_DIR)/release; echo {version} > $(CARGO_TARGET_DIR)/release/ndbench; echo built >> ../../../builds"
                ),
            };
            fs::write(folder.join("Makefile"), format!("build:\n\t{recipe}\n")).unwrap();
            git(&["add", "."]);
            git(&["commit", "--quiet", "-m", version]);
        }
    }

    #[test]
    fn a_revision_is_built_once_and_leaves_no_checkout() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, cache) = (dir.path().join("repository"), dir.path().join("cache"));
        fs::create_dir_all(&folder).unwrap();
        repository(&folder, &["one", "two", "broken"]);
        let repository = Repository { folder: &folder, cache: &cache };
        for (revision, version) in [("HEAD~1", "two"), ("HEAD~2", "one"), ("main~1", "two")] {
            let program = repository.program_of(revision).unwrap();
            assert_eq!(fs::read_to_string(&program).unwrap(), format!("{version}\n"));
            assert_eq!(fs::read_dir(program.parent().unwrap()).unwrap().count(), 1, "the checkout is gone");
        }
        assert_eq!(fs::read_to_string(cache.join("builds")).unwrap().lines().count(), 2, "each once");
        let failed = repository.program_of("HEAD").unwrap_err().to_string();
        assert!(failed.starts_with("make ") && failed.contains("exit status: 2"), "{failed}");
        let unknown = repository.program_of("--nosuch").unwrap_err().to_string();
        assert!(unknown.starts_with("--nosuch is neither a program nor a git revision"), "{unknown}");
        let worktrees = Command::new("git").arg("-C").arg(&folder).args(["worktree", "list"]).output().unwrap();
        assert_eq!(String::from_utf8(worktrees.stdout).unwrap().lines().count(), 1);
    }
}
