//! Items: functions, types, imports, constants, and what `cfg` leaves of them.

use syn::spanned::Spanned;
use syn::{Block, FnArg, ForeignItem, Item, Pat, Signature, Type};

use crate::facts::{
    AccessForm, Event, Field, FunctionIndex, FunctionKind, Import, Local, ParameterKind, Span, StoreKind, TypeDecl,
    TypeIndex, TypeKind, Value, Visibility,
};

use super::attributes::{Cfg, conditions, name_value};
use super::lowering::{Head, Lowering};
use super::macro_definitions;
use super::names::{ScopeIndex, flatten, join, plain};

/// The name and the link name of a foreign function or static.
pub(super) fn link_name(item: &ForeignItem) -> Option<(String, String)> {
    let (attrs, name) = match item {
        ForeignItem::Fn(item) => (&item.attrs, plain(&item.sig.ident)),
        ForeignItem::Static(item) => (&item.attrs, plain(&item.ident)),
        _ => return None,
    };
    let link = name_value(attrs, "link_name").unwrap_or_else(|| name.clone());
    Some((name, link))
}

/// The attributes of an item.
pub(super) fn item_attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::ExternCrate(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::ForeignMod(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::TraitAlias(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Union(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

pub(super) fn visibility(vis: &syn::Visibility) -> Visibility {
    match vis {
        syn::Visibility::Inherited => Visibility::Private,
        _ => Visibility::Public,
    }
}

/// What [`Lowering::enter`] found, to be undone.
pub(super) struct Entered {
    off: Option<String>,
    test_only: bool,
}

/// A function as it stands in a module, `impl` or trait.
pub(super) struct FunctionItem<'i> {
    pub attrs: &'i [syn::Attribute],
    pub visibility: Visibility,
    pub sig: &'i Signature,
    pub block: Option<&'i Block>,
    pub owner: Option<TypeIndex>,
    /// The path of the module, block or type in front of its name.
    pub path: &'i str,
    pub span: Span,
}

impl Lowering<'_> {
    /// Makes the names of an item known, unless `cfg` takes it away; modules of this file with all that is in them.
    pub(super) fn declare(&mut self, scope: ScopeIndex, item: &Item) {
        if super::attributes::is_off(item_attributes(item)) {
            return;
        }
        self.scopes.declare(scope, item);
        if let Item::Mod(module) = item
            && let Some((_, items)) = &module.content
        {
            let path = join(&self.scopes.get(scope).path, &plain(&module.ident));
            let inner = self.scopes.add_module(path);
            items.iter().for_each(|item| self.declare(inner, item));
        }
    }

    /// Resolves the globs of `scope` and of the modules that are declared inside `items`.
    pub(super) fn finish_scopes(&mut self, scope: ScopeIndex, items: &[Item]) {
        self.scopes.finish(scope);
        for item in items {
            if let Item::Mod(module) = item
                && let Some((_, items)) = &module.content
            {
                let path = join(&self.scopes.get(scope).path, &plain(&module.ident));
                if let Some(inner) = self.scopes.module(&path) {
                    self.finish_scopes(inner, items);
                }
            }
        }
    }

    /// Takes the `cfg` attributes of an item into account until [`Lowering::leave`].
    pub(super) fn enter(&mut self, attrs: &[syn::Attribute]) -> Entered {
        let entered = Entered {
            off: self.off.clone(),
            test_only: self.test_only,
        };
        let found = conditions(attrs);
        self.test_only |= found.test;
        if let Cfg::Off(text) = found.cfg {
            self.off = Some(format!("cfg({text})"));
        }
        entered
    }

    pub(super) fn leave(&mut self, entered: Entered) {
        self.off = entered.off;
        self.test_only = entered.test_only;
    }

    /// Lowers an item whose names are declared already.
    pub(super) fn item(&mut self, item: &Item) {
        let entered = self.enter(item_attributes(item));
        let present = self.off.is_none();
        let path = self.scopes.get(self.scope).path.clone();
        match item {
            Item::Fn(item) => {
                let span = self.span(first_of(&item.vis, &item.sig), item.block.brace_token.span.close());
                self.function(FunctionItem {
                    attrs: &item.attrs,
                    visibility: visibility(&item.vis),
                    sig: &item.sig,
                    block: Some(&item.block),
                    owner: None,
                    path: &path,
                    span,
                });
            }
            Item::Impl(item) => self.impl_item(item),
            Item::Trait(item) => self.trait_item(item),
            Item::Mod(item) => self.module(item),
            Item::Macro(item) => self.macro_item(item),
            Item::ForeignMod(block) if present => {
                block.items.iter().for_each(|item| self.foreign_item(item));
            }
            Item::Use(item) if present => self.use_item(item),
            Item::ExternCrate(item) if present => {
                let name = item.rename.as_ref().map_or(&item.ident, |(_, rename)| rename);
                let span = self.span(item.extern_token.span, item.semi_token.span);
                self.imports.push(Import {
                    path: plain(&item.ident).into(),
                    name: Some(plain(name).into()),
                    star: false,
                    exported: visibility(&item.vis) == Visibility::Public,
                    elsewhere: false,
                    span,
                });
            }
            Item::Const(item) if present => {
                let span = self.span(item.const_token.span, item.semi_token.span);
                self.initialiser(&path, &item.ident, &item.ty, Some(&item.expr), span);
            }
            Item::Static(item) if present => {
                let span = self.span(item.static_token.span, item.semi_token.span);
                self.initialiser(&path, &item.ident, &item.ty, Some(&item.expr), span);
            }
            Item::Struct(item) if present => {
                let span = self.span(item.struct_token.span, item.ident.span());
                let fields = self.fields("", &item.fields);
                self.type_item(&path, &item.ident, fields, &item.attrs, span);
            }
            Item::Union(item) if present => {
                let span = self.span(item.union_token.span, item.ident.span());
                let fields = self.fields("", &syn::Fields::Named(item.fields.clone()));
                self.type_item(&path, &item.ident, fields, &item.attrs, span);
            }
            Item::Enum(item) if present => {
                let span = self.span(item.enum_token.span, item.ident.span());
                let mut fields = Vec::new();
                for variant in &item.variants {
                    fields.extend(self.fields(&format!("{}.", plain(&variant.ident)), &variant.fields));
                }
                self.type_item(&path, &item.ident, fields, &item.attrs, span);
            }
            Item::Type(item) if present => {
                let before = self.open_generics(&item.generics);
                let target = self.type_of(&item.ty);
                self.close_generics(before);
                let attributes = self.attributes(&item.attrs);
                let span = self.span(item.type_token.span, item.semi_token.span);
                self.types.push(TypeDecl {
                    name: join(&path, &plain(&item.ident)).into(),
                    kind: TypeKind::Alias,
                    bases: Vec::new(),
                    methods: Vec::new(),
                    fields: Vec::new(),
                    target,
                    attributes,
                    body: None,
                    span,
                });
            }
            _ => {}
        }
        self.leave(entered);
    }

    fn use_item(&mut self, item: &syn::ItemUse) {
        let in_block = self.scopes.get(self.scope).module != self.scope.0;
        let prefix = self.name_prefix();
        for used in flatten(&item.tree) {
            let path = self
                .scopes
                .use_path(self.scope, &used.segments, item.leading_colon.is_some());
            let span = self.span(used.span, used.span);
            let star = used.name.is_none();
            let name = used.name.filter(|name| name != "_");
            self.imports.push(Import {
                path: path.into(),
                name: name.map(|name| {
                    if in_block {
                        name.into()
                    } else {
                        format!("{prefix}{name}").into()
                    }
                }),
                star,
                exported: !in_block && visibility(&item.vis) == Visibility::Public,
                elsewhere: false,
                span,
            });
        }
    }

    /// Where the current module lies below the file's own, as `inner::`, or nothing.
    fn name_prefix(&self) -> String {
        let module = self.scopes.module_path(self.scope);
        let file = &self.functions[0].qualified;
        match module
            .strip_prefix(file.as_str())
            .and_then(|rest| rest.strip_prefix("::"))
        {
            Some(rest) => format!("{rest}::"),
            None => String::new(),
        }
    }

    fn module(&mut self, item: &syn::ItemMod) {
        let path = join(&self.scopes.get(self.scope).path, &plain(&item.ident));
        let Some((_, items)) = &item.content else {
            self.module_import(item, path);
            return;
        };
        let scope = match self.scopes.module(&path).filter(|_| self.off.is_none()) {
            Some(scope) => scope,
            // A module that is compiled away was not declared, and another of its name may have been.
            None => {
                let scope = self.scopes.add_block(path, self.scope);
                items.iter().for_each(|item| self.scopes.declare(scope, item));
                self.scopes.finish(scope);
                scope
            }
        };
        let outer = std::mem::replace(&mut self.scope, scope);
        let around = self.around.len();
        let attributes = self.attributes(&item.attrs);
        self.around.extend(attributes);
        items.iter().for_each(|item| self.item(item));
        self.around.truncate(around);
        self.scope = outer;
    }

    /// `mod name;`: an import of the module's own path. `#[path = "x.rs"]` makes it `file:x.rs`, a `cfg` that is off puts
    /// `unreached:` in front, and a module of test builds gets a second import with `test:` in front and no name.
    fn module_import(&mut self, item: &syn::ItemMod, path: String) {
        let name = plain(&item.ident);
        let span = self.span(item.mod_token.span, item.ident.span());
        let mut target = match name_value(&item.attrs, "path") {
            Some(file) => format!("file:{file}"),
            None => path,
        };
        if self.off.is_some() {
            target.insert_str(0, "unreached:");
        } else if self.test_only {
            self.imports.push(Import {
                path: format!("test:{target}").into(),
                name: None,
                star: false,
                exported: false,
                elsewhere: false,
                span,
            });
        }
        self.imports.push(Import {
            path: target.into(),
            name: Some(format!("{}{name}", self.name_prefix()).into()),
            star: false,
            exported: visibility(&item.vis) == Visibility::Public,
            elsewhere: false,
            span,
        });
    }

    fn fields(&mut self, prefix: &str, fields: &syn::Fields) -> Vec<Field> {
        let mut found = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            if super::attributes::is_off(&field.attrs) {
                continue;
            }
            let name = field.ident.as_ref().map_or_else(|| index.to_string(), plain);
            let at = field.ident.as_ref().map_or_else(|| field.ty.span(), syn::Ident::span);
            found.push(Field {
                name: format!("{prefix}{name}").into(),
                ty: self.type_of(&field.ty),
                span: self.span(at, at),
            });
        }
        found
    }

    fn type_item(&mut self, path: &str, name: &syn::Ident, fields: Vec<Field>, attrs: &[syn::Attribute], span: Span) {
        let attributes = self.attributes(attrs);
        self.types.push(TypeDecl {
            name: join(path, &plain(name)).into(),
            kind: TypeKind::Class,
            bases: Vec::new(),
            methods: Vec::new(),
            fields,
            target: None,
            attributes,
            body: None,
            span,
        });
    }

    /// A constant or static: a typed name of the module-level function and the store of its first value.
    pub(super) fn initialiser(
        &mut self,
        path: &str,
        name: &syn::Ident,
        ty: &Type,
        expr: Option<&syn::Expr>,
        span: Span,
    ) {
        let full = join(path, &plain(name));
        if name != "_" {
            let ty = self.type_of(ty);
            self.functions[0].locals.push(Local {
                name: (&full).into(),
                parameter: None,
                default: None,
                ty: ty.map(Box::new),
                kept: false,
                fixed: false,
            });
        }
        let Some(expr) = expr else { return };
        let named = name != "_";
        self.in_module_code(|lowering| {
            let value = lowering.owned(expr);
            if named {
                lowering.event(Event::Store {
                    target: Value::Path(full.into()),
                    form: AccessForm::Whole,
                    kind: StoreKind::Assign,
                    value: Box::new(value),
                    span,
                });
            }
        });
    }

    pub(super) fn function(&mut self, item: FunctionItem<'_>) -> FunctionIndex {
        let entered = self.enter(item.attrs);
        let name = plain(&item.sig.ident);
        let generics = self.open_generics(&item.sig.generics);
        let name_span = self.span(item.sig.ident.span(), item.sig.ident.span());
        let nested = self.function.0 != 0;
        let outer = self.open_function(Head {
            qualified: join(item.path, &name),
            name,
            kind: match (&item.block, item.owner) {
                (None, _) => FunctionKind::Declaration,
                (Some(_), Some(_)) => FunctionKind::Method,
                (Some(_), None) => FunctionKind::Function,
            },
            visibility: if nested && item.owner.is_none() {
                Visibility::Private
            } else {
                item.visibility
            },
            is_async: item.sig.asyncness.is_some(),
            span: item.span,
            name_span,
            parent: nested.then_some(self.function),
        });
        let mut attributes = self.attributes(item.attrs);
        attributes.extend(self.around.iter().cloned());
        let returns = self.returns(&item.sig.output);
        let function = self.current();
        function.attributes = attributes;
        function.returns = returns;
        function.owner = item.owner;
        match item.block {
            Some(block) => self.function_body_with(block, |lowering| lowering.signature(item.sig)),
            None => {
                let visible = self.open_scope();
                self.signature(item.sig);
                self.leave_scope(visible);
            }
        }
        let index = self.close_function(outer);
        self.close_generics(generics);
        self.leave(entered);
        if nested {
            self.event(Event::Define {
                function: index,
                span: item.span,
            });
        }
        index
    }

    pub(super) fn signature(&mut self, sig: &Signature) {
        let mut parameters: Vec<(&Pat, Option<&Type>)> = Vec::new();
        for input in &sig.inputs {
            match input {
                FnArg::Receiver(receiver) => {
                    let ty = self.self_type.clone();
                    let local = self.add_local("self", ty, Some(ParameterKind::Receiver));
                    self.show("self", local);
                    if receiver.reference.is_none() && !matches!(*receiver.ty, Type::Reference(_)) {
                        self.mark_droppable(local);
                    }
                }
                FnArg::Typed(typed) => parameters.push((&typed.pat, Some(&typed.ty))),
            }
        }
        self.parameters(&parameters);
        if sig.variadic.is_some() {
            self.add_local("...", None, Some(ParameterKind::VarPositional));
        }
    }

    fn macro_item(&mut self, item: &syn::ItemMacro) {
        let Some(name) = &item.ident else {
            self.loose_macro(&item.mac);
            return;
        };
        let exported = item.attrs.iter().any(|attr| attr.path().is_ident("macro_export"));
        let name_text = format!("{}!", plain(name));
        let path = if exported {
            "crate".to_owned()
        } else {
            self.scopes.get(self.scope).path.clone()
        };
        let span = self.span(name.span(), item.mac.delimiter.span().close());
        let name_span = self.span(name.span(), name.span());
        let nested = self.function.0 != 0;
        let outer = self.open_function(Head {
            qualified: join(&path, &name_text),
            name: name_text,
            kind: FunctionKind::Macro,
            visibility: if exported {
                Visibility::Public
            } else {
                Visibility::Private
            },
            is_async: false,
            span,
            name_span,
            parent: nested.then_some(self.function),
        });
        self.open_statement();
        let visible = self.open_scope();
        macro_definitions::definition(self, &item.mac.tokens, span);
        self.close_scope(visible, span);
        self.close_statement(span);
        self.close_function(outer);
    }

    /// A macro among items that could not be read as items: what it calls is taken to run with the module's code.
    pub(super) fn loose_macro(&mut self, mac: &syn::Macro) {
        if self.off.is_none() {
            self.in_module_code(|lowering| {
                lowering.macro_call(mac);
            });
        }
    }
}

/// The first token of a function behind its attributes.
pub(super) fn first_of(vis: &syn::Visibility, sig: &Signature) -> proc_macro2::Span {
    match vis {
        syn::Visibility::Public(token) => return token.span,
        syn::Visibility::Restricted(restricted) => return restricted.pub_token.span,
        syn::Visibility::Inherited => {}
    }
    let keyword = sig.constness.map(|token| token.span);
    let keyword = keyword.or(sig.asyncness.map(|token| token.span));
    let keyword = keyword.or(sig.unsafety.map(|token| token.span));
    let keyword = keyword.or(sig.abi.as_ref().map(|abi| abi.extern_token.span));
    keyword.unwrap_or(sig.fn_token.span)
}
