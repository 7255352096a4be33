use super::*;
use crate::scenario::Implementation;

fn subject(architecture: Architecture, norm: Norm, implementation: Implementation) -> Subject {
    let settings = Deconvolution { implementation, ..Deconvolution::default() };
    Subject::new(architecture, norm, Some(settings))
}

fn load(batch: u64) -> Load {
    Load { batch, part: batch, evaluation: 100, data: Bytes(0) }
}

fn total(subject: &Subject, batch: u64) -> u64 {
    subject.account(load(batch), None).unwrap().step.total()
}

/// The study's three networks on ImageNet.
pub(super) fn imagenet(network: Architecture, norm: Norm) -> Subject {
    let deconvolution = Deconvolution { block_fc: network.block_fc(), ..Deconvolution::default() };
    Subject { cpu: None, ..Subject::new(network, norm, Some(deconvolution)) }
}

#[test]
fn networks_on_imagenet_have_their_published_sizes() {
    let networks = [
        (Architecture::Vgg11, 7_609_090_048, [132_868_840, 132_863_336]),
        (Architecture::Resnet18Imagenet, 1_814_073_344, [11_689_512, 11_686_504]),
        (Architecture::Densenet121Imagenet, 2_834_161_664, [7_978_856, 7_905_448]),
    ];
    for (network, macs, parameters) in networks {
        for (norm, parameters) in [Norm::Bn, Norm::Nd].into_iter().zip(parameters) {
            let subject = imagenet(network, norm);
            assert_eq!(subject.layers().iter().map(|layer| layer.macs).sum::<u64>(), macs, "{network:?} {norm}");
            assert_eq!(subject.resident().0, parameters, "{network:?} {norm}");
        }
    }
}

#[test]
fn an_image_more_costs_the_same_once_steps_are_large() {
    for norm in [Norm::Bn, Norm::Nd] {
        let subject = subject(Architecture::Vgg16, norm, Implementation::Published);
        let [one, two, three] = [256, 384, 512].map(|batch| total(&subject, batch) as f64);
        assert!(((three - two) / (two - one) - 1.0).abs() < 1e-3, "{norm}: {one} {two} {three}");
    }
}

#[test]
fn everything_is_let_go_at_the_end() {
    for architecture in Architecture::ALL {
        for implementation in Implementation::ALL {
            let subject = subject(architecture, Norm::Nd, implementation);
            let ledger = Rc::<Ledger>::default();
            let (tape, kept) = subject.pass(ledger.clone(), 2, Way::Back);
            let gradients = ledger.live();
            assert!(kept.activations > gradients.activations && gradients.activations == 0, "{architecture}");
            assert_eq!(gradients.samples + gradients.workspaces, 0, "{architecture} {implementation}");
            let parameters = tape.resident().0 * 4;
            assert_eq!(gradients.total(), parameters, "{architecture} {implementation}: {gradients:?}");
            drop(tape);
            assert_eq!(ledger.live().total(), 0);
        }
    }
}

#[test]
fn double_precision_takes_twice_as_much() {
    let single = subject(Architecture::Resnet18, Norm::Nd, Implementation::Fast);
    let double = Subject { precision: Precision::Fp64, ..single };
    let ratio = total(&double, 16) as f64 / total(&single, 16) as f64;
    assert!((1.99..=2.0).contains(&ratio), "{ratio}: indices stay as they are");
}

#[test]
fn settings_of_which_nothing_is_known_have_no_account() {
    let of = |deconvolution| {
        Subject::new(Architecture::Vgg16, Norm::Nd, Some(deconvolution)).account(load(1), None).is_some()
    };
    let study = Deconvolution::default();
    assert!(of(study) && of(Deconvolution { n_iter: 2, block: 16, ..study }));
    assert!(!of(Deconvolution { refresh: Some(2), ..study }) && !of(Deconvolution { warm_start: true, ..study }));
    let rounded = Subject { precision: Precision::Bf16, ..Subject::new(Architecture::Vgg16, Norm::Bn, None) };
    assert_eq!(rounded.account(load(1), None), None);
}

#[test]
fn convolutions_copy_no_images_that_lie_pixel_by_pixel() {
    let planes = subject(Architecture::Resnet18Cifar, Norm::Plain, Implementation::Fast);
    let [planes, pixels] = [false, true].map(|channels_last| {
        let parts = Subject { channels_last, ..planes }.account(load(128), None).unwrap().step;
        (parts.total(), parts.workspaces)
    });
    let images = 128 * 64 * 32 * 32 * 4;
    assert!(planes.1 > images && pixels.1 < images, "{planes:?} {pixels:?}");
    assert!(pixels.0 < planes.0);
}

#[test]
fn without_avx_512_small_images_have_products_of_large_sums() {
    let wide = subject(Architecture::Resnet18, Norm::Plain, Implementation::Fast);
    let of = |cpu| Subject { cpu, ..wide }.account(load(128), None).unwrap().step.total();
    let narrow = |threads| of(Some(Cpu { avx512: false, threads }));
    // Its last convolutions find images of one pixel: 512 kernels of 512 x 3 x 3, and a window of each thread.
    let more = |threads: u64| threads * (4 * 512 * 512 * 9 + 512 * 9) * 4;
    let found = [2, 4].map(|threads| narrow(threads) - narrow(threads - 1));
    assert_eq!(found, [more(1), more(1)]);
    assert!(narrow(2) > of(Some(Cpu::WIDE)) + more(1) && of(None) < of(Some(Cpu::WIDE)));
}

#[test]
fn parts_of_a_batch_add_their_gradients_to_those_of_the_first() {
    for norm in [Norm::Bn, Norm::Nd] {
        let subject = subject(Architecture::Vgg16, norm, Implementation::Fast);
        let step = |part| subject.account(Load { part, ..load(128) }, None).unwrap().step;
        let (whole, parts) = (step(128).total(), step(16));
        let images = (128 - 16) * 3 * 32 * 32 * 4;
        let least = total(&subject, 16) + images;
        let most = least + 4 * subject.resident().0;
        assert!(
            (least + 1..=most).contains(&parts.total()) && parts.total() < whole,
            "{norm}: {least} {parts:?} {most}"
        );
        assert!(parts.gradients >= 4 * subject.resident().0, "{norm}: {parts:?}");
    }
}
