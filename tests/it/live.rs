//! A training that is watched while it runs, by clients of every kind.

use super::bench::{Bench, records, scenario, untimed};
use super::web::{PATIENCE, Served, get};
use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// What the first attempt brought, once it has ended.
fn first_attempt(store: &Path) -> Vec<Value> {
    let since = Instant::now();
    loop {
        if let Some(record) = records(store).iter().find(|record| record["trial"]["attempt"] == 1) {
            return untimed(record);
        }
        assert!(since.elapsed() < PATIENCE, "the first attempt has no end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A page of metrics takes less than 5 ms, connection included, at the median of as many as are asked for in a row; looked
/// at again where something else had the machine.
fn scraped_in_time(address: &str) {
    let since = Instant::now();
    loop {
        let mut took = [(); 21].map(|()| {
            let begun = Instant::now();
            get(address, "/metrics");
            begun.elapsed()
        });
        took.sort_unstable();
        if took[10] < Duration::from_millis(5) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{took:?}");
    }
}

#[test]
fn a_training_is_scraped_and_a_thousand_bad_clients_change_nothing() {
    let bench = Bench::new(&scenario(640, 2));
    let undisturbed = bench.command("run", "undisturbed", &["-q", "--only", "norm=bn"]).output().unwrap();
    assert!(undisturbed.status.success());
    let [scenario, store, targets] =
        ["scenario.toml", "store", "targets.json"].map(|name| bench.path(name).to_str().unwrap().to_owned());
    let mut arguments = vec!["run", &scenario, "--store", &store, "--threads", "1"];
    // More attempts than it will be given time for: however fast the machine, it trains while clients come.
    arguments.extend(["--only", "norm=bn", "--attempts", "100", "--listen", "0", "--targets", &targets]);
    let mut served = Served::start(&arguments);
    served.get("/metrics", |page| page.contains("\nndbench_train_progress_ratio "));
    assert!(std::fs::read_to_string(&targets).unwrap().contains(&served.address));
    scraped_in_time(&served.address);
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
    assert_eq!(first_attempt(Path::new(&store)), first_attempt(&bench.path("undisturbed")));
    assert_eq!(served.end("-TERM").code(), Some(130));
    drop(clients);
    assert!(!Path::new(&targets).exists(), "Prometheus is not sent to a program that is gone");
}
