//! Profile files: the built-ins hold, every class of error says where and why.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

const GOOD: &str = r#"name = "good"

[device]
kind = "cpu"
memory = "4 GiB"
host_memory = "8 GB"
threads = 2

[precision]
tf32 = "absent"

[sampling]
step_every = 10

[estimate]
flops_per_second = 1e11
nd_factor = 3
base_memory = "300 MiB"
memory_factor = 1.5
"#;

#[test]
fn built_in_profiles_hold_and_carry_their_file_name() {
    for (name, _) in BUILT_IN {
        let profile = Profile::load(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(profile.name(), name);
        assert!(profile.tf32() != Arithmetic::On, "{name}: results would not compare with those of other machines");
        assert_eq!(profile.device() == Device::Cpu, name == "cpu");
    }
    let arithmetics = |name| Profile::load(name).map(|profile| (profile.tf32(), profile.bf16())).unwrap();
    assert_eq!(arithmetics("v100-16gb"), (Arithmetic::Absent, Arithmetic::Absent));
    assert_eq!(arithmetics("cpu"), (Arithmetic::Absent, Arithmetic::Off));
    assert_eq!(arithmetics("a100-80gb"), (Arithmetic::Off, Arithmetic::Off));
    assert_eq!(Profile::parse("good.toml", &GOOD.replace("= 10", "= 7")).unwrap().step_every(Device::Cpu), 7);
    for (name, _) in BUILT_IN {
        let profile = Profile::load(name).unwrap();
        assert_eq!([Device::Cpu, Device::Cuda].map(|d| profile.step_every(d)), [10, 50], "{name}");
    }
}

#[test]
fn a_profile_says_of_bfloat16_what_differs_from_the_usual() {
    let of = |line: &str| Profile::parse("good.toml", &GOOD.replace("tf32 = \"absent\"", line)).unwrap().bf16();
    assert_eq!(of("tf32 = \"absent\"\nbf16 = \"on\""), Arithmetic::On);
    assert_eq!(of("tf32 = \"absent\"\nbf16 = \"absent\""), Arithmetic::Absent);
    let v100 = include_str!("../../profiles/v100-16gb.toml");
    let of = |line: &str| Profile::parse("mine.toml", &v100.replace("bf16 = \"absent\"", line)).unwrap().bf16();
    assert_eq!([of(""), of("bf16 = \"off\"")], [Arithmetic::Absent, Arithmetic::Off]);
}

#[test]
fn trainings_have_one_precision() {
    let both = include_str!("../../profiles/h200.toml").replace("= \"off\"", "= \"on\"");
    let message = Profile::parse("mine.toml", &both).unwrap_err().to_string();
    assert!(message.contains("precision.bf16: cannot be \"on\" beside precision.tf32 = \"on\""), "{message}");
}

/// Each class of error, as (line of [`GOOD`] to replace, replacement).
const BROKEN: &[(&str, &str)] = &[
    ("kind = \"cpu\"", "kind = \"gpu\""),
    ("kind = \"cpu\"", "kind = \"cuda\""),
    ("kind = \"cpu\"\n", ""),
    ("memory = \"4 GiB\"", "memory = \"4 gigs\""),
    ("memory = \"4 GiB\"", "memory = -1"),
    ("memory = \"4 GiB\"", "memory = 0"),
    ("memory = \"4 GiB\"", "memory = true"),
    ("kind = \"cpu\"", "kind = \"cpu\"\nmodel = \"Xeon\""),
    ("threads = 2", "threads = 0"),
    ("threads = 2", "thread = 2"),
    ("tf32 = \"absent\"", "tf32 = \"off\""),
    ("tf32 = \"absent\"", "tf32 = false"),
    ("tf32 = \"absent\"", "tf32 = \"absent\"\nbf16 = true"),
    ("step_every = 10", "step_every = 0"),
    ("flops_per_second = 1e11", "flops_per_second = inf"),
    ("nd_factor = 3", "nd_factor = 0"),
    ("nd_factor = 3", "nd_factor = 3\nstudy_speed = -1"),
    ("memory_factor = 1.5", "memory_factor = 0.5"),
    // Bounds.
    ("memory = \"4 GiB\"", "memory = 9223372036854775807"),
    ("base_memory = \"300 MiB\"", "base_memory = 9223372036854775807"),
    ("threads = 2", "threads = 4294967295"),
    ("step_every = 10", "step_every = 4294967295"),
    ("flops_per_second = 1e11\nnd_factor = 3", "flops_per_second = 1e300\nnd_factor = 1e300\nstudy_speed = 1e300"),
    ("kind = \"cpu\"", "kind = 3"),
    // How pods train.
    ("memory_factor = 1.5\n", "memory_factor = 1.5\n[kubernetes]\nimge = \"a\"\n"),
    (
        "memory_factor = 1.5\n",
        "memory_factor = 1.5\n[kubernetes]\nimage = \"a b\"\nclaim = \"A_b\"\nmount = \"data\"\ngpu = \"gpu\"\nuser = 0\n",
    ),
    (
        "memory_factor = 1.5\n",
        "memory_factor = 1.5\n[kubernetes]\nnode_selector = { \"a b\" = \"c\" }\ntolerations = [\"\"]\nlabels = { a = \"-\" }\n",
    ),
    (
        "memory_factor = 1.5\n",
        "memory_factor = 1.5\n[kubernetes]\nmemory = 0\nmax_time = \"soon\"\nmount = \"/a/../b\"\n",
    ),
    ("memory_factor = 1.5\n", "memory_factor = 1.5\n[kubernetes]\nnode_selector = { a = 1 }\n"),
];

#[test]
fn pods_find_the_store_and_gpus_unless_the_profile_says_where() {
    let of = |table: &str| Profile::parse("good.toml", &format!("{GOOD}[kubernetes]\n{table}")).unwrap();
    let plain = of("image = \"a\"\nclaim = \"my.claim-2\"\n");
    assert_eq!((plain.kubernetes().mount().to_str(), plain.kubernetes().gpu()), (Some("/ndbench"), "nvidia.com/gpu"));
    let other = of("mount = \"/a b/c\"\nlabels = { \"x.org/y\" = \"\", z = \"A_.b\" }\n");
    assert_eq!(other.kubernetes().mount().to_str(), Some("/a b/c"));
    assert_eq!(other.kubernetes().labels.len(), 2);
}

#[test]
fn every_class_of_error_says_where_and_why() {
    assert!(Profile::parse("good.toml", GOOD).is_ok());
    let mut all = String::new();
    for (from, to) in BROKEN {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let message = match Profile::parse("bad.toml", &text) {
            Ok(_) => panic!("accepted: {to}"),
            Err(e) => e.to_string(),
        };
        let _ = writeln!(all, "> {}\n{message}\n", to.replace('\n', "; "));
    }
    insta::assert_snapshot!(all);
}

proptest! {
    #[test]
    fn random_edits_never_panic(start in 0..GOOD.len(), length in 0usize..30, text in "[\\PC\n\"\\[\\]{}=.,]{0,20}") {
        let end = (start + length).min(GOOD.len());
        let mut edited = GOOD.to_string();
        edited.replace_range(start..end, &text);
        if let Err(e) = Profile::parse("edited.toml", &edited) {
            prop_assert!(e.to_string().starts_with("edited.toml:"), "{e}");
        }
    }
}
