//! The IDX format of MNIST and Fashion-MNIST, gzipped or not.
//!
//! Four bytes `00 00 type dimensions`, one big-endian u32 a dimension, then the elements. Only type 08 (unsigned byte)
//! is accepted, and nothing may follow the promised elements.

use super::bytes::{Stream, open_regular};
use super::error::{At, DataError};
use super::split::{IMAGE_BYTES, Part, Raw, SIDE, Split};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Height and width of the images in the files; they are padded with zeros to 32.
const FILE_SIDE: usize = 28;
/// Elements of the largest file accepted; MNIST's has 47,040,000.
const MAX_ELEMENTS: u64 = 64 << 20;

/// The files of the two splits, without `.gz`: images, labels.
pub(super) const TRAIN: [&str; 2] = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
pub(super) const TEST: [&str; 2] = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// The file of this name in `folder`, or the same with `.gz`.
pub(super) fn file(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.exists())
}

/// Both splits from the four files in `folder`.
pub(super) fn read_folder(folder: &Path, classes: usize) -> Result<Raw, DataError> {
    let split = |names: [&str; 2]| {
        let [images, labels] = names.map(|name| file(folder, name).unwrap_or_else(|| folder.join(name)));
        let opened = [open_regular(&images)?, open_regular(&labels)?];
        let [(images_file, images_size), (labels_file, labels_size)] = opened;
        read_split(
            Source { reader: images_file, size: Some(images_size), name: &images.display().to_string() },
            Source { reader: labels_file, size: Some(labels_size), name: &labels.display().to_string() },
            classes,
        )
    };
    Ok(Raw { train: split(TRAIN)?, test: split(TEST)?, ..Raw::default() })
}

/// Bytes with their name and, where it is known, their number.
pub(super) struct Source<'a, R> {
    pub(super) reader: R,
    pub(super) size: Option<u64>,
    pub(super) name: &'a str,
}

/// Images and labels of one split, padded to 32x32 and repeated to three channels.
pub(super) fn read_split<R: Read>(
    images: Source<'_, R>,
    labels: Source<'_, R>,
    classes: usize,
) -> Result<Split, DataError> {
    let (images_name, labels_name) = (images.name, labels.name);
    let (shape, grey) = read::<3, _>(images)?;
    if shape[1..] != [FILE_SIDE as u32; 2] {
        let rule = format!("images of {}x{}, 28x28 expected", shape[1], shape[2]);
        return Err(DataError::format(images_name, At::Byte(8), rule));
    }
    let (_, labels) = read::<1, _>(labels)?;
    let count = grey.len() / (FILE_SIDE * FILE_SIDE);
    if labels.len() != count {
        let rule = format!("{} labels, but {images_name} holds {count} images", labels.len());
        return Err(DataError::format(labels_name, At::File, rule));
    }
    if let Some(record) = labels.iter().position(|label| usize::from(*label) >= classes) {
        let rule = format!("label {}, labels are 0 to {}", labels[record], classes - 1);
        return Err(DataError::format(labels_name, At::Record(record as u64), rule));
    }
    let file = Path::new(images_name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Split {
        pixels: padded(&grey),
        labels: labels.into_iter().map(i64::from).collect(),
        parts: vec![Part { file, images: Some(count) }],
    })
}

/// Each 28x28 grey image in the middle of a black 32x32 one, three times.
fn padded(grey: &[u8]) -> Vec<u8> {
    const BORDER: usize = (SIDE - FILE_SIDE) / 2;
    let images = grey.chunks_exact(FILE_SIDE * FILE_SIDE);
    let mut pixels = Vec::with_capacity(images.len() * IMAGE_BYTES);
    for image in images {
        let mut plane = [0; SIDE * SIDE];
        for (row, line) in image.chunks_exact(FILE_SIDE).enumerate() {
            let start = (row + BORDER) * SIDE + BORDER;
            plane[start..start + FILE_SIDE].copy_from_slice(line);
        }
        (0..3).for_each(|_| pixels.extend_from_slice(&plane));
    }
    pixels
}

