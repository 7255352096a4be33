//! Programs that some tests need and a user does not.

use std::path::PathBuf;

/// The program `name` on the path. Where it is absent, says that the test is skipped; in CI, where `scripts/test-tools`
/// has installed it, fails instead.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is missing; scripts/test-tools installs it");
        eprintln!("skipped: {name} is not here; scripts/test-tools installs it on Debian");
    }
    found
}
