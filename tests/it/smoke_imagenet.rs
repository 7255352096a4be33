//! The networks for ImageNet train on pictures that are read as they go, and the study's tables of them fill.

use super::bench::{Bench, records, said, untimed};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Pictures that ship with the tests: of every kind that the archive has.
const SHIPPED: [&str; 6] =
    ["colour-420.jpg", "grey.jpg", "cmyk.jpg", "large-420.jpg", "progressive.jpg", "png-inside.JPEG"];
/// Width and height of others.
const SIZES: [(u32, u32); 6] = [(75, 56), (500, 375), (68, 121), (900, 90), (60, 640), (224, 224)];

/// Kaggle's layout, with pictures of two classes and many sizes.
fn pictures(root: &Path) {
    let inner = root.join("ILSVRC/Data/CLS-LOC");
    let classes = ["n01440764", "n02110185"];
    let put = |number: usize, path: &Path| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some(file) = SHIPPED.get(number) {
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/imagenet").join(file), path).unwrap();
            return;
        }
        let (width, height) = SIZES[number - SHIPPED.len()];
        let colour = |x: u32, y: u32| image::Rgb([20 * number as u8, (x % 256) as u8, (x * y % 256) as u8]);
        image::RgbImage::from_fn(width, height, colour).save_with_format(path, image::ImageFormat::Jpeg).unwrap();
    };
    let mut table = String::from("ImageId,PredictionString\n");
    for number in 0..SHIPPED.len() + SIZES.len() {
        let class = classes[number % 2];
        put(number, &inner.join(format!("train/{class}/{class}_{number}.JPEG")));
        let name = format!("ILSVRC2012_val_{:08}", number + 1);
        put(number, &inner.join(format!("val/{name}.JPEG")));
        table.push_str(&format!("{name},{class} 0 0 9 9 \n"));
    }
    fs::write(root.join("LOC_val_solution.csv"), table).unwrap();
}

/// A folder of pictures that the program has prepared.
pub fn prepared(bench: &Bench) {
    let data = bench.path("data");
    pictures(&data);
    let mut prepare = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    let output = prepare.args(["data", "prepare", "imagenet", "--quiet"]).arg(&data).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

fn run(bench: &Bench, store: &str, more: &[&str]) -> Output {
    let data = bench.path("data").display().to_string();
    bench.command("run", store, &[&["--data", data.as_str()], more].concat()).output().unwrap()
}

fn done(bench: &Bench, store: &str, more: &[&str]) {
    let output = run(bench, store, more);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn all_seven_train_and_fill_the_tables_of_the_study() {
    let bench = Bench::new(include_str!("../../scenarios/smoke-imagenet.toml"));
    prepared(&bench);
    done(&bench, "store", &[]);
    let records = records(&bench.path("store"));
    assert_eq!(records.len(), 7);
    let finished = |r: &Value| r["outcome"]["kind"] == "finished";
    assert!(records.iter().all(finished), "{:?}", records.iter().map(|r| &r["outcome"]).collect::<Vec<_>>());
    // Of the eight and four pictures that were seen.
    let digests: BTreeSet<&str> = records.iter().map(|r| r["data_digest"].as_str().unwrap()).collect();
    assert_eq!(digests.len(), 1);
    let remarks = |r: &Value| r["remarks"].to_string().contains("12 + 12 images; the official set has 1281167 + 50000");
    assert!(records.iter().all(remarks), "{}", records[0]["remarks"]);

    assert_tables_fill(&bench);

    // What dropout drops is drawn by seed, epoch and step; pictures come the same again.
    done(&bench, "again", &["--only", "norm=plain"]);
    let again = super::bench::records(&bench.path("again"));
    let plain = records.iter().find(|r| r["trial"]["norm"] == "plain").unwrap();
    assert_eq!(untimed(&again[0]), untimed(plain));
}

/// The study's tables have a figure of each network, marked as smoke.
fn assert_tables_fill(bench: &Bench) {
    let output = bench.command("report", "store", &["--format", "markdown"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |title: &str, label: &str| {
        let (_, table) = text.split_once(title).unwrap_or_else(|| panic!("no {title} in {text}"));
        table
            .lines()
            .find(|line| line.starts_with(&format!("| {label}")))
            .unwrap_or_else(|| panic!("{text}"))
            .to_string()
    };
    for (title, label, cells) in [
        ("Table 6 of the study", "ImageNet top 1", 3),
        ("Table 7 of the study", "ImageNet top 5", 4),
        ("Table 10 of the study", "Ours", 7),
    ] {
        assert_eq!(row(title, label).matches('‡').count(), cells, "{title}: {text}");
    }
    assert!(text.contains("‡ Smoke: ImageNet, 1 epoch, 8 training images."), "{text}");
}

/// Those of ImageNet may not be shipped: `NDBENCH_IMAGENET` names a folder of them, in Kaggle's layout, of which nothing is changed.
#[test]
#[ignore = "needs pictures of ImageNet"]
fn real_pictures_train_all_seven_by_both_implementations() {
    let pictures =
        std::env::var_os("NDBENCH_IMAGENET").expect("NDBENCH_IMAGENET names a folder of ImageNet's pictures");
    let bench = Bench::new(include_str!("../../scenarios/smoke-imagenet.toml"));
    let mut prepare = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    prepare.args(["data", "prepare", "imagenet", "--quiet"]).arg(pictures).arg("--out").arg(bench.path("data"));
    let output = prepare.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    println!("{}", said(&output));
    done(&bench, "store", &[]);
    assert_eq!(records(&bench.path("store")).len(), 7);
    assert_tables_fill(&bench);
    done(&bench, "published", &["--only", "norm=nd", "--set", "deconvolution.implementation=published"]);
    let finished = |r: &Value| r["outcome"]["kind"] == "finished";
    assert_eq!(records(&bench.path("published")).iter().filter(|r| finished(r)).count(), 3);
}

#[test]
fn without_pictures_it_says_how_to_get_them() {
    let bench = Bench::new(include_str!("../../scenarios/smoke-imagenet.toml"));
    fs::create_dir(bench.path("data")).unwrap();
    let output = run(&bench, "store", &[]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        said(&output).contains("run `ndbench data prepare imagenet DIR`, then pass --data DIR"),
        "{}",
        said(&output)
    );
    prepared(&bench);
    let scenario = bench.path("scenario.toml");
    let whole = fs::read_to_string(&scenario).unwrap().replace("train_images = 8\n", "");
    fs::write(&scenario, whole).unwrap();
    let output = run(&bench, "store", &[]);
    assert_eq!(output.status.code(), Some(4));
    assert!(said(&output).contains("12 of 1281167 train images"), "{}", said(&output));
}
