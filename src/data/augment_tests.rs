use super::*;

const PLAIN: Normalisation = Normalisation { mean: [0.0; 3], std: [1.0; 3] };

fn images(n: i64, height: i64, width: i64) -> Images {
    let count = n * 3 * height * width;
    // Never 0, so that padding shows.
    let bytes: Vec<u8> = (0..count).map(|i| (i * 7 % 255 + 1) as u8).collect();
    let labels: Vec<i64> = (0..n).collect();
    Images { pixels: Tensor::from_slice(&bytes).view([n, 3, height, width]), labels: Tensor::from_slice(&labels) }
}

fn ints(t: &Tensor) -> Vec<i64> {
    Vec::try_from(t.contiguous().view(-1)).unwrap()
}

fn bytes(x: &Tensor) -> Vec<i64> {
    ints(&(x * 255.0).round().to_kind(Kind::Int64))
}

/// What [`EpochPlan::train_batch`] must give, one pixel at a time.
fn naive(plan: &EpochPlan, images: &Images, start: i64, end: i64) -> Vec<i64> {
    let (_, _, height, width) = images.pixels.size4().unwrap();
    let source = ints(&images.pixels.to_kind(Kind::Int64));
    let order = ints(&plan.order);
    let n = order.len();
    let corners = plan.corners.as_ref().map(ints);
    let mirrored = plan.mirrored.as_ref().map(|m| ints(&m.to_kind(Kind::Int64)));
    let mut out = Vec::new();
    for place in start as usize..end as usize {
        let (top, left) = corners.as_ref().map_or((0, 0), |c| (c[place], c[n + place]));
        let mirror = mirrored.as_ref().is_some_and(|m| m[place] == 1);
        for (channel, y, x) in (0..3).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x)))) {
            let x = if mirror { width - 1 - x } else { x };
            let (row, column) = (y + top - plan.padding, x + left - plan.padding);
            let inside = (0..height).contains(&row) && (0..width).contains(&column);
            let at = ((order[place] * 3 + channel) * height + row) * width + column;
            out.push(if inside { source[at as usize] } else { 0 });
        }
    }
    out
}

#[test]
fn batches_equal_a_loop_over_the_pixels() {
    let images = images(11, 6, 8);
    for (crop_padding, flip) in [(4, true), (2, false), (0, true), (0, false)] {
        let plan = EpochPlan::new(5, 3, 11, &Augmentation { crop_padding, flip, resized_crop: false }, Device::Cpu);
        for (start, end) in [(0, 4), (4, 8), (8, 11)] {
            let (x, y) = plan.train_batch(&images, &PLAIN, start, end, Kind::Double);
            assert_eq!(x.size(), [end - start, 3, 6, 8]);
            assert_eq!(bytes(&x), naive(&plan, &images, start, end), "padding {crop_padding}, flip {flip}");
            assert_eq!(ints(&y), ints(&plan.order)[start as usize..end as usize]);
        }
    }
}

#[test]
fn every_image_comes_once_an_epoch_and_epochs_differ() {
    let augmentation = Augmentation::default();
    let plans = [0, 1].map(|epoch| EpochPlan::new(9, epoch, 1000, &augmentation, Device::Cpu));
    for plan in &plans {
        let mut order = ints(&plan.order);
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
    assert_ne!(ints(&plans[0].order), ints(&plans[1].order));
    let again = EpochPlan::new(9, 1, 1000, &augmentation, Device::Cpu);
    assert_eq!(ints(&plans[1].order), ints(&again.order));
    assert_eq!(plans[1].corners.as_ref().map(ints), again.corners.as_ref().map(ints));
    assert_ne!(ints(&EpochPlan::new(10, 1, 1000, &augmentation, Device::Cpu).order), ints(&again.order));
}

#[test]
fn offsets_and_coins_are_uniform() {
    let n = 90_000;
    let plan = EpochPlan::new(1, 1, n, &Augmentation::default(), Device::Cpu);
    let corners = ints(plan.corners.as_ref().unwrap());
    for offset in 0..9 {
        let share = corners.iter().filter(|c| **c == offset).count() as f64 / (2 * n) as f64;
        // Five standard deviations.
        assert!((share - 1.0 / 9.0).abs() < 0.004, "offset {offset}: {share}");
    }
    let heads = plan.mirrored.unwrap().to_kind(Kind::Int64).sum(Kind::Int64).int64_value(&[]);
    assert!((heads as f64 / n as f64 - 0.5).abs() < 0.009, "{heads}");
}

/// The first numbers of a seed, written down: results stay reproducible from version to version.
#[test]
fn a_seed_means_the_same_for_ever() {
    let plan = EpochPlan::new(42, 0, 8, &Augmentation::default(), Device::Cpu);
    assert_eq!(ints(&plan.order), [4, 7, 0, 1, 3, 2, 6, 5]);
}

#[test]
fn evaluation_keeps_order_and_pixels() {
    let images = images(5, 4, 4);
    let (x, y) = eval_batch(&images, &PLAIN, 2, 5, Kind::Float);
    assert_eq!(bytes(&x), ints(&images.pixels.narrow(0, 2, 3).to_kind(Kind::Int64)));
    assert_eq!(ints(&y), [2, 3, 4]);
}

/// Normalised values of five bytes for the published constants.
#[test]
fn normalisation_matches_the_study() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../../tests/golden/recipe.json")).unwrap();
    for name in ["cifar10", "cifar100", "imagenet"] {
        let case = &golden["normalisation"][name];
        let three = |v: &serde_json::Value| [0, 1, 2].map(|i| v[i].as_f64().unwrap());
        let normalisation = Normalisation { mean: three(&case["mean"]), std: three(&case["std"]) };
        for (byte, expected) in case["value_of_byte"].as_object().unwrap() {
            let pixels = Tensor::full([1, 3, 1, 1], byte.parse::<i64>().unwrap(), (Kind::Uint8, Device::Cpu));
            let images = Images { pixels, labels: Tensor::from_slice(&[0i64]) };
            let (x, _) = eval_batch(&images, &normalisation, 0, 1, Kind::Float);
            for (channel, expected) in three(expected).into_iter().enumerate() {
                let ours = x.double_value(&[0, channel as i64, 0, 0]);
                assert!((ours - expected).abs() < 1e-6, "{name} byte {byte} channel {channel}: {ours} {expected}");
            }
        }
    }
}
