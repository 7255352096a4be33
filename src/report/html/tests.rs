//! The page of made-up records, and of hostile ones.

use super::super::tests::{matrix, report};
use super::super::{Form, figures, markdown};
use super::*;
use crate::published::Published;
use crate::scenario::{Architecture, Dataset};
use std::sync::Arc;

fn page_of(report: &Report, texts: &[&str]) -> String {
    let figures = figures(report, &Published::embedded().unwrap(), Form::Dots, false);
    let texts: Vec<String> =
        std::iter::once(markdown(report, true)).chain(texts.iter().map(|t| (*t).to_string())).collect();
    html(&Page { report, texts: &texts, figures: &figures })
}

/// Start and end tags in order; fails where they do not nest.
fn check_nesting(page: &str) {
    let void = ["meta", "hr", "br", "!doctype", "link"];
    let mut open: Vec<String> = Vec::new();
    for tag in page.split('<').skip(1).map(|rest| rest.split_once('>').expect("a tag ends").0) {
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or("").to_ascii_lowercase();
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "</{name}>");
        } else if !tag.ends_with('/') && !void.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn the_page_stands_alone_and_nests() {
    let (trials, records) = matrix();
    let page = page_of(&report(&trials, &records), &["# Audit\n\n## Table 9\n\nText.\n"]);
    check_nesting(&page);
    for outside in ["http://", "https://", "<script", "src=", "url(", "@import"] {
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(outside);
        assert!(!found, "{outside} is on the page");
    }
    assert!(page.contains("<h2 id=\"audit\">Audit</h2>") && page.contains("<h3>Table 9</h3>"));
    assert!(page.contains("<a href=\"#audit\">Audit</a>") && page.matches("<h1>").count() == 1);
    assert!(page.contains("<th scope=\"row\">VGG-16</th>"));
    assert!(page.contains("missing"), "missing cells are said");
}

#[test]
fn the_colours_of_figures_follow_those_of_the_page() {
    let (trials, records) = matrix();
    let report = report(&trials, &records);
    let published = Published::embedded().unwrap();
    // The parts of a step and the letters on them keep their colours.
    let own = ["#F0E442", "#56B4E9", "#005A8C", "#CC79A7", "#000000"];
    for form in [Form::Dots, Form::Study] {
        for svg in figures(&report, &published, form, true).into_iter().map(|figure| figure.svg) {
            for kind in ["fill", "stroke"] {
                for colour in svg.split(&format!(" {kind}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                    let rule = format!("[{kind}=\"{colour}\"] {{ {kind}: var(--");
                    assert!(colour == "none" || own.contains(&colour) || STYLE.contains(&rule), "{kind} {colour}");
                }
            }
        }
    }
}

#[test]
fn every_link_leads_somewhere_and_every_id_is_its_own() {
    let (trials, records) = matrix();
    let page = page_of(&report(&trials, &records), &[]);
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert_eq!(ids.iter().filter(|id| **id == link).count(), 1, "{link}");
    }
    for id in page.split("aria-labelledby=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(id.split(' ').all(|part| ids.iter().filter(|known| **known == part).count() == 1), "{id}");
    }
}

#[test]
fn names_from_records_cannot_become_markup() {
    let name = "<script>alert(1)</script> [x](javascript:alert(2)) <img src=x> **b**";
    let trials = crate::record::made_up::cell(Architecture::Vgg16, Dataset::Folder(name.into()), 1, 1);
    let mut record = crate::record::made_up::record(&trials[0], 0.5, 1.0);
    Arc::make_mut(&mut record.environment).host.name = "<iframe src=//evil>".into();
    record.remarks.push("a <b onmouseover=x>remark</b>".into());
    let mut report = report(&trials, &[record]);
    report.scenario = "</title><script>x</script>".into();
    let page = page_of(&report, &[]);
    check_nesting(&page);
    for bad in ["<script", "<img", "<iframe", "<b ", "href=\"javascript"] {
        assert!(!page.contains(bad), "{bad}");
    }
}

#[test]
fn a_long_list_is_folded_and_says_its_length() {
    let list = |n: usize| (0..n).map(|i| format!("- item {i}\n")).collect::<String>();
    let long = body::Body::of(&list(40), false).html;
    assert!(long.starts_with("<details>\n<summary>40 lines</summary>\n<ul>") && long.ends_with("</ul>\n</details>\n"));
    assert!(!body::Body::of(&list(3), false).html.contains("details"));
    let nested = body::Body::of(&list(40).replace("item 7\n", "item 7\n  - inner\n"), false).html;
    assert!(nested.contains("details") && nested.matches("<ul>").count() == 2, "{nested}");
}
