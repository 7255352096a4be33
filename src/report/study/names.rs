//! The study's names for things.

use crate::scenario::{Architecture, Dataset};

/// The name of a network as the study prints it; elsewhere networks have [`Architecture::title`].
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

/// Which of the networks the study calls otherwise than everything else here does; nothing where none is.
pub(in crate::report) fn other_names(networks: &[Architecture]) -> Option<String> {
    let others = networks.iter().filter(|a| study_name(**a) != a.title());
    let pairs: Vec<String> = others.map(|a| format!("{} is {}", study_name(*a), a.title())).collect();
    (!pairs.is_empty()).then(|| pairs.join(" and "))
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
    fn names_that_differ_from_the_study_s_are_told() {
        let names = other_names(&Architecture::ALL).unwrap();
        assert_eq!(names, "ResNext-29 is ResNeXt-29 and PNASNet-18 is PNASNet-A");
        assert_eq!(other_names(&[Architecture::Vgg16]), None);
    }

    #[test]
    fn a_file_name_holds_nothing_foreign() {
        assert_eq!(slug(&Dataset::Folder("Bö../x y".into())), "folder-b----x-y");
        assert_eq!(slug(&Dataset::Cifar10), "cifar10");
    }
}
