//! `ndbench submit` with programs in Slurm's place.

use super::cluster::{Cluster, name, only, report, row, said};
#[cfg(feature = "torch")]
use assert_cmd::Command;
use std::fs;

#[test]
fn arrays_come_first_and_the_report_waits_for_them() {
    let cluster = Cluster::new();
    // Within a job of an interactive session.
    let path = cluster.path("jobs").display().to_string();
    let sbatch = fs::read_to_string(cluster.path("bin/sbatch")).unwrap();
    cluster.program("sbatch", &format!("env | grep ^SLURM_ >> {path}/variables\n{sbatch}"));
    cluster.inherits.set(&[
        ("SLURM_CPU_BIND", "quiet,mask_cpu:0x1"),
        ("SLURM_RESTART_COUNT", "12"),
        ("SLURM_CONF", "/here"),
    ]);
    let done = cluster.submit("[slurm]\ngres = \"gpu:1\"\nthrottle = 3\n", &[]).success();
    assert_eq!(cluster.job("variables"), "SLURM_CONF=/here\n".repeat(2));
    let said = said(&done);
    assert!(said.contains("4 trials: 0 done, 0 in the queue, 4 to submit in 2 block(s)"), "{said}");
    assert!(said.contains("job 100: ndbench-") && said.contains("job 101: ") && said.contains("-report"), "{said}");
    let (array, report) = (cluster.job("0.sh"), cluster.job("1.sh"));
    for line in
        ["#SBATCH --array=1-2%3\n", "#SBATCH --time=00:30:00\n", "#SBATCH --gres=gpu:1\n", "#SBATCH --requeue\n"]
    {
        assert!(array.contains(line), "no {line} in {array}");
    }
    assert_eq!(cluster.job("0.args").trim(), "--parsable");
    assert_eq!(cluster.job("1.args").trim(), "--parsable --dependency=afterany:100");
    assert!(report.contains(" report ") && !report.contains("gres"), "{report}");

    // What is in the queue is not submitted again.
    let plan = only(&cluster.path("store/plans"));
    let name = self::name(&plan);
    fs::write(cluster.path("jobs/queue"), [row(&name, 2, "", "None"), self::report(&name)].concat()).unwrap();
    let done = cluster.submit("", &[]).success();
    assert!(self::said(&done).contains("0 done, 2 in the queue, 2 to submit in 1 block(s)"), "{}", self::said(&done));
    assert_eq!(cluster.job("3.args").trim(), "--parsable --dependency=afterany:77:102", "the report waits for all");

    // A report that could not be submitted is made up for.
    let all = [row(&name, 1, "alpha", "None"), row(&name, 2, "", "Resources")].concat();
    fs::write(cluster.path("jobs/queue"), &all).unwrap();
    cluster.submit("", &[]).success();
    assert_eq!(cluster.job("4.args").trim(), "--parsable --dependency=afterany:77");
    fs::write(cluster.path("jobs/queue"), all + &self::report(&name)).unwrap();
    cluster.submit("", &[]).success();
    assert!(cluster.job("5.args").is_empty());
}

#[test]
fn a_report_asks_for_no_gpu_and_output_goes_into_the_store_whatever_that_is_called() {
    let cluster = Cluster::new();
    let profile =
        "[slurm]\ngres = \"gpu:1\"\nexclusive = true\noptions = [\"--gpus-per-task=1 --nice\", \"--mem=2G\"]\n";
    cluster.submit_to("100%j", profile, &[]).success();
    let (array, report) = (cluster.job("0.sh"), cluster.job("1.sh"));
    for script in [&array, &report] {
        assert!(script.contains("/100%%j/slurm/%x-") && script.contains("/100%j/plans/"), "{script}");
    }
    assert!(array.contains("#SBATCH --gpus-per-task=1 --nice\n") && array.contains("#SBATCH --mem=2G\n"), "{array}");
    assert!(report.contains("#SBATCH --nice\n"), "{report}");
    for word in ["gpu", "--mem", "exclusive"] {
        assert!(!report.contains(word), "{word} in {report}");
    }
    let refused = said(&cluster.submit_to("a\\b", "", &[]).code(6));
    assert!(refused.contains("with a backslash or a line's end in its name"), "{refused}");
}

