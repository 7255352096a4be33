//! A report as one HTML page that stands alone: no script, no request, readable on a phone, on paper and by ear.
//!
//! The page says what the Markdown says, from the same text, so that the two cannot differ; figures are inlined as SVG.

mod body;
#[cfg(test)]
mod tests;

use super::differences::settings_line;
use super::words::{clean, plural, ratio_words};
use super::{Figure, Report};
use body::{Body, escape};
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

/// Forbids the page everything but its own styles: even a mistake could not send a request.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

/// What stands on the page, from top to bottom.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The report that the lead sums up.
    pub report: &'a Report,
    /// Markdown texts, each with a first-level heading; that of the first is the page's.
    pub texts: &'a [String],
    /// Figures, placed before the tables.
    pub figures: &'a [Figure],
}

/// The page.
pub fn html(page: &Page) -> String {
    let mut bodies = page.texts.iter().enumerate().map(|(i, text)| Body::of(text, i > 0));
    let first = bodies.next().unwrap_or_default();
    let rest: Vec<Body> = bodies.collect();
    let figures = if page.figures.is_empty() { Vec::new() } else { vec![("figures".to_string(), "Figures".into())] };
    let headings = figures.iter().chain(&first.headings).chain(rest.iter().flat_map(|b| &b.headings));
    let contents: String =
        headings.map(|(id, text)| format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(text))).collect();
    let title = escape(&clean(&page.report.scenario));
    let lead = lead(page.report);
    let mut content = drawings(page.figures) + &first.html;
    rest.iter().for_each(|b| content += &b.html);
    shell(&Shell {
        title: &title,
        tab: &format!("{title}: BN and ND"),
        lead: &lead,
        contents: &contents,
        content: &content,
    })
}

/// A page of one text, whose first heading stands in its title, under a figure.
pub(super) fn standalone(title: &str, markdown: &str, figure: Option<&Figure>) -> String {
    let content = drawings(figure.map_or(&[], std::slice::from_ref)) + &Body::of(markdown, false).html;
    let title = escape(title);
    shell(&Shell { title: &title, tab: &title, lead: "", contents: "", content: &content })
}

/// The parts of a page, as HTML.
struct Shell<'a> {
    title: &'a str,
    /// The title of the window.
    tab: &'a str,
    lead: &'a str,
    contents: &'a str,
    content: &'a str,
}

fn shell(page: &Shell) -> String {
    let Shell { title, tab, lead, contents, content } = page;
    let version = env!("CARGO_PKG_VERSION");
    let nav = format!("<nav aria-label=\"Contents\">\n<ul>\n{contents}</ul>\n</nav>\n");
    let nav = if contents.is_empty() { "" } else { &nav };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{tab}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
         <header>\n<h1>{title}</h1>\n{lead}</header>\n\
         {nav}<main id=\"content\">\n{content}</main>\n\
         <footer><p>Made by ndbench {version} from records alone.</p></footer>\n</body>\n</html>\n"
    )
}

/// The answer in a few lines: how much is done and what ND costs.
fn lead(report: &Report) -> String {
    let c = &report.coverage;
    let mut out = format!(
        "<p class=\"lead\">{} of {} finished. The price of network deconvolution (ND) is its training time over that of \
         batch normalisation (BN), from pairs of trainings on one machine.</p>\n",
        c.finished,
        plural(c.trials, "training")
    );
    let settings = settings_line(&report.settings);
    if !settings.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", escape(settings.trim_end()));
    }
    let facts: Vec<String> = ratio_words(report)
        .into_iter()
        .map(|(what, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(&what), escape(&value)))
        .collect();
    if !facts.is_empty() {
        let _ = write!(out, "<dl class=\"facts\">\n{}</dl>\n", facts.concat());
    }
    out
}

fn drawings(figures: &[Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">Figures</h2>\n");
    for f in figures {
        let (title, alt) = (escape(&clean(&f.title)), escape(&clean(&f.alt)));
        let _ = write!(
            out,
            "<figure>\n<div class=\"scroll drawing\" role=\"group\" aria-label=\"{title}\" tabindex=\"0\">\n{}</div>\n\
             <figcaption><strong>{title}.</strong> {alt}</figcaption>\n</figure>\n",
            f.svg
        );
    }
    out + "</section>\n"
}
