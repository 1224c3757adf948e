//! Exit codes, one meaning each, so that a CI step can tell findings from a broken run.

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to complain of. `confirm`: everything was run and nothing was confirmed.
    Clean,
    /// `check`: findings at or above `--fail-on`. `confirm`: a finding was confirmed.
    Findings,
    /// The command line or the configuration is wrong, or a path is missing.
    Usage,
    /// A file, member or function was lost whole (`--strict`: or was understood only in part), so that "no findings"
    /// would say too much. `confirm`: something could not be run or was inconclusive.
    Lost,
    /// A path given by hand holds nothing to analyse, and nothing was excluded from it.
    Nothing,
    /// `run`: what the program ended with, or one of the numbers from 125 on where it could not be run.
    Program(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Lost => 3,
            Exit::Nothing => 4,
            Exit::Program(code) => code,
        }
    }
}

/// The table in `--help`.
pub const TABLE: &str = "\
Exit codes:
  0  nothing found (confirm: nothing confirmed)
  1  findings at or above --fail-on (confirm: something confirmed)
  2  wrong usage or configuration, or a path that is missing
  3  a file was lost whole (--strict: or understood only in part);
     confirm: something could not be run or was inconclusive
  4  a path given by hand holds nothing to analyse";
