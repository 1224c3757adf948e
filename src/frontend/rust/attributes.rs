//! Attributes: what is kept of them, and what `cfg` says for the target (Linux).

use proc_macro2::TokenStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, Token};

use crate::facts;
use crate::facts::{Argument, Name, Value};

use super::lowering::Lowering;
use super::names::path_segments;

/// Whether something is compiled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cfg {
    On,
    /// Off on the target: the text of the condition.
    Off(String),
    /// Depends on a feature or on what else is left open.
    Open(String),
}

/// The verdict of all `cfg` attributes of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conditions {
    pub cfg: Cfg,
    /// It is compiled into test builds only.
    pub test: bool,
}

/// What a `cfg` predicate is on the target: `None` where it is left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Truth {
    value: Option<bool>,
    /// It can hold in test builds only.
    test: bool,
}

/// Evaluates the `cfg` attributes among `attributes`.
pub(super) fn conditions(attributes: &[Attribute]) -> Conditions {
    let mut result = Conditions {
        cfg: Cfg::On,
        test: false,
    };
    for attribute in attributes {
        if !attribute.path().is_ident("cfg") {
            continue;
        }
        let Meta::List(list) = &attribute.meta else { continue };
        let truth = predicate(&list.tokens);
        result.test |= truth.test;
        let text = || list.tokens.to_string();
        match truth.value {
            Some(true) => {}
            Some(false) => result.cfg = Cfg::Off(text()),
            None if truth.test => {}
            None if result.cfg == Cfg::On => result.cfg = Cfg::Open(text()),
            None => {}
        }
    }
    result
}

/// Whether `cfg` attributes compile the thing away.
pub(super) fn is_off(attributes: &[Attribute]) -> bool {
    matches!(conditions(attributes).cfg, Cfg::Off(_))
}

/// The truth of the predicate written as `tokens` (the inside of `cfg(…)` or `cfg!(…)`), or none where it is open.
pub(super) fn cfg_value(tokens: &TokenStream) -> Option<bool> {
    predicate(tokens).value
}

fn predicate(tokens: &TokenStream) -> Truth {
    match syn::parse2::<Meta>(tokens.clone()) {
        Ok(meta) => meta_truth(&meta),
        Err(_) => match tokens.to_string().trim_end_matches([',', ' ']) {
            "true" => Truth {
                value: Some(true),
                test: false,
            },
            "false" => Truth {
                value: Some(false),
                test: false,
            },
            _ => Truth {
                value: None,
                test: false,
            },
        },
    }
}

fn meta_truth(meta: &Meta) -> Truth {
    let open = Truth {
        value: None,
        test: false,
    };
    let known = |value| Truth {
        value: Some(value),
        test: false,
    };
    match meta {
        Meta::Path(path) if path.is_ident("unix") => known(true),
        Meta::Path(path) if path.is_ident("windows") => known(false),
        Meta::Path(path) if path.is_ident("test") => Truth {
            value: None,
            test: true,
        },
        Meta::Path(_) => open,
        Meta::NameValue(pair) => {
            let Some(text) = literal_text(&pair.value) else {
                return open;
            };
            let name = pair.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match (name.as_str(), text.as_str()) {
                ("target_os", os) => known(os == "linux"),
                ("target_family", family) => known(family == "unix"),
                ("target_env", "msvc" | "sgx" | "ohos") => known(false),
                ("target_vendor", "apple" | "fortanix") => known(false),
                ("target_arch", "wasm32" | "wasm64") => known(false),
                _ => open,
            }
        }
        Meta::List(list) => {
            let Ok(inner) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
                return open;
            };
            let truths: Vec<Truth> = inner.iter().map(meta_truth).collect();
            let name = list.path.get_ident().map(ToString::to_string).unwrap_or_default();
            combine(&name, &truths)
        }
    }
}

