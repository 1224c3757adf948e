//! Assignments and deletions: what goes where.

use super::builder::{FrameKind, Lowerer};
use super::expressions::negate;
use super::strings::{self, is_small};
use crate::facts::{Condition, RegionKind, StoreKind, TypeRef, Value};
use ruff_python_ast::{BoolOp, Expr, ExprBoolOp, ExprName, Operator, StmtAnnAssign, StmtAssign, StmtAugAssign};
use ruff_text_size::{Ranged, TextRange};

impl<'a> Lowerer<'a, '_> {
    /// Stores `value` to `target`, taking tuples apart.
    pub(super) fn store(&mut self, target: &'a Expr, value: Value, kind: StoreKind) {
        let span = self.span(target.range());
        match target {
            // The parser puts an empty name where a syntax error left none.
            Expr::Name(name) if name.id.is_empty() => {}
            Expr::Name(name) => {
                let target = self.target(name.id.as_str());
                self.new_store(target, value, kind, span);
            }
            Expr::Attribute(_) | Expr::Subscript(_) => {
                let target = self.place(target);
                self.new_store(target, value, kind, span);
            }
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, value, kind),
            Expr::List(list) => self.unpack(&list.elts, value, kind),
            Expr::Starred(starred) => self.store(&starred.value, value, kind),
            // No target in valid code, but its calls count.
            _ => {
                self.read(target);
            }
        }
    }

    fn unpack(&mut self, targets: &'a [Expr], value: Value, kind: StoreKind) {
        let repeated = is_small(&value);
        let part = |value: &Value, key: Option<usize>| match key {
            _ if !repeated => Value::Unknown,
            Some(index) => Value::Item(Box::new(value.clone()), Box::new(Value::Int(index as i64))),
            None => Value::Element(Box::new(value.clone())),
        };
        let mut starred = false;
        for (index, target) in targets.iter().enumerate() {
            let value = if let Expr::Starred(_) = target {
                starred = true;
                Value::List(vec![part(&value, None)].into())
            } else {
                part(&value, (!starred).then_some(index))
            };
            self.store(target, value, kind);
        }
    }

    pub(super) fn assign(&mut self, assign: &'a StmtAssign) {
        if let [target @ Expr::Name(name)] = assign.targets.as_slice()
            && let Expr::BoolOp(or) = &*assign.value
            && self.keeps_what_is_true(name, or)
        {
            return self.fill(target, or);
        }
        let value = self.read(&assign.value);
        let literal = matches!(&*assign.value, Expr::Tuple(_) | Expr::List(_));
        if let [Expr::Name(name)] = assign.targets.as_slice()
            && self.is_made_anew(name.id.as_str(), &assign.value)
        {
            return self.rename(name, value);
        }
        let repeated = is_small(&value) || assign.targets.len() == 1;
        for target in &assign.targets {
            let value = if repeated { value.clone() } else { Value::Unknown };
            match (target, value) {
                // `a, b = x, y` pairs them off, unless a star is among them.
                (Expr::Tuple(tuple), Value::List(values))
                    if literal && values.len() == tuple.elts.len() && !tuple.elts.iter().any(Expr::is_starred_expr) =>
                {
                    for (target, value) in tuple.elts.iter().zip(values) {
                        self.store(target, value, StoreKind::Assign);
                    }
                }
                (_, value) => self.store(target, value, StoreKind::Assign),
            }
        }
    }

    /// `x = x or …` of a local.
    fn keeps_what_is_true(&self, name: &ExprName, or: &ExprBoolOp) -> bool {
        let says = matches!(or.values.first(), Some(Expr::Name(said)) if said.id == name.id);
        let target = self.target(name.id.as_str());
        or.op == BoolOp::Or && says && matches!(target, Value::Local(function, _) if function == self.current())
    }

    /// `x = x or y` is `if not x: x = y`.
    fn fill(&mut self, target: &'a Expr, or: &'a ExprBoolOp) {
        let test = negate(Condition::Truthy(self.read(&or.values[0])));
        let nodes = self.collect(|lowerer| {
            let value = lowerer.boolean(or.op, &or.values[1..]);
            lowerer.store(target, value, StoreKind::Assign);
        });
        self.region(RegionKind::Branch { exhaustive: false }, or.range, |lowerer| {
            lowerer.push_region(RegionKind::Arm { test }, or.range, nodes);
        });
    }

    /// Whether an expression makes something new of what a local holds: `x.copy()`, `dict(x)`, `{**x, 'a': 1}`, `x | y`.
    fn is_made_anew(&self, name: &str, expression: &Expr) -> bool {
        let says = |expression: &Expr| matches!(expression, Expr::Name(said) if said.id.as_str() == name);
        let is_made = match expression {
            Expr::Call(call) => match &*call.func {
                Expr::Attribute(method) => says(&method.value),
                // A builtin: who wraps a function (`f = partial(f, 1)`) still speaks of the same one.
                Expr::Name(callee) => {
                    let is_builtin = matches!(self.resolve(callee.id.as_str()), Value::Global(_))
                        && !self.is_own_global(callee.id.as_str());
                    is_builtin && call.arguments.args.first().is_some_and(says)
                }
                _ => false,
            },
            Expr::Dict(dict) => dict.items.iter().any(|item| item.key.is_none() && says(&item.value)),
            Expr::BinOp(operation) => says(&operation.left),
            _ => false,
        };
        is_made && matches!(self.target(name), Value::Local(function, _) if function == self.current())
    }

    /// Stores into a local of its own, by which the name goes until the block ends: what it held before is not meant any more.
    /// What the name means elsewhere, it may mean this as well.
    fn rename(&mut self, name: &'a ExprName, value: Value) {
        let text = name.id.as_str();
        let before = self.target(text);
        let span = self.span(name.range);
        let local = self.new_local(text);
        let renamed = Value::Local(self.current(), local);
        self.new_store(renamed.clone(), value, StoreKind::Assign, span);
        self.new_store(before, renamed, StoreKind::Assign, span);
        if let Some(frame) = self.frames.last_mut()
            && let Some(known) = frame.locals.insert(text, local)
        {
            frame.renamed.push((text, known));
        }
    }

    pub(super) fn augmented(&mut self, assign: &'a StmtAugAssign) {
        let span = self.span(assign.target.range());
        let (target, old) = match &*assign.target {
            Expr::Name(name) => (self.target(name.id.as_str()), self.resolve(name.id.as_str())),
            target => {
                let place = self.place(target);
                (place.clone(), place)
            }
        };
        let operand = self.read(&assign.value);
        let value = match assign.op {
            Operator::Add => strings::add(old, operand),
            Operator::Sub => match operand {
                Value::Int(less) => strings::combined(old, Value::Int(less.wrapping_neg())),
                operand => strings::combined(old, operand),
            },
            _ => strings::combined(old, operand),
        };
        self.new_store(target, value, StoreKind::Augmented, span);
    }

    pub(super) fn annotated(&mut self, assign: &'a StmtAnnAssign) {
        self.annotation_events(&assign.annotation);
        let ty = self.type_ref(&assign.annotation);
        match &*assign.target {
            Expr::Name(name) => self.annotate_name(name.id.as_str(), ty, assign.range),
            Expr::Attribute(attribute) => {
                self.annotate_attribute(&attribute.value, attribute.attr.as_str(), ty, assign.range)
            }
            _ => {}
        }
        if let Some(value) = &assign.value {
            let value = self.read(value);
            self.store(&assign.target, value, StoreKind::Assign);
        } else if !assign.target.is_name_expr() {
            self.place(&assign.target);
        }
    }

    fn annotate_name(&mut self, name: &'a str, ty: Option<TypeRef>, range: TextRange) {
        if let FrameKind::Class { index, .. } = self.frame().kind {
            self.add_field(index, name, ty, range);
        } else if let Value::Local(function, local) = self.target(name)
            && let Some(local) = self.functions[function.0 as usize].locals.get_mut(local.0 as usize)
        {
            local.ty = local.ty.take().or(ty.map(Box::new));
        }
    }

    /// `self.name: ty`.
    fn annotate_attribute(&mut self, base: &Expr, name: &str, ty: Option<TypeRef>, range: TextRange) {
        let (Expr::Name(base), Some(class)) = (base, self.frame().receiver_of) else {
            return;
        };
        let function = &self.functions[self.current().0 as usize];
        if function
            .locals
            .first()
            .is_some_and(|local| local.name == base.id.as_str() && local.parameter.is_some())
        {
            self.add_field(class, name, ty, range);
        }
    }

    pub(super) fn delete(&mut self, target: &'a Expr) {
        let span = self.span(target.range());
        match target {
            Expr::Name(name) => {
                let target = self.target(name.id.as_str());
                self.new_store(target, Value::Unknown, StoreKind::Delete, span);
            }
            Expr::Attribute(_) | Expr::Subscript(_) => {
                let target = self.place(target);
                self.new_store(target, Value::Unknown, StoreKind::Delete, span);
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.delete(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.delete(target)),
            _ => {
                self.read(target);
            }
        }
    }
}
