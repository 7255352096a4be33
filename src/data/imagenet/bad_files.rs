//! Pictures that could not be read or decoded while they were needed.

use std::collections::BTreeMap;
use std::fmt;

/// The pictures that a training went on without, up to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFiles {
    limit: usize,
    /// Paths, and why.
    found: BTreeMap<String, String>,
    /// Paths of those that nobody has asked for yet.
    news: Vec<String>,
}

/// More pictures are bad than a training may go on without.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TooManyBad(pub BadFiles);

impl BadFiles {
    /// So many different pictures may be bad.
    pub fn up_to(limit: usize) -> Self {
        Self { limit, found: BTreeMap::new(), news: Vec::new() }
    }

    /// These were met before a training was interrupted.
    pub fn met_before(&mut self, found: BTreeMap<String, String>) {
        self.news.extend(found.keys().cloned());
        self.found.extend(found);
    }

    /// Takes note of a bad picture; the same one counts once, however often it is met.
    ///
    /// # Errors
    /// All of them, where they are more than the limit.
    pub fn add(&mut self, path: &str, why: &str) -> Result<(), TooManyBad> {
        if !self.found.contains_key(path) {
            self.news.push(path.into());
            self.found.insert(path.into(), why.into());
        }
        if self.found.len() > self.limit { Err(TooManyBad(self.clone())) } else { Ok(()) }
    }

    /// Paths, and why, of those that were met since this was last asked.
    pub fn take_news(&mut self) -> Vec<(String, String)> {
        let news = std::mem::take(&mut self.news);
        news.into_iter().map(|path| (path.clone(), self.found[&path].clone())).collect()
    }

    /// Paths, and why.
    pub fn list(&self) -> &BTreeMap<String, String> {
        &self.found
    }
}

/// All of them, and what to do, in one line.
impl fmt::Display for BadFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, found, .. } = self;
        write!(f, "{} pictures cannot be used, {limit} may be left out: ", found.len())?;
        found.iter().try_for_each(|(path, why)| write!(f, "{path}: {why}; "))?;
        write!(f, "replace them and run `ndbench data prepare imagenet DIR --again`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_pictures_and_not_meetings() {
        let mut bad = BadFiles::up_to(1);
        bad.add("a", "cut").unwrap();
        bad.add("a", "cut").unwrap();
        let said = bad.add("b", "empty").unwrap_err().to_string();
        assert!(said.contains("2 pictures") && said.contains("a: cut") && said.contains("b: empty"), "{said}");
        assert!(BadFiles::up_to(0).add("a", "cut").is_err());
    }

    #[test]
    fn each_is_news_once() {
        let owned = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(path, why)| (path.to_string(), why.to_string())).collect()
        };
        let mut bad = BadFiles::up_to(9);
        bad.met_before(owned(&[("b", "cut")]).into_iter().collect());
        bad.add("b", "cut").unwrap();
        bad.add("a", "empty").unwrap();
        assert_eq!(bad.take_news(), owned(&[("b", "cut"), ("a", "empty")]));
        bad.add("a", "empty").unwrap();
        assert_eq!(bad.take_news(), []);
    }
}
