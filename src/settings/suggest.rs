//! "Did you mean": the known name nearest to a misspelt one.

/// ` (did you mean `lr`?)` when one of `known` is near to `name`, else nothing. Near: at most one edit (letters
/// exchanged, left out, added or swapped) in three letters.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Of a text much longer than any name the nearest name is of no use, and the search would be slow.
    if name.len() > 64 {
        return String::new();
    }
    let limit = name.chars().count().div_ceil(3);
    known
        .into_iter()
        .map(|k| (strsim::osa_distance(&name.to_lowercase(), k), k))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map_or(String::new(), |(_, k)| format!(" (did you mean `{k}`?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["batch_size", "lr", "momentum"];
        assert_eq!(did_you_mean("batchsize", known), " (did you mean `batch_size`?)");
        assert_eq!(did_you_mean("LR", known), " (did you mean `lr`?)");
        assert_eq!(did_you_mean("momnetum", known), " (did you mean `momentum`?)");
        assert_eq!(did_you_mean("optimiser", known), "");
        assert_eq!(did_you_mean(&"x".repeat(100_000), known), "");
    }
}
