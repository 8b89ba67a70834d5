//! Columns that line up, and that fit a terminal where there is one.

/// A table: titles, then rows of as many cells.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// How a column stands.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    right: bool,
}

/// Text.
pub fn left(title: &'static str) -> Column {
    Column { title, right: false }
}

/// Numbers.
pub fn right(title: &'static str) -> Column {
    Column { title, right: true }
}

/// Between two columns.
const GAP: usize = 2;
/// No column is made narrower for a terminal's sake.
const LEAST: usize = 8;

impl Table {
    /// An empty table.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into().iter().map(|cell| plain(cell)).collect());
    }

    /// Its text; cut to `width` where one is given, with a line of titles or without.
    pub fn render(&self, width: Option<usize>, titles: bool) -> String {
        let titles: Option<Vec<String>> = titles.then(|| self.columns.iter().map(|c| c.title.to_owned()).collect());
        let lines: Vec<&Vec<String>> = titles.iter().chain(&self.rows).collect();
        let widths = self.widths(&lines, width);
        lines.iter().map(|cells| self.line(cells, &widths)).collect()
    }

    fn widths(&self, lines: &[&Vec<String>], limit: Option<usize>) -> Vec<usize> {
        let longest = |at: usize| lines.iter().filter_map(|cells| cells.get(at)).map(|c| count(c)).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..self.columns.len()).map(longest).collect();
        let Some(limit) = limit else { return widths };
        // The widest column of text gives way first.
        while widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) > limit {
            let widest = (0..widths.len()).filter(|at| !self.columns[*at].right).max_by_key(|at| widths[*at]);
            let Some(at) = widest.filter(|at| widths[*at] > LEAST) else { break };
            widths[at] -= 1;
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((column, cell), width) in self.columns.iter().zip(cells).zip(widths) {
            let cell = cut(cell, *width);
            let pad = " ".repeat(width - count(&cell));
            line.push_str(&if column.right { pad + &cell } else { cell + &pad });
            line.push_str(&" ".repeat(GAP));
        }
        format!("{}\n", line.trim_end())
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// Other people's text (names of branches, comments of keys) never reaches a terminal as code.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn cut(text: &str, width: usize) -> String {
    if count(text) <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([left("process"), right("pid"), left("what")]);
        table.row(["web.1".to_owned(), "7".to_owned(), "a long story\nof two lines".to_owned()]);
        table.row(["worker.12".to_owned(), "12345".to_owned(), String::new()]);
        table
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let all = "process      pid  what\nweb.1          7  a long story?of two lines\nworker.12  12345\n";
        assert_eq!(table().render(None, true), all);
        assert_eq!(table().render(None, false), all.split_once('\n').unwrap().1);
    }

    #[test]
    fn a_terminal_is_never_overrun_but_by_what_must_be_read() {
        let text = table().render(Some(30), true);
        assert!(text.lines().all(|line| line.chars().count() <= 30), "{text}");
        assert!(text.contains("a long stor\u{2026}"), "{text}");
        assert!(table().render(Some(1), true).contains("12345"));
    }
}
