//! Tables as LaTeX, for the package `booktabs`.

use super::super::words::clean;
use super::value::{Head, StudyTable};
use std::fmt::Write as _;
use std::ops::Range;

/// Letters that a line has room for at `\footnotesize`.
const ROOM: usize = 78;

/// Letters that a line has room for at `\scriptsize`; a wider table is set as several, one below the other.
const ROOM_SMALL: usize = 93;

/// Lines of tables that a page has room for, notes beside them.
const LINES: usize = 46;

/// Letters that the space between two columns takes.
const GAP: usize = 2;

/// Several tables, with a comment that says what they need.
pub fn latex_all(tables: &[StudyTable]) -> String {
    let tables: Vec<String> = tables.iter().map(latex).collect();
    format!("% needs \\usepackage{{booktabs}}\n\n{}", tables.join("\n"))
}

/// A `table` environment; several where one would not fit on a page.
pub fn latex(table: &StudyTable) -> String {
    let (size, blocks) = match blocks(table, ROOM) {
        whole if whole.len() == 1 => ("footnotesize", whole),
        _ => ("scriptsize", blocks(table, ROOM_SMALL)),
    };
    let tall = blocks.len() * (table.rows.len() + table.head.len()) > LINES;
    let parts: Vec<&[Range<usize>]> = if tall { blocks.chunks(1).collect() } else { vec![&blocks] };
    let floats = parts.iter().enumerate().map(|(i, blocks)| {
        let part = if tall { format!(" Part {} of {}.", i + 1, parts.len()) } else { String::new() };
        float(table, size, blocks, &part, i == 0)
    });
    floats.collect::<Vec<_>>().join("\n")
}

/// Some columns in an environment of their own; the first has the label and the notes.
fn float(table: &StudyTable, size: &str, blocks: &[Range<usize>], part: &str, first: bool) -> String {
    let mut out = String::from("\\begin{table}[htbp]\n\\centering\n");
    let _ = writeln!(out, "\\caption{{{}{part}}}", escape(&table.title()));
    if first {
        let _ = writeln!(out, "\\label{{tab:{}}}", label(&table.name));
    }
    let _ = writeln!(out, "\\{size}\n\\setlength{{\\tabcolsep}}{{3pt}}");
    let blocks: Vec<String> = blocks.iter().map(|columns| tabular(table, columns)).collect();
    out += &blocks.join("\n\\medskip\n");
    if first && !table.notes.is_empty() {
        let notes: Vec<String> = table.notes.iter().map(|note| escape(note)).collect();
        let _ = writeln!(out, "\n\\medskip\n\\parbox{{\\linewidth}}{{\\scriptsize {}}}", notes.join(" "));
    }
    out + "\\end{table}\n"
}

/// Columns that stand beside each other: whole groups of the head, as many as a line has room for.
fn blocks(table: &StudyTable, room: usize) -> Vec<Range<usize>> {
    let widths: Vec<usize> = (0..table.columns()).map(|column| width(table, column)).collect();
    let groups = table.head.iter().rev().find(|row| row.iter().any(|h| h.span > 1));
    let spans: Vec<usize> = match groups {
        Some(row) => row.iter().skip(1).map(|h| h.span).collect(),
        None => vec![1; table.columns() - 1],
    };
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut start = 1;
    for span in spans {
        let wide = |columns: Range<usize>| widths[0] + widths[columns].iter().map(|w| w + GAP).sum::<usize>() > room;
        match blocks.last_mut() {
            Some(block) if !wide(block.start..start + span) => block.end += span,
            _ => blocks.push(start..start + span),
        }
        start += span;
    }
    blocks
}

/// Letters of the widest cell of a column, the lowest row of the head included.
fn width(table: &StudyTable, column: usize) -> usize {
    let texts = table.rows.iter().map(|row| match column {
        0 => row.label.as_str(),
        c => row.cells[c - 1].shown.as_str(),
    });
    let head = table.head.last().filter(|row| row.len() == table.columns()).map(|row| row[column].text.as_str());
    texts.chain(head).map(|t| t.chars().count()).max().unwrap_or(0)
}

