//! Results in a real Pushgateway, a group for each configuration.

use super::tools::tool;
use super::web::{PATIENCE, get};
use assert_cmd::Command;
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

struct Gateway {
    child: Child,
    /// Debian's Pushgateway keeps its groups, by default in a file that all of a machine share.
    _folder: tempfile::TempDir,
    address: String,
}

impl Gateway {
    fn start() -> Option<Self> {
        let program = tool("prometheus-pushgateway")?;
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let listen = format!("--web.listen-address={address}");
        let folder = tempfile::tempdir().unwrap();
        let groups = format!("--persistence.file={}", folder.path().join("groups").display());
        let mut command = std::process::Command::new(program);
        let child = command.args([listen, groups]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let since = Instant::now();
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(since.elapsed() < PATIENCE, "the Pushgateway does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { child, _folder: folder, address })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn push(address: &str, only: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("ndbench").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["export", "--store", "tests/fixtures/export/store", "--format", "prometheus"]);
    command.args(["--push", &format!("http://{address}"), "--suite", "nightly run"]).args(only).assert()
}

#[test]
fn a_configuration_is_a_group_that_a_later_push_replaces() {
    let Some(gateway) = Gateway::start() else { return };
    push(&gateway.address, &[]).success();
    let page = get(&gateway.address, "/metrics");
    let of = |start: &str| page.lines().filter(|l| l.starts_with(start)).count();
    let (slots, infos) = (of("push_time_seconds{"), of("ndbench_result_info{"));
    assert!(slots > 5 && slots == infos, "{slots} groups, {infos} infos:\n{page}");
    assert!(page.contains("job=\"ndbench\"") && page.contains("suite=\"nightly_run~"), "{page}");
    assert!(!page.contains("run_id=") && !page.contains("trial_id="));
    push(&gateway.address, &["--only", "architecture=vgg16"]).success();
    let page = get(&gateway.address, "/metrics");
    assert_eq!(page.lines().filter(|l| l.starts_with("push_time_seconds{")).count(), slots, "the same groups");
    assert!(!page.contains("push_failure_time_seconds{instance=\"\",job=\"ndbench\"} 1"));
}

#[test]
fn a_gateway_that_is_not_there_is_an_error() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = push(&nobody, &[]).code(1).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the Pushgateway did not take suite/nightly_run~"), "{said}");
}
