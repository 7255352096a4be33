//! Scenario files: the built-ins hold, every class of error says where and why, nothing panics.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

const GOOD: &str = r#"name = "good"
train_images = 500

[matrix]
architectures = ["vgg16", "resnet18"]
datasets = ["cifar10"]
norms = ["bn", "nd"]
epochs = [1, 20]
attempts = 3

[recipe]
batch_size = 64
lr = 0.05
augmentation = { flip = false }

[deconvolution]
n_iter = 7
"#;

#[test]
fn built_in_scenarios_hold_and_carry_their_file_name() {
    for (name, _) in BUILT_IN {
        let scenario = Scenario::load(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.name(), name);
        assert!(!scenario.description().is_empty(), "{name}");
    }
}

#[test]
fn the_published_scenarios_are_the_study() {
    for name in ["table1-cifar10", "table1-cifar100"] {
        let scenario = Scenario::load(name).unwrap();
        let study: Vec<_> = Architecture::for_side(32).filter(|a| *a != Architecture::Resnet18Cifar).collect();
        assert_eq!(scenario.matrix().architectures, study);
        assert_eq!(scenario.matrix().norms, Norm::ALL);
        assert_eq!(scenario.matrix().epochs, [1, 20, 100]);
        assert_eq!(scenario.matrix().attempts, 3);
        assert_eq!(scenario.recipe(), &Recipe::default());
        assert_eq!(scenario.batch_norm(), &BatchNorm::default());
        assert_eq!(scenario.deconvolution(), &Deconvolution::default());
        assert_eq!(scenario.published(), Some(Published::Table1));
    }
}

#[test]
fn table_2_is_the_study_s_on_imagenet() {
    let scenario = Scenario::load("table2-imagenet").unwrap();
    let networks: Vec<_> = Architecture::for_side(224).collect();
    assert_eq!(scenario.matrix().architectures, networks);
    assert_eq!(scenario.matrix().datasets, [Dataset::Imagenet]);
    assert_eq!((&scenario.matrix().epochs[..], scenario.matrix().attempts), (&[90][..], 1));
    assert_eq!(scenario.published(), Some(Published::Table2));
    let augmentation = Augmentation { crop_padding: 0, flip: true, resized_crop: true };
    let study = Recipe {
        batch_size: 256,
        eval_batch_size: 256,
        weight_decay: 1e-4,
        schedule: Schedule::Step,
        augmentation,
        ..Recipe::default()
    };
    let rates = [0.01, 0.1, 0.1];
    for (network, lr) in networks.into_iter().zip(rates) {
        assert_eq!(scenario.recipe_of(network), Recipe { lr, ..study });
        let norms: &[Norm] = if network == Architecture::Vgg11 { &Norm::TRAINED } else { &Norm::ALL };
        assert_eq!(scenario.norms(network), norms);
    }
    assert_eq!(scenario.deconvolution(), &Deconvolution { block_fc: 64, ..Deconvolution::default() });
    assert_eq!(scenario.batch_norm(), &BatchNorm::default());
}

#[test]
fn what_holds_for_one_network_is_checked() {
    let with = |text: &str| Scenario::parse("t.toml", &GOOD.replace("[recipe]", &format!("{text}\n[recipe]")));
    let own = with("[networks.resnet18]\nlr = 0.2\nnorms = [\"nd\"]\n").unwrap();
    assert_eq!(own.recipe_of(Architecture::Resnet18).lr, 0.2);
    assert_eq!(own.recipe_of(Architecture::Vgg16), *own.recipe());
    assert_eq!((own.norms(Architecture::Resnet18), own.norms(Architecture::Vgg16)), (&[Norm::Nd][..], &Norm::ALL[..]));
    for (text, rule) in [
        ("[networks.vgg11]\nlr = 0.1", "networks.vgg11: is not among matrix.architectures"),
        ("[networks.vgg61]\nlr = 0.1", "unknown architecture `vgg61`"),
        ("[networks.vgg16]\nlr = 0", "networks.vgg16.lr: must be above 0"),
        ("[networks.vgg16]\nnorms = []", "networks.vgg16.norms: must have at least one entry"),
        ("[networks.vgg16]\nnorms = [\"bn\", \"bn\"]", "`bn` is listed twice"),
        ("[networks.vgg16]\nnorms = [\"plain\"]", "networks.vgg16.norms: `plain` is trained of vgg11 only"),
        ("[networks.vgg16]\nlearning_rate = 1", "unknown key `learning_rate`"),
    ] {
        let message = with(text).unwrap_err().to_string();
        assert!(message.contains(rule) && message.starts_with("t.toml:"), "{text}: {message}");
    }
}