/// The labels and some of the columns.
fn tabular(table: &StudyTable, columns: &Range<usize>) -> String {
    let mut out = format!("\\begin{{tabular}}{{l{}}}\n\\toprule\n", "r".repeat(columns.len()));
    for (i, row) in table.head.iter().enumerate() {
        let row = part(row, columns);
        out += &head(&row);
        if i + 1 < table.head.len() {
            out += &rules(&row);
        }
    }
    out += "\\midrule\n";
    for row in &table.rows {
        let cells = row.cells[columns.start - 1..columns.end - 1].iter().map(|c| &c.shown);
        let cells: Vec<String> = std::iter::once(&row.label).chain(cells).map(|c| escape(c)).collect();
        let _ = writeln!(out, "{} \\\\", cells.join(" & "));
    }
    out + "\\bottomrule\n\\end{tabular}\n"
}

/// What of a row of the head stands over the labels and these columns.
fn part(row: &[Head], columns: &Range<usize>) -> Vec<Head> {
    let mut start = 0;
    let cut = |h: &Head| {
        let own = start..start + h.span;
        start = own.end;
        let span =
            if own.start == 0 { 1 } else { own.end.min(columns.end).saturating_sub(own.start.max(columns.start)) };
        (span > 0).then(|| Head::new(h.text.clone(), span))
    };
    row.iter().filter_map(cut).collect()
}

fn head(row: &[Head]) -> String {
    let cells = row.iter().map(|h| match (h.text.as_str(), h.span) {
        ("", span) => " & ".repeat(span - 1),
        (text, 1) => escape(text),
        (text, span) => format!("\\multicolumn{{{span}}}{{c}}{{{}}}", escape(text)),
    });
    let (label, cells) = (row.first().map_or("", |h| h.text.as_str()), cells.skip(1));
    let cells: Vec<String> = std::iter::once(escape(label)).chain(cells).collect();
    cells.join(" & ") + " \\\\\n"
}

/// A rule under each cell that stands over several columns.
fn rules(row: &[Head]) -> String {
    let mut column = 1;
    let rules = row.iter().filter_map(|h| {
        let from = column;
        column += h.span;
        (h.span > 1).then(|| format!("\\cmidrule(lr){{{from}-{}}}", column - 1))
    });
    let rules: Vec<String> = rules.collect();
    if rules.is_empty() { String::new() } else { rules.join(" ") + "\n" }
}

/// The texts of a table are plain: what LaTeX would read as a command becomes a letter.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '{' | '}' | '$' | '&' | '#' | '_' | '%' => out.extend(['\\', c]),
            '^' => out += "\\textasciicircum{}",
            '~' => out += "\\textasciitilde{}",
            '<' => out += "\\textless{}",
            '>' => out += "\\textgreater{}",
            '|' => out += "\\textbar{}",
            '`' => out += "\\textasciigrave{}",
            '–' => out += "--",
            '±' => out += "$\\pm$",
            '×' => out += "$\\times$",
            '†' => out += "$\\dagger$",
            '‡' => out += "$\\ddagger$",
            c => out.push(c),
        }
    }
    out
}

/// A name that `\ref` can use.
fn label(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_latex_would_read_as_a_command_is_a_letter() {
        assert_eq!(escape("50 % of a_b & c#1 {x} $y$"), "50 \\% of a\\_b \\& c\\#1 \\{x\\} \\$y\\$");
        assert_eq!(escape("\\input{x}"), "\\textbackslash{}input\\{x\\}");
        assert_eq!(
            escape("a^b~c|d<e>"),
            "a\\textasciicircum{}b\\textasciitilde{}c\\textbar{}d\\textless{}e\\textgreater{}"
        );
        assert_eq!(escape("2 ± 1 †\n–"), "2 $\\pm$ 1 $\\dagger$ --");
        assert_eq!(label("a_b-1"), "a-b-1");
    }
}
