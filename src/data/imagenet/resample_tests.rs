use super::*;
use crate::data::imagenet::photos::IMAGENET_NORMALISATION;
use serde_json::Value;
use std::path::PathBuf;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/imagenet");

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(FOLDER).join(file)).unwrap()
}

/// What is seen through `window`, three bytes a pixel.
fn seen(file: &str, window: Window, scaled: bool) -> Vec<u8> {
    let mut resampler = Resampler::new();
    resampler
        .resize(&Picture::open(bytes(file)).unwrap().part(window, scaled).unwrap())
        .unwrap_or_else(|e| panic!("{file} {window:?}: {e}"));
    resampler.levels()
}

fn ints(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Cases of `torchvision.json`: file, window, levels of torchvision at every so many-th place.
fn cases() -> (usize, Vec<(String, Window, Vec<f64>)>) {
    let golden: Value = serde_json::from_slice(&bytes("torchvision.json")).unwrap();
    let mut cases = Vec::new();
    for case in golden["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let size = Picture::open(bytes(file)).unwrap().size();
        assert_eq!(f64::from(size.0), case["width"].as_f64().unwrap());
        for area in case["areas"].as_array().unwrap() {
            let [left, top, width, height] = ints(&area["area"]).try_into().unwrap();
            // Pillow takes what lies beyond a picture as black; no view goes there.
            if left + width > f64::from(size.0) {
                continue;
            }
            cases.push((file.into(), Window { left, top, width, height, open: false }, ints(&area["levels"])));
        }
        cases.push((file.into(), View::Evaluation.of(0, size).0, ints(&case["centre"])));
    }
    (golden["stride"].as_u64().unwrap() as usize, cases)
}

/// Largest and mean difference.
fn differences(ours: &[u8], stride: usize, theirs: &[f64]) -> (f64, f64) {
    let ours = ours.iter().step_by(stride).map(|level| f64::from(*level));
    let differences: Vec<f64> = ours.zip(theirs).map(|(a, b)| (a - b).abs()).collect();
    assert_eq!(differences.len(), theirs.len());
    (differences.iter().copied().fold(0.0, f64::max), differences.iter().sum::<f64>() / differences.len() as f64)
}

#[test]
fn pictures_of_every_kind_look_as_torchvision_sees_them() {
    let (stride, cases) = cases();
    assert!(cases.len() >= 31, "{}", cases.len());
    for (file, window, levels) in cases {
        let (most, mean) = differences(&seen(&file, window, false), stride, &levels);
        // Both directions are rounded, by either program in its own way.
        assert!(most <= 2.0 && mean <= 0.2, "{file} {window:?}: {most} {mean}");
    }
}

/// What is decoded of a picture is what a decoder of the whole sees there, also where chroma is coarser.
#[test]
fn a_part_has_the_pixels_of_the_whole() {
    for (file, window, _) in cases().1 {
        let picture = Picture::open(bytes(&file)).unwrap();
        let (width, _) = picture.size();
        let whole = picture.whole().unwrap();
        let part = picture.part(window, false).unwrap();
        let used = part.used;
        // The window begins in the first pixels, or for an open one a little behind them.
        let margin = |length: f64| if window.open { (length / 224.0).max(1.0) + 1.0 } else { 0.0 };
        let left = (window.left - margin(window.width)).floor().max(0.0) as usize;
        let top = (window.top - margin(window.height)).floor().max(0.0) as usize;
        for row in 0..used.height as usize {
            let ours = 3 * ((used.top as usize + row) * part.columns as usize + used.left as usize);
            let theirs = 3 * ((top + row) * width as usize + left);
            let length = 3 * used.width as usize;
            assert!(part.pixels[ours..ours + length] == whole[theirs..theirs + length], "{file} {window:?}: row {row}");
        }
    }
}

/// At a lower resolution of the JPEG, what is seen of a large picture hardly changes.
#[test]
fn a_large_picture_may_be_decoded_at_half_its_size() {
    let (stride, cases) = cases();
    let large: Vec<_> = cases.into_iter().filter(|case| case.0 == "large-420.jpg").collect();
    assert_eq!(large.len(), 4);
    for (file, window, levels) in large {
        let ours = seen(&file, window, true);
        let (_, mean) = differences(&ours, stride, &levels);
        let is_scaled = window.width.min(window.height) >= 448.0;
        assert_eq!(ours != seen(&file, window, false), is_scaled, "{window:?}");
        assert!(mean < 1.5, "{window:?}: {mean}");
    }
}

#[test]
fn numbers_are_normalised_mirrored_and_in_either_order() {
    let picture = bytes("colour-420.jpg");
    let view = View::Training { seed: 3, epoch: 2 };
    let size = Picture::open(picture.clone()).unwrap().size();
    let mut resampler = Resampler::new();
    let [first, mirrored] = [false, true].map(|mirrored| (0..).find(|n| view.of(*n, size).1 == mirrored).unwrap());
    for number in [first, mirrored] {
        let (window, mirrored) = view.of(number, size);
        let levels = seen("colour-420.jpg", window, true);
        for order in [Order::Planes, Order::Pixels] {
            let form = Form::new(view, order, true, &IMAGENET_NORMALISATION);
            let mut numbers = vec![0.0; NUMBERS];
            resampler.input(picture.clone(), number, &form, &mut numbers).unwrap();
            for (x, y, channel) in [(0usize, 0usize, 0usize), (223, 0, 1), (17, 100, 2), (222, 223, 0)] {
                let column = if mirrored { 223 - x } else { x };
                let level = f64::from(levels[3 * (y * 224 + column) + channel]);
                let (mean, std) = (IMAGENET_NORMALISATION.mean[channel], IMAGENET_NORMALISATION.std[channel]);
                let at = match order {
                    Order::Planes => (channel * 224 + y) * 224 + x,
                    Order::Pixels => 3 * (y * 224 + x) + channel,
                };
                let expected = (level / 255.0 - mean) / std;
                assert!((f64::from(numbers[at]) - expected).abs() < 1e-5, "{order:?} {x} {y} {channel}");
            }
        }
    }
}

/// Bytes that are no pictures, in every way of cutting one short.
#[test]
fn what_is_no_picture_is_an_error() {
    let form = Form::new(View::Evaluation, Order::Planes, true, &IMAGENET_NORMALISATION);
    let mut numbers = vec![0.0; NUMBERS];
    let whole = bytes("colour-444.jpg");
    for length in (0..whole.len() - 2).step_by(97) {
        let error = Picture::open(whole[..length].to_vec()).and_then(|picture| picture.whole()).err();
        assert!(error.is_some(), "{length} of {}", whole.len());
    }
    for other in [&b""[..], b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"] {
        assert!(Resampler::new().input(other.to_vec(), 0, &form, &mut numbers).is_err());
    }
}