#[test]
fn a_batch_has_at_least_an_image_for_each_of_its_parts() {
    let good = Scenario::parse("good.toml", GOOD).unwrap();
    let with = |scenario: &Scenario, key, value| scenario.with("--set", key, value);
    let parts = with(&good, "recipe.accumulate", "3").unwrap();
    assert_eq!((parts.recipe().batch_size, parts.recipe().part_size()), (64, 22));
    assert_eq!(good.recipe().part_size(), 64);
    for (message, rule) in [
        (with(&good, "recipe.accumulate", "0").unwrap_err(), "recipe.accumulate: must be from 1 to 64, not 0"),
        (with(&good, "recipe.accumulate", "65").unwrap_err(), "recipe.accumulate: must be from 1 to 64, not 65"),
        (with(&parts, "recipe.cuda_graph", "true").unwrap_err(), "cannot be captured with recipe.accumulate above 1"),
    ] {
        assert!(message.to_string().contains(rule), "{message}");
    }
}

#[test]
fn pictures_of_imagenet_are_cut_as_in_the_study_and_others_are_not() {
    let study = Scenario::load("table2-imagenet").unwrap();
    let good = Scenario::parse("good.toml", GOOD).unwrap();
    let wrong = |scenario: &Scenario, key, value| scenario.with("--set", key, value).unwrap_err().to_string();
    for (message, rule) in [
        (wrong(&study, "recipe.augmentation.resized_crop", "false"), "must be true for imagenet"),
        (wrong(&study, "recipe.augmentation.crop_padding", "4"), "must be 0 for imagenet"),
        (wrong(&study, "recipe.augmentation.flip", "false"), "must be true for imagenet"),
        (wrong(&study, "matrix.datasets", "[\"cifar10\"]"), "resized_crop: is for imagenet, not for cifar10"),
        (wrong(&good, "recipe.augmentation.resized_crop", "true"), "is for imagenet, not for cifar10"),
        (wrong(&study, "recipe.dropout", "1.0"), "must be at least 0 and below 1"),
    ] {
        assert!(message.contains(rule), "{message}");
    }
    assert_eq!(study.with("--set", "recipe.dropout", "0.2").unwrap().recipe().dropout, Some(0.2));
}

#[test]
fn values_left_out_are_the_defaults_and_sources_are_lines() {
    let scenario = Scenario::parse("good.toml", GOOD).unwrap();
    assert_eq!(scenario.recipe().batch_size, 64);
    assert_eq!(scenario.recipe().momentum, Recipe::default().momentum);
    assert_eq!(scenario.recipe().augmentation, Augmentation { crop_padding: 4, flip: false, resized_crop: false });
    assert_eq!(scenario.deconvolution().n_iter, 7);
    let sources = ["train_images", "matrix.epochs[1]", "recipe.lr", "recipe.augmentation.flip", "recipe.momentum"]
        .map(|key| scenario.source(key));
    let expected = [Some(2), Some(8), Some(13), Some(14), None].map(|l| l.map(|l: u32| format!("good.toml:{l}")));
    assert_eq!(sources, expected);
}

