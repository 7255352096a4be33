//! Amounts of memory as people write them.

use crate::units::Bytes;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::str::FromStr;

/// An amount of memory that a file states as `"16 GiB"`, `"16 GB"` or a whole number of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount(pub Bytes);

/// A text that is no amount of memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount of memory; write a number and one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB")]
pub struct BadAmount(pub String);

impl FromStr for Amount {
    type Err = BadAmount;
    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let bad = || BadAmount(text.into());
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, unit) = text.split_at(digits);
        let factor: f64 = match unit.trim_start() {
            "B" => 1.0,
            "kB" | "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "TB" => 1e12,
            "KiB" => 1024.0,
            "MiB" => 1_048_576.0,
            "GiB" => 1_073_741_824.0,
            "TiB" => 1_099_511_627_776.0,
            _ => return Err(bad()),
        };
        let bytes = number.parse::<f64>().map_err(|_| bad())? * factor;
        // Above 2^53 a float no longer counts single bytes; no machine has 8 PiB.
        if bytes <= 9e15 { Ok(Self(Bytes(bytes.round() as u64))) } else { Err(bad()) }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of memory such as \"16 GiB\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Amount, E> {
                Ok(Amount(Bytes(bytes)))
            }
            fn visit_i64<E: Error>(self, bytes: i64) -> Result<Amount, E> {
                u64::try_from(bytes).map(|b| Amount(Bytes(b))).map_err(|_| E::custom("memory cannot be negative"))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_units_differ() {
        let bytes = |text: &str| text.parse::<Amount>().map(|a| a.0.0);
        assert_eq!(bytes("16 GB"), Ok(16_000_000_000));
        assert_eq!(bytes("16GiB"), Ok(16 << 30));
        assert_eq!(bytes(" 1.5 MiB "), Ok(3 << 19));
        assert_eq!(bytes("7 B"), Ok(7));
        for bad in ["", "16", "GB", "16 gb", "-1 GB", "1..5 GB", "1e3 GB", "99999999999 TB", "16 GB extra"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
