//! Names as they stand in sources. A tree writes the same few names over and over, so each is kept once for the whole
//! process, and comparing two is comparing two words.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use ustr::Ustr;

/// A name that a source spells: of a variable, a field, a function, a type, a module. It is one word long, cheap to copy, and
/// ordered, hashed and written like its text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Name(Ustr);

impl Name {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// By its text, so that a map of names can be asked with a text.
impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name(Ustr::from(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name(Ustr::from(&text))
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Name {
        Name::from(text.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), to)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'d> Deserialize<'d> for Name {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Name, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a name")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name::from(text))
            }
        }

        from.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;

    #[test]
    fn a_name_is_one_word_long() {
        assert_eq!(size_of::<Name>(), size_of::<usize>());
        assert_eq!(size_of::<Option<Name>>(), size_of::<usize>());
    }

    #[test]
    fn names_are_ordered_and_found_like_their_texts() {
        let texts = ["z", "environment", "environ", "", "größe", "env"];
        let names: BTreeSet<Name> = texts.map(Name::from).into();
        let sorted: BTreeSet<&str> = texts.into();
        assert!(names.iter().map(Name::as_str).eq(sorted));
        let map: HashMap<Name, usize> = texts.map(Name::from).into_iter().zip(0..).collect();
        for (place, text) in texts.iter().enumerate() {
            assert_eq!(map.get(*text), Some(&place), "{text}");
        }
        assert_eq!(map.get("other"), None);
    }

    #[test]
    fn a_name_is_packed_like_a_text() {
        let name = Name::from("os.environ");
        let packed = postcard::to_stdvec(&name).expect("a text can be packed");
        assert_eq!(packed, postcard::to_stdvec("os.environ").expect("a text can be packed"));
        assert_eq!(postcard::from_bytes(&packed), Ok(name));
    }
}
