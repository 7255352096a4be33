//! A line of an index: one picture, and what a check of it found.

use super::decode::Kind;
use super::layout::Split;

/// Where the bytes of a picture lie in a packed cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) shard: u32,
    pub(super) offset: u64,
    /// Of the packed picture, which may be another one than that of the file.
    pub(super) bytes: u32,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) split: Split,
    pub(super) class: u16,
    pub(super) kind: Kind,
    pub(super) width: u16,
    pub(super) height: u16,
    /// Of the file.
    pub(super) bytes: u32,
    /// 16 hexadecimal digits of the SHA-256 of what is trained on: of the file, or of the packed picture.
    pub(super) sha256: String,
    pub(super) packed: Option<Packed>,
    /// From the root.
    pub(super) path: String,
}

impl Row {
    /// The line, without its end: columns between tabs.
    pub(super) fn line(&self, classes: &[String]) -> String {
        let packed = self.packed.map_or("-\t-\t-".into(), |p| format!("{}\t{}\t{}", p.shard, p.offset, p.bytes));
        let Self { split, class, kind, width, height, bytes, sha256, path, .. } = self;
        let (split, class, kind) = (split.name(), &classes[usize::from(*class)], kind.name());
        format!("{split}\t{class}\t{kind}\t{width}\t{height}\t{bytes}\t{sha256}\t{packed}\t{path}")
    }

    /// What [`Self::line`] wrote; `None` where it is anything else.
    pub(super) fn parse(line: &str, classes: &[String]) -> Option<Self> {
        let mut columns = line.split('\t');
        let mut next = || columns.next();
        let split = next()?;
        let class = next()?;
        let kind = next()?;
        let row = Self {
            split: Split::ALL.into_iter().find(|s| s.name() == split)?,
            class: classes.binary_search_by(|name| name.as_str().cmp(class)).ok()? as u16,
            kind: Kind::ALL.into_iter().find(|k| k.name() == kind)?,
            width: next()?.parse().ok()?,
            height: next()?.parse().ok()?,
            bytes: next()?.parse().ok()?,
            sha256: next().filter(|digits| digits.len() == 16)?.into(),
            packed: match (next()?, next()?, next()?) {
                ("-", "-", "-") => None,
                (shard, offset, bytes) => Some(Packed {
                    shard: shard.parse().ok()?,
                    offset: offset.parse().ok()?,
                    bytes: bytes.parse().ok()?,
                }),
            },
            path: next()?.into(),
        };
        columns.next().is_none().then_some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_and_no_part_of_it_is() {
        let classes = ["n01440764", "n02110185"].map(String::from);
        let row = Row {
            split: Split::Val,
            class: 1,
            kind: Kind::Grey,
            width: 500,
            height: 375,
            bytes: 123,
            sha256: "0123456789abcdef".into(),
            packed: None,
            path: "val/it's one.JPEG".into(),
        };
        let packed = Row { packed: Some(Packed { shard: 2, offset: 1 << 40, bytes: 7 }), ..row.clone() };
        for row in [row, packed] {
            let line = row.line(&classes);
            assert_eq!(Row::parse(&line, &classes), Some(row.clone()));
            let last = line.rfind('\t').unwrap();
            assert!((0..=last).all(|end| Row::parse(&line[..end], &classes).is_none()), "{line}");
            assert_eq!(Row::parse(&line, &classes[..1]), None);
        }
    }
}
