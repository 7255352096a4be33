//! The HTML report in a real browser, at the width of a phone and of a desk: nothing missing, nothing cut off.

use super::tools::tool;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Loads the page into frames of several widths and writes down what it finds there.
const PROBE: &str = r#"
const widths = [320, 390, 768, 1280];
// Brightness of the paper, and how far the darkest and the lightest ink of the figures are from it, 0 to 255.
const colours = page => {
  const light = colour => { const [r, g, b] = colour.match(/[\d.]+/g).map(Number); return 0.299 * r + 0.587 * g + 0.114 * b; };
  const paper = light(getComputedStyle(page.body).backgroundColor);
  const inks = [...page.querySelectorAll("figure svg text")].map(e => getComputedStyle(e)).filter(s => s.fill != "rgb(0, 0, 0)"
    && s.fill != "rgb(255, 255, 255)").map(s => Math.abs(light(s.fill) - paper));
  const grounds = [...page.querySelectorAll("figure svg > rect:first-of-type")].map(e => getComputedStyle(e).fill);
  return { paper, contrast: Math.min(...inks), grounds: [...new Set(grounds)] };
};
const frames = [...document.querySelectorAll("iframe")];
addEventListener("load", () => {
    const found = frames.map((frame, i) => {
      const page = frame.contentDocument, root = page.documentElement;
      const inside = e => e.closest(".scroll") && e !== e.closest(".scroll");
      const wide = [...page.body.querySelectorAll("*")].filter(e => !inside(e) && !e.closest(".skip"))
        .filter(e => e.getBoundingClientRect().right > root.clientWidth + 0.5).map(e => e.tagName + "." + e.className);
      const empty = [...page.querySelectorAll("td, th, h2, dd")].filter(e => !e.textContent.trim()).map(e => e.outerHTML);
      const flat = [...page.querySelectorAll("table, figure svg")].filter(e => e.getBoundingClientRect().height < 20).length;
      // What goes on beyond its frame says so, and nothing else does.
      const cut = [...page.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1);
      const shade = e => getComputedStyle(e).backgroundImage.includes("gradient");
      const before = e => getComputedStyle(e, "::before");
      const hint = e => before(e).content.includes("scroll") && before(e).display != "none";
      const unsaid = cut.filter(e => !shade(e) || frame.clientWidth < 400 && e.matches(".drawing") && !hint(e)).length;
      const wrong = [...page.querySelectorAll(".scroll")].filter(e => hint(e) && !cut.includes(e)).length;
      const small = [...page.querySelectorAll("p, td, li")].map(e => parseFloat(getComputedStyle(e).fontSize));
      return { width: root.clientWidth, scroll: root.scrollWidth, wide, empty, flat, smallest: Math.min(...small),
        tables: page.querySelectorAll("table").length, drawings: page.querySelectorAll("figure svg").length,
        headings: page.querySelectorAll("h2").length, cut: cut.length, unsaid, wrong, ...colours(page) };
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

/// A browser without a window, with its folder in `dir`.
fn browser(chromium: &Path, dir: &Path) -> Command {
    let mut command = Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", dir.join("profile").display()));
    command
}

/// What the browser finds on `page` at each width; `scheme` is 0 for dark, 1 for light.
fn look(chromium: &Path, page: &str, scheme: u32) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let quoted = page.replace('&', "&amp;").replace('"', "&quot;");
    let frames: String = [320, 390, 768, 1280]
        .map(|width| format!("<iframe style=\"border:0;width:{width}px;height:900px\" srcdoc=\"{quoted}\"></iframe>"))
        .concat();
    let probe = format!("<!DOCTYPE html><body>{frames}<pre id=found></pre><script>{PROBE}</script>");
    let path = dir.path().join("probe.html");
    fs::write(&path, probe).unwrap();
    let mut command = browser(chromium, dir.path());
    command.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
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
    for found in look(&chromium, &page, 1) {
        assert_eq!(found["scroll"], found["width"], "the page scrolls sideways: {found}");
        assert_eq!(found["wide"], serde_json::json!([]), "{found}");
        assert_eq!(found["empty"], serde_json::json!([]), "{found}");
        assert_eq!((found["tables"].as_u64(), found["flat"].as_u64()), (Some(tables as u64), Some(0)), "{found}");
        assert_eq!(found["drawings"].as_u64(), Some(drawings as u64), "{found}");
        assert!(found["smallest"].as_f64().unwrap() >= 12.0, "{found}");
        assert_eq!((found["unsaid"].as_u64(), found["wrong"].as_u64()), (Some(0), Some(0)), "{found}");
        assert_eq!(found["paper"], 255.0, "{found}");
    }
}

#[test]
fn figures_are_dark_where_the_page_is() {
    let Some(chromium) = tool("chromium") else { return };
    let page = report();
    for (scheme, paper) in [(0, 0.0..60.0), (1, 200.0..256.0)] {
        for found in look(&chromium, &page, scheme) {
            assert!(paper.contains(&found["paper"].as_f64().unwrap()), "{found}");
            assert!(found["contrast"].as_f64().unwrap() > 90.0, "{found}");
            assert_eq!(found["grounds"], serde_json::json!(["none"]), "{found}");
        }
    }
    let pale = "<!DOCTYPE html><body style=\"background:#fff\"><figure><svg><rect/><text fill=\"#ddd\">x</text></svg></figure>";
    let found = look(&chromium, pale, 0);
    assert!(found[0]["contrast"].as_f64().unwrap() < 90.0, "{found:?}");
}

#[test]
fn the_first_sheet_of_paper_has_the_first_figure() {
    let (Some(chromium), Some(pdftotext)) = (tool("chromium"), tool("pdftotext")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let [page, sheets] = ["page.html", "page.pdf"].map(|name| dir.path().join(name));
    fs::write(&page, report()).unwrap();
    let mut command = browser(&chromium, dir.path());
    command.arg(format!("--print-to-pdf={}", sheets.display())).arg(format!("file://{}", page.display()));
    let output = command.output().unwrap();
    let first = Command::new(pdftotext).args(["-l", "1"]).arg(&sheets).arg("-").output().unwrap();
    let text = String::from_utf8_lossy(&first.stdout);
    let words = ["table1-cifar10", "Test accuracy, top-1", "EfficientNet, 100 epochs", "The tables hold every value."];
    for word in words {
        assert!(
            text.contains(word),
            "{word} is not on the first sheet: {text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn what_is_cut_off_or_missing_is_seen() {
    let Some(chromium) = tool("chromium") else { return };
    let page =
        "<!DOCTYPE html><body style=\"margin:0\"><div style=\"width:500px\">x</div><table><tr><td></td></tr></table>";
    let found = look(&chromium, page, 1);
    assert_eq!(found[0]["scroll"], 500, "{found:?}");
    assert_eq!(found[0]["empty"].as_array().unwrap().len(), 1);
    assert_eq!((found[0]["flat"].as_u64(), found[3]["scroll"].as_u64()), (Some(1), Some(1280)));
}
