//! Reading the study's prose: statements and remarks.

use super::read::{PublishedError, each};
use super::{Claim, ClaimKey, Remark};
use crate::scenario::{Architecture, Norm};
use serde::Deserialize;

/// The statements: file name and what the program carries.
pub(super) const CLAIMS: (&str, &str) = ("claims.csv", include_str!("../../scenarios/published/claims.csv"));
/// The remarks: file name and what the program carries.
pub(super) const REMARKS: (&str, &str) = ("remarks.csv", include_str!("../../scenarios/published/remarks.csv"));

#[derive(Deserialize)]
struct ClaimRow {
    key: ClaimKey,
    value: String,
    unit: String,
    place: String,
}

/// The statements of `claims.csv`, each key once.
pub(super) fn claims(text: &str) -> Result<Vec<Claim>, PublishedError> {
    let mut found: Vec<Claim> = Vec::new();
    each::<ClaimRow>(CLAIMS.0, text, |row| {
        let ClaimRow { key, value: printed, unit, place } = row;
        let value = printed.parse().ok().filter(|v: &f64| v.is_finite());
        let value = value.ok_or_else(|| format!("`{printed}` is no finite number"))?;
        if found.iter().any(|c| c.key == key) {
            return Err("this key comes twice".into());
        }
        let decimals = printed.split_once('.').map_or(0, |(_, digits)| digits.len());
        found.push(Claim { key, value, decimals, unit, place });
        Ok(())
    })?;
    Ok(found)
}

#[derive(Deserialize)]
struct RemarkRow {
    key: String,
    architecture: Option<Architecture>,
    norm: Option<Norm>,
    deconvolutions: Option<usize>,
    batch_norms: Option<usize>,
    stem_side: Option<i64>,
    text: String,
    source: String,
}

/// The remarks of `remarks.csv`, each key once.
pub(super) fn remarks(text: &str) -> Result<Vec<Remark>, PublishedError> {
    let mut found: Vec<Remark> = Vec::new();
    each::<RemarkRow>(REMARKS.0, text, |row| {
        if found.iter().any(|r| r.key == row.key) {
            return Err("this key comes twice".into());
        }
        let RemarkRow { key, architecture, norm, deconvolutions, batch_norms, stem_side, text, source } = row;
        found.push(Remark { key, architecture, norm, deconvolutions, batch_norms, stem_side, text, source });
        Ok(())
    })?;
    Ok(found)
}
