//! The networks for ImageNet train on pictures, and the study's tables of them fill.

use super::bench::{Bench, records, said, untimed};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

/// Pictures of two classes and several sizes, in `folder`/imagenet-sample.
fn pictures(folder: &Path) {
    for (split, count) in [("train", 4), ("val", 2)] {
        for (class, first) in [("n01440764", 40u8), ("n02110185", 160)] {
            let place = folder.join("imagenet-sample").join(split).join(class);
            fs::create_dir_all(&place).unwrap();
            for n in 0..count {
                let colour = |x: u32, y: u32| image::Rgb([first + 9 * n, (x % 256) as u8, (x * y % 256) as u8]);
                let picture = image::RgbImage::from_fn(75 + 20 * u32::from(n), 56, colour);
                picture.save(place.join(format!("{n}.png"))).unwrap();
            }
        }
    }
}

fn done(bench: &Bench, store: &str, more: &[&str]) -> Output {
    let data = bench.path("data").display().to_string();
    let output = bench.command("run", store, &[&["--data", data.as_str()], more].concat()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output
}

#[test]
fn all_seven_train_and_fill_the_tables_of_the_study() {
    let bench = Bench::new(include_str!("../../scenarios/smoke-imagenet.toml"));
    pictures(&bench.path("data"));
    done(&bench, "store", &[]);
    let records = records(&bench.path("store"));
    assert_eq!(records.len(), 7);
    let finished = |r: &Value| r["outcome"]["kind"] == "finished" || r["outcome"] == "finished";
    assert!(records.iter().all(finished), "{:?}", records.iter().map(|r| &r["outcome"]).collect::<Vec<_>>());

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
    assert!(text.contains("‡ Smoke: imagenet-sample, 1 epoch, 8 training images."), "{text}");
}

/// What dropout drops is drawn by seed, epoch and step.
#[test]
fn a_network_with_dropout_trains_the_same_again() {
    let bench = Bench::new(include_str!("../../scenarios/smoke-imagenet.toml"));
    pictures(&bench.path("data"));
    let losses = |store: &str| {
        done(&bench, store, &["--only", "norm=plain"]);
        untimed(&records(&bench.path(store))[0])
    };
    assert_eq!(losses("first"), losses("again"));
}
