//! Tables as LaTeX, for the package `booktabs`.

use super::super::words::clean;
use super::value::{Head, StudyTable};
use std::fmt::Write as _;

/// More columns than this are set in the smallest type, with less space between them.
const WIDE: usize = 9;

/// Several tables, with a comment that says what they need.
pub fn latex_all(tables: &[StudyTable]) -> String {
    let tables: Vec<String> = tables.iter().map(latex).collect();
    format!("% needs \\usepackage{{booktabs}}\n\n{}", tables.join("\n"))
}

/// A `table` environment.
pub fn latex(table: &StudyTable) -> String {
    let columns = table.columns();
    let mut out = String::from("\\begin{table}[htbp]\n\\centering\n");
    let _ = writeln!(out, "\\caption{{{}}}", escape(&table.title()));
    let _ = writeln!(out, "\\label{{tab:{}}}", label(&table.name));
    out += if columns > WIDE { "\\tiny\n\\setlength{\\tabcolsep}{1.5pt}\n" } else { "\\small\n" };
    let _ = writeln!(out, "\\begin{{tabular}}{{l{}}}", "r".repeat(columns - 1));
    out += "\\toprule\n";
    for (i, row) in table.head.iter().enumerate() {
        out += &head(row);
        if i + 1 < table.head.len() {
            out += &rules(row);
        }
    }
    out += "\\midrule\n";
    for row in &table.rows {
        let cells = std::iter::once(&row.label).chain(row.cells.iter().map(|c| &c.shown));
        let _ = writeln!(out, "{} \\\\", cells.map(|c| escape(c)).collect::<Vec<_>>().join(" & "));
    }
    out += "\\bottomrule\n\\end{tabular}\n";
    if !table.notes.is_empty() {
        let notes: Vec<String> = table.notes.iter().map(|note| escape(note)).collect();
        let _ = writeln!(out, "\n\\vspace{{4pt}}\n\\parbox{{\\linewidth}}{{\\footnotesize {}}}", notes.join(" "));
    }
    out + "\\end{table}\n"
}

fn head(row: &[Head]) -> String {
    let cells = row.iter().map(|h| match (h.text.as_str(), h.span) {
        (text, 1) => escape(text),
        (text, span) => format!("\\multicolumn{{{span}}}{{c}}{{{}}}", escape(text)),
    });
    cells.collect::<Vec<_>>().join(" & ") + " \\\\\n"
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
