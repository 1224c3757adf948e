//! What `confirm` says on standard error while it works: a line that changes, where somebody watches, and failed calls
//! of `execve` where they were asked for.

use std::io::{IsTerminal, stderr};

use crate::confirm::Progress;
use crate::report::{Detail, sanitise_line};

use super::args::Color;
use super::output;

/// Where the display stands.
pub struct Display {
    color: Color,
    /// Files and pipes are told nothing but traces.
    watched: bool,
    /// `[1/3] the pattern`
    current: String,
}

/// Columns that a changing line may take: one that wraps cannot be taken back.
const COLUMNS: usize = 78;

impl Display {
    /// A display for standard error as it is.
    pub fn new(color: Color, detail: Detail) -> Display {
        Display {
            color,
            watched: detail > Detail::Quiet && stderr().is_terminal(),
            current: String::new(),
        }
    }

    /// Takes in what happens.
    pub fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Begins { number, of, pattern } => {
                self.current = format!("[{number}/{of}] {}", sanitise_line(pattern));
            }
            Progress::Phase(phase) => self.line(&format!(": {phase}"), false),
            Progress::Ended { verdict, seconds } => {
                let verdict = verdict.name().replace('-', " ");
                self.line(&format!(": {verdict}, {seconds:.1} s"), true);
            }
            Progress::Trace(line) => {
                self.clear();
                output::complain(&format!("{}\n", sanitise_line(line)), self.color);
            }
            Progress::Untraced(reason) => {
                output::warn(&[format!("no execve can be traced here: {reason}")], self.color);
            }
        }
    }

    /// Shows the experiment with what is said of it, which stays where it is the last word.
    fn line(&self, said: &str, last: bool) {
        if !self.watched {
            return;
        }
        let room = COLUMNS.saturating_sub(said.chars().count());
        let whole = self.current.chars().count() <= room;
        let shown: String = if whole || last {
            self.current.clone()
        } else {
            self.current.chars().take(room.saturating_sub(1)).chain(['…']).collect()
        };
        self.clear();
        eprint!("{shown}{said}{}", if last { "\n" } else { "" });
    }

    /// Takes the changing line back. Not by way of `output`, which would drop the sequence where colours are unwanted.
    fn clear(&self) {
        if self.watched {
            eprint!("\r\x1b[K");
        }
    }
}
