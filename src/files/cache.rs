//! The user's cache.

use std::path::PathBuf;

/// The folder of what can be made anew: `NDBENCH_CACHE`, else `ndbench` in `XDG_CACHE_HOME`, else in `.cache` of the home
/// folder; absent where none of them is known.
pub fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let users = || absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    absolute("NDBENCH_CACHE").or_else(|| users().map(|folder| folder.join("ndbench")))
}