#[test]
fn settings_from_the_command_line_win_and_are_checked() {
    let scenario = Scenario::parse("good.toml", GOOD).unwrap();
    let changed = scenario.with("--epochs", "matrix.epochs", "[3]").unwrap();
    assert_eq!(changed.matrix().epochs, [3]);
    assert_eq!(changed.source("matrix.epochs[0]").as_deref(), Some("--epochs"));
    assert_eq!(changed.source("matrix.epochs[1]"), None, "the replaced list has left traces");
    assert_eq!(changed.source("recipe.lr").as_deref(), Some("good.toml:13"));
    let unquoted = scenario.with("--set", "recipe.schedule", "constant").unwrap();
    assert_eq!(unquoted.recipe().schedule, Schedule::Constant);
    assert_eq!(unquoted.recipe().lr, 0.05, "the rest of the table stays");
    let wrong = |key, value| scenario.with("--set", key, value).unwrap_err().to_string();
    insta::assert_snapshot!(
        [wrong("recipe.lr", "-1"), wrong("recipe.rl", "1"), wrong("matrix.attempts", "many")].join("\n"),
    );
}

/// Each class of error, as (line of [`GOOD`] to replace, replacement).
const BROKEN: &[(&str, &str)] = &[
    ("name = \"good\"", "name = \"Good Name\""),
    ("name = \"good\"", ""),
    ("name = \"good\"", "name = \"good"),
    ("name = \"good\"", "nmae = \"good\""),
    ("train_images = 500", "train_images = 0"),
    ("train_images = 500", "train_images = -5"),
    ("train_images = 500", "base_seed = -1"),
    ("train_images = 500", "base_seed = 9223372036854775808"),
    ("train_images = 500", "published = \"table3\""),
    ("[matrix]", "[matrx]"),
    ("architectures = [\"vgg16\", \"resnet18\"]", "architectures = [\"vgg16\", \"resnet_18\"]"),
    ("architectures = [\"vgg16\", \"resnet18\"]", "architectures = [\"vgg16\", \"vgg16\"]"),
    ("architectures = [\"vgg16\", \"resnet18\"]", "architectures = \"vgg16\""),
    ("architectures = [\"vgg16\", \"resnet18\"]", "architectures = []"),
    ("architectures = [\"vgg16\", \"resnet18\"]", ""),
    ("datasets = [\"cifar10\"]", "datasets = [\"cifar\"]"),
    ("datasets = [\"cifar10\"]", "datasets = [\"folder:../etc\"]"),
    ("norms = [\"bn\", \"nd\"]", "norms = [\"bn\", \"ln\"]"),
    ("epochs = [1, 20]", "epochs = [1, 0]"),
    ("epochs = [1, 20]", "epochs = [1, 1.5]"),
    ("norms = [\"bn\", \"nd\"]", "norms = [\"bn\", \"plain\"]"),
    ("attempts = 3", "attempts = 0"),
    ("attempts = 3", "attempts = 4000000000"),
    ("attempts = 3", "attempts = \"three\""),
    ("attempts = 3", "attempts = 3\nattempts = 4"),
    ("batch_size = 64", "batch_size = 0"),
    ("batch_size = 64", "batchsize = 64"),
    ("batch_size = 64", "eval_batch_size = 0"),
    ("lr = 0.05", "lr = nan"),
    ("lr = 0.05", "lr = -0.1"),
    ("lr = 0.05", "lr = inf"),
    ("lr = 0.05", "lr = \"0.05\""),
    ("lr = 0.05", "momentum = 1.0"),
    ("lr = 0.05", "weight_decay = -1e-3"),
    ("lr = 0.05", "momentum = 0\nnesterov = true"),
    ("lr = 0.05", "schedule = \"cosin\""),
    ("lr = 0.05", "precision = \"fp16\""),
    ("lr = 0.05", "dropout = 0.2"),
    ("lr = 0.05", "normalisation = { mean = [0.5, 0.5, 0.5], std = [0.2, 0.0, 0.2] }"),
    ("lr = 0.05", "normalisation = { mean = [0.5, 0.5, 0.5] }"),
    ("augmentation = { flip = false }", "augmentation = { flip = 1 }"),
    ("augmentation = { flip = false }", "augmentation = { flop = true }"),
    ("augmentation = { flip = false }", "augmentation = { crop_padding = 33 }"),
    ("n_iter = 7", "n_iter = 0"),
    ("n_iter = 7", "block = 0\neps = 0\nsampling_stride = 0\nmomentum = 0"),
    ("n_iter = 7", "block_fc = -1"),
    ("n_iter = 7", "implementation = \"fastest\""),
    ("[deconvolution]", "[batch_norm]\nmomentum = 0\neps = -1\n[deconvolution]"),
    ("[deconvolution]", "[batch_norm]\nmomentun = 0.2\n[deconvolution]"),
    // Bounds: what lies beyond would not end, or wrap.
    ("train_images = 500", "train_images = 100000001"),
    ("train_images = 500", "train_images = 4294967296"),
    ("epochs = [1, 20]", "epochs = [1, 4294967295]"),
    ("batch_size = 64", "batch_size = 4294967295\neval_batch_size = 1000001"),
    ("lr = 0.05", "lr = 1e300\nweight_decay = 1e300"),
    ("n_iter = 7", "n_iter = 9223372036854775807"),
    ("n_iter = 7", "n_iter = 9223372036854775808"),
    ("n_iter = 7", "sampling_stride = 4294967296\nblock = 9223372036854775807\nblock_fc = 65537\neps = 1e300"),
    ("n_iter = 7", "n_iter = 99999999999999999999"),
    ("lr = 0.05", "lr = 99999999999999999999"),
    ("lr = 0.05", "normalisation = { mean = [0.5, 0.5], std = [0.2, 0.2, 0.2] }"),
    ("n_iter = 7", "first_n_iter = 0\nfreeze = \"last\"\nfreeze_iter = 1"),
    ("n_iter = 7", "first_n_iter = 101\nfreeze_iter = 0"),
    ("n_iter = 7", "uniform = 1"),
    ("train_images = 500", "train_images = 50001\ntest_images = 10001"),
    ("augmentation = { flip = false }", "augmentation = 3"),
    ("augmentation = { flip = false }", "schedule = 3"),
    ("augmentation = { flip = false }", "schedule = { cosine = 1 }"),
];

