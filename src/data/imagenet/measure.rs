//! What it costs to make inputs of pictures, part by part.

use super::crop::View;
use super::decode::Picture;
use super::photos::{IMAGENET_NORMALISATION, Photos};
use super::resample::{Form, NUMBERS, Order, Resampler};
use crate::units::Seconds;
use serde::Serialize;
use std::time::Instant;

/// Time of one thread for some pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Parts {
    /// How many there were.
    pub pictures: u64,
    /// Reading their files.
    pub read: Seconds,
    /// From their bytes to the pixels that are needed.
    pub decode: Seconds,
    /// From these to 224 x 224.
    pub resize: Seconds,
    /// From these to numbers.
    pub normalise: Seconds,
}

/// Makes an input of every one of `photos`, on this thread, and adds what each part takes to `parts`.
///
/// # Errors
/// A picture that cannot be read or decoded.
pub fn measure(photos: &Photos, view: View, order: Order, scaled: bool, parts: &mut Parts) -> Result<(), String> {
    let form = Form::new(view, order, scaled, &IMAGENET_NORMALISATION);
    let mut resampler = Resampler::new();
    let mut numbers = vec![0.0; NUMBERS];
    for number in 0..photos.len() {
        let clock = Instant::now();
        let bytes = photos.bytes(number).map_err(|e| e.to_string())?;
        let read = clock.elapsed();
        let picture = Picture::open(bytes)?;
        let (window, mirrored) = form.view.of(number as u64, picture.size());
        let part = picture.part(window, scaled)?;
        let decoded = clock.elapsed();
        resampler.resize(&part)?;
        let resized = clock.elapsed();
        resampler.write(mirrored, &form, &mut numbers);
        std::hint::black_box(&mut numbers);
        let written = clock.elapsed();
        parts.pictures += 1;
        parts.read.0 += read.as_secs_f64();
        parts.decode.0 += (decoded - read).as_secs_f64();
        parts.resize.0 += (resized - decoded).as_secs_f64();
        parts.normalise.0 += (written - resized).as_secs_f64();
    }
    Ok(())
}
