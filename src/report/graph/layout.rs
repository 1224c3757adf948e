//! Where things stand in the drawn picture. Every event has a row of its own, so that its words can stand beside the lanes
//! however many of those there are; time goes down.

use crate::detect::EventKind;

use super::Drawn;

/// Up to this many lanes have their names above them, side by side; more have them aslant and stand closer.
const ROOMY: usize = 4;

/// More than this stand as close as they can, and the page has its findings below them.
pub const CLOSE: usize = 12;

pub const ROW: f64 = 38.0;
const LEFT: f64 = 28.0;
const TEXT_WIDTH: f64 = 470.0;

/// Brackets side by side; further ones share their places.
const TRACKS: usize = 8;
const TRACK: f64 = 16.0;

/// More brackets than this tell nobody anything; the others stand in the list of findings.
pub const MOST_LINKS: usize = 24;

/// How long a lane's thread is alive, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// None: from before the first row.
    pub from: Option<usize>,
    /// None: beyond the last row.
    pub until: Option<usize>,
}

/// See the module. Lengths are in pixels, from the program's upper left corner.
pub struct Layout {
    pub lanes: Vec<f64>,
    pub lives: Vec<Life>,
    pub aslant: bool,
    /// The middle of the first row.
    pub top: f64,
    pub text: f64,
    /// Where the brackets begin.
    pub gutter: f64,
    pub width: f64,
    pub height: f64,
}

impl Layout {
    /// Lays a program out.
    pub fn new(drawn: &Drawn) -> Layout {
        let program = drawn.program;
        let number = program.lanes.len();
        let aslant = number > ROOMY;
        let (spacing, left, top) = match number {
            0..=ROOMY => (132.0, LEFT + 44.0, 84.0),
            5..=CLOSE => (42.0, LEFT, 168.0),
            _ => (22.0, LEFT, 168.0),
        };
        let lanes: Vec<f64> = (0..number).map(|lane| left + spacing * lane as f64).collect();
        let right = lanes.last().copied().unwrap_or(left);
        let gutter = right + if aslant { 22.0 } else { 26.0 };
        let tracks = drawn.links.len().min(TRACKS);
        let text = gutter + TRACK * tracks as f64 + 14.0;
        Layout {
            lives: (0..number).map(|lane| life(drawn, lane)).collect(),
            lanes,
            aslant,
            top,
            text,
            gutter,
            // Aslant names lean to the right, over the text.
            width: text + TEXT_WIDTH,
            height: top + ROW * program.events.len() as f64 + 8.0,
        }
    }

    /// The middle of a row.
    pub fn row(&self, row: usize) -> f64 {
        self.top + ROW * row as f64
    }

    /// Where the bracket of a link stands.
    pub fn track(&self, link: usize) -> f64 {
        self.gutter + TRACK * (link % TRACKS) as f64
    }
}

fn life(drawn: &Drawn, lane: usize) -> Life {
    let events = &drawn.program.events;
    let from = events.iter().position(|event| event.kind == EventKind::Start(lane));
    let joined = events
        .iter()
        .rposition(|event| matches!(event.kind, EventKind::Join { lane: joined, .. } if joined == lane));
    let last = events.iter().rposition(|event| event.lane == lane);
    // A join that stands before what the thread does, in a loop say, ends it at no row that could be shown.
    let until =
        joined.filter(|joined| from.is_none_or(|from| *joined > from) && last.is_none_or(|last| last < *joined));
    Life { from, until }
}
