//! A training that is watched while it runs, by clients of every kind.

use super::bench::{Bench, files, json, scenario, untimed};
use super::web::Served;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// Long enough that clients come while it trains.
fn bench() -> Bench {
    Bench::new(&scenario(640, 2))
}

/// What the trials of a store brought.
fn results(store: &Path) -> Vec<Vec<serde_json::Value>> {
    files(&store.join("records")).iter().map(|path| untimed(&json(path))).collect()
}

#[test]
fn a_training_is_scraped_and_a_thousand_bad_clients_change_nothing() {
    let bench = bench();
    let undisturbed = bench.command("run", "undisturbed", &["-q", "--only", "norm=bn"]).output().unwrap();
    assert!(undisturbed.status.success());
    let [scenario, store, targets] =
        ["scenario.toml", "store", "targets.json"].map(|name| bench.path(name).to_str().unwrap().to_owned());
    let mut arguments = vec!["run", &scenario, "--store", &store, "--threads", "1"];
    arguments.extend(["--only", "norm=bn", "--listen", "0", "--targets", &targets]);
    let mut served = Served::start(&arguments);
    served.get("/metrics", |page| page.contains("\nndbench_train_progress_ratio "));
    assert!(std::fs::read_to_string(&targets).unwrap().contains(&served.address));
    // Half of them say nonsense, half say nothing; all stay until the end.
    let clients: Vec<TcpStream> = (0..1000)
        .filter_map(|number| {
            let mut client = TcpStream::connect(&served.address).ok()?;
            if number % 2 == 0 {
                // The server may have closed it already.
                let _ = client.write_all(b"\x16\x03 no request\r\n\r\n");
            }
            Some(client)
        })
        .collect();
    assert!(clients.len() > 900, "only {} came through", clients.len());
    // Too many are turned away for the first second; then those that stay give way.
    std::thread::sleep(Duration::from_millis(1500));
    served.get("/metrics", |page| page.contains("\nndbench_train_last_step_timestamp_seconds "));
    assert!(served.child.wait().unwrap().success());
    drop(clients);
    assert_eq!(results(Path::new(&store)), results(&bench.path("undisturbed")));
    assert!(!Path::new(&targets).exists(), "Prometheus is not sent to a program that is gone");
}
