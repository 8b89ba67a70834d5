//! What the reader of standard output is like: a terminal or not, how wide, and whether it wants colours.

use std::io::IsTerminal;

/// Found out once, when the program starts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Only data and problems.
    pub quiet: bool,
    /// Whether colours may be used.
    pub color: bool,
    /// How many columns there are; `None` where nobody looks at a terminal.
    pub width: Option<usize>,
}

impl Look {
    /// That of this process.
    pub fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| usize::from(width.0));
        Self { quiet: false, color: terminal && colors_are_welcome(), width }
    }
}

impl Look {
    /// Text in a colour (an SGR parameter), where colours may be used.
    pub fn painted(&self, text: &str, color: &str) -> String {
        if self.color { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// <https://no-color.org>: the variable counts when it is not empty.
pub fn colors_are_welcome() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
}
