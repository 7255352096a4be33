//! Versioned, self-checking JSON: an object with a `schema`, `family/version`, and a `checksum` of everything else.

use super::RecordError;
use crate::files::sha256_hex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The key of the checksum, which covers every other key.
pub(super) const CHECKSUM: &str = "checksum";

/// What this program reads of a kind of record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// `schema` up to the version.
    pub family: &'static str,
    /// The newest version.
    pub version: u64,
}

/// `record`, which has a `schema`, as indented JSON with its checksum. Numbers are written so that they read back bit for
/// bit. `name` names it in an error.
///
/// # Errors
/// [`RecordError::NotReadBack`] where a number is infinite or not a number.
pub(super) fn seal<T: Serialize + DeserializeOwned>(record: &T, name: &str) -> Result<String, RecordError> {
    let mut object = match serde_json::to_value(record) {
        Ok(Value::Object(object)) => object,
        other => unreachable!("a record is a plain JSON object, not {other:?}"),
    };
    // serde_json turns what is not finite into null; reading back finds every such place.
    T::deserialize(&Value::Object(object.clone()))
        .map_err(|source| RecordError::NotReadBack { name: name.into(), source })?;
    let checksum = checksum(&object);
    object.insert(CHECKSUM.into(), Value::String(checksum));
    Ok(format!("{:#}\n", Value::Object(object)))
}

/// Reads what [`seal`] wrote, whatever the order of the keys and the form of the numbers.
///
/// # Errors
/// One variant of [`RecordError`] for each way in which a text cannot be trusted.
pub(super) fn open<T: DeserializeOwned>(text: &[u8], form: Form) -> Result<T, RecordError> {
    let Value::Object(mut object) = serde_json::from_slice(text).map_err(RecordError::NotJson)? else {
        return Err(RecordError::Foreign("the file does not hold a JSON object".into()));
    };
    check_schema(&object, form)?;
    let Some(Value::String(found)) = object.remove(CHECKSUM) else {
        return Err(RecordError::Foreign("there is no `checksum`".into()));
    };
    let computed = checksum(&object);
    if found != computed {
        return Err(RecordError::Checksum { found, computed });
    }
    serde_json::from_value(Value::Object(object)).map_err(RecordError::Malformed)
}

/// Refuses other forms and later versions.
fn check_schema(object: &Map<String, Value>, form: Form) -> Result<(), RecordError> {
    let found = match object.get("schema") {
        Some(Value::String(schema)) => schema,
        Some(other) => return Err(RecordError::Foreign(format!("`schema` is {other}, not a text"))),
        None => return Err(RecordError::Foreign("there is no `schema`".into())),
    };
    let newest = format!("{}{}", form.family, form.version);
    // A version that is no number of ours can only come later.
    match found.strip_prefix(form.family).map(|version| version.parse::<u64>().unwrap_or(u64::MAX)) {
        Some(version) if version == form.version => Ok(()),
        Some(version) if version > form.version => Err(RecordError::Newer { found: found.clone(), newest }),
        _ => Err(RecordError::Foreign(format!("`schema` is `{found}`, not `{newest}`"))),
    }
}

/// Over the compact JSON of the object with sorted keys.
pub(super) fn checksum(object: &Map<String, Value>) -> String {
    let sorted: BTreeMap<&String, &Value> = object.iter().collect();
    let canonical = serde_json::to_string(&sorted).expect("JSON values are plain data");
    format!("sha256:{}", sha256_hex(canonical.as_bytes()))
}
