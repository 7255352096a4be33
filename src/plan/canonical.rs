//! JSON in one form: compact, the members of every object in the order of their keys.

use serde::Serialize;

/// The canonical JSON of plain data whose keys are names of fields. It is the text of a tree of JSON values with sorted
/// keys, made without the tree.
pub(super) fn canonical(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("plain data with text keys");
    let mut sorted = String::with_capacity(text.len());
    sort(&text, &mut sorted);
    sorted
}

/// Appends a compact JSON value to `sorted`, the members of its objects in order.
fn sort(value: &str, sorted: &mut String) {
    let (Some(open @ (b'{' | b'[')), false) = (value.bytes().next(), value.len() == 2) else {
        return sorted.push_str(value);
    };
    let mut parts = parts(&value[1..value.len() - 1]);
    if open == b'{' {
        // By the keys, which differ: the quotation mark that ends a key comes before every letter.
        parts.sort_unstable();
    }
    for (i, part) in parts.into_iter().enumerate() {
        sorted.push(if i == 0 { char::from(open) } else { ',' });
        match part.split_once("\":") {
            Some((key, value)) if open == b'{' => {
                sorted.push_str(key);
                sorted.push_str("\":");
                sort(value, sorted);
            }
            _ => sort(part, sorted),
        }
    }
    sorted.push(if open == b'{' { '}' } else { ']' });
}

/// The parts between the commas that are in no text, list or object.
fn parts(inside: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut in_text, mut escaped) = (Vec::with_capacity(12), 0, 0_u32, false, false);
    for (i, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inside[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// What is in a value, with the keys as they come.
    #[derive(Serialize)]
    struct Unsorted {
        name: String,
        block_fc: i64,
        block: f64,
        empty: Value,
        nested: Vec<Value>,
        a: Option<u64>,
    }

    proptest! {
        #[test]
        fn it_is_the_text_of_a_sorted_tree(name in any::<String>(), block in any::<f64>(), a in any::<Option<u64>>()) {
            let nested = vec![json!({"z": [1, {"y": {}}], "b": [name]}), json!([]), json!("}],{")];
            let value = Unsorted { name, block_fc: -1, block, empty: json!({}), nested, a };
            prop_assert_eq!(canonical(&value), serde_json::to_value(&value).unwrap().to_string());
        }
    }
}
