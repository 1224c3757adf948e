//! The command line. Its doc comments are its manual: help, man page and completions come from them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::confirm::Sweep;
use crate::detect::Persona;
use crate::facts::Language;
use crate::finding::{Confidence, Severity};

use super::exit;
use super::reports::OutputArg;
use super::sweep;

/// Find places where the process environment is changed while another thread may be starting a process or reading it.
#[derive(Debug, Parser)]
#[command(name = "envrace", version, after_help = exit::TABLE, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// When to use colours; `auto` honours NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// Print findings only, without problems and summary
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print every problem, every step and fingerprints
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look for races on the process environment
    #[command(after_help = exit::TABLE)]
    Check(Check),
    /// Say why a place is or is not reported
    Why(Why),
    /// Replay what was found on this machine, beside control runs
    #[command(after_help = exit::TABLE)]
    Confirm(Box<Confirm>),
    /// Draw each program's threads: where they start and end, and what they do to the environment meanwhile
    #[command(after_help = exit::TABLE)]
    Graph(Graph),
    /// Explain a rule, an API, an exit code or error that you met, or a log
    Explain(Explain),
    /// Write down what is found now, so that only new findings are reported
    Baseline(Baseline),
    /// Show the configuration that applies, and where each value comes from
    Config(ConfigArgs),
    /// Show where facts of files are kept between runs and how much room they take, or throw them away
    Cache(Cache),
    /// Run a program and say which of its processes could not be started, and why
    #[command(after_help = RUN_NOTES)]
    Run(Run),
    /// Replay every pair that the catalog knows, and hold what it says of this machine against what is seen
    #[command(after_help = MEASURE_NOTES)]
    Measure(Measure),
    /// List the rules
    Rules,
    /// List the APIs that are known
    Apis(Apis),
    /// Print a completion script for a shell
    Completions {
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the man page of envrace, or of one of its commands, as roff
    Man {
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
    /// Write down the versions to judge for, by default this machine's
    Target(Target),
}

/// What to analyse, and how.
#[derive(Debug, Default, Args)]
pub struct Scan {
    /// Judge for these versions instead of the worst case over all: libc=glibc-2.41,python=3.13t, `host` for this
    /// machine's, or @FILE for what `envrace target` saved (repeatable)
    #[arg(long, value_name = "SPEC")]
    pub target: Vec<String>,

    /// Read this configuration file and no other
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,

    /// Read no configuration file
    #[arg(long)]
    pub no_config: bool,

    /// How much to report [default: regular]: `pedantic` adds notes, `auditor` also public functions with unknown
    /// callers, and looks into hidden and ignored files
    #[arg(long, value_name = "WHO")]
    pub persona: Option<PersonaArg>,

    /// Also apply rules that are new and may still change
    #[arg(long)]
    pub preview: bool,

    /// Take each named file alone instead of analysing the project that it belongs to
    #[arg(long)]
    pub isolated: bool,

    /// Report also what a comment in the source silences
    #[arg(long)]
    pub no_ignores: bool,

    /// Parse every file, also where no finding can come of it; the findings are the same, and problems of syntax are those
    /// of all files
    #[arg(long)]
    pub all: bool,

    /// Neither use nor keep what earlier runs made of files that have not changed
    #[arg(long, conflicts_with = "cache_dir")]
    pub no_cache: bool,

    /// Where that is kept [default: ENVRACE_CACHE_DIR, else envrace in the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,

    /// How many threads to use; 0 for one a core
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    pub jobs: usize,

    /// End the analysis of a project after so many steps, and say what was not followed to its end [default: 500000000]
    #[arg(long, value_name = "N")]
    pub max_steps: Option<u64>,

    /// The language of standard input and of named files whose name does not tell it
    #[arg(long, value_name = "LANG")]
    pub language: Option<LanguageArg>,

    /// What to call standard input
    #[arg(long, value_name = "NAME")]
    pub stdin_filename: Option<String>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Folders, files, or `-` for standard input; a file stands for its project, of which the findings that touch the
    /// file are shown
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub scan: Scan,

    #[command(flatten)]
    pub output: Output,

    /// End with 0 also where there are findings
    #[arg(long)]
    pub exit_zero: bool,

    /// The least severity that fails the run [default: warning]
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<SeverityArg>,

    /// Leave out findings of less confidence [default: low, so none; what is of low confidence is never an error]
    #[arg(long, value_name = "CONFIDENCE")]
    pub min_confidence: Option<ConfidenceArg>,

    /// Fail also where a file was understood only in part
    #[arg(long)]
    pub strict: bool,

    /// Do not report what this file lists (see `envrace baseline`)
    #[arg(long, value_name = "FILE", conflicts_with = "no_baseline")]
    pub baseline: Option<PathBuf>,

    /// Use no baseline, also where the configuration names one
    #[arg(long)]
    pub no_baseline: bool,

    /// Analyse everything, and report what has its mutation, its partner or the start of its thread in lines that differ
    /// from where this branch left REF, or in files that git does not know
    #[arg(long, value_name = "REF", conflicts_with = "staged")]
    pub since: Option<String>,

    /// Analyse what the next commit would hold, and report what touches its changed lines
    #[arg(long)]
    pub staged: bool,

    /// Change the sources where that takes a finding away and is proved to do nothing else
    #[arg(long, conflicts_with_all = ["staged", "diff"])]
    pub fix: bool,

    /// Show what --fix would change, and change nothing
    #[arg(long, conflicts_with = "staged")]
    pub diff: bool,

    /// With --fix or --diff: also fixes after which somebody should look whether anything else needed what they take away
    #[arg(long)]
    pub unsafe_fixes: bool,
}

/// Arguments of `baseline`.
#[derive(Debug, Args)]
pub struct Baseline {
    /// Folders or files, as for `check`
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub scan: Scan,

    /// The file to write; what it lists already and was not looked at now stays in it [default: the configuration's
    /// `baseline`, else envrace-baseline.json]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Only drop what no longer occurs, and add nothing
    #[arg(long)]
    pub prune: bool,

    /// Leave out findings of less confidence
    #[arg(long, value_name = "CONFIDENCE")]
    pub min_confidence: Option<ConfidenceArg>,
}

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The folder or file whose configuration is asked for
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,

    #[command(flatten)]
    pub scan: Scan,

    /// Print every value with where it comes from; this is also what happens without it
    #[arg(long, conflicts_with = "schema")]
    pub show: bool,

    /// Print the JSON schema of configuration files, for editors
    #[arg(long)]
    pub schema: bool,
}

