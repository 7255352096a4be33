//! Dashboards and rules ask only for metrics that there are, and are what Grafana loads from files.

use super::tests::page;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

fn boards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(folder().join("grafana/boards")).unwrap();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    };
    files.map(|entry| read(entry.unwrap().path())).collect()
}

/// Every name of a series that the program has, and those that rules record.
fn known(rules: &str) -> BTreeSet<String> {
    let page = page();
    let series = page.lines().filter(|l| !l.starts_with('#')).map(|l| l.split(['{', ' ']).next().unwrap().to_owned());
    let recorded = rules.lines().filter_map(|l| l.trim().strip_prefix("- record: ").map(str::to_owned));
    // Of other pages: of a store, of a suite, of a program under watch.
    let others = ["ndbench_store_skipped_files", "ndbench_suite_last_success_timestamp_seconds"].map(String::from);
    series.chain(recorded).chain(others).collect()
}

/// The words of a query that are names of metrics of ours.
fn asked(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)));
    words.filter(|word| word.contains("ndbench_") && !word.starts_with("__"))
}

#[test]
fn queries_ask_for_metrics_that_there_are() {
    let rules = std::fs::read_to_string(folder().join("prometheus/rules.yml")).unwrap();
    let known = known(&rules);
    let queries = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ").map(str::to_owned));
    let mut queries: Vec<String> = queries.collect();
    for (_, board) in boards() {
        let variables = board["templating"]["list"].as_array().unwrap().iter();
        queries.extend(variables.filter_map(|v| v["definition"].as_str().map(str::to_owned)));
        for panel in board["panels"].as_array().unwrap() {
            let targets = panel["targets"].as_array().into_iter().flatten();
            queries.extend(targets.map(|t| t["expr"].as_str().unwrap().to_owned()));
        }
    }
    assert!(queries.len() > 80, "{}", queries.len());
    for query in &queries {
        let unknown: Vec<&str> = asked(query).filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{unknown:?} in {query}");
    }
    assert!(asked("rate(ndbench_typo_total[1m])").any(|name| !known.contains(name)), "a typo is seen");
}

#[test]
fn boards_load_from_files_on_any_data_source() {
    let mut uids = BTreeSet::new();
    for (name, board) in boards() {
        let uid = board["uid"].as_str().unwrap();
        assert!(uid.len() <= 40 && uids.insert(uid.to_owned()), "{name}: {uid}");
        assert!(board.get("__inputs").is_none() && board.get("id").is_none_or(Value::is_null), "{name}");
        assert_eq!(board["schemaVersion"], 41, "{name}: the classic form");
        let variables: Vec<&str> =
            board["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        assert_eq!(variables[0], "datasource", "{name}");
        for panel in board["panels"].as_array().unwrap().iter().filter(|p| p["type"] != "row") {
            let title = panel["title"].as_str().unwrap();
            let context = format!("{name}: {title}");
            assert!(!title.is_empty() && !panel["description"].as_str().unwrap().is_empty(), "{context}");
            assert!(panel.get("libraryPanel").is_none(), "{context}: not to be had from files");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{context}: which unit?");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{context}");
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{context}");
                let fixed = query.contains("rate(") && !query.contains("$__rate_interval") && !query.contains("deriv(");
                assert!(!fixed, "{context}: a rate needs $__rate_interval: {query}");
                let used = query.split('$').skip(1).map(|rest| {
                    rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default()
                });
                for variable in used.filter(|v| !v.starts_with("__")) {
                    assert!(variables.contains(&variable), "{context}: there is no variable {variable}");
                }
                if target["instant"] == false {
                    assert!(
                        target["legendFormat"].as_str().is_some_and(|l| l.contains("{{")),
                        "{context}: which line?"
                    );
                }
            }
        }
    }
    assert_eq!(uids.len(), 4);
}

#[test]
fn every_alert_says_what_to_do() {
    let rules = std::fs::read_to_string(folder().join("prometheus/rules.yml")).unwrap();
    let tests = std::fs::read_to_string(folder().join("prometheus/rules-test.yml")).unwrap();
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 10);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let lines = |start: &str| alert.lines().filter(|l| l.trim().starts_with(start)).count();
        assert_eq!((lines("summary: "), lines("description: "), lines("labels: {severity: ")), (1, 1, 1), "{name}");
        assert!(tests.contains(&format!("alertname: {name}")), "{name} has no test");
    }
}
