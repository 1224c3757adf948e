//! Items that hold functions: `impl` blocks, traits and foreign blocks.

use syn::{ForeignItem, ImplItem, ReturnType, TraitItem};

use crate::facts::{FunctionKind, Local, Name, Span, TypeDecl, TypeIndex, TypeKind, TypeRef, Value, Visibility};

use super::items::{FunctionItem, first_of, link_name, visibility};
use super::lowering::{Head, Lowering};
use super::names::{join, plain};

impl Lowering<'_> {
    pub(super) fn impl_item(&mut self, item: &syn::ItemImpl) {
        let generics = self.open_generics(&item.generics);
        let self_type = self.type_of(&item.self_ty).unwrap_or_else(|| TypeRef {
            name: "_".into(),
            args: Vec::new(),
            local: false,
        });
        let bases = match &item.trait_ {
            Some((_, path, _)) => {
                let segments = super::names::path_segments(path);
                vec![Value::Path(
                    self.type_path(&segments, path.leading_colon.is_some()).into(),
                )]
            }
            None => Vec::new(),
        };
        let implements = item.trait_.is_some();
        let outer_self = self.self_type.replace(self_type.clone());
        let span = self.span(item.impl_token.span, item.brace_token.span.close());
        let owner = self.open_type(self_type.name.clone(), TypeKind::Impl, bases, &item.attrs, span);
        for inner in &item.items {
            match inner {
                ImplItem::Fn(function) => {
                    let span = self.span(
                        first_of(&function.vis, &function.sig),
                        function.block.brace_token.span.close(),
                    );
                    self.method(
                        owner,
                        FunctionItem {
                            attrs: &function.attrs,
                            visibility: if implements {
                                Visibility::Public
                            } else {
                                visibility(&function.vis)
                            },
                            sig: &function.sig,
                            block: Some(&function.block),
                            owner: Some(owner),
                            path: &self_type.name,
                            span,
                        },
                    );
                }
                ImplItem::Const(constant) => {
                    let entered = self.enter(&constant.attrs);
                    if self.off.is_none() {
                        let span = self.span(constant.const_token.span, constant.semi_token.span);
                        self.initialiser(
                            &self_type.name,
                            &constant.ident,
                            &constant.ty,
                            Some(&constant.expr),
                            span,
                        );
                    }
                    self.leave(entered);
                }
                ImplItem::Macro(mac) => self.loose_macro(&mac.mac),
                _ => {}
            }
        }
        self.self_type = outer_self;
        self.close_generics(generics);
    }

    pub(super) fn trait_item(&mut self, item: &syn::ItemTrait) {
        let generics = self.open_generics(&item.generics);
        let name = join(&self.scopes.get(self.scope).path.clone(), &plain(&item.ident));
        let bases = item
            .supertraits
            .iter()
            .filter_map(|bound| self.first_bound([bound]))
            .map(|bound| Value::Path(bound.name))
            .collect();
        let self_type = TypeRef {
            name: (&name).into(),
            args: Vec::new(),
            local: false,
        };
        let outer_self = self.self_type.replace(self_type);
        let span = self.span(item.trait_token.span, item.brace_token.span.close());
        let owner = self.open_type((&name).into(), TypeKind::Trait, bases, &item.attrs, span);
        for inner in &item.items {
            match inner {
                TraitItem::Fn(function) => {
                    let end = function
                        .default
                        .as_ref()
                        .map_or_else(|| function.sig.ident.span(), |block| block.brace_token.span.close());
                    let span = self.span(first_of(&syn::Visibility::Inherited, &function.sig), end);
                    self.method(
                        owner,
                        FunctionItem {
                            attrs: &function.attrs,
                            visibility: Visibility::Public,
                            sig: &function.sig,
                            block: function.default.as_ref(),
                            owner: Some(owner),
                            path: &name,
                            span,
                        },
                    );
                }
                TraitItem::Const(constant) => {
                    let span = self.span(constant.const_token.span, constant.semi_token.span);
                    let default = constant.default.as_ref().map(|(_, expr)| expr);
                    self.initialiser(&name, &constant.ident, &constant.ty, default, span);
                }
                _ => {}
            }
        }
        self.self_type = outer_self;
        self.close_generics(generics);
    }

    fn open_type(
        &mut self,
        name: Name,
        kind: TypeKind,
        bases: Vec<Value>,
        attrs: &[syn::Attribute],
        span: Span,
    ) -> TypeIndex {
        let attributes = self.attributes(attrs);
        self.types.push(TypeDecl {
            name,
            kind,
            bases,
            methods: Vec::new(),
            fields: Vec::new(),
            target: None,
            attributes,
            body: None,
            span,
        });
        TypeIndex(self.types.len() as u32 - 1)
    }

    fn method(&mut self, owner: TypeIndex, item: FunctionItem<'_>) {
        let index = self.function(item);
        self.types[owner.0 as usize].methods.push(index);
    }

    pub(super) fn foreign_item(&mut self, item: &ForeignItem) {
        let Some((_, link)) = link_name(item) else { return };
        let attrs = match item {
            ForeignItem::Fn(item) => &item.attrs,
            ForeignItem::Static(item) => &item.attrs,
            _ => return,
        };
        let entered = self.enter(attrs);
        if self.off.is_none() {
            match item {
                ForeignItem::Fn(item) => self.foreign_function(item, link),
                ForeignItem::Static(item) => {
                    let ty = self.type_of(&item.ty);
                    self.functions[0].locals.push(Local {
                        name: link.into(),
                        parameter: None,
                        default: None,
                        ty: ty.map(Box::new),
                        kept: false,
                        fixed: false,
                    });
                }
                _ => {}
            }
        }
        self.leave(entered);
    }

    fn foreign_function(&mut self, item: &syn::ForeignItemFn, link: String) {
        let span = self.span(item.sig.fn_token.span, item.semi_token.span);
        let name_span = self.span(item.sig.ident.span(), item.sig.ident.span());
        let outer = self.open_function(Head {
            name: link.clone(),
            qualified: link,
            kind: FunctionKind::Declaration,
            visibility: visibility(&item.vis),
            is_async: false,
            span,
            name_span,
            parent: None,
        });
        let attributes = self.attributes(&item.attrs);
        let returns = match &item.sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => self.type_of(ty),
        };
        self.current().attributes = attributes;
        self.current().returns = returns;
        let visible = self.open_scope();
        self.signature(&item.sig);
        self.leave_scope(visible);
        self.close_function(outer);
    }
}