/// Arguments of `cache`.
#[derive(Debug, Args)]
pub struct Cache {
    #[command(subcommand)]
    pub command: Option<CacheCommand>,

    /// The folder [default: ENVRACE_CACHE_DIR, else envrace in the user's cache folder]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub cache_dir: Option<PathBuf>,
}

/// What to do with what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum CacheCommand {
    /// Throw it away
    Clean,
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct Why {
    /// The place, as `path:line`
    #[arg(value_name = "PATH:LINE")]
    pub place: String,

    #[command(flatten)]
    pub scan: Scan,
}

/// Arguments of `graph`.
#[derive(Debug, Args)]
pub struct Graph {
    /// Folders, files, or `-`, as for `check`
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub scan: Scan,

    /// How to draw
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    pub format: Drawing,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// List the programs instead: scripts, `main` functions, and what else begins threads
    #[arg(long)]
    pub roots: bool,
}

/// Notations of `graph`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Drawing {
    /// A sequence diagram in Mermaid's language
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture
    Svg,
    /// One page with the picture, the findings beside it and the source on a click; it loads nothing
    Html,
}

/// Arguments of `confirm`.
#[derive(Debug, Args)]
pub struct Confirm {
    /// Folders, files, or `-`, as for `check`
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub scan: Scan,

    /// Take the findings from the JSON of an earlier `check` in this folder (`-`: from standard input) instead of
    /// looking for them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "isolated", "persona", "target"])]
    pub report: Option<PathBuf>,

    /// Print the plan, a line for each experiment with its findings, and run nothing
    #[arg(long)]
    pub list: bool,

    /// Hold each child at the entry of execve until the environment has moved: certain where the plain replay needs luck
    /// (needs ptrace)
    #[arg(long)]
    pub active: bool,

    /// Print each failed execve of the experiments to standard error, in strace's form (needs ptrace)
    #[arg(long)]
    pub trace: bool,

