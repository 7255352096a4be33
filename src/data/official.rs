//! Where the official files come from, and what they must be.

use crate::scenario::Dataset;

/// A file that its publisher offers for download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Where it comes from.
    pub url: String,
    /// Where it goes, relative to the data folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Size and SHA-256 of a file, by its name within the data set.
type Known = (&'static str, u64, &'static str);

const CIFAR_URL: &str = "https://www.cs.toronto.edu/~kriz/";
/// Sizes and SHA-256 as TensorFlow Datasets states them; the MD5 on the CIFAR page agree.
const CIFAR10_ARCHIVE: [Known; 1] =
    [("cifar-10-binary.tar.gz", 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")];
const CIFAR100_ARCHIVE: [Known; 1] =
    [("cifar-100-binary.tar.gz", 168_513_733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec")];

/// The publisher's own server serves no HTTPS; the checksums protect the files.
const FASHION_URL: &str = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";
/// SHA-256 of files that have the MD5 which Zalando publishes.
const FASHION_FILES: [Known; 4] = [
    ("train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    ("train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    ("t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    ("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
];
const FASHION_UNPACKED: [Known; 4] = [
    ("train-images-idx3-ubyte", 47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    ("train-labels-idx1-ubyte", 60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    ("t10k-images-idx3-ubyte", 7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    ("t10k-labels-idx1-ubyte", 10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
];

/// The mirror that TensorFlow Datasets uses; the original server refuses downloads.
const MNIST_URL: &str = "https://storage.googleapis.com/cvdf-datasets/mnist/";
/// As TensorFlow Datasets states them.
const MNIST_FILES: [Known; 4] = [
    ("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    ("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    ("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    ("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
];

/// Members of the archives, and the Python archives (SHA-256 as Keras states them). Those of the binary CIFAR-10 files
/// were computed from Python batches with the published MD5.
const CIFAR10_OTHERS: [Known; 15] = [
    ("cifar-10-python.tar.gz", 170_498_071, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
    ("data_batch_1.bin", 30_730_000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    ("data_batch_2.bin", 30_730_000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    ("data_batch_3.bin", 30_730_000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    ("data_batch_4.bin", 30_730_000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    ("data_batch_5.bin", 30_730_000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    ("test_batch.bin", 30_730_000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ("batches.meta.txt", 61, "558e74b5e208382e186da55784b4bac2cd52e558448e1b5800990fdb28ed8033"),
    ("data_batch_1", 31_035_704, "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd"),
    ("data_batch_2", 31_035_320, "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8"),
    ("data_batch_3", 31_035_999, "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9"),
    ("data_batch_4", 31_035_696, "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b"),
    ("data_batch_5", 31_035_623, "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154"),
    ("test_batch", 31_035_526, "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831"),
    ("batches.meta", 158, "f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb"),
];
const CIFAR100_OTHERS: [Known; 1] =
    [("cifar-100-python.tar.gz", 169_001_437, "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7")];

/// What is to be downloaded for `dataset`; empty where nobody offers it.
pub fn downloads(dataset: &Dataset) -> Vec<Download> {
    let (url, folder, files): (_, _, &[Known]) = match dataset {
        Dataset::Cifar10 => (CIFAR_URL, "", &CIFAR10_ARCHIVE),
        Dataset::Cifar100 => (CIFAR_URL, "", &CIFAR100_ARCHIVE),
        Dataset::Mnist => (MNIST_URL, "mnist/", &MNIST_FILES),
        Dataset::FashionMnist => (FASHION_URL, "fashion-mnist/", &FASHION_FILES),
        Dataset::FashionMini | Dataset::Imagenet | Dataset::Folder(_) => return Vec::new(),
    };
    let download = |(name, bytes, sha256): &Known| Download {
        url: format!("{url}{name}"),
        path: format!("{folder}{name}"),
        bytes: *bytes,
        sha256: sha256.to_string(),
    };
    files.iter().map(download).collect()
}

/// Size and SHA-256 of the official file called `name`, where they are known.
pub(super) fn known(dataset: &Dataset, name: &str) -> Option<(u64, &'static str)> {
    let tables: &[&[Known]] = match dataset {
        Dataset::Cifar10 => &[&CIFAR10_ARCHIVE, &CIFAR10_OTHERS],
        Dataset::Cifar100 => &[&CIFAR100_ARCHIVE, &CIFAR100_OTHERS],
        Dataset::Mnist => &[&MNIST_FILES],
        Dataset::FashionMnist => &[&FASHION_FILES, &FASHION_UNPACKED],
        Dataset::FashionMini | Dataset::Imagenet | Dataset::Folder(_) => &[],
    };
    tables.iter().copied().flatten().find(|known| known.0 == name).map(|known| (known.1, known.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_one() {
        let tables: [&[Known]; 7] = [
            &CIFAR10_ARCHIVE,
            &CIFAR100_ARCHIVE,
            &FASHION_FILES,
            &FASHION_UNPACKED,
            &MNIST_FILES,
            &CIFAR10_OTHERS,
            &CIFAR100_OTHERS,
        ];
        for (name, _, hash) in tables.into_iter().flatten() {
            assert!(hash.len() == 64 && hash.bytes().all(|b| b"0123456789abcdef".contains(&b)), "{name}");
        }
    }
}
