//! What a name means where it stands.

use super::builder::{Frame, FrameKind, Lowerer};
use super::scopes::Binding;
use crate::facts::Value;

impl<'a> Lowerer<'a, '_> {
    /// What reading `name` yields here.
    pub(super) fn resolve(&self, name: &str) -> Value {
        if name.is_empty() {
            // The parser puts an empty name where a syntax error left none.
            return Value::Unknown;
        }
        let mut class_is_visible = true;
        for frame in self.frames.iter().rev() {
            match &frame.kind {
                FrameKind::Comprehension => {
                    if let Some(local) = frame.locals.get(name) {
                        return Value::Local(frame.function, *local);
                    }
                }
                FrameKind::Class { class, .. } => {
                    if class_is_visible && let Some(known) = frame.names.get(name) {
                        if known.contains(&Binding::Global) {
                            break;
                        }
                        if !known.contains(&Binding::Nonlocal) {
                            let attribute = Value::Attribute(Box::new(class.clone()), name.into());
                            return alternatives(known, Some(attribute));
                        }
                    }
                    class_is_visible = false;
                }
                FrameKind::Function => {
                    if let Some(value) = self.in_function(frame, name) {
                        return value;
                    }
                    if frame
                        .names
                        .get(name)
                        .is_some_and(|known| known.contains(&Binding::Global))
                    {
                        break;
                    }
                    class_is_visible = false;
                }
                FrameKind::Module => {}
            }
        }
        self.resolve_global(name)
    }

    /// What `name` means in the function's scope `frame`; none where it is bound elsewhere.
    fn in_function(&self, frame: &Frame<'a>, name: &str) -> Option<Value> {
        let known = frame.names.get(name)?;
        if known
            .iter()
            .any(|binding| matches!(binding, Binding::Global | Binding::Nonlocal))
        {
            return None;
        }
        let own = match frame.locals.get(name) {
            Some(local) => Some(Value::Local(frame.function, *local)),
            None if known.contains(&Binding::Class) => Some(Value::Global(format!("{}{name}", frame.prefix).into())),
            None => None,
        };
        Some(alternatives(known, own))
    }

    /// What `name` means at the top of the file.
    pub(super) fn resolve_global(&self, name: &str) -> Value {
        let global = Value::Global(name.into());
        match self.frames.first().and_then(|module| module.names.get(name)) {
            Some(known) => {
                let assigned = known.iter().any(|binding| !matches!(binding, Binding::Import(_)));
                alternatives(known, assigned.then_some(global))
            }
            None => global,
        }
    }

    /// Whether `name` is bound at the top of this file, or may be by a star import.
    pub(super) fn is_own_global(&self, name: &str) -> bool {
        self.star
            || self
                .frames
                .first()
                .is_some_and(|module| module.names.contains_key(name))
    }

    /// Where a store to `name` goes.
    pub(super) fn target(&self, name: &str) -> Value {
        let mut nonlocal = false;
        let mut innermost = true;
        for frame in self.frames.iter().rev() {
            match &frame.kind {
                // Its own variables; what `:=` binds in it belongs to the function around it.
                FrameKind::Comprehension => match frame.locals.get(name) {
                    Some(local) => return Value::Local(frame.function, *local),
                    None => continue,
                },
                FrameKind::Module => break,
                FrameKind::Class { class, .. } => {
                    let known = frame.names.get(name).map_or(&[][..], Vec::as_slice);
                    if innermost && known.contains(&Binding::Global) {
                        break;
                    }
                    if innermost && !known.contains(&Binding::Nonlocal) {
                        return Value::Attribute(Box::new(class.clone()), name.into());
                    }
                    nonlocal = true;
                }
                FrameKind::Function => {
                    let known = frame.names.get(name).map_or(&[][..], Vec::as_slice);
                    if known.contains(&Binding::Global) {
                        break;
                    }
                    if known.contains(&Binding::Nonlocal) {
                        nonlocal = true;
                    } else if let Some(local) = frame.locals.get(name) {
                        return Value::Local(frame.function, *local);
                    } else if !nonlocal {
                        // A name that a recovered error hid from the scope: it is nobody's.
                        return Value::Unknown;
                    }
                }
            }
            innermost = false;
        }
        Value::Global(name.into())
    }
}

/// The paths that a name is imported from, and `own` where it is bound otherwise too.
fn alternatives(known: &[Binding], own: Option<Value>) -> Value {
    match (known, own) {
        ([Binding::Import(path)], _) => Value::Path(path.into()),
        ([_], Some(own)) => own,
        (_, own) => several(known, own),
    }
}

fn several(known: &[Binding], own: Option<Value>) -> Value {
    let mut values: Vec<Value> = known
        .iter()
        .filter_map(|binding| match binding {
            Binding::Import(path) => Some(Value::Path(path.into())),
            _ => None,
        })
        .collect();
    if known.iter().any(|binding| !matches!(binding, Binding::Import(_))) || values.is_empty() {
        values.extend(own);
    }
    one_of(values)
}

/// One of `values`, flat and without doubles; [`Value::Unknown`] where there are none or too many.
pub(super) fn one_of(values: Vec<Value>) -> Value {
    let mut flat: Vec<Value> = Vec::with_capacity(values.len());
    for value in values {
        let inner = match value {
            Value::OneOf(inner) => inner,
            other => vec![other].into(),
        };
        for value in inner {
            if flat.len() >= super::MAX_ALTERNATIVES {
                break;
            }
            if !flat.contains(&value) {
                flat.push(value);
            }
        }
    }
    match flat.len() {
        0 => Value::Unknown,
        1 => flat.remove(0),
        _ => Value::OneOf(flat.into()),
    }
}

/// `base.name`, folded where `base` is a path.
pub(super) fn attribute(base: Value, name: &str) -> Value {
    match base {
        Value::Path(path) => {
            let dot = if path.ends_with('.') { "" } else { "." };
            Value::Path(format!("{path}{dot}{name}").into())
        }
        Value::OneOf(values) => one_of(values.into_iter().map(|value| attribute(value, name)).collect()),
        other => Value::Attribute(Box::new(other), name.into()),
    }
}
