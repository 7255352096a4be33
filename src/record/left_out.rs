//! Pictures of its data set that a training went on without.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many are named in a remark.
const NAMED: usize = 3;

/// Which pictures a training went on without, since they could not be read or decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// How many.
    pub count: u64,
    /// Their paths, and what is wrong with each.
    pub pictures: BTreeMap<String, String>,
}

impl LeftOut {
    /// These; `None` where there are none.
    pub(super) fn of(pictures: BTreeMap<String, String>) -> Option<Self> {
        if pictures.is_empty() { None } else { Some(Self { count: pictures.len() as u64, pictures }) }
    }

    /// A remark for a reader: how many, and the first of them.
    pub fn remark(&self) -> String {
        let named = self.pictures.iter().take(NAMED).map(|(path, why)| format!("{path}: {why}"));
        let named = named.collect::<Vec<_>>().join("; ");
        let more = self.pictures.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more, in the record's `left_out`") } else { String::new() };
        let pictures = if self.count == 1 { "picture" } else { "pictures" };
        format!("{} {pictures} left out of training and scores: {named}{more}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(count: usize) -> BTreeMap<String, String> {
        (0..count).map(|n| (format!("{n}.JPEG"), "cut".into())).collect()
    }

    #[test]
    fn a_remark_names_the_first_and_counts_all() {
        assert_eq!(LeftOut::of(pictures(0)), None);
        let remark = |count| LeftOut::of(pictures(count)).unwrap().remark();
        assert_eq!(remark(1), "1 picture left out of training and scores: 0.JPEG: cut");
        assert!(remark(3).ends_with("; 2.JPEG: cut"), "{}", remark(3));
        let many = remark(5);
        assert!(
            many.starts_with("5 pictures left out")
                && many.ends_with("; 2.JPEG: cut; and 2 more, in the record's `left_out`"),
            "{many}"
        );
    }
}
