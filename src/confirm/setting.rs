//! What a replay can be varied in: the red herrings of this race, and what really decides.

use std::fmt;

/// A quantity that `--sweep` varies and `--set` fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knob {
    /// Bytes of the command line that the partner starts, at least.
    CommandLength,
    /// Variables of the program when it starts; its array is the kernel's own then. Without it a replay makes its
    /// environment itself and goes through eight sizes.
    EnvVars,
    /// Bytes of further variables.
    EnvBytes,
    /// Threads that do the partner's part.
    Threads,
    /// Changes that a run makes; few ones come when the other threads are well under way.
    Changes,
    /// Whether LANG is set among the variables of `EnvVars`: 0 or 1. Without LANG, CPython adds LC_CTYPE at its start
    /// (PEP 538).
    Lang,
    /// Runs for each value.
    Runs,
}

impl Knob {
    /// All, in the order of the manual.
    pub const ALL: [Knob; 7] = [
        Knob::CommandLength,
        Knob::EnvVars,
        Knob::EnvBytes,
        Knob::Threads,
        Knob::Changes,
        Knob::Lang,
        Knob::Runs,
    ];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Knob::CommandLength => "command-length",
            Knob::EnvVars => "env-vars",
            Knob::EnvBytes => "env-bytes",
            Knob::Threads => "threads",
            Knob::Changes => "changes",
            Knob::Lang => "lang",
            Knob::Runs => "runs",
        }
    }

    /// The least and the largest value that make sense.
    pub fn range(self) -> (usize, usize) {
        match self {
            // The kernel takes no single argument of more than 128 KiB (MAX_ARG_STRLEN).
            Knob::CommandLength => (0, 131_000),
            Knob::EnvVars => (2, 5000),
            Knob::EnvBytes => (0, 1_000_000),
            Knob::Threads => (1, 64),
            Knob::Changes => (1, 20_000),
            Knob::Lang => (0, 1),
            Knob::Runs => (1, 1000),
        }
    }
}

impl fmt::Display for Knob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A value for each knob; `None` leaves what works best.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Setting {
    pub command_length: Option<usize>,
    pub env_vars: Option<usize>,
    pub env_bytes: Option<usize>,
    pub threads: Option<usize>,
    pub changes: Option<usize>,
    pub lang: bool,
    pub runs: Option<usize>,
}

impl Setting {
    /// The same with one knob turned.
    pub fn with(mut self, knob: Knob, value: usize) -> Setting {
        match knob {
            Knob::CommandLength => self.command_length = Some(value),
            Knob::EnvVars => self.env_vars = Some(value),
            Knob::EnvBytes => self.env_bytes = Some(value),
            Knob::Threads => self.threads = Some(value),
            Knob::Changes => self.changes = Some(value),
            Knob::Lang => self.lang = value > 0,
            Knob::Runs => self.runs = Some(value),
        }
        self
    }
}

/// A knob and the values that it goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    pub knob: Knob,
    pub values: Vec<usize>,
}

impl Sweep {
    /// Reads `KNOB=VALUES`: numbers and ranges `A..B` (both ends included), divided by commas.
    ///
    /// # Errors
    /// One sentence on what cannot be understood.
    pub fn parse(text: &str) -> Result<Sweep, String> {
        const MOST: usize = 200;
        let (name, list) = text.split_once('=').ok_or("it is not written KNOB=VALUES")?;
        let known = || Knob::ALL.map(Knob::name).join(", ");
        let knob = Knob::ALL
            .into_iter()
            .find(|knob| knob.name() == name)
            .ok_or_else(|| format!("`{name}` cannot be varied; these can: {}", known()))?;
        let (least, most) = knob.range();
        let number = |text: &str| -> Result<usize, String> {
            let value = text.trim().parse().map_err(|_| format!("`{text}` is no number"))?;
            if (least..=most).contains(&value) {
                Ok(value)
            } else {
                Err(format!("{knob} is from {least} to {most}"))
            }
        };
        let mut values = Vec::new();
        for part in list.split(',') {
            match part.split_once("..") {
                Some((first, last)) => values.extend((number(first)?..=number(last)?).take(MOST + 1)),
                None => values.push(number(part)?),
            }
        }
        match values.len() {
            0 => Err("it holds no value".to_owned()),
            count if count > MOST => Err(format!("it holds more than {MOST} values")),
            _ => Ok(Sweep { knob, values }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_and_ranges() {
        let sweep = Sweep::parse("env-vars=4..6,9").expect("it is well-formed");
        assert_eq!((sweep.knob, sweep.values), (Knob::EnvVars, vec![4, 5, 6, 9]));
        let setting = Setting::default().with(Knob::Lang, 1).with(Knob::Threads, 4);
        assert_eq!((setting.lang, setting.threads, setting.env_vars), (true, Some(4), None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |text: &str| Sweep::parse(text).expect_err(text);
        assert!(refused("threads").contains("KNOB=VALUES"));
        assert!(refused("length=3").contains("`length` cannot be varied") && refused("length=3").contains("threads"));
        assert!(refused("threads=two").contains("`two` is no number"));
        assert!(refused("threads=0").contains("from 1 to 64"));
        assert!(refused("env-vars=9..4").contains("no value"));
        assert!(refused("env-vars=2..900").contains("more than 200"));
    }
}
