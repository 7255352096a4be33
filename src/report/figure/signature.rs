//! Where the figures of a drawing come from, in small letters below it: a picture travels without its page.

use super::study::escape;
use crate::report::model::{EnvironmentEntry, Report};
use crate::report::words::{clean, environment_line};

/// Height of a line, pixels.
const LINE: u32 = 15;
/// Space below the last one.
const BELOW: u32 = 8;
/// Width of a letter, pixels.
const LETTER: f64 = 5.6;
/// Environments that are written out.
const MOST: usize = 4;

/// The environments of a report, or that with the label alone.
pub(in crate::report) fn sources(report: &Report, label: Option<&str>) -> Vec<String> {
    let here: Vec<&EnvironmentEntry> =
        report.environments.iter().filter(|e| label.is_none_or(|label| e.label == label)).collect();
    let words = |e: &&EnvironmentEntry| {
        let label = if report.environments.len() > 1 { format!("{}: ", e.label) } else { String::new() };
        clean(&format!("{label}{}; commit {}", environment_line(&e.environment), e.commits.join(", ")))
    };
    let more = here.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {more} more environments"));
    here.iter().take(MOST).map(words).chain(more).collect()
}

/// The drawing, made higher by the lines below it.
pub(in crate::report) fn signed(svg: &str, sources: &[String]) -> String {
    let Some((width, height)) = size(svg) else { return svg.into() };
    let letters = (f64::from(width - 48) / LETTER) as usize;
    let lines: Vec<String> = sources.iter().flat_map(|source| wrapped(source, letters)).collect();
    let (Some((head, body)), false) = (svg.split_once('>'), lines.is_empty()) else { return svg.into() };
    let taller = height + LINE * lines.len() as u32 + BELOW;
    let head = head.replacen(&format!("height=\"{height}\""), &format!("height=\"{taller}\""), 1).replacen(
        &format!("viewBox=\"0 0 {width} {height}\""),
        &format!("viewBox=\"0 0 {width} {taller}\""),
        1,
    );
    let body = body.trim_end().strip_suffix("</svg>").unwrap_or(body);
    let mut out = format!(
        "{head}>{body}<rect x=\"0\" y=\"{height}\" width=\"{width}\" height=\"{}\" fill=\"#FFFFFF\" stroke=\"none\"/>\n",
        taller - height
    );
    for (line, y) in lines.iter().zip((height + 8..).step_by(LINE as usize)) {
        let text = escape(line);
        out += &format!(
            "<text x=\"24\" y=\"{y}\" font-family=\"sans-serif\" font-size=\"10\" fill=\"#6E6E6E\">{text}</text>\n"
        );
    }
    out + "</svg>\n"
}

/// Width and height, pixels.
fn size(svg: &str) -> Option<(u32, u32)> {
    let head = svg.split_once('>')?.0;
    let number = |name: &str| head.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0.parse().ok();
    Some((number("width")?, number("height")?))
}

/// The words of a text in lines of so many letters at most, if no word is longer.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            *line += word;
        } else if line.chars().count() + 1 + word.chars().count() <= letters {
            *line = format!("{line} {word}");
        } else {
            lines.push(word.into());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_grows_by_the_lines_that_say_where_it_comes_from() {
        let svg = "<svg width=\"160\" height=\"50\" viewBox=\"0 0 160 50\">\n<rect/>\n</svg>\n";
        assert_eq!(signed(svg, &[]), svg);
        let out = signed(svg, &["a CPU <&>, of two lines".into(), "and another".into()]);
        assert!(out.starts_with("<svg width=\"160\" height=\"103\" viewBox=\"0 0 160 103\">\n<rect/>\n"), "{out}");
        assert_eq!(out.matches("<text ").count(), 3, "{out}");
        assert!(out.contains(">a CPU &lt;&amp;&gt;, of two<") && out.ends_with("</svg>\n"), "{out}");
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("extraordinary x", 4), ["extraordinary", "x"]);
    }
}
