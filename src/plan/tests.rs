//! Expansion, filters and sources, on the built-in scenarios and profiles.

mod estimates;

use super::*;
use crate::profile::Profile;
use crate::scenario::{Architecture, Implementation, Norm, Precision, Scenario};
use std::collections::{BTreeMap, BTreeSet};

/// A scenario that nobody tunes.
const SMALL: &str = r#"name = "small"
[matrix]
architectures = ["resnet18"]
datasets = ["fashion-mini"]
norms = ["bn", "nd"]
epochs = [1]
attempts = 3
"#;

fn small() -> Scenario {
    Scenario::parse("small.toml", SMALL).unwrap()
}

fn scenario(name: &str) -> Scenario {
    Scenario::load(name).unwrap()
}

fn profile(name: &str) -> Profile {
    Profile::load(name).unwrap()
}

fn all(name: &str) -> Vec<ResolvedTrial> {
    expand(&scenario(name), &profile("cpu"), &Overrides::default(), &Filter::default()).unwrap()
}

pub(super) fn only(texts: &[&str]) -> Vec<ResolvedTrial> {
    let filter = Filter::parse(texts).unwrap();
    expand(&scenario("table1-cifar10"), &profile("cpu"), &Overrides::default(), &filter).unwrap()
}

fn set(settings: &[&str]) -> Overrides {
    Overrides { set: settings.iter().map(|s| s.to_string()).collect(), ..Overrides::default() }
}

#[test]
fn the_study_has_180_trials_a_data_set_all_with_ids_and_seeds_of_their_own() {
    let trials: Vec<_> = ["table1-cifar10", "table1-cifar100"].into_iter().flat_map(all).collect();
    assert_eq!(trials.len(), 360);
    assert_eq!(trials.iter().map(|t| t.trial.id()).collect::<BTreeSet<_>>().len(), 360);
    assert_eq!(trials.iter().map(|t| t.trial.seed()).collect::<BTreeSet<_>>().len(), 360);
}

#[test]
fn ids_stay_what_they_are() {
    // A changed id orphans every record there is: change this snapshot only with the form of records.
    let first = &all("table1-cifar10")[0].trial;
    insta::assert_snapshot!(format!("{first}: {} {:016x}", first.id(), first.seed()));
}

#[test]
fn settings_of_batch_normalisation_make_another_trial_unless_they_are_the_study_s() {
    let of = |settings: &[&str]| expand(&small(), &profile("cpu"), &set(settings), &Filter::default()).unwrap();
    let ids = |trials: &[ResolvedTrial]| trials.iter().map(|t| t.trial.id()).collect::<BTreeSet<_>>();
    let (study, same, other) =
        (of(&[]), of(&["batch_norm.momentum=0.1"]), of(&["batch_norm.momentum=0.01", "batch_norm.eps=1e-3"]));
    assert_eq!(ids(&study), ids(&same));
    // Networks with ND keep some batch normalisations.
    assert!(ids(&study).is_disjoint(&ids(&other)));
    assert_eq!(other[1].sources["batch_norm.momentum"], "--set");
    assert_eq!((other[0].trial.batch_norm.momentum, other[0].trial.batch_norm.eps), (0.01, 1e-3));
}

#[test]
fn blocks_are_pairs_back_to_back_in_alternating_order() {
    let trials = all("table1-cifar10");
    for (pair, blocks) in trials.chunks(2).zip(1..) {
        let [first, second] = pair else { panic!("block {blocks} is no pair") };
        assert_eq!(first.block.id, second.block.id);
        assert_eq!((first.block.position, second.block.position), (0, 1));
        let expected = if first.trial.attempt % 2 == 1 { [Norm::Bn, Norm::Nd] } else { [Norm::Nd, Norm::Bn] };
        assert_eq!([first.trial.norm, second.trial.norm], expected);
        assert_eq!(
            Trial { norm: Norm::Bn, deconvolution: None, ..second.trial.clone() },
            Trial { norm: Norm::Bn, deconvolution: None, ..first.trial.clone() }
        );
    }
    let ids: BTreeSet<_> = trials.iter().map(|t| &t.block.id).collect();
    assert_eq!(ids.len(), 90, "blocks share a name");
}

#[test]
fn short_trainings_come_first_and_every_cell_before_its_second_attempt() {
    let order: Vec<(u32, u32)> = all("table1-cifar10").iter().map(|t| (t.trial.epochs, t.trial.attempt)).collect();
    assert!(order.is_sorted());
    let epochs = set(&["matrix.epochs=[20, 1]"]);
    let trials = expand(&small(), &profile("cpu"), &epochs, &Filter::default()).unwrap();
    assert_eq!(trials[0].trial.epochs, 1);
}

