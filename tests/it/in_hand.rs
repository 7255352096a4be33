//! What `ndbench status` and `submit` say is in hand, with programs in Slurm's place.

use super::cluster::{Cluster, name, only, report, row, said};
use assert_cmd::Command;
use std::fs;

#[test]
fn a_watch_ends_when_nobody_has_in_hand_what_is_left() {
    let cluster = Cluster::new();
    cluster.submit("", &[]).success();
    let plan = only(&cluster.path("store/plans"));
    let path = format!("{}:{}", cluster.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::cargo_bin("ndbench").unwrap();
    let done = command.env("PATH", &path).arg("status").arg(&plan).arg("--watch=1").assert().code(10);
    let looks = String::from_utf8_lossy(&done.get_output().stdout).matches("4 left to train").count();
    assert_eq!(looks, 2, "a trainer may be between two trials");
    assert!(said(&done).contains("4 trial(s) are left, and nobody is training them"), "{}", said(&done));
    let vain = [row(&name(&plan), 1, "", "BadConstraints"), row(&name(&plan), 2, "", "QOSMaxGRESPerJob")].concat();
    fs::write(cluster.path("jobs/queue"), vain).unwrap();
    let mut command = Command::cargo_bin("ndbench").unwrap();
    let command = command.env("PATH", &path).arg("status").arg(&plan).arg("--watch=1");
    command.timeout(std::time::Duration::from_secs(60)).assert().code(10);
    let waiting = row(&name(&plan), 1, "", "BadConstraints") + &row(&name(&plan), 2, "", "Resources");
    for (program, words) in
        [("squeue", format!("printf '{}'", waiting.replace('\n', "\\n"))), ("squeue", "exit 1".into())]
    {
        cluster.program(program, &words);
        let mut command = Command::cargo_bin("ndbench").unwrap();
        let command = command.env("PATH", &path).arg("status").arg(&plan).arg("--watch=1");
        command.timeout(std::time::Duration::from_secs(4)).assert().interrupted();
    }
}

#[test]
fn a_lock_that_outlives_its_job_is_of_a_dead_one() {
    let cluster = Cluster::new();
    cluster.submit("", &[]).success();
    let plan = only(&cluster.path("store/plans"));
    let config = fs::read_to_string(cluster.path("bin/scontrol")).unwrap();
    cluster.program("scontrol", &config.replace("1001'", "1001\nClusterName = here'"));
    let json: serde_json::Value = serde_json::from_str(&cluster.status(&plan, &["--json"])).unwrap();
    let id = json["trials"][0]["trial_id"].as_str().unwrap();
    let path = cluster.path("store/locks").join(format!("{id}.lock"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let held = fs::File::create(&path).unwrap();
    held.lock().unwrap();
    let is_at = |of_cluster: &str, user: u32| {
        let job = serde_json::json!({"cluster": of_cluster, "id": "79", "array_job": "77", "array_task": "1"});
        let will = serde_json::json!({"job": job, "user": user});
        fs::write(&path, format!("process 7 on alpha\n{will}\n")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&cluster.status(&plan, &["--json"])).unwrap();
        json["trials"][0]["progress"]["state"].as_str().unwrap().to_owned()
    };
    let us = ndbench::record::user();
    assert_eq!([is_at("there", us), is_at("here", us + 1)], ["training", "training"], "Slurm says nothing of these");
    fs::write(cluster.path("jobs/queue"), "a|b|1|77|RUNNING|beta|None|\n").unwrap();
    assert_eq!(is_at("here", us), "training", "whatever the job is called");
    fs::write(cluster.path("jobs/queue"), "").unwrap();
    assert_eq!(is_at("here", us), "died");
    let path = format!("{}:{}", cluster.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::cargo_bin("ndbench").unwrap();
    let command = command.env("PATH", path).arg("status").arg(&plan).arg("--watch=1");
    command.timeout(std::time::Duration::from_secs(60)).assert().code(10);
    assert!(said(&cluster.submit("", &["--dry-run"]).success()).contains("the trainers of 1 trial(s) died"));
}

#[test]
fn what_slurm_holds_is_told_and_what_it_failed_to_launch_is_released() {
    let cluster = Cluster::new();
    cluster.submit("", &[]).success();
    let plan = only(&cluster.path("store/plans"));
    let name = self::name(&plan);
    let rows = [row(&name, 1, "", "launch failed requeued held"), row(&name, 2, "", "JobHeldAdmin")];
    let queue = rows.concat() + &report(&name);
    fs::write(cluster.path("jobs/queue"), queue).unwrap();
    let status = cluster.status(&plan, &[]);
    for held in ["launch failed requeued held: `scontrol release 77_1`", "JobHeldAdmin: `scontrol release 77_2`"] {
        assert!(status.contains(&format!("1 of them held, {held} lets them start")), "{status}");
    }
    let json: serde_json::Value = serde_json::from_str(&cluster.status(&plan, &["--json"])).unwrap();
    assert_eq!(json["held"]["JobHeldAdmin"], serde_json::json!(["77_2"]));

    let dry = said(&cluster.submit("", &["--dry-run"]).success());
    assert!(dry.contains("4 in the queue, 0 to submit") && dry.contains("scontrol release 77_1"), "{dry}");
    assert!(cluster.job("released").is_empty());
    let done = said(&cluster.submit("", &[]).success());
    assert!(done.contains("released, since Slurm held them after a failed launch: 77_1\n"), "{done}");
    assert!(done.contains("scontrol release 77_2") && !done.contains("scontrol release 77_1"), "{done}");
    assert_eq!(cluster.job("released"), "77_1\n");
    fs::write(cluster.path("jobs/queue"), self::row(&name, 1, "", "BadConstraints")).unwrap();
    let nowhere = cluster.status(&plan, &[]);
    assert!(nowhere.contains("no node is left for them") && nowhere.contains("`scancel 77_1`"), "{nowhere}");
    fs::write(cluster.path("jobs/queue"), rows.concat() + &self::report(&name)).unwrap();
    cluster.program("scontrol", "case $* in release*) echo 'Access/permission denied' >&2; exit 1;; *config*) ;; *) echo 'PartitionName=gpu Default=YES';; esac");
    assert!(
        said(&cluster.submit("", &[]).success())
            .contains("not released: scontrol release 77_1: Access/permission denied")
    );
}

#[cfg(feature = "torch")]
#[test]
fn a_trial_that_is_tried_again_is_in_hand_though_it_has_a_record() {
    let cluster = Cluster::new();
    let few = ["--only", "norm=bn", "--set", "train_images=64", "--set", "test_images=64"];
    let steep = [&few[..], &["--set", "recipe.batch_size=16", "--set", "recipe.lr=1000"]].concat();
    cluster.submit("", &steep).success();
    let plan = only(&cluster.path("store/plans"));
    let first = || -> serde_json::Value {
        let json: serde_json::Value = serde_json::from_str(&cluster.status(&plan, &["--json"])).unwrap();
        json["trials"][0].clone()
    };
    let mut row = Command::cargo_bin("ndbench").unwrap();
    row.current_dir(env!("CARGO_MANIFEST_DIR")).arg("run").arg(&plan).args(["--row", "1"]);
    row.envs([("SLURM_JOB_ID", "79"), ("SLURM_ARRAY_JOB_ID", "77"), ("SLURM_ARRAY_TASK_ID", "1")]).assert().success();
    assert_eq!(first()["progress"]["state"], "diverged");

    // The task that has recorded it may be at the other trial of the block.
    let name = name(&plan);
    fs::write(cluster.path("jobs/queue"), self::row(&name, 1, "alpha", "None")).unwrap();
    assert_eq!((&first()["progress"]["state"], &first()["earlier"]), (&"diverged".into(), &serde_json::Value::Null));
    fs::write(cluster.path("jobs/queue"), "").unwrap();
    let done = said(&cluster.submit("", &[&steep[..], &["--retry", "diverged"]].concat()).success());
    assert!(done.contains("0 done, 0 in the queue, 2 to submit in 2 block(s)"), "{done}");
    fs::write(cluster.path("jobs/queue"), self::row(&name, 1, "", "Resources").replace("|77|", "|90|")).unwrap();
    let status = cluster.status(&plan, &[]);
    let wanted = "| not begun; tried again, since it diverged in epoch 1 | 90_1 pending (Resources) |";
    assert!(status.contains(wanted) && status.contains("1 in Slurm's hands, 2 left to train"), "{status}");
    assert_eq!((&first()["progress"]["state"], &first()["earlier"]["state"]), (&"missing".into(), &"diverged".into()));
}

#[cfg(feature = "torch")]
#[test]
fn a_node_without_the_data_is_told() {
    let cluster = Cluster::new();
    cluster.submit("", &["--only", "norm=bn", "--set", "matrix.datasets=[\"cifar10\"]"]).success();
    let plan = only(&cluster.path("store/plans"));
    let mut row = Command::cargo_bin("ndbench").unwrap();
    row.arg("run").arg(&plan).args(["--row", "1", "--data"]).arg(cluster.path("bin"));
    row.env("SLURMD_NODENAME", "alpha").assert().code(4);
    let status = cluster.status(&plan, &[]);
    assert!(status.contains("not begun; alpha cannot train it: cifar10 not found in"), "{status}");
}
