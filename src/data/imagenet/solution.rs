//! `LOC_val_solution.csv`: the classes of the pictures for validation.

use crate::data::DataError;
use crate::data::error::At;
use std::path::Path;

/// Names of pictures, without their extension, and their classes. A row is `name,class x0 y0 x1 y1`, with five words for
/// each object in the picture; all of them are of one class, and the first word names it.
///
/// # Errors
/// Unreadable, no such header, a row without a class.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, DataError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| DataError::Io { file: name.clone(), source })?;
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    if lines.next().map(str::trim) != Some("ImageId,PredictionString") {
        return Err(DataError::format(&name, At::File, "does not begin with `ImageId,PredictionString`"));
    }
    let rows = lines.enumerate().filter(|(_, line)| !line.trim().is_empty());
    rows.map(|(row, line)| {
        let parts = line.split_once(',').and_then(|(image, objects)| Some((image, objects.split_whitespace().next()?)));
        let (image, class) =
            parts.ok_or_else(|| DataError::format(&name, At::Record(row as u64), "is not `name,class x0 y0 x1 y1`"))?;
        Ok((image.trim().to_string(), class.to_string()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(String, String)>, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOC_val_solution.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn the_first_word_is_the_class() {
        let text = "ImageId,PredictionString\r\na,n01440764 0 0 94 94 \r\nb,n02110185 1 2 3 4 n02110185 5 6 7 8 \n\n";
        let owned = |(a, b): (&str, &str)| (a.to_string(), b.to_string());
        assert_eq!(parse(text).unwrap(), [("a", "n01440764"), ("b", "n02110185")].map(owned));
    }

    #[test]
    fn other_tables_are_refused() {
        for (text, said) in
            [("", "begin"), ("id,class\n", "begin"), ("ImageId,PredictionString\na,n1\nb\n", "record 1")]
        {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
