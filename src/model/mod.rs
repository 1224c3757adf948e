//! Facts and catalog become a [`Program`]: who calls whom, which threads run, what each may do to the
//! environment, and which two of these can overlap.
//!
//! The pieces, in the order in which data flows: [`tree`] indexes the files, without those that [`foreign`] finds to be another system's; [`names`] leads a name to what it names, [`passed_macros`] macros from outside;
//! [`values`] says what a value may be (a set of [`objects`]), [`parameters`] what callers hand over, [`rests`] what is gathered by `*` and `**`, [`results`] what calls give, [`instances`] what a written type says of it, [`declared`] what C declares it to be, [`through_api`] what APIs call that are handed on, [`fields`] what classes keep, [`linkage`] what several C files share, [`programs`] which of them end up in one program, [`extensions`] what Python finds in C;
//! [`outs`] what functions leave behind pointers; [`places`] gives locks, queues and thread handles an identity, [`whose`] tells locks of two objects apart; [`meaning`] joins calls, stores and blocks with the
//! catalog; [`answers`] and [`memo`] remember what was found out; [`named`] says which variable an access is about, [`lasting`] which variables are there to stay; [`forks`] which
//! side of a fork a test asks for; [`escaped`] knows what a bare function pointer may mean; [`walk`] and [`calls`] go through every function in
//! order and keep the threads
//! that may be alive and the guards that are surely held, bottom-up over the call graph ([`program`]), [`firsts`] keeps what work is done once, [`key_set`] what is surely done, [`roles`] does there what the catalog says, [`managers`] enters and leaves context managers, [`tasks`] lets tasks go on, and [`begins`] lets threads begin, [`failed`] knows where they did not, [`uses`] tells those apart that one start makes for several callers, [`ended`] finds that they have ended, [`emptied`] by containers that are empty, [`overdue`] knows who is beside them where a wait has raised, [`covers`] knows which guards are held until they have ended, [`crowd`] whom an access is held against; [`needs`] says which
//! constants a caller must hand over for a place to be reached, [`written`] what they are as they are written, [`callbacks`] which callback is meant, [`passed_on`] takes that through functions which hand on what they are handed, [`unset`] says where an argument is nothing on some ways, [`given`] which methods and classes objects are given after they were made, [`dispatch`] tells apart the classes that one call may mean; [`budget`] ends what does not end; [`laters`] lets what was handed on to run at any time meet threads, [`handed_on`] keeps it, [`told`] knows what a thread was told that matters to it, [`lent`] knows who outside the tree may send, [`words`] what a function tells others; [`pairs`] collects what
//! can overlap; [`team`] says what threads of one region do beside each other; [`owners`] adds the threads that outlive the function that started them, [`handlers`] those on which frameworks call functions, [`tables`] finds functions in the fields of what they are given; [`why`] explains a place,
//! [`lanes`] lays out each program's threads.
//!
//! No API is known here by name (what a bare name tells of a value is asked of the catalog, [`crate::knowledge::Idiom`]), and no language but for the rules of its names and what its own types are called.

mod answers;
mod around;
mod begins;
mod budget;
mod built_in;
mod callbacks;
mod calls;
mod covers;
mod crowd;
mod decided;
mod declared;
mod dispatch;
mod emptied;
mod ended;
mod escaped;
mod extensions;
mod failed;
mod failing;
mod fields;
mod firsts;
mod flags;
mod foreign;
mod forks;
mod given;
mod groups;
mod handed_back;
mod handed_on;
mod handlers;
mod higher;
mod imports;
mod instances;
mod key_set;
mod lanes;
mod lasting;
mod laters;
mod lent;
mod linkage;
mod managers;
mod meaning;
mod members;
mod memo;
mod named;
mod names;
mod needs;
mod objects;
mod outs;
mod overdue;
mod owners;
mod pairs;
mod parameters;
mod passed_macros;
mod passed_on;
mod places;
mod program;
mod programs;
mod quiet;
mod results;
mod rests;
mod roles;
mod runtimes;
mod sites;
mod spawned;
mod state;
mod status;
mod summary;
mod tables;
mod tasks;
mod team;
mod through_api;
mod told;
mod tree;
mod unset;
mod uses;
mod values;
mod walk;
mod whose;
mod why;
mod words;
mod written;

pub use budget::{Cut, STEPS};
pub use groups::groups;
pub use lanes::{Census, Lane, LaneEvent, Lanes, Moment, Open, RootKind, Runner, census, lanes};
pub use named::same_variable;
pub use pairs::{MOST_PAIRS, Pair, PairKind, PairSide};
pub use program::{Engine, Extent, Program, StartInfo, SummaryKey, analyse, path_matches};
pub use sites::{AccessKind, SiteId, SiteInfo};
pub use summary::{Access, Chain, ChainStep, Held, StartId};
pub use tree::{CallSite, FileId, FuncId, Tree, each_event};
pub use why::Observation;