#[test]
fn a_quality_of_service_limits_what_is_submitted_where_slurm_keeps_accounts() {
    let cluster = Cluster::new();
    let submit = |answer: &str, more: &str| {
        cluster.program("sacctmgr", answer);
        cluster.submit(&format!("[slurm]\nqos = \"short\"\n{more}"), &["--dry-run"]).success()
    };
    let script = |answer: &str| String::from_utf8(submit(answer, "").get_output().stdout.clone()).unwrap();
    let limited = "case $* in *show*qos*) printf 'normal|||||\\nshort|00:20:00||||\\n';; *) exit 1;; esac";
    assert!(script(limited).contains("#SBATCH --time=00:20:00\n"));
    assert!(
        script("echo 'You are not running a supported accounting_storage plugin' >&2; exit 1")
            .contains("--time=00:30:00\n")
    );
    let words = said(&submit(limited, "max_time = \"1:00:00\"\n"));
    assert!(words.contains("warning: slurm.max_time: the QOS short allows 00:20:00"), "{words}");
    let words = said(&submit("echo 'short||2|||'", ""));
    assert!(words.contains("does not fit: slurm.qos: short takes 2 jobs of a user at a time"), "{words}");
    let squeue = fs::read_to_string(cluster.path("bin/squeue")).unwrap();
    cluster.program("squeue", "case $* in '--me -a -h -r -t'*) printf 'gpu|short\\nother|short\\ngpu|long\\n';; esac");
    let words = said(&submit("echo 'short||4|||'", ""));
    assert!(words.contains("short takes 4 jobs of a user at a time, 2 are there already, and there are 2"), "{words}");
    cluster.program("squeue", &squeue);
    let words = said(&submit("echo 'short|||cpu=4|gres/gpu=1|'", "cpus = 8\n"));
    assert!(words.contains("does not fit: slurm.cpus: the QOS short allows 4 cores at the most"), "{words}");
    let words = said(&submit("echo 'normal|||||'", ""));
    assert!(words.contains("does not fit: slurm.qos: the cluster has no QOS short"), "{words}");
}

#[test]
fn the_report_of_another_matrix_is_not_taken_for_this_ones() {
    let cluster = Cluster::new();
    cluster.submit("", &[]).success();
    let ours = name(&only(&cluster.path("store/plans")));
    cluster.submit("", &["--set", "train_images=64"]).success();
    let plans = fs::read_dir(cluster.path("store/plans")).unwrap().map(|plan| name(&plan.unwrap().path()));
    let theirs = plans.into_iter().find(|name| *name != ours).unwrap();
    let waiting = [row(&ours, 1, "alpha", "None"), row(&ours, 2, "", "Resources")].concat();
    let others = row(&theirs, 1, "", "Resources").replace("|77|", "|90|") + &report(&theirs);
    fs::write(cluster.path("jobs/queue"), [waiting.as_str(), &others].concat()).unwrap();
    let done = said(&cluster.submit("", &[]).success());
    assert!(done.contains("4 in the queue, 0 to submit"), "{done}");
    assert_eq!(cluster.job("4.args").trim(), "--parsable --dependency=afterany:77", "it waits for this matrix alone");
    fs::write(cluster.path("jobs/queue"), [waiting, others, report(&ours)].concat()).unwrap();
    cluster.submit("", &[]).success();
    assert!(cluster.job("5.args").is_empty());
}