    /// Replay patterns of C in a program made by this compiler, against its C library, and not in envrace itself
    #[arg(long, value_name = "PATH")]
    pub cc: Option<PathBuf>,

    /// Vary one thing, and print for each value how often the pattern failed, with both controls: command-length, env-vars,
    /// env-bytes, threads, changes, lang or runs, as env-vars=4..9 or threads=1,2,8
    #[arg(long, value_name = "KNOB=VALUES", value_parser = Sweep::parse, conflicts_with_all = ["list", "trace"])]
    pub sweep: Option<Sweep>,

    /// Fix another thing meanwhile (repeatable)
    #[arg(long, value_name = "KNOB=VALUE", value_parser = sweep::one_value, requires = "sweep")]
    pub set: Vec<Sweep>,

    /// Do not keep the evidence in .envrace/evidence.json of the project, where later checks find it
    #[arg(long)]
    pub no_keep: bool,

    /// The interpreter for patterns in Python
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub python: PathBuf,

    /// Seconds for each pattern with its controls, which may take longer on a busy machine
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub budget: Duration,

    /// Only findings of this rule (repeatable)
    #[arg(long, value_name = "RULE")]
    pub rule: Vec<String>,

    /// Only findings whose fingerprint begins so (repeatable)
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Vec<String>,

    /// Replay nothing; write a program for each pattern, which fails by itself on a machine without envrace, to this
    /// empty or new folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["format", "output", "list"])]
    pub emit: Option<PathBuf>,

    #[command(flatten)]
    pub output: Output,
}

/// How and where to print.
#[derive(Debug, Args)]
pub struct Output {
    /// How to print the findings on standard output [default: human]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// Write the findings to a file as well, as sarif=envrace.sarif; `-` is standard output (repeatable)
    #[arg(long, value_name = "FORMAT=FILE")]
    pub output: Vec<OutputArg>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Name the findings of this folder or file that a failure fits (repeatable)
    #[arg(long = "in", value_name = "PATH")]
    pub within: Vec<PathBuf>,

    #[command(flatten)]
    pub scan: Scan,

    /// Hold each child at the entry of execve, for up to a millisecond, until the environment has moved
    #[arg(long)]
    pub active: bool,

    /// Write what was seen to this file instead of standard error
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The program and its arguments; it is executed
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<OsString>,
}

/// Arguments of `measure`.
#[derive(Debug, Args)]
pub struct Measure {
    /// Only this language
    #[arg(long, value_name = "LANG")]
    pub language: Option<LanguageArg>,

    /// Only pairs whose "MUTATION beside PARTNER", as the table writes them, contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub only: String,

    /// The interpreter for patterns in Python
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub python: PathBuf,

    /// Seconds for each pair
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub budget: Duration,
}

/// What `measure --help` says last.
const MEASURE_NOTES: &str = "\
Prints a Markdown document for this machine: a table for each language,
and one for C on musl where musl-gcc is installed. All of it takes a quarter of
an hour.

Exit codes:
  0  all that could be measured agrees
  1  a measurement contradicts the catalog
  2  wrong usage
  3  something could not be measured here";

/// What `run --help` says last.
const RUN_NOTES: &str = "\
The program is executed, as it is: its output, exit code and signals pass
through. Two things differ from a run without envrace: set-user-id programs
(sudo, ping) get no privilege, and no debugger can attach. envrace waits for all
processes that the program leaves behind. Where ptrace is forbidden, the program
is not run.

Exit codes:
  the program's own, or 128 and the signal that ended it
  2    wrong usage or configuration, or a path of --in that is missing
  125  nothing can be observed here, and the program was not run
  126  the program cannot be executed
  127  there is no such program";

/// See [`Cli::color`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Formats of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Pictures and prose; prose alone where TERM is dumb
    Human,
    /// One line a finding
    Concise,
    /// The document envrace/1
    Json,
    /// The same as lines: findings, problems, a summary
    Jsonl,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab's code quality report
    Gitlab,
}

