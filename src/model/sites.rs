//! Mutations, spawns and reads as places in the source, each once.

use rustc_hash::FxHashMap;

use crate::facts::{Language, Span};
use crate::finding::Status;
use crate::knowledge::{EntryId, Shape};

use super::tree::FuncId;

/// Index of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u32);

/// What an access does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessKind {
    Mutation,
    Spawn,
    Read,
    /// A fork as such: the partner of a mutation in its child.
    Fork,
}

/// One place that touches the environment.
#[derive(Debug, Clone)]
pub struct SiteInfo {
    pub function: FuncId,
    pub span: Span,
    pub kind: AccessKind,
    /// The entries that fit, which differ by version.
    pub entries: Vec<EntryId>,
    /// The variable's name where it is known.
    pub variable: Option<String>,
    /// Always these variables (`TZ`), for reads that name none.
    pub variables: Vec<String>,
    /// A mutation's shape as it stands in the code, where that is more than the entry says (`+=` overwrites).
    pub shape: Option<Shape>,
    /// How a person writes it.
    pub display: String,
    pub status: Option<Status>,
    pub language: Language,
}

/// All sites.
#[derive(Debug, Default)]
pub struct Sites {
    infos: Vec<SiteInfo>,
    /// Of each, on its own: asked for every two accesses that may meet.
    kinds: Vec<AccessKind>,
    index: FxHashMap<(FuncId, Span, AccessKind), SiteId>,
}

impl Sites {
    /// The id of a site, new or known.
    pub fn intern(&mut self, info: SiteInfo) -> SiteId {
        let key = (info.function, info.span, info.kind);
        if let Some(id) = self.index.get(&key) {
            return *id;
        }
        let id = SiteId(self.infos.len() as u32);
        self.kinds.push(info.kind);
        self.infos.push(info);
        self.index.insert(key, id);
        id
    }

    /// What is known of a site.
    pub fn get(&self, id: SiteId) -> &SiteInfo {
        &self.infos[id.0 as usize]
    }

    /// What an access at a site does.
    pub fn kind(&self, id: SiteId) -> AccessKind {
        self.kinds[id.0 as usize]
    }

    /// Whether an access of Rust's names its variable where it stands.
    pub fn is_named_in_rust(&self, id: SiteId) -> bool {
        let info = self.get(id);
        info.language == Language::Rust && info.variable.is_some()
    }

    /// Every site with its id.
    pub fn iter(&self) -> impl Iterator<Item = (SiteId, &SiteInfo)> {
        self.infos
            .iter()
            .enumerate()
            .map(|(index, info)| (SiteId(index as u32), info))
    }
}
