//! The HTML report in a real browser, at the width of a phone and of a desk: nothing missing, nothing cut off.

use super::tools::tool;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Loads the page into frames of several widths and writes down what it finds there.
const PROBE: &str = r#"
const widths = [320, 390, 768, 1280];
const frames = [...document.querySelectorAll("iframe")];
addEventListener("load", () => {
    const found = frames.map((frame, i) => {
      const page = frame.contentDocument, root = page.documentElement;
      const inside = e => e.closest(".scroll") && e !== e.closest(".scroll");
      const wide = [...page.body.querySelectorAll("*")].filter(e => !inside(e) && !e.closest(".skip"))
        .filter(e => e.getBoundingClientRect().right > root.clientWidth + 0.5).map(e => e.tagName + "." + e.className);
      const empty = [...page.querySelectorAll("td, th, h2, dd")].filter(e => !e.textContent.trim()).map(e => e.outerHTML);
      const flat = [...page.querySelectorAll("table, figure svg")].filter(e => e.getBoundingClientRect().height < 20).length;
      const small = [...page.querySelectorAll("p, td, li")].map(e => parseFloat(getComputedStyle(e).fontSize));
      return { width: root.clientWidth, scroll: root.scrollWidth, wide, empty, flat, smallest: Math.min(...small),
        tables: page.querySelectorAll("table").length, drawings: page.querySelectorAll("figure svg").length,
        headings: page.querySelectorAll("h2").length, ink: getComputedStyle(page.body).color };
    });
    document.getElementById("found").textContent = JSON.stringify(found);
});
"#;

/// The report of a scenario as HTML, from a store of the repository.
fn report() -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["report", "table1-cifar10", "--store", "profiles/cpu/vgg16-cifar10-1-epoch", "--format", "html"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the browser finds on `page` at each width.
fn look(chromium: &Path, page: &str) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let quoted = page.replace('&', "&amp;").replace('"', "&quot;");
    let frames: String = [320, 390, 768, 1280]
        .map(|width| format!("<iframe style=\"border:0;width:{width}px;height:900px\" srcdoc=\"{quoted}\"></iframe>"))
        .concat();
    let probe = format!("<!DOCTYPE html><body>{frames}<pre id=found></pre><script>{PROBE}</script>");
    let path = dir.path().join("probe.html");
    fs::write(&path, probe).unwrap();
    let mut command = Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", dir.path().join("profile").display()));
    command.args(["--virtual-time-budget=20000", "--dump-dom"]).arg(format!("file://{}", path.display()));
    let output = command.output().unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let found = dom.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or("");
    serde_json::from_str(found)
        .unwrap_or_else(|e| panic!("{e}: `{found}`\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn nothing_is_missing_or_cut_off_at_any_width() {
    let Some(chromium) = tool("chromium") else { return };
    let page = report();
    let tables = page.matches("<table>").count();
    let drawings = page.matches("<figure>").count();
    assert!(tables >= 2 && drawings >= 1, "{tables} tables, {drawings} figures");
    for found in look(&chromium, &page) {
        assert_eq!(found["scroll"], found["width"], "the page scrolls sideways: {found}");
        assert_eq!(found["wide"], serde_json::json!([]), "{found}");
        assert_eq!(found["empty"], serde_json::json!([]), "{found}");
        assert_eq!((found["tables"].as_u64(), found["flat"].as_u64()), (Some(tables as u64), Some(0)), "{found}");
        assert_eq!(found["drawings"].as_u64(), Some(drawings as u64), "{found}");
        assert!(found["smallest"].as_f64().unwrap() >= 12.0, "{found}");
    }
}

#[test]
fn what_is_cut_off_or_missing_is_seen() {
    let Some(chromium) = tool("chromium") else { return };
    let page =
        "<!DOCTYPE html><body style=\"margin:0\"><div style=\"width:500px\">x</div><table><tr><td></td></tr></table>";
    let found = look(&chromium, page);
    assert_eq!(found[0]["scroll"], 500, "{found:?}");
    assert_eq!(found[0]["empty"].as_array().unwrap().len(), 1);
    assert_eq!((found[0]["flat"].as_u64(), found[3]["scroll"].as_u64()), (Some(1), Some(1280)));
}
