//! `ndbench serve` over the store of `tests/fixtures/export/`.

use super::tools::tool;
use super::web::{Served, get};
use ndbench::record::Record;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const STORE: &str = "tests/fixtures/export/store/records";

/// A store of one record.
fn small_store(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::create_dir(folder.join("records")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(STORE);
    let mut files: Vec<_> = std::fs::read_dir(source).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let last = files.pop().unwrap();
    std::fs::copy(&last, folder.join("records").join(last.file_name().unwrap())).unwrap();
    files
}

#[test]
fn the_results_of_a_store_are_served_and_follow_it() {
    let folder = tempfile::tempdir().unwrap();
    let others = small_store(folder.path());
    let targets = folder.path().join("targets.json");
    let store = folder.path().to_str().unwrap();
    let arguments = ["serve", store, "--listen", "0", "--refresh", "0", "--targets", targets.to_str().unwrap()];
    let mut served = Served::start(&arguments);
    let page = get(&served.address, "/metrics");
    assert!(page.contains("\nndbench_store_records 1\n") && page.contains("\nndbench_paper_seconds{"), "{page}");
    assert_eq!(get(&served.address, "/-/ready"), "ready\n");
    let report = get(&served.address, "/");
    assert!(report.starts_with("<!DOCTYPE html>") && report.contains("VGG-16"), "{report}");
    assert!(std::fs::read_to_string(&targets).unwrap().contains(&served.address));
    for file in &others {
        std::fs::copy(file, folder.path().join("records").join(file.file_name().unwrap())).unwrap();
    }
    let page = served.get("/metrics", |page| page.contains("ndbench_nd_overhead_ratio{"));
    assert!(page.contains("outcome=\"oom\""), "{page}");
    checked(&page);
    assert!(served.end("-TERM").success());
    assert!(!targets.exists(), "Prometheus is not sent to a program that is gone");
}

/// Replaces the record by one with that remark, as a program does, in a folder whose time does not change.
fn replace(path: &Path, remark: &str) {
    let folder = path.parent().unwrap();
    let time = std::fs::metadata(folder).unwrap().modified().unwrap();
    let mut record = Record::parse(&std::fs::read(path).unwrap()).unwrap();
    record.remarks = vec![remark.into()];
    let new = folder.with_file_name("new");
    std::fs::write(&new, record.to_json().unwrap()).unwrap();
    std::fs::rename(&new, path).unwrap();
    std::fs::File::open(folder).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_replaced_record_is_noticed_though_no_time_and_no_length_changes() {
    let folder = tempfile::tempdir().unwrap();
    small_store(folder.path());
    let record = std::fs::read_dir(folder.path().join("records")).unwrap().next().unwrap().unwrap().path();
    replace(&record, "one");
    let served = Served::start(&["serve", folder.path().to_str().unwrap(), "--listen", "0", "--refresh", "0"]);
    let read = |page: &str| {
        let line = page.lines().find(|line| line.starts_with("ndbench_store_read_timestamp_seconds "));
        line.unwrap().to_owned()
    };
    let first = read(&get(&served.address, "/metrics"));
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(read(&get(&served.address, "/metrics")), first, "what stays is not read again");
    replace(&record, "two");
    served.get("/metrics", |page| read(page) != first);
}

/// `promtool check metrics` has nothing to say.
fn checked(page: &str) {
    let Some(promtool) = tool("promtool") else { return };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
}

#[test]
fn what_cannot_be_served_is_an_error_with_its_exit_code() {
    let ndbench = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("ndbench").unwrap();
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["serve"]).args(arguments);
        let output = command.assert().failure().get_output().clone();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let store = "tests/fixtures/export/store";
    let (code, said) = ndbench(&[store, "--listen", "0.0.0.0:0"]);
    assert!(code == 3 && said.contains("--web-config") && said.contains("--insecure-listen"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, said) = ndbench(&[store, "--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(code == 6 && said.contains("cannot listen at 127.0.0.1"), "{said}");
    assert_eq!(ndbench(&["nowhere"]).0, 5);
    assert_eq!(ndbench(&[store, "--listen", ":9"]).0, 2);
}
