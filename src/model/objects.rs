//! What a value may be, as a set: small, ordered, bounded, and cheap to hand on, since the answers to all questions are kept.

use std::rc::Rc;

use super::tree::{CallSite, ClassId, FileId, FuncId};

/// How many objects a value may be at the most, and how many functions: tables of functions are long.
const MOST: usize = 64;
const MOST_FUNCTIONS: usize = 1024;

/// From how many objects on going through a set again costs more than remembering what was found.
const WIDE: usize = 8;

/// Something that a value may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    Function(FuncId),
    Class(ClassId),
    /// An instance of a class of the tree; with the call that made it where that is known.
    Instance(ClassId, Option<CallSite>),
    /// `super()` in a method of this class.
    Super(ClassId),
    Module(FileId),
    /// Something outside the tree, by its path: a function, a class, a method (`threading.Thread.start`), an object.
    External(Rc<str>),
    /// An instance of an outside type, by the type's path; with the call that made it where that is known.
    Result(Rc<str>, Option<CallSite>),
    /// An async function that was called but not awaited.
    Coroutine(FuncId),
    /// A string; `\u{0}` stands for a hole.
    Text(Rc<str>),
    /// A pointer to some function of this type ([`super::escaped`]).
    Pointer(Rc<str>),
}

impl Object {
    /// An external thing.
    pub fn external(path: &str) -> Object {
        Object::External(path.into())
    }

    fn is_function(&self) -> bool {
        matches!(self, Object::Function(_))
    }
}

/// An ordered set of objects; copies share their contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects(Option<Rc<Vec<Object>>>);

impl Objects {
    /// A set of one.
    pub fn one(object: Object) -> Objects {
        Objects(Some(Rc::new(vec![object])))
    }

    fn list(&self) -> &[Object] {
        self.0.as_ref().map_or(&[], |list| list.as_slice())
    }

    /// Adds an object unless it is there or the set is full.
    pub fn add(&mut self, object: Object) {
        if let Err(at) = self.list().binary_search(&object)
            && !self.has_no_room(object.is_function())
        {
            Rc::make_mut(self.0.get_or_insert_default()).insert(at, object);
        }
    }

    /// How many functions there are: they come first in the order.
    fn functions(&self) -> usize {
        self.list().partition_point(Object::is_function)
    }

    fn has_no_room(&self, function: bool) -> bool {
        let length = self.list().len();
        length >= MOST && is_full(function, self.functions(), length)
    }

    /// Adds all of another set.
    pub fn add_all(&mut self, other: Objects) {
        let (Some(own), Some(more)) = (&self.0, &other.0) else {
            if self.0.is_none() {
                self.0 = other.0;
            }
            return;
        };
        if Rc::ptr_eq(own, more) {
            return;
        }
        let (mut functions, mut length) = (self.functions(), own.len());
        let mut missing = Vec::new();
        // Functions come first: where there is room for one kind only, the others need not be looked at.
        let border = other.functions();
        let from = if self.has_no_room(true) { border } else { 0 };
        let to = if self.has_no_room(false) { border } else { more.len() };
        if from >= to {
            return;
        }
        for object in more[from..to]
            .iter()
            .filter(|object| own.binary_search(object).is_err())
        {
            if length < MOST || !is_full(object.is_function(), functions, length) {
                missing.push(object.clone());
                length += 1;
                functions += usize::from(object.is_function());
            }
        }
        if !missing.is_empty() {
            let list = Rc::make_mut(self.0.get_or_insert_default());
            list.append(&mut missing);
            // Two runs, each in order, which this sort merges.
            list.sort();
        }
    }

    /// Where the contents lie in memory: the same for two sets only if they share them.
    pub fn address(&self) -> usize {
        self.0.as_ref().map_or(0, |list| Rc::as_ptr(list).addr())
    }

    /// Others share the contents, and they are many.
    pub fn is_widely_shared(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|list| list.len() >= WIDE && Rc::strong_count(list) > 1)
    }

    /// The functions among them, in order.
    pub fn as_functions(&self) -> impl Iterator<Item = FuncId> + '_ {
        self.iter().map_while(|object| match object {
            Object::Function(function) => Some(*function),
            _ => None,
        })
    }

    /// The classes of the tree of which some are instances, in order.
    pub fn instances(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.iter().filter_map(|object| match object {
            Object::Instance(class, _) => Some(*class),
            _ => None,
        })
    }

    /// All but the classes of the tree and their instances.
    pub fn without_classes(self) -> Objects {
        let is_of_class = |object: &Object| matches!(object, Object::Class(_) | Object::Instance(..));
        if !self.iter().any(is_of_class) {
            return self;
        }
        let others: Vec<Object> = self.iter().filter(|object| !is_of_class(object)).cloned().collect();
        Objects((!others.is_empty()).then(|| Rc::new(others)))
    }

    /// Whether an object is among them.
    pub fn contains(&self, object: &Object) -> bool {
        self.list().binary_search(object).is_ok()
    }

    /// The objects in order.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.list().iter()
    }

    /// There may be more than what is known.
    pub fn is_full(&self) -> bool {
        self.has_no_room(true) || self.has_no_room(false)
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }
}

/// Whether a set with so many functions among so many objects takes no more functions, or none of what is no function.
fn is_full(function: bool, functions: usize, length: usize) -> bool {
    match function {
        true => functions >= MOST_FUNCTIONS,
        false => length - functions >= MOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(numbers: std::ops::Range<usize>) -> Objects {
        let mut found = Objects::default();
        for number in numbers {
            found.add(Object::Text(format!("{number:04}").into()));
        }
        found
    }

    #[test]
    fn adding_all_is_adding_one_after_the_other() {
        let cases = [(0..5, 3..9), (0..60, 50..80), (10..11, 0..200), (0..64, 64..70)];
        for (a, b) in cases {
            let (mut one, more) = (texts(a.clone()), texts(b));
            let mut other = one.clone();
            one.add_all(more.clone());
            more.iter().for_each(|object| other.add(object.clone()));
            assert_eq!(one, other, "{a:?}");
            assert!(one.iter().is_sorted() && one.iter().count() <= MOST);
        }
    }

    #[test]
    fn functions_have_a_limit_of_their_own() {
        let mut found = texts(0..MOST);
        for number in 0..MOST_FUNCTIONS as u32 + 7 {
            found.add(Object::Function(FuncId(number)));
        }
        assert_eq!(found.functions(), MOST_FUNCTIONS);
        assert_eq!(found.iter().count(), MOST_FUNCTIONS + MOST);
        assert!(found.is_full());
    }

    #[test]
    fn a_copy_does_not_change_with_its_original() {
        let mut one = texts(0..2);
        let copy = one.clone();
        one.add_all(texts(2..3));
        assert_eq!(copy, texts(0..2));
        assert_eq!(one, texts(0..3));
    }
}
