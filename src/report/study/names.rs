//! The study's names for things.

use crate::scenario::{Architecture, Dataset};

/// The name of a network as the study prints it.
pub(in crate::report) fn study_name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Resnext29 => "ResNext-29",
        Architecture::PnasnetA => "PNASNet-18",
        other => other.title(),
    }
}

/// `1, 20 and 100 epochs`.
pub(in crate::report) fn lengths(epochs: &[u32]) -> String {
    match epochs {
        [] => "no epochs".into(),
        [one] => super::super::words::length(*one),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(u32::to_string).collect();
            format!("{} and {last} epochs", first.join(", "))
        }
    }
}

/// A data set in a file name: letters, digits and hyphens only.
pub(in crate::report) fn slug(dataset: &Dataset) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    dataset.to_string().chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_a_list() {
        assert_eq!(lengths(&[1, 20, 100]), "1, 20 and 100 epochs");
        assert_eq!((lengths(&[1]), lengths(&[])), ("1 epoch".into(), "no epochs".into()));
    }

    #[test]
    fn a_file_name_holds_nothing_foreign() {
        assert_eq!(slug(&Dataset::Folder("Bö../x y".into())), "folder-b----x-y");
        assert_eq!(slug(&Dataset::Cifar10), "cifar10");
    }
}
