//! Answers about values that are remembered.
//!
//! Questions lead to questions, and some lead back to themselves. There an answer is not known yet, so what hangs on such circles is
//! asked anew in a second round, in which they see what the first one found out. What hangs on none is settled, and stays.

use std::cell::{Cell, RefCell};

use hashbrown::{Equivalent, HashMap};
use rustc_hash::FxBuildHasher;

use crate::facts::{LocalIndex, Value};

use super::objects::Objects;
use super::tree::{CallSite, ClassId, FileId, FuncId};

/// A question about values: with names and values of its own where it is remembered, with borrowed ones where it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Question<N, V> {
    Local(FuncId, LocalIndex),
    /// What is stored into a global name.
    Global(FileId, N),
    /// What a global name or a path leads to.
    Name(FileId, N),
    Path(FileId, N),
    Member(FileId, N),
    Field(ClassId, N),
    /// The functions that a class body stores.
    Body(ClassId),
    /// What a typedef is of.
    Alias(ClassId),
    Call(CallSite),
    Returns(FuncId),
    /// What lies in the lock that a call made or gives.
    Locked(CallSite),
    /// With the key of the element, where one is asked for.
    ElementsOfCall(CallSite, Option<V>),
    /// Of a place whose class is not known, by how it is written.
    ElementsOfPlace(FuncId, V, Option<V>),
    ElementsOfLocal(FuncId, LocalIndex, Option<V>),
    ElementsOfGlobal(FileId, N, Option<V>),
    ElementsOfField(ClassId, N, Option<V>),
}

/// A question as it is asked.
pub(super) type Asked<'a> = Question<&'a str, &'a Value>;

/// A question as it is remembered.
type Remembered = Question<Box<str>, Box<Value>>;

impl<N, V> Question<N, V> {
    /// The same question with other names and values.
    fn map<'q, M, W>(&'q self, name: impl Fn(&'q N) -> M, value: impl Fn(&'q V) -> W) -> Question<M, W> {
        let key = |key: &'q Option<V>| key.as_ref().map(&value);
        match self {
            Question::Local(func, index) => Question::Local(*func, *index),
            Question::Global(file, global) => Question::Global(*file, name(global)),
            Question::Name(file, named) => Question::Name(*file, name(named)),
            Question::Path(file, path) => Question::Path(*file, name(path)),
            Question::Member(file, member) => Question::Member(*file, name(member)),
            Question::Field(class, field) => Question::Field(*class, name(field)),
            Question::Body(class) => Question::Body(*class),
            Question::Alias(class) => Question::Alias(*class),
            Question::Call(site) => Question::Call(*site),
            Question::Returns(func) => Question::Returns(*func),
            Question::Locked(site) => Question::Locked(*site),
            Question::ElementsOfCall(site, of) => Question::ElementsOfCall(*site, key(of)),
            Question::ElementsOfPlace(func, place, of) => Question::ElementsOfPlace(*func, value(place), key(of)),
            Question::ElementsOfLocal(func, index, of) => Question::ElementsOfLocal(*func, *index, key(of)),
            Question::ElementsOfGlobal(file, global, of) => Question::ElementsOfGlobal(*file, name(global), key(of)),
            Question::ElementsOfField(class, field, of) => Question::ElementsOfField(*class, name(field), key(of)),
        }
    }
}

impl Asked<'_> {
    fn remembered(&self) -> Remembered {
        self.map(|name| (*name).into(), |value| Box::new((*value).clone()))
    }
}

/// Both hash alike: names and values hash like what borrows them, and variants by their order.
impl Equivalent<Remembered> for Asked<'_> {
    fn equivalent(&self, key: &Remembered) -> bool {
        *self == key.map(|name| &**name, |value| &**value)
    }
}

/// What became of a question.
#[derive(Debug)]
enum Answer {
    Asking,
    Known { objects: Objects, settled: bool },
}

/// How far something that was found out can be relied on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// It is all that there is to say, so that it may be kept: inside another question it may lack what that one is about to find
    /// out, where it asked for it.
    pub(super) whole: bool,
    /// It hangs on no circle, so that another round would find the same.
    pub(super) settled: bool,
}

/// The answers to questions.
#[derive(Debug, Default)]
pub(super) struct Answers {
    known: RefCell<HashMap<Remembered, Answer, FxBuildHasher>>,
    /// What the round before knew of that which hangs on circles.
    earlier: RefCell<HashMap<Remembered, Objects, FxBuildHasher>>,
    /// How many questions are being asked.
    asking: Cell<usize>,
    /// How often a question led back to itself, or too deep.
    cut_off: Cell<u64>,
    /// What is being found out hangs on a circle.
    hangs: Cell<bool>,
}

impl Answers {
    /// Remembers the answer to a question. One that leads back to itself is answered by what the round before knew.
    pub(super) fn ask(&self, question: Asked, answer: impl FnOnce() -> Objects) -> Objects {
        match self.known.borrow().get(&question) {
            Some(Answer::Known { objects, settled }) => {
                if !settled {
                    self.hang();
                }
                return objects.clone();
            }
            Some(Answer::Asking) => {
                self.cut();
                return self.earlier.borrow().get(&question).cloned().unwrap_or_default();
            }
            None => {}
        }
        self.known.borrow_mut().insert(question.remembered(), Answer::Asking);
        self.asking.set(self.asking.get() + 1);
        let (objects, settled) = self.settle(answer);
        self.asking.set(self.asking.get() - 1);
        let found = objects.clone();
        if let Some(known) = self.known.borrow_mut().get_mut(&question) {
            *known = Answer::Known { objects, settled };
        }
        found
    }

    /// Finds something out, and tells how far it can be relied on.
    pub(super) fn find<T>(&self, answer: impl FnOnce() -> T) -> (T, Standing) {
        let cut_off = self.cut_off.get();
        let (found, settled) = self.settle(answer);
        let whole = self.asking.get() == 0 || self.cut_off.get() == cut_off;
        (found, Standing { whole, settled })
    }

    /// Finds something out, and tells whether it hangs on no circle. What it is found out for hangs on what it hangs on.
    fn settle<T>(&self, answer: impl FnOnce() -> T) -> (T, bool) {
        let outer = self.hangs.replace(false);
        let found = answer();
        let hangs = self.hangs.get();
        self.hangs.set(outer || hangs);
        (found, !hangs)
    }

    /// What is being found out hangs on something that another round may see otherwise.
    pub(super) fn hang(&self) {
        self.hangs.set(true);
    }

    /// A question leads too deep, or back to itself: what asks it does not learn all.
    pub(super) fn cut(&self) {
        self.cut_off.set(self.cut_off.get() + 1);
        self.hang();
    }

    /// Forgets which questions are being asked: the walk that asked them failed.
    pub(super) fn give_up(&self) {
        self.known
            .borrow_mut()
            .retain(|_, answer| matches!(answer, Answer::Known { .. }));
        self.asking.set(0);
    }

    /// What hangs on circles is asked anew from now on, and they see what was found so far.
    pub(super) fn next_round(&self) {
        let mut earlier = self.earlier.borrow_mut();
        earlier.clear();
        let hangs = |_: &Remembered, answer: &mut Answer| !matches!(answer, Answer::Known { settled: true, .. });
        for (question, answer) in self.known.borrow_mut().extract_if(hangs) {
            if let Answer::Known { objects, .. } = answer {
                earlier.insert(question, objects);
            }
        }
    }
}
