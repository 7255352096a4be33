//! `ndbench plan` from the outside: devices, what a store teaches, how good its memory is.

use super::made_up::{printed, record, trials};
use ndbench::event::Outcome;
use ndbench::record::Store;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

const ONE: [&str; 3] = ["table1-cifar10", "--only", "architecture=vgg16,norm=bn"];

fn plan(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ndbench")).arg("plan").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(&plan(&[arguments, &["--json"]].concat()))).unwrap()
}

#[test]
fn each_device_says_what_it_holds_and_what_to_ask_for() {
    let plans = json(&[&ONE[..], &["--gpu", "v100-16gb,a100-40gb,mig:1g.5gb,3GiB"]].concat());
    let plans = plans.as_array().unwrap();
    let safe = |plan: &Value| plan["cells"][0]["capacity"]["safe"].as_u64().unwrap();
    let batches: Vec<u64> = plans.iter().map(safe).collect();
    assert!(batches[1] > batches[0] && batches[0] > batches[2] && batches[2] > batches[3], "{batches:?}");
    let [v100, _, slice, _] = &plans[..] else { panic!("{plans:?}") };
    assert_eq!((&v100["slurm"][0]["gres"], &slice["slurm"][0]["gres"]), (&"gpu:1".into(), &"gpu:1g.5gb:1".into()));
    assert!(v100["slurm"][0]["minutes"].is_u64() && slice["slurm"][0]["minutes"].is_null());
    assert_eq!((&v100["suffices"], &v100["energy"]), (&true.into(), &Value::Null));
    let text = printed(&plan(&[&ONE[..], &["--gpu", "v100-16gb,1GiB"]].concat()));
    for words in
        ["analytic +15 %", "Slurm, ", "--gres=gpu:1 --mem=32768M --time=", "Enough for all, with the band: v100-16gb."]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// As the study says.
#[test]
fn all_of_table_1_fits_16_gb() {
    let text = printed(&plan(&["table1-cifar10", "--gpu", "v100-16gb"]));
    assert!(text.contains("all are estimated to fit") && text.contains("with the band: v100-16gb."), "{text}");
}

#[test]
fn a_device_that_is_none_is_said() {
    let output = plan(&[&ONE[..], &["--gpu", "mig:9g.10gb"]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("names no slice of a GPU"));
}

#[test]
fn a_training_that_ran_out_of_memory_bounds_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let resolved = trials(ONE[0], &["architecture=vgg16,norm=bn,epochs=1,attempt=1"]).remove(0);
    let outcome = Outcome::Oom { requested: None, free: None, message: "made up".into() };
    store.write(&ndbench::record::Record { outcome, epochs: Vec::new(), ..record(&resolved, 50.0, 50.0) }).unwrap();
    let of_store = [&ONE[..], &["--profile", "cpu", "--store", folder.path().to_str().unwrap()]].concat();
    let capacity = &json(&of_store)[0]["cells"][0]["capacity"];
    assert_eq!(
        (&capacity["risk"], &capacity["largest"], &capacity["ran_out"]),
        (&"high".into(), &120.into(), &128.into())
    );
    assert!(printed(&plan(&of_store)).contains("high, 128 ran out"));
}

#[test]
fn the_figure_has_the_networks_and_the_devices() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.svg");
    printed(&plan(&[&ONE[..], &["--gpu", "v100-16gb,h200", "--figure", path.to_str().unwrap()]].concat()));
    let svg = std::fs::read_to_string(path).unwrap();
    for words in ["VGG-16, cifar10", "v100-16gb", "h200", "GiB"] {
        assert!(svg.contains(words), "{words}");
    }
}

/// What was planned beside what was measured, by the records in a folder of the repository.
fn measured(folder: &str) -> Value {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    serde_json::from_str(&printed(&plan(&["--accuracy", store.to_str().unwrap(), "--json"]))).unwrap()
}

/// Networks and norms of the rows whose `estimate` there is; each is within its bounds.
fn held(found: &Value, estimate: &str) -> BTreeSet<String> {
    let rows = found["rows"].as_array().unwrap().iter().filter(|row| row[estimate].is_u64());
    let each = rows.map(|row| {
        let error = row[estimate].as_f64().unwrap() / row["measured"].as_f64().unwrap() - 1.0;
        assert!((-0.02..=0.05).contains(&error), "{row}: {error}");
        format!("{} {}", row["network"], row["norm"])
    });
    each.collect()
}

/// What the repository says of the account is what the program says of the records there.
#[test]
fn the_tables_of_errors_are_those_of_the_program() {
    for folder in ["profiles/cpu/memory", "profiles/cpu/memory-avx2"] {
        let store = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let text = std::fs::read_to_string(store.join("accuracy.md")).unwrap();
        assert!(printed(&plan(&["--accuracy", store.to_str().unwrap()])) == text, "{folder}: write accuracy.md anew");
    }
}

#[test]
fn the_account_foretells_the_memory_of_every_network() {
    let found = measured("profiles/cpu/memory");
    let analytic = held(&found, "analytic");
    // Ten networks, the CIFAR form of ResNet-18 among them, BN and two implementations of ND; of PNASNet-A one.
    assert!(analytic.iter().filter(|of| !of.contains("plain")).count() >= 29, "{analytic:?}");
    // And so does a line through two batches, wherever there is a third.
    held(&found, "probes");
    // Other kernels take other memory.
    let without_avx512 = measured("profiles/cpu/memory-avx2");
    for estimate in ["analytic", "probes"] {
        let held = held(&without_avx512, estimate);
        // All ten networks; six of them in three batches or more.
        let most = if estimate == "analytic" { 30 } else { 18 };
        assert!(held.len() >= most, "{estimate}: {held:?}");
    }
}

#[test]
fn it_foretells_that_of_images_that_lie_pixel_by_pixel() {
    let held = held(&measured("profiles/cpu/layout"), "analytic");
    let pixels = held.iter().filter(|of| of.contains("channels last")).count();
    assert!(pixels >= 8 && held.len() >= 2 * pixels, "{held:?}");
}

#[test]
fn batches_in_parts_take_the_memory_that_was_foretold() {
    let folder = tempfile::tempdir().unwrap();
    for parts in ["1", "4"] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_ndbench"));
        run.args([
            "run",
            "smoke",
            "--quiet",
            "--only",
            "attempt=1",
            "--set",
            "train_images=128",
            "--set",
            "test_images=16",
        ]);
        run.args([
            "--set",
            "matrix.architectures=[\"resnet18-cifar\"]",
            "--set",
            &format!("recipe.accumulate={parts}"),
        ]);
        printed(&run.arg("--store").arg(folder.path()).output().unwrap());
    }
    let found: Value =
        serde_json::from_str(&printed(&plan(&["--accuracy", folder.path().to_str().unwrap(), "--json"]))).unwrap();
    assert!(held(&found, "analytic").len() >= 2, "{found}");
    let mut measured: Vec<u64> = found["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["norm"] == "bn")
        .map(|row| row["measured"].as_u64().unwrap())
        .collect();
    measured.sort_unstable();
    assert!(measured.len() == 2 && 4 * measured[0] < 3 * measured[1], "{measured:?}");
}