/// The dimensions and the elements of an IDX file of unsigned bytes with `D` dimensions.
///
/// Memory grows with what the file holds, never with what its header promises; at most one byte more than promised is
/// unpacked.
pub(super) fn read<const D: usize, R: Read>(source: Source<'_, R>) -> Result<([u32; D], Vec<u8>), DataError> {
    let Source { reader, size, name } = source;
    let mut stream = Stream::new(reader).map_err(|e| DataError::reading(name, 0, e))?;
    let known_size = size.filter(|_| !stream.is_gzip());
    let shape = header::<D>(&mut stream, name)?;
    let start = 4 + 4 * D as u64;
    let promised = shape.iter().try_fold(1u64, |product, n| product.checked_mul(u64::from(*n)));
    let Some(promised) = promised.filter(|n| *n <= MAX_ELEMENTS) else {
        let rule = format!("promises {shape:?} elements, at most {MAX_ELEMENTS} are accepted (wrong byte order?)");
        return Err(DataError::format(name, At::Byte(4), rule));
    };
    let expected = |found: String| {
        let rule = format!("the header promises {} bytes in all, {found}", start + promised);
        DataError::format(name, At::Byte(start + promised), rule)
    };
    if let Some(size) = known_size.filter(|size| *size != start + promised) {
        return Err(expected(format!("the file has {size}")));
    }
    let mut elements = Vec::new();
    let read = (&mut stream).take(promised + 1).read_to_end(&mut elements);
    read.map_err(|e| DataError::reading(name, start + elements.len() as u64, e))?;
    match elements.len() as u64 {
        n if n > promised => Err(expected("but more follow".into())),
        n if n < promised => Err(expected(format!("but they end after {}", start + n))),
        _ => Ok((shape, elements)),
    }
}

fn header<const D: usize>(stream: &mut impl Read, name: &str) -> Result<[u32; D], DataError> {
    let cut = |e: io::Error| match e.kind() {
        io::ErrorKind::UnexpectedEof => DataError::format(name, At::Byte(0), "ends within the header"),
        _ => DataError::reading(name, 0, e),
    };
    let mut magic = [0; 4];
    stream.read_exact(&mut magic).map_err(cut)?;
    let wrong = |at, rule: String| Err(DataError::format(name, At::Byte(at), rule));
    match magic {
        [0, 0, 8, dimensions] if usize::from(dimensions) == D => {}
        [0, 0, 8, dimensions] => return wrong(3, format!("{dimensions} dimensions where {D} are expected")),
        [0, 0, kind, _] if kind != 0 => {
            return wrong(2, format!("type 0x{kind:02X} is not supported; only 0x08, unsigned byte"));
        }
        _ => return wrong(0, format!("starts with {magic:02X?} where IDX has [00, 00, 08, {D:02X}]")),
    }
    let mut shape = [0; D];
    for dimension in &mut shape {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).map_err(cut)?;
        *dimension = u32::from_be_bytes(bytes);
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<([u32; 3], Vec<u8>), DataError> {
        read::<3, _>(Source { reader: bytes, size: None, name: "f" })
    }

    #[test]
    fn images_are_centred_and_repeated() {
        let mut grey = vec![0; 784];
        grey[0] = 9;
        let pixels = padded(&grey);
        assert_eq!(pixels.len(), IMAGE_BYTES);
        let lit: Vec<usize> = (0..pixels.len()).filter(|i| pixels[*i] == 9).collect();
        assert_eq!(lit, [66, 1024 + 66, 2048 + 66]);
    }

    /// Counts what is taken from the packed bytes.
    struct Counting<'a>(&'a [u8], &'a std::cell::Cell<usize>);

    impl Read for Counting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.read(buffer)?;
            self.1.set(self.1.get() + n);
            Ok(n)
        }
    }

    #[test]
    fn a_compressed_bomb_is_not_unpacked() {
        let bomb = include_bytes!("../../tests/fixtures/bad-inputs/gzip-bomb-idx-header.gz");
        let taken = std::cell::Cell::new(0);
        let reader = Counting(bomb, &taken);
        assert!(read::<3, _>(Source { reader, size: None, name: "f" }).is_err());
        // One read buffer of the 199 KB that hold 200 MB.
        assert!(taken.get() <= 1 << 16, "{}", taken.get());
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_cut_or_longer_file_is_refused(n in 0usize..17) {
            let whole = [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat();
            prop_assert_eq!(parse(&whole).unwrap(), ([1, 2, 2], vec![1, 2, 3, 4]));
            prop_assert!(parse(&whole[..whole.len() - 1 - n]).is_err());
            prop_assert!(parse(&[&whole[..], &vec![0; n + 1]].concat()).is_err());
        }
    }
}
