//! The two recipes of images make the same image.

use std::collections::BTreeSet;

#[test]
fn both_recipes_have_the_same_bases_and_the_oldest_rust_that_will_do() {
    let oci = include_str!("../../containers/Containerfile");
    let arguments: Vec<_> = oci.lines().filter_map(|line| line.strip_prefix("ARG ")?.split_once('=')).collect();
    let filled = |image: &str| {
        arguments.iter().fold(image.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    };
    let images = |text: &str, word: &str| -> BTreeSet<String> {
        text.lines().filter_map(|line| line.strip_prefix(word)?.split_whitespace().next()).map(filled).collect()
    };
    let bases = images(oci, "FROM ");
    assert_eq!(bases, images(include_str!("../../containers/ndbench.def"), "From: "));
    let rust = concat!("rust:", env!("CARGO_PKG_RUST_VERSION"), ".");
    assert!(bases.len() == 2 && bases.iter().any(|image| image.contains(rust)), "{bases:?}, {rust}");
}
