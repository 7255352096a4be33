//! `ndbench run --devices`: a process a device, and the records of a run on one.

use super::bench::{Bench, files, records, said, scenario, untimed};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// Two blocks of two trials of one step each.
fn bench() -> Bench {
    Bench::new(&scenario(16, 1).replace("attempts = 1", "attempts = 2"))
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[test]
fn two_processes_record_what_one_does() {
    let bench = bench();
    let one = output(&mut bench.command("run", "one", &["--quiet"]));
    assert!(one.status.success(), "{}", said(&one));
    let two = output(&mut bench.command("run", "two", &["--devices", "cpu,cpu", "--listen", "0"]));
    let words = said(&two);
    assert!(two.status.success(), "{words}");
    assert!(words.contains("[cpu] block 1 of 2\n") && words.contains("[cpu] metrics: http://127.0.0.1:"), "{words}");
    let numbers =
        |store| records(&bench.path(store)).iter().map(|r| (r["trial_id"].clone(), untimed(r))).collect::<Vec<_>>();
    assert_eq!(numbers("one").len(), 4);
    assert_eq!(numbers("one"), numbers("two"));
    // Two on one device disturb each other.
    let timed = |store| {
        let of = |r: &serde_json::Value| (r["time_valid"].as_bool().unwrap(), r["sharers"].as_u64());
        records(&bench.path(store)).iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!((timed("one"), timed("two")), (vec![(true, None); 4], vec![(false, Some(1)); 4]));
    // A process had both trials of a block.
    let all = records(&bench.path("two"));
    let pairs = all.iter().filter(|r| r["block"]["position"] == 0).map(|first| {
        let second = all.iter().find(|r| r["block"]["id"] == first["block"]["id"] && r["block"]["position"] == 1);
        (first["finished"].as_str().unwrap(), second.unwrap()["started"].as_str().unwrap())
    });
    pairs.for_each(|(ended, began)| assert!(ended <= began, "{ended} {began}"));
    let again = output(&mut bench.command("run", "two", &["--devices", "cpu,cpu", "--quiet"]));
    assert!(again.status.success() && said(&again).is_empty(), "{}", said(&again));
}

#[test]
fn a_device_that_is_not_there_leaves_its_share_to_the_others() {
    let bench = bench();
    let some = output(&mut bench.command("run", "some", &["--devices", "cuda:99,cpu"]));
    let words = said(&some);
    assert!(some.status.success(), "{words}");
    assert!(words.contains("[cuda:99] ndbench: no CUDA device"), "{words}");
    assert!(words.contains("[cuda:99] warning: this device takes no further part"), "{words}");
    assert_eq!(records(&bench.path("some")).len(), 4);
    // A block that three devices have in hand in turn, and the fourth waits for.
    let only = ["--only", "attempt=1", "--devices", "cuda:97,cuda:98,cuda:99,cpu"];
    let last = output(&mut bench.command("run", "last", &only));
    assert!(last.status.success(), "{}", said(&last));
    assert_eq!(records(&bench.path("last")).len(), 2);
    let none = output(&mut bench.command("run", "none", &["--devices", "cuda:98,cuda:99"]));
    assert_eq!(none.status.code(), Some(6), "{}", said(&none));
    for more in [&[][..], &["--dry-run"]] {
        let twice = [&["--devices", "cuda:1,cpu,cuda:1"], more].concat();
        let twice = output(&mut bench.command("run", "twice", &twice));
        assert_eq!(twice.status.code(), Some(3), "{}", said(&twice));
        assert!(said(&twice).contains("--devices names cuda:1 twice"), "{}", said(&twice));
        assert!(!bench.path("twice").exists());
    }
    let both = output(&mut bench.command("run", "none", &["--devices", "cpu", "--device", "cpu"]));
    assert_eq!(both.status.code(), Some(2), "{}", said(&both));
}

#[test]
fn a_signal_is_passed_on_and_the_same_command_goes_on() {
    // Long enough that the signal comes before its end.
    let bench = Bench::new(&scenario(256, 20));
    let mut running =
        bench.command("run", "store", &["--devices", "cpu", "--checkpoint-every", "0", "--quiet"]).spawn().unwrap();
    let (begun, folder) = (Instant::now(), bench.path("store").join("checkpoints"));
    while !files(&folder).iter().any(|path| path.extension().is_some_and(|e| e == "ckpt")) {
        assert!(begun.elapsed() < Duration::from_secs(300), "no checkpoint");
        assert_eq!(running.try_wait().unwrap(), None);
        thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: the child was not waited for.
    unsafe { libc::kill(running.id() as i32, libc::SIGTERM) };
    let ended = running.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", said(&ended));
    assert!(said(&ended).contains("[cpu] ndbench: interrupted; the same command continues"), "{}", said(&ended));
    assert_eq!(records(&bench.path("store"))[0]["outcome"]["kind"], "interrupted");
}
