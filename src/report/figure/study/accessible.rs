//! Title and text alternative inside an SVG, where a screen reader finds them.

/// The document with `role="img"`, a title and a description; `name` makes the identifiers, so that a page can hold
/// several.
pub(in crate::report) fn accessible(svg: &str, name: &str, title: &str, alt: &str) -> String {
    let Some((head, body)) = svg.split_once('>') else { return svg.into() };
    let head = head.replacen("<svg ", &format!("<svg role=\"img\" aria-labelledby=\"{name}-title {name}-desc\" "), 1);
    let (title, alt) = (escape(title), escape(alt));
    format!("{head}>\n<title id=\"{name}-title\">{title}</title>\n<desc id=\"{name}-desc\">{alt}</desc>{body}")
}

/// Text for an SVG, in content and in attributes without quotes.
pub(in crate::report) fn escape(text: &str) -> String {
    super::super::super::words::clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_and_description_come_first() {
        let svg = accessible("<svg width=\"1\">\n<rect/>\n</svg>", "a", "T & t", "x < y");
        let wanted = "<svg role=\"img\" aria-labelledby=\"a-title a-desc\" width=\"1\">\n<title id=\"a-title\">T &amp; t\
                      </title>\n<desc id=\"a-desc\">x &lt; y</desc>\n<rect/>\n</svg>";
        assert_eq!(svg, wanted);
    }
}