impl Format {
    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Human => "human",
            Format::Concise => "concise",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Sarif => "sarif",
            Format::Github => "github",
            Format::Gitlab => "gitlab",
        }
    }

    /// Text with colours, for people.
    pub fn is_prose(self) -> bool {
        matches!(self, Format::Human | Format::Concise | Format::Github)
    }
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A rule's name or code; an API as people write it (os.system) or `envrace apis` lists it; an exit code, status or
    /// error (32512, 127, -1, EFAULT); or `-` for a build log or strace's output on standard input
    #[arg(value_name = "RULE|API|CODE|-", allow_negative_numbers = true)]
    pub name: String,

    /// Which one is meant where several languages have the name
    #[arg(long, value_name = "LANG")]
    pub language: Option<LanguageArg>,

    /// Judge for these versions, as for `check`; an exit code is explained for this machine where none is given
    #[arg(long, value_name = "SPEC")]
    pub target: Vec<String>,

    /// With `-`: analyse this and name the findings that fit the log (repeatable)
    #[arg(long = "in", value_name = "PATH")]
    pub within: Vec<PathBuf>,

    #[command(flatten)]
    pub configured: Configured,

    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: TextFormat,
}

/// Whose own `[[api]]` entries and `[target]` count beside the built-in ones.
#[derive(Debug, Clone, Default, Args)]
pub struct Configured {
    /// Take the `[[api]]` entries and the target of this configuration file instead of those of the working directory's
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,

    /// Read no configuration file: what is built in
    #[arg(long)]
    pub no_config: bool,
}

/// Arguments of `apis`.
#[derive(Debug, Args)]
pub struct Apis {
    /// Only those of this language
    #[arg(long, value_name = "LANG")]
    pub language: Option<LanguageArg>,

    /// Only those of this effect, a word of the second column
    #[arg(long, value_name = "EFFECT")]
    pub effect: Option<String>,

    /// Only those of C that the manuals call safe and that fail beside a change of the environment
    #[arg(long, conflicts_with_all = ["language", "effect"])]
    pub gap: bool,

    #[command(flatten)]
    pub configured: Configured,

    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: ListFormat,
}

/// How to print a list of APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// One a line
    Human,
    /// One document for programs
    Json,
    /// A table
    Markdown,
}

/// Arguments of `target`.
#[derive(Debug, Args)]
pub struct Target {
    /// `host` for what this machine runs, `@FILE` for a saved one, or libc=glibc-2.41,python=3.13t [default: host]
    #[arg(value_name = "SPEC")]
    pub spec: Vec<String>,

    /// Save it to this file, for --target @FILE
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "toml")]
    pub format: TargetFormat,
}

/// How to print a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetFormat {
    /// The [target] table of a configuration
    Toml,
    Json,
}

/// How to print what is no finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    /// Text
    Human,
    /// One document for programs
    Json,
}

/// A [`Persona`] on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PersonaArg {
    #[default]
    Regular,
    Pedantic,
    Auditor,
}

impl From<PersonaArg> for Persona {
    fn from(arg: PersonaArg) -> Persona {
        match arg {
            PersonaArg::Regular => Persona::Regular,
            PersonaArg::Pedantic => Persona::Pedantic,
            PersonaArg::Auditor => Persona::Auditor,
        }
    }
}

/// A [`Language`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LanguageArg {
    C,
    Python,
    Rust,
}

impl From<LanguageArg> for Language {
    fn from(arg: LanguageArg) -> Language {
        match arg {
            LanguageArg::C => Language::C,
            LanguageArg::Python => Language::Python,
            LanguageArg::Rust => Language::Rust,
        }
    }
}

/// A [`Severity`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeverityArg {
    Note,
    Warning,
    Error,
}

impl From<SeverityArg> for Severity {
    fn from(arg: SeverityArg) -> Severity {
        match arg {
            SeverityArg::Note => Severity::Note,
            SeverityArg::Warning => Severity::Warning,
            SeverityArg::Error => Severity::Error,
        }
    }
}

/// A [`Confidence`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConfidenceArg {
    Low,
    Medium,
    High,
}

impl From<ConfidenceArg> for Confidence {
    fn from(arg: ConfidenceArg) -> Confidence {
        match arg {
            ConfidenceArg::Low => Confidence::Low,
            ConfidenceArg::Medium => Confidence::Medium,
            ConfidenceArg::High => Confidence::High,
        }
    }
}

/// A duration in seconds, with a fraction if need be.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("not a time that anything can be tried in".to_owned()),
    }
}
