//! Inputs of ImageNet's networks a second, by one thread or several, and where the time goes: JSON on stdout.
//!
//! `cargo bench --bench imagenet -- FOLDER` reads the pictures of a folder that `ndbench data prepare imagenet` takes; without
//! one, pictures that are made for the purpose. `--seconds N` is how long each figure is measured, `--threads N` how many make
//! batches, `--unscaled` that no JPEG is decoded at a lower resolution.

use ndbench::data::imagenet::{
    BadFiles, IMAGENET_NORMALISATION, ImageNet, Loader, Making, Order, Parts, PhotoPass, Photos, Preparation, View,
    measure, prepare, ranges, shuffled,
};
use ndbench::train::tune_host_allocator;
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tch::Device;

const BATCH: usize = 64;

struct Arguments {
    folder: Option<PathBuf>,
    seconds: f64,
    threads: usize,
    scaled: bool,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments { folder: None, seconds: 1.0, threads: 1, scaled: true };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} needs a value"));
        match &*argument {
            // Cargo's own.
            "--bench" => {}
            "--seconds" => found.seconds = value()?.parse()?,
            "--threads" => found.threads = value()?.parse()?,
            "--unscaled" => found.scaled = false,
            folder => found.folder = Some(folder.into()),
        }
    }
    Ok(found)
}

/// Pictures of waves and noise, 500 x 375, in the layout of ImageNet.
fn make_up(root: &Path) -> Result<(), Box<dyn Error>> {
    for number in 0..64u32 {
        let class = format!("n{:08}", number % 4);
        let pixel = |x: u32, y: u32| {
            let wave = |scale: u32| (f64::from(x * scale + y * (number + 1)) / 97.0).sin() * 90.0 + 128.0;
            let noise = f64::from((x * 7919 + y * 104_729 + number) * 2_654_435_761u32.wrapping_shr(7) % 23);
            image::Rgb([wave(1) + noise, wave(3) - noise, wave(7)].map(|level| level.clamp(0.0, 255.0) as u8))
        };
        let picture = image::RgbImage::from_fn(500, 375, pixel);
        for split in ["train", "val"] {
            let folder = root.join(split).join(&class);
            std::fs::create_dir_all(&folder)?;
            picture.save(folder.join(format!("{number}.jpg")))?;
        }
    }
    Ok(())
}

/// Inputs a second of passes over `photos`, of whole batches, for so long; the first pass does not count.
fn rate(photos: &Arc<Photos>, training: bool, arguments: &Arguments) -> Result<f64, Box<dyn Error>> {
    let (threads, scaled) = (arguments.threads, arguments.scaled);
    let making = Making { threads, ahead: 2, order: Order::Planes, device: Device::Cpu, scaled };
    let pass = |epoch| {
        let view = if training { View::Training { seed: 1, epoch } } else { View::Evaluation };
        let order = shuffled(1, epoch, photos.len());
        let batches = ranges(order.len(), BATCH, 0);
        PhotoPass { photos: photos.clone(), order, batches, view, normalisation: IMAGENET_NORMALISATION }
    };
    let (mut made, mut time, mut epoch) = (0, Duration::ZERO, 0);
    let mut bad = BadFiles::up_to(0);
    let mut loader = Loader::new(making);
    loader.then(pass(epoch));
    while time.as_secs_f64() < arguments.seconds {
        loader.then(pass(epoch + 1));
        let clock = Instant::now();
        let mut count = 0;
        while let Some(batch) = loader.next(&mut bad)? {
            count += batch.labels.size()[0];
        }
        if epoch > 0 {
            made += count;
            time += clock.elapsed();
        }
        loader.go_on();
        epoch += 1;
    }
    Ok(made as f64 / time.as_secs_f64())
}

/// Microseconds a picture of each part, by one thread.
fn parts(photos: &Photos, training: bool, arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let mut parts = Parts::default();
    let clock = Instant::now();
    let mut epoch = 0;
    while clock.elapsed().as_secs_f64() < arguments.seconds {
        let view = if training { View::Training { seed: 1, epoch } } else { View::Evaluation };
        measure(photos, view, Order::Planes, arguments.scaled, &mut parts)?;
        epoch += 1;
    }
    let each = |seconds: ndbench::units::Seconds| (seconds.0 / parts.pictures as f64 * 1e7).round() / 10.0;
    Ok(json!({
        "read": each(parts.read),
        "decode": each(parts.decode),
        "resize": each(parts.resize),
        "normalise": each(parts.normalise),
    }))
}

fn main() -> Result<(), Box<dyn Error>> {
    tune_host_allocator();
    let arguments = arguments()?;
    let place = tempfile::tempdir()?;
    let root = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => {
            make_up(place.path())?;
            place.path().into()
        }
    };
    let index = place.path().join("index");
    let preparation = Preparation { out: Some(index.clone()), threads: 1, ..Preparation::default() };
    prepare(&root, &preparation, &AtomicBool::new(false), |_, _| {})?;
    let photos = ImageNet::open(&index)?.train;
    let mut found = json!({
        "pictures": photos.len(),
        "threads": arguments.threads,
        "scaled": arguments.scaled,
        "batch": BATCH,
    });
    for (name, training) in [("training", true), ("evaluation", false)] {
        let rate = rate(&photos, training, &arguments)?;
        found[name] = json!({
            "images_per_second": (rate * 10.0).round() / 10.0,
            "microseconds": parts(&photos, training, &arguments)?,
        });
    }
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}