#[test]
fn what_does_not_fit_is_said_and_nothing_is_submitted() {
    let cluster = Cluster::new();
    let profile = "[slurm]\ngres = \"gpu:v100:1\"\ncpus = 200\n";
    let done = cluster.submit(profile, &[]).code(6);
    let said = said(&done);
    for part in ["no node of the partition has gpu:v100:1", "96 is the most", "nothing was submitted"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert!(!cluster.path("store").exists() && cluster.job("0.sh").is_empty());
    let shown = cluster.submit(profile, &["--dry-run"]).success();
    assert!(String::from_utf8_lossy(&shown.get_output().stdout).contains("#SBATCH --gres=gpu:v100:1"));
    assert!(!cluster.path("store").exists());
}

#[test]
fn a_cluster_that_does_not_answer_or_refuses_is_told() {
    let cluster = Cluster::new();
    cluster.program("sbatch", "echo 'Batch job submission failed: Invalid account' >&2; exit 1");
    assert!(said(&cluster.submit("", &[]).code(6)).contains("Invalid account"));
    cluster.program("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
    assert!(said(&cluster.submit("", &[]).code(6)).contains("Unable to contact slurm controller"));
    let done = cluster.submit("", &["--dry-run"]).success();
    assert!(said(&done).contains("the cluster's limits are not known"), "{}", said(&done));
    let wrong = cluster.submit("[slurm]\nmax_time = \"soon\"\n", &[]).code(3);
    assert!(said(&wrong).contains("slurm.max_time: must be a time of Slurm's form"), "{}", said(&wrong));
}

#[cfg(feature = "torch")]
#[test]
fn a_row_of_a_plan_is_trained_and_then_done() {
    let cluster = Cluster::new();
    cluster.submit("", &["--set", "train_images=64", "--set", "test_images=64"]).success();
    let plan = only(&cluster.path("store/plans"));
    let row = |number: &str, more: &[&str]| {
        let mut command = Command::cargo_bin("ndbench").unwrap();
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .arg("run")
            .arg(&plan)
            .args(["--row", number])
            .args(more)
            .assert()
    };
    // A node whose GPU is gone.
    let gone = said(&row("1", &["--device", "cuda:99"]).code(6));
    assert!(gone.contains("no CUDA device"), "{gone}");
    let told = cluster.status(&plan, &[]);
    assert_eq!(told.matches("not begun; ").count(), 2, "{told}");
    assert_eq!(told.matches(" cannot train it: no CUDA device").count(), 2, "{told}");
    let json: serde_json::Value = serde_json::from_str(&cluster.status(&plan, &["--json"])).unwrap();
    assert!(json["trials"][0]["refusals"][0]["why"].as_str().unwrap().starts_with("no CUDA device"), "{json}");
    row("1", &[]).success();
    assert_eq!(fs::read_dir(cluster.path("store/refusals")).unwrap().count(), 0, "it has its device again");
    assert_eq!(fs::read_dir(cluster.path("store/records")).unwrap().count(), 2, "BN and ND of one attempt");
    assert!(said(&row("9", &[]).code(3)).contains("the plan has rows 1 to 2, no row 9"));
    assert!(said(&row("1", &["--epochs", "3"]).code(3)).contains("a plan is frozen"));
    let status = |more: &[&str]| cluster.status(&plan, more);
    let name = self::name(&plan);
    fs::write(cluster.path("jobs/queue"), self::row(&name, 2, "", "Resources")).unwrap();
    let said_of = status(&[]);
    assert!(said_of.starts_with("smoke: 4 trials, 2 finished, 2 in Slurm's hands, 2 left to train"), "{said_of}");
    assert!(!said_of.contains("will be done"), "nothing runs: {said_of}");
    assert!(said_of.contains("| resnet18 nd fashion-mini, 1 epoch, attempt 2"), "{said_of}");
    assert!(said_of.contains("| not begun | 77_2 pending (Resources) |"), "{said_of}");
    fs::write(cluster.path("jobs/queue"), self::row(&name, 2, "alpha", "None")).unwrap();
    let said_of = status(&[]);
    assert!(said_of.contains("| 77_2 running on alpha |"), "{said_of}");
    assert!(said_of.contains("what is in hand will be done at about") && said_of.contains("1 block(s)"), "{said_of}");
    let json: serde_json::Value = serde_json::from_str(&status(&["--json"])).unwrap();
    let states: Vec<_> =
        json["trials"].as_array().unwrap().iter().map(|t| t["progress"]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["finished", "finished", "missing", "missing"]);
    cluster.program("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
    assert!(status(&[]).contains("what Slurm has in hand is not known: squeue"));
    cluster.program("squeue", "true");
    let again = cluster.submit("", &["--set", "train_images=64", "--set", "test_images=64"]).success();
    assert!(said(&again).contains("2 done, 0 in the queue, 2 to submit in 1 block(s)"), "{}", said(&again));

    // A task that ends while Slurm is slow to answer is not submitted again.
    let (records, aside) = (cluster.path("store/records"), cluster.path("aside"));
    fs::rename(&records, &aside).unwrap();
    fs::create_dir(&records).unwrap();
    cluster.program("squeue", &format!("mv {}/* {}", aside.display(), records.display()));
    let again = cluster.submit("", &["--dry-run", "--set", "train_images=64", "--set", "test_images=64"]).success();
    assert!(said(&again).contains("2 done, 0 in the queue, 2 to submit in 1 block(s)"), "{}", said(&again));
    let mut command = Command::cargo_bin("ndbench").unwrap();
    let without = command.args(["run", "smoke", "--row", "1"]).assert().code(3);
    assert!(said(&without).contains("--row is for plans"));
}