#[test]
fn one_norm_alone_makes_blocks_of_one() {
    let nd = set(&["matrix.norms=[\"nd\"]"]);
    let trials = expand(&small(), &profile("cpu"), &nd, &Filter::default()).unwrap();
    assert_eq!(trials.len(), 3);
    assert!(trials.iter().all(|t| t.block.position == 0 && t.trial.deconvolution.is_some()));
}

#[test]
fn filters_choose_and_change_nothing() {
    assert_eq!(only(&["architecture=vgg16,norm=nd"]).len(), 9);
    assert_eq!(only(&["architecture=vgg16", "norm=nd"]), only(&["architecture=vgg16,norm=nd"]));
    assert_eq!(only(&["architecture=vgg16,architecture=dpn92", "epochs=1", "attempt=2"]).len(), 4);
    let everything = all("table1-cifar10");
    for kept in only(&["norm=bn, attempt=2"]) {
        assert!(everything.contains(&kept));
        assert_eq!(kept.block.position, 1);
    }
}

#[test]
fn filters_that_cannot_be_are_refused() {
    let wrong = |text| Filter::parse(&[text]).unwrap_err().to_string();
    let none = Filter::parse(&["architecture=resnet18-cifar,epochs=1"]).unwrap();
    let nothing = expand(&small(), &profile("cpu"), &Overrides::default(), &none).unwrap_err();
    let messages = [
        wrong("vgg16"),
        wrong("arch=vgg16"),
        wrong("architectur=vgg16"),
        wrong("architecture=vgg61"),
        wrong("norm="),
        wrong("epochs=0"),
        wrong("attempt=first"),
        wrong(""),
        nothing.to_string(),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn variants_are_trained_beside_bn_and_nd() {
    let variants =
        "[deconvolution]\nimplementation = \"fast\"\n\n[variants]\nb = { refresh = 2 }\na = { n_iter = 3 }\n";
    let scenario = Scenario::parse("variants.toml", &format!("{SMALL}{variants}")).unwrap();
    let trials = expand(&scenario, &profile("cpu"), &Overrides::default(), &Filter::default()).unwrap();
    let name = |t: &ResolvedTrial| t.variant.as_deref().map_or_else(|| t.trial.norm.to_string(), String::from);
    let names: Vec<String> = trials.iter().map(name).collect();
    assert_eq!(names, ["bn", "nd", "a", "b", "b", "a", "nd", "bn", "bn", "nd", "a", "b"]);
    assert_eq!(trials[3].block, Block { id: trials[0].block.id.clone(), position: 3 });
    assert_eq!(trials.iter().map(|t| t.trial.id()).collect::<BTreeSet<_>>().len(), 12);
    let [own, b] = [1, 3].map(|index| trials[index].trial.deconvolution.unwrap());
    assert_eq!((own.implementation, own.refresh), (Implementation::Fast, None));
    assert_eq!(
        (b.implementation, b.refresh),
        (Implementation::Published, Some(2)),
        "what it leaves out is the study's"
    );
    assert_eq!(trials[3].sources["deconvolution.refresh"], "variants.toml:12");
    assert_eq!(trials[3].sources["deconvolution.implementation"], "default");
    assert_eq!(trials[3].to_string(), "resnet18 nd fashion-mini, 1 epoch, attempt 1, b");
    for (wrong, rule) in [
        ("c = { refresh = 0 }", "variants.c.refresh: must be from 1"),
        ("c = { n_iter = 3 }", "variants.c: is the same as a"),
        ("ND = { n_iter = 4 }", "variants.ND: must be lower-case"),
        ("c = { refrsh = 4 }", "unknown key `refrsh` (did you mean `refresh`?)"),
    ] {
        let message = Scenario::parse("v.toml", &format!("{SMALL}{variants}{wrong}\n")).unwrap_err().to_string();
        assert!(message.contains(rule), "{message}");
    }
}

#[test]
fn a_machine_says_how_images_lie_where_the_scenario_does_not() {
    let text = include_str!("../../profiles/cpu.toml").replace("[device]\n", "[device]\nchannels_last = true\n");
    let nhwc = Profile::parse("mine.toml", &text).unwrap();
    let line = 1 + text.lines().position(|line| line == "channels_last = true").unwrap();
    let of = |profile: &Profile, set: &[&str]| {
        let set = set.iter().map(|setting| (*setting).into()).collect();
        let overrides = Overrides { set, ..Overrides::default() };
        expand(&scenario("table1-cifar10"), profile, &overrides, &Filter::default()).unwrap().remove(0)
    };
    let own = of(&nhwc, &[]);
    assert!(own.trial.recipe.channels_last);
    assert_eq!(own.sources["recipe.channels_last"], format!("mine.toml:{line}"));
    let said = of(&nhwc, &["recipe.channels_last=false"]);
    assert_eq!(said.trial.id(), of(&profile("cpu"), &[]).trial.id());
}

#[test]
fn a_network_may_have_norms_and_a_learning_rate_of_its_own() {
    let trials = all("table2-imagenet");
    let of = |t: &ResolvedTrial| (t.trial.architecture.key(), t.trial.norm, t.trial.recipe.lr, t.block.position);
    let [plain, bn, nd] = Norm::TRAINED;
    let (vgg, resnet, densenet) = ("vgg11", "resnet18-imagenet", "densenet121-imagenet");
    let vggs = [(vgg, plain, 0.01, 0), (vgg, bn, 0.01, 1), (vgg, nd, 0.01, 2)];
    let others = [(resnet, bn, 0.1, 0), (resnet, nd, 0.1, 1), (densenet, bn, 0.1, 0), (densenet, nd, 0.1, 1)];
    assert_eq!(trials.iter().map(of).collect::<Vec<_>>(), [&vggs[..], &others[..]].concat());
    let text = include_str!("../../scenarios/table2-imagenet.toml");
    let lines = |start: &str| -> Vec<String> {
        let found = text.lines().zip(1..).filter(|(line, _)| line.starts_with(start));
        found.map(|(_, n)| format!("table2-imagenet.toml:{n}")).collect()
    };
    let source = |t: &ResolvedTrial, key: &str| t.sources[key].clone();
    let [all_norms, own_norms] = &lines("norms")[..] else { panic!("two lines") };
    let [own_rate, rate] = &lines("lr")[..] else { panic!("two lines") };
    assert_eq!((&source(&trials[0], "norm"), &source(&trials[0], "recipe.lr")), (own_norms, own_rate));
    assert_eq!((&source(&trials[3], "norm"), &source(&trials[3], "recipe.lr")), (all_norms, rate));
    assert!(trials.iter().all(|t| t.trial.deconvolution.is_none_or(|d| d.block_fc == 64)));
    let chosen = Filter::parse(&["norm=plain"]).unwrap();
    let plain = expand(&scenario("table2-imagenet"), &profile("cpu"), &Overrides::default(), &chosen).unwrap();
    assert_eq!(plain, trials[..1]);
}

#[test]
fn memory_of_networks_for_imagenet_is_accounted_for() {
    let trials = all("table2-imagenet");
    for trial in trials.iter().map(|t| &t.trial) {
        let found = estimate(trial, &profile("a100-80gb"), &Repetitions::default());
        assert_eq!((found.memory.is_some(), found.fits), (true, true), "{trial}");
    }
    // Costs are those of images of another size.
    let small = expand(&small(), &profile("cpu"), &set(&["matrix.architectures=[\"vgg11\"]"]), &Filter::default());
    let found = estimate(&small.unwrap()[0].trial, &profile("cpu"), &Repetitions::default());
    assert_eq!((found.seconds, found.basis), (None, Basis::Unknown));
}

#[test]
fn overrides_win_and_are_recorded() {
    let mut overrides = set(&["recipe.lr=0.05", "base_seed = 9"]);
    overrides.attempts = Some(5);
    overrides.epochs = vec![2, 3];
    let trials = expand(&small(), &profile("cpu"), &overrides, &Filter::default()).unwrap();
    assert_eq!(trials.len(), 20);
    let ResolvedTrial { trial, sources, .. } = &trials[0];
    assert_eq!((trial.epochs, trial.recipe.lr, trial.base_seed), (2, 0.05, 9));
    let source = |key: &str| sources[key].as_str();
    assert_eq!(["epochs", "attempt", "recipe.lr"].map(source), ["--epochs", "--attempts", "--set"]);
    for (bad, start) in [
        (set(&["recipe.lr"]), "--set recipe.lr: write KEY=VALUE"),
        (set(&["name=smoke"]), "--set name: the name is no setting"),
        (set(&[" \"name\" = mine"]), "--set name: the name is no setting"),
        (set(&["recipe.lr=0"]), "--set: recipe.lr: must be above 0 and at most 1000"),
        (
            Overrides { attempts: Some(0), ..Overrides::default() },
            "--attempts: matrix.attempts: must be from 1 to 100000",
        ),
        (Overrides { epochs: vec![1, 1], ..Overrides::default() }, "--epochs: matrix.epochs[1]: `1` is listed twice"),
    ] {
        let message = expand(&small(), &profile("cpu"), &bad, &Filter::default()).unwrap_err().to_string();
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn every_value_has_its_source() {
    let text = include_str!("../../scenarios/table1-cifar10.toml");
    let line = |start: &str| {
        let index = text.lines().position(|l| l.trim_start().starts_with(start)).expect(start);
        format!("table1-cifar10.toml:{}", index + 1)
    };
    let trials = all("table1-cifar10");
    let nd = trials.iter().find(|t| t.trial.architecture == Architecture::Dpn92 && t.trial.norm == Norm::Nd).unwrap();
    let expected: BTreeMap<&str, String> = [
        ("architecture", line("\"dpn92\"")),
        ("dataset", line("datasets")),
        ("norm", line("norms")),
        ("epochs", line("epochs")),
        ("attempt", line("attempts")),
        ("recipe.lr", line("lr")),
        ("recipe.augmentation.flip", line("augmentation")),
        ("deconvolution.n_iter", line("n_iter")),
        ("recipe.dropout", "default".into()),
        ("base_seed", "default".into()),
        ("train_images", "default".into()),
    ]
    .into();
    for (key, source) in expected {
        assert_eq!(nd.sources.get(key), Some(&source), "{key}");
    }
    assert!(nd.sources["recipe.precision"].starts_with("cpu.toml:"));
    let bn = &trials[0];
    assert_eq!(bn.trial.norm, Norm::Bn);
    assert!(bn.sources.keys().all(|k| !k.starts_with("deconvolution")));
}

#[test]
fn the_profile_gives_the_precision_that_the_scenario_leaves_open() {
    let text = include_str!("../../profiles/h200.toml").replace("tf32 = \"off\"", "tf32 = \"on\"");
    let tf32 = Profile::parse("mine.toml", &text).unwrap();
    let first = |profile: &Profile, overrides: &Overrides| {
        expand(&small(), profile, overrides, &Filter::default()).map(|t| t[0].trial.recipe.precision)
    };
    assert_eq!(first(&tf32, &Overrides::default()).unwrap(), Precision::Tf32);
    assert_eq!(first(&profile("h200"), &Overrides::default()).unwrap(), Precision::Fp32);
    let asked = set(&["recipe.precision=tf32"]);
    assert_eq!(first(&profile("h200"), &asked).unwrap(), Precision::Tf32);
    assert_eq!(first(&tf32, &set(&["recipe.precision=fp64"])).unwrap(), Precision::Fp64);
    let message = first(&profile("v100-16gb"), &asked).unwrap_err().to_string();
    assert!(message.starts_with("--set: recipe.precision: the device of profile `v100-16gb` has no TF32"), "{message}");
}

#[test]
fn bfloat16_is_for_devices_that_have_it_and_makes_another_trial() {
    let trials = |profile: &Profile, overrides: &Overrides| expand(&small(), profile, overrides, &Filter::default());
    let (asked, plain) = (set(&["recipe.precision=bf16"]), Overrides::default());
    for name in ["cpu", "a100-40gb", "h200"] {
        let (bf16, fp32) = (trials(&profile(name), &asked).unwrap(), trials(&profile(name), &plain).unwrap());
        assert_eq!(bf16[0].trial.recipe.precision, Precision::Bf16, "{name}");
        assert_ne!(bf16[0].trial.id(), fp32[0].trial.id());
        assert_eq!(bf16[0].sources["recipe.precision"], "--set");
    }
    let message = trials(&profile("v100-16gb"), &asked).unwrap_err().to_string();
    assert!(
        message.starts_with("--set: recipe.precision: the device of profile `v100-16gb` has no bfloat16"),
        "{message}"
    );

    let text = include_str!("../../profiles/cpu.toml").replace("bf16 = \"off\"", "bf16 = \"on\"");
    let mine = Profile::parse("mine.toml", &text).unwrap();
    let own = trials(&mine, &plain).unwrap();
    assert_eq!(own[0].trial.recipe.precision, Precision::Bf16);
    let line = text.lines().position(|line| line.starts_with("bf16")).unwrap() + 1;
    assert_eq!(own[0].sources["recipe.precision"], format!("mine.toml:{line}"));
    assert_eq!(trials(&mine, &set(&["recipe.precision=fp32"])).unwrap()[0].trial.recipe.precision, Precision::Fp32);
}

#[test]
fn graphs_need_a_profile_of_a_cuda_device_and_another_trial() {
    let asked = set(&["recipe.cuda_graph=true"]);
    let first = |name: &str, overrides: &Overrides| {
        expand(&small(), &profile(name), overrides, &Filter::default()).map(|t| t[0].trial.id())
    };
    assert_ne!(first("h200", &asked).unwrap(), first("h200", &Overrides::default()).unwrap());
    let plain = set(&["recipe.cuda_graph=false"]);
    assert_eq!(first("h200", &plain).unwrap(), first("h200", &Overrides::default()).unwrap());
    let message = first("cpu", &asked).unwrap_err().to_string();
    assert!(message.starts_with("--set: recipe.cuda_graph: profile `cpu` is of a CPU"), "{message}");
}