/// Values of every TOML type.
const OF_EVERY_TYPE: [&str; 11] = [
    "3",
    "-1",
    "1.5",
    "true",
    "\"x\"",
    "[]",
    "[1]",
    "{}",
    "{ x = 1, y = 2 }",
    "1979-05-27T07:32:00Z",
    "99999999999999999999",
];

#[test]
fn no_message_speaks_of_the_types_of_the_program() {
    let scenario = Scenario::parse("good.toml", GOOD).unwrap();
    let keys = [
        ["name", "description", "published", "base_seed", "train_images", "test_images", "matrix"].as_slice(),
        &["matrix.architectures", "matrix.datasets", "matrix.norms", "matrix.epochs", "matrix.attempts", "recipe"],
        &["recipe.batch_size", "recipe.lr", "recipe.nesterov", "recipe.schedule", "recipe.drop_last"],
        &["recipe.dropout", "recipe.augmentation", "recipe.augmentation.crop_padding", "recipe.augmentation.flip"],
        &["recipe.precision", "deconvolution", "deconvolution.implementation", "deconvolution.n_iter"],
        &["deconvolution.eps", "deconvolution.uniform", "deconvolution.freeze", "deconvolution.first_n_iter"],
        &["recipe.normalisation", "recipe.normalisation.mean"],
    ];
    let jargon = [
        "struct",
        "enum",
        "variant",
        "field",
        "unit",
        "newtype",
        "sequence",
        "map",
        "u32",
        "u64",
        "i64",
        "i128",
        "f64",
        "array",
        "tuple",
        "wanted",
        "element",
        "option",
        "string or",
    ];
    for key in keys.concat() {
        for value in OF_EVERY_TYPE {
            let Err(message) = scenario.with("--set", key, value) else { continue };
            let message = message.to_string();
            let found = jargon.iter().find(|word| message.split_once(": ").is_some_and(|(_, m)| m.contains(*word)));
            assert_eq!(found, None, "{key} = {value}: {message}");
        }
    }
}