fn combine(operator: &str, truths: &[Truth]) -> Truth {
    let values = || truths.iter().map(|truth| truth.value);
    match operator {
        "not" => Truth {
            value: truths.first().and_then(|truth| truth.value).map(|value| !value),
            test: false,
        },
        "all" => Truth {
            value: if values().any(|value| value == Some(false)) {
                Some(false)
            } else if values().all(|value| value == Some(true)) {
                Some(true)
            } else {
                None
            },
            test: truths.iter().any(|truth| truth.test),
        },
        "any" => Truth {
            value: if values().any(|value| value == Some(true)) {
                Some(true)
            } else if values().all(|value| value == Some(false)) {
                Some(false)
            } else {
                None
            },
            test: !truths.is_empty()
                && truths.iter().all(|truth| truth.test || truth.value == Some(false))
                && truths.iter().any(|truth| truth.test),
        },
        _ => Truth {
            value: None,
            test: false,
        },
    }
}

fn literal_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The text of `#[name = "text"]`.
pub(super) fn name_value(attributes: &[Attribute], name: &str) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident(name) => literal_text(&pair.value),
        _ => None,
    })
}

impl Lowering<'_> {
    /// The attributes that say something to others than the compiler's documentation and lints.
    pub(super) fn attributes(&self, attributes: &[Attribute]) -> Vec<facts::Attribute> {
        let mut kept = Vec::new();
        for attribute in attributes {
            self.attribute(&attribute.meta, &mut kept);
        }
        kept
    }

    fn attribute(&self, meta: &Meta, kept: &mut Vec<facts::Attribute>) {
        let path = meta.path();
        const SILENT: [&str; 7] = ["doc", "allow", "warn", "deny", "expect", "forbid", "inline"];
        if SILENT.iter().any(|name| path.is_ident(name)) {
            return;
        }
        if let Meta::List(list) = meta {
            let wrapped = if path.is_ident("cfg_attr") {
                conditional_attributes(&list.tokens)
            } else if path.is_ident("unsafe") {
                list.parse_args::<Meta>().ok().map(|inner| vec![inner])
            } else {
                None
            };
            if let Some(inner) = wrapped {
                inner.iter().for_each(|meta| self.attribute(meta, kept));
                return;
            }
        }
        let (first, last) = (
            path.segments.first().map(|segment| segment.ident.span()),
            path.segments.last().map(|segment| segment.ident.span()),
        );
        let (Some(first), Some(last)) = (first, last) else {
            return;
        };
        let segments = path_segments(path);
        kept.push(facts::Attribute {
            value: Value::Path(self.attribute_path(&segments).into()),
            args: self.attribute_arguments(meta),
            span: self.span(first, last),
        });
    }

    fn attribute_arguments(&self, meta: &Meta) -> Vec<Argument> {
        match meta {
            Meta::Path(_) => Vec::new(),
            Meta::NameValue(pair) => vec![self.attribute_argument(None, &pair.value)],
            Meta::List(list) => list
                .parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated)
                .map(|exprs| exprs.iter().map(|expr| self.attribute_expression(expr)).collect())
                .unwrap_or_default(),
        }
    }

    fn attribute_expression(&self, expr: &Expr) -> Argument {
        match expr {
            Expr::Assign(assign) => {
                let name = match &*assign.left {
                    Expr::Path(path) => path_segments(&path.path).join("::").into(),
                    _ => Name::default(),
                };
                self.attribute_argument(Some(name), &assign.right)
            }
            _ => self.attribute_argument(None, expr),
        }
    }

    fn attribute_argument(&self, name: Option<Name>, expr: &Expr) -> Argument {
        let value = match expr {
            Expr::Lit(literal) => super::expressions::literal(&literal.lit),
            Expr::Path(path) => self.path_value(&path_segments(&path.path), path.path.leading_colon.is_some()),
            _ => Value::Unknown,
        };
        Argument {
            name,
            value,
            span: self.expr_span(expr),
        }
    }
}

/// The attributes inside `cfg_attr(predicate, …)` where the predicate surely holds wherever the item is of interest:
/// always, or in every test build. An attribute that may be absent must not take a test out of the race.
fn conditional_attributes(tokens: &TokenStream) -> Option<Vec<Meta>> {
    use syn::parse::Parser;
    let metas = Punctuated::<Meta, Token![,]>::parse_terminated
        .parse2(tokens.clone())
        .ok()?;
    let mut metas = metas.into_iter();
    let truth = meta_truth(&metas.next()?);
    let only_test = truth.value.is_none() && truth.test;
    Some(if truth.value == Some(true) || only_test {
        metas.collect()
    } else {
        Vec::new()
    })
}
