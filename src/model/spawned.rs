//! What a spawn starts: the program or the command line that its arguments name.

use crate::facts::Value;
use crate::finding::{FailureForm, Spawned};
use crate::knowledge::{ArgumentRef, Entry, EntryId, Role};

use super::objects::Object;
use super::program::Engine;
use super::sites::{AccessKind, SiteInfo};
use super::tree::{CallSite, FuncId};

impl Engine<'_> {
    /// What the spawn at a site starts; none where it is no spawn, or the catalog does not say how to tell.
    pub fn spawned(&self, info: &SiteInfo) -> Option<Spawned> {
        if info.kind != AccessKind::Spawn {
            return None;
        }
        let call = self.values.tree.call_at(info.function, info.span)?;
        let meaning = self.values.meaning(call);
        self.says(call, &meaning.entries)
            .or_else(|| self.says_builder(call))
            .or_else(|| self.says_always(&info.entries))
    }

    /// What every call of the API starts, where the call at hand only hands it on (`pool.map(os.system, commands)`).
    fn says_always(&self, entries: &[EntryId]) -> Option<Spawned> {
        let catalog = self.values.catalog;
        let paths = entries.iter().map(|id| catalog.entry(*id));
        let mut found = paths.flat_map(|entry| catalog.lookup(entry.language, entry.kind, &entry.path));
        found.find_map(|id| match &catalog.entry(*id) {
            Entry {
                role: Role::Spawns { command, status, .. },
                arguments,
                ..
            } if arguments.is_empty() => Some(spawned(*command, None, *status)),
            _ => None,
        })
    }

    /// What the entries of a call say of it.
    fn says(&self, call: CallSite, entries: &[EntryId]) -> Option<Spawned> {
        let catalog = self.values.catalog;
        entries.iter().find_map(|id| match &catalog.entry(*id).role {
            Role::Spawns {
                argument,
                command,
                status,
            } => {
                let values = self.values.argument(call, argument);
                let known = values.first().and_then(|(home, value)| self.first_word(*home, value));
                Some(spawned(*command, known, *status))
            }
            _ => None,
        })
    }

    /// A builder's method: the call that made the builder names the program (`Command::new("cc").status()`).
    fn says_builder(&self, call: CallSite) -> Option<Spawned> {
        let receiver = self.values.argument(call, &ArgumentRef::Receiver);
        let (home, value) = receiver.first()?;
        let made = self.values.eval(*home, value);
        let makers = made.iter().filter_map(|object| match object {
            Object::Result(_, Some(maker)) => Some(*maker),
            _ => None,
        });
        let mut makers = makers.filter(|maker| *maker != call);
        let (maker, others) = (makers.next()?, makers.next());
        if others.is_some() {
            return None;
        }
        self.says(maker, &self.values.meaning(maker).entries)
    }

    /// The only string that a value can be, or that the first element of a list written there can be.
    fn first_word(&self, func: FuncId, value: &Value) -> Option<String> {
        let value = match value {
            Value::List(items) => items.first()?,
            value => value,
        };
        let mut texts = self.values.texts(func, value);
        let text = texts.pop().filter(|_| texts.is_empty())?;
        text.chars().any(|c| c != '\u{0}').then(|| text.replace('\u{0}', "*"))
    }
}

fn spawned(shell: bool, command: Option<String>, status: bool) -> Spawned {
    let failure = if status {
        FailureForm::Status
    } else {
        FailureForm::Error
    };
    Spawned {
        shell,
        command,
        failure,
    }
}