#[test]
fn every_class_of_error_says_where_and_why() {
    let mut all = String::new();
    for (from, to) in BROKEN {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let message = match Scenario::parse("bad.toml", &text) {
            Ok(_) => panic!("accepted: {to}"),
            Err(e) => e.to_string(),
        };
        let _ = writeln!(all, "> {}\n{message}\n", to.replace('\n', "; "));
    }
    insta::assert_snapshot!(all);
}

/// The dotted keys of a table that hold no table.
fn leaves(prefix: &str, table: &toml::Table) -> std::collections::BTreeSet<String> {
    let keys = table.iter().flat_map(|(key, value)| match value {
        toml::Value::Table(inner) => leaves(&format!("{prefix}{key}."), inner),
        _ => [format!("{prefix}{key}")].into(),
    });
    keys.collect()
}

#[test]
fn the_documentation_shows_every_key() {
    let page = include_str!("../../docs/scenarios.md");
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let scenario = Scenario::parse("scenarios.md", example).unwrap();
    // What is optional is set here; what is false or absent does not show.
    let recipe = toml::Table::try_from(scenario.recipe()).unwrap();
    let whole = crate::scenario::Deconvolution { uniform: true, ..*scenario.deconvolution() };
    let deconvolution = toml::Table::try_from(whole).unwrap();
    let shown = leaves("", &example.parse().unwrap());
    let batch_norm = toml::Table::try_from(scenario.batch_norm()).unwrap();
    let tables = [("recipe.", recipe), ("batch_norm.", batch_norm), ("deconvolution.", deconvolution)];
    for key in tables.iter().flat_map(|(prefix, table)| leaves(prefix, table)) {
        assert!(shown.contains(&key), "docs/scenarios.md does not show {key}");
    }
}

#[test]
fn precisions_are_written_by_their_keys() {
    for precision in [Precision::Fp32, Precision::Tf32, Precision::Bf16, Precision::Fp64] {
        let text = GOOD.replace("lr = 0.05", &format!("precision = \"{}\"", precision.key()));
        let scenario = Scenario::parse("good.toml", &text).unwrap();
        assert_eq!(scenario.recipe().precision, precision);
        assert_eq!(serde_json::to_value(scenario.recipe()).unwrap()["precision"], precision.key());
    }
    assert_eq!([Precision::Fp32, Precision::Bf16].map(Precision::suffix), ["", ", bf16"]);
}

#[test]
fn a_batch_may_be_larger_than_the_data() {
    assert!(Scenario::parse("big.toml", &GOOD.replace("batch_size = 64", "batch_size = 100000")).is_ok());
}

#[test]
fn columns_count_characters_not_bytes() {
    let text = GOOD.replace("augmentation = { flip = false }", "augmentation = { \"é\" = 1 }");
    let message = Scenario::parse("bad.toml", &text).unwrap_err().to_string();
    assert!(message.starts_with("bad.toml:14:18: recipe.augmentation.é: unknown key `é`"), "{message}");
}

proptest! {
    #[test]
    fn random_edits_never_panic(start in 0..GOOD.len(), length in 0usize..30, text in "[\\PC\n\"\\[\\]{}=.,]{0,20}") {
        let end = (start + length).min(GOOD.len());
        let mut edited = GOOD.to_string();
        edited.replace_range(start..end, &text);
        if let Err(e) = Scenario::parse("edited.toml", &edited) {
            prop_assert!(e.to_string().starts_with("edited.toml:"), "{e}");
        }
    }

    #[test]
    fn random_settings_never_panic(key in "\\PC{0,20}|recipe\\.[a-z]{0,5}", value in "\\PC{0,20}") {
        let scenario = Scenario::parse("good.toml", GOOD).unwrap();
        if let Err(e) = scenario.with("--set", &key, &value) {
            prop_assert!(e.to_string().starts_with("--set: "), "{e}");
        }
    }
}
