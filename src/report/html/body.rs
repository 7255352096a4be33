//! Markdown to HTML: tables that can be scrolled and heard, headings that can be reached, nothing foreign let through.

use pulldown_cmark::{Alignment, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::fmt::Write as _;

/// Lists of more lines than this are folded.
const LONG: usize = 12;

/// Tables of so many columns are wider than a phone.
const WIDE: usize = 7;

/// A text as HTML, with its headings of the second level: id and text.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub html: String,
    pub headings: Vec<(String, String)>,
}

/// Text for HTML, in content and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    pulldown_cmark_escape::escape_html(&mut out, text).expect("a string takes everything");
    out
}

impl Body {
    /// Converts `markdown`. A first-level heading is left out, or, where the text is `demoted`, becomes one of the second
    /// level, and so on down. Markup and links in the text come from names in records: they stay plain text.
    pub fn of(markdown: &str, demoted: bool) -> Body {
        let mut writer = Writer { demoted, ..Writer::default() };
        for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
            writer.event(event);
        }
        writer.close_section();
        writer.body
    }
}

#[derive(Default)]
struct Writer {
    body: Body,
    demoted: bool,
    /// The text of a heading under way and its level on the page; 1 is dropped.
    heading: Option<(u8, String)>,
    in_section: bool,
    /// The heading that a table stands under.
    under: String,
    /// The text of the last paragraph that was all strong: the title of the table that follows it.
    title: Option<String>,
    /// What is strong now.
    strong: Option<String>,
    alignments: Vec<Alignment>,
    column: usize,
    in_head: bool,
    /// Where the lists under way begin, the inner ones last, and how many items each has.
    lists: Vec<(usize, usize)>,
}

impl Writer {
    fn event(&mut self, event: Event) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(t) | Event::Html(t) | Event::InlineHtml(t) => self.text(&t),
            Event::Code(t) => {
                if let Some((_, text)) = &mut self.heading {
                    *text += &t;
                } else {
                    let _ = write!(self.body.html, "<code>{}</code>", escape(&t));
                }
            }
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => self.put("<hr>\n"),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        match &mut self.heading {
            Some((_, heading)) => *heading += text,
            None => {
                if let Some(strong) = &mut self.strong {
                    *strong += text;
                }
                self.body.html += &escape(text);
            }
        }
    }

    fn put(&mut self, html: &str) {
        self.body.html += html;
    }

    fn start(&mut self, tag: Tag) {
        match tag {
            Tag::Heading { level, .. } => {
                let level = if level == HeadingLevel::H1 { 1 } else { level as u8 };
                self.heading = Some((level + u8::from(self.demoted), String::new()));
            }
            Tag::Paragraph => self.put("<p>"),
            Tag::List(ordered) => {
                self.lists.push((self.body.html.len(), 0));
                self.put(if ordered.is_some() { "<ol>\n" } else { "<ul>\n" });
            }
            Tag::Item => {
                self.lists.last_mut().into_iter().for_each(|(_, items)| *items += 1);
                self.put("<li>");
            }
            Tag::Strong => {
                self.strong = Some(String::new());
                self.put("<strong>");
            }
            Tag::Emphasis => self.put("<em>"),
            Tag::CodeBlock(_) => self.put("<pre>"),
            Tag::BlockQuote(_) => self.put("<blockquote>"),
            Tag::Table(alignments) => {
                self.alignments = alignments;
                let label = escape(&self.title.take().unwrap_or_else(|| self.under.clone()));
                let wide = if self.alignments.len() >= WIDE { " wide" } else { "" };
                let _ = write!(
                    self.body.html,
                    "<div class=\"scroll{wide}\" role=\"region\" aria-label=\"Table: {label}\" tabindex=\"0\">\n<table>\n\
                     <caption>{label}</caption>\n"
                );
            }
            Tag::TableHead => {
                (self.in_head, self.column) = (true, 0);
                self.put("<thead>\n<tr>");
            }
            Tag::TableRow => {
                self.column = 0;
                self.put("<tr>");
            }
            Tag::TableCell => self.cell(),
            _ => {}
        }
    }

    fn cell(&mut self) {
        let number = self.alignments.get(self.column) == Some(&Alignment::Right);
        let class = if number { " class=\"number\"" } else { "" };
        let (tag, scope) = self.cell_tag();
        let _ = write!(self.body.html, "<{tag}{scope}{class}>");
    }

    /// Heads of columns, heads of rows, and cells.
    fn cell_tag(&self) -> (&'static str, &'static str) {
        match (self.in_head, self.column) {
            (true, _) => ("th", " scope=\"col\""),
            (false, 0) => ("th", " scope=\"row\""),
            _ => ("td", ""),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => self.end_heading(),
            TagEnd::Paragraph => self.put("</p>\n"),
            TagEnd::List(ordered) => {
                self.put(if ordered { "</ol>\n" } else { "</ul>\n" });
                if let Some((start, items)) = self.lists.pop().filter(|list| list.1 > LONG) {
                    self.body.html.insert_str(start, &format!("<details>\n<summary>{items} lines</summary>\n"));
                    self.put("</details>\n");
                }
            }
            TagEnd::Item => self.put("</li>\n"),
            TagEnd::Strong => {
                self.title = self.strong.take();
                self.put("</strong>");
            }
            TagEnd::Emphasis => self.put("</em>"),
            TagEnd::CodeBlock => self.put("</pre>\n"),
            TagEnd::BlockQuote(_) => self.put("</blockquote>\n"),
            TagEnd::Table => self.put("</tbody>\n</table>\n</div>\n"),
            TagEnd::TableHead => {
                self.in_head = false;
                self.put("</tr>\n</thead>\n<tbody>\n");
            }
            TagEnd::TableRow => self.put("</tr>\n"),
            TagEnd::TableCell => {
                let (tag, _) = self.cell_tag();
                let _ = write!(self.body.html, "</{tag}>");
                self.column += 1;
            }
            _ => {}
        }
    }

    fn end_heading(&mut self) {
        let Some((level, text)) = self.heading.take() else { return };
        if level < 2 {
            return;
        }
        self.under.clone_from(&text);
        let shown = escape(&text);
        if level > 2 {
            let _ = writeln!(self.body.html, "<h{level}>{shown}</h{level}>");
            return;
        }
        self.close_section();
        let id = slug(&text);
        let _ = write!(self.body.html, "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{shown}</h2>\n");
        self.body.headings.push((id, text));
        self.in_section = true;
    }

    fn close_section(&mut self) {
        if std::mem::take(&mut self.in_section) {
            self.put("</section>\n");
        }
    }
}

/// A heading as an id: `Accuracy on CIFAR-10` becomes `accuracy-on-cifar-10`.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}
