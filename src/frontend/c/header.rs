//! Heads of functions as people write them, with macros in every place, to heads that the grammar reads.

use std::ops::Range;

use super::lex::{Kind, Token};
use super::normalise::Normaliser;
use super::words;

/// Words in a run that are too many for a declaration to be read, so that they must be decorations.
///
/// A run is what stands between stars: `static DECORATION int` or `foo_t DECORATION name`. `first` says that the run begins
/// the declaration, so that it holds the type.
pub(super) fn surplus(tokens: &Normaliser, run: Range<usize>, first: bool) -> Vec<usize> {
    let mut names = Vec::new();
    let mut typed = !first;
    let mut tag_follows = false;
    for index in run.clone() {
        let word = tokens.text(index);
        match word {
            "struct" | "union" | "enum" => {
                typed = true;
                tag_follows = true;
                continue;
            }
            _ if words::is_type(word) => typed = true,
            _ if words::is_keyword(word) => {}
            _ if tag_follows && !(tokens.is_name(index + 1) && words::is_decoration(word) && index + 1 < run.end) => {}
            _ => {
                names.push(index);
                if tag_follows {
                    continue;
                }
            }
        }
        tag_follows = false;
    }
    let pointer_to_function = tokens.is(run.end, b'(') && tokens.is(run.end + 1, b'*');
    let declares_name = !pointer_to_function && !tokens.is(run.end, b'*');
    let allowed = usize::from(!typed) + usize::from(declares_name);
    let mut extra = names.len().saturating_sub(allowed);
    if extra == 0 || run.len() < 2 {
        return Vec::new();
    }
    let mut found = Vec::new();
    // The name that is declared stands last, unless a decoration follows it; so lower-case names are kept.
    for index in names.iter().filter(|index| words::is_decoration(tokens.text(**index))) {
        if extra > 0 {
            found.push(*index);
            extra -= 1;
        }
    }
    let is_call = tokens.is(run.end, b'(');
    if extra > 0 && is_call {
        // A prototype or definition: what stands before the name is type or decoration, of which one can be the type.
        let keep = names.len() - 1;
        for index in names[..keep].iter().rev() {
            if extra > 0 && !found.contains(index) {
                found.push(*index);
                extra -= 1;
            }
        }
    }
    found
}

/// A parenthesised group in a head.
#[derive(Clone, Copy)]
struct Group {
    open: usize,
    close: usize,
}

/// Rewrites the head `start..brace` of a function; returns its tokens and the function's name.
pub(super) fn rewrite(tokens: &mut Normaliser, start: usize, brace: usize) -> (Vec<Token>, String) {
    let verbatim = |tokens: &Normaliser| tokens.tokens[start..brace].to_vec();
    if brace - start > LONGEST {
        return (verbatim(tokens), String::new());
    }
    let groups = groups(tokens, start, brace);
    if groups.is_empty() {
        // A lone word before the brace.
        let place = tokens.tokens[start];
        let name = tokens.text(start).to_owned();
        let made = [
            tokens.texts.word("int", &place),
            place,
            tokens.texts.mark(b'(', &place),
            tokens.texts.mark(b')', &place),
        ];
        return (made.to_vec(), name);
    }
    if groups
        .iter()
        .any(|group| group.open > start && tokens.is(group.open - 1, b')'))
    {
        // `(name)(int x)` or a function that returns a pointer to one.
        let name = groups
            .iter()
            .flat_map(|group| group.open..group.close)
            .find(|index| tokens.is_name(*index) && (tokens.is(index + 1, b'(') || tokens.is(index + 1, b')')))
            .map_or(String::new(), |index| tokens.text(index).to_owned());
        return (verbatim(tokens), name);
    }
    let named: Vec<Group> = groups
        .iter()
        .copied()
        .filter(|group| group.open > start && tokens.is_name(group.open - 1))
        .collect();
    let typed: Vec<Group> = named
        .iter()
        .copied()
        .filter(|group| is_typed(tokens, &groups, start, group))
        .collect();
    match (parameters_of(tokens, &typed), named.first()) {
        (Some(parameters), _) => usual(tokens, &groups, start, brace, parameters),
        (None, Some(first)) => untyped(tokens, &groups, start, brace, *first),
        (None, None) => (verbatim(tokens), String::new()),
    }
}

/// Rewrites the prototype `start..semicolon`; `None` where the item is none that needs or bears it.
pub(super) fn prototype(tokens: &Normaliser, start: usize, semicolon: usize) -> Option<Vec<Token>> {
    if semicolon - start > LONGEST || tokens.text(start) == "typedef" {
        return None;
    }
    let groups = groups(tokens, start, semicolon);
    let outside = |index: &usize| !in_group(&groups, *index);
    let plain = (start..semicolon)
        .filter(outside)
        .all(|index| tokens.is_word(index) || tokens.is(index, b'*'));
    if !plain
        || groups
            .iter()
            .any(|group| group.open > start && tokens.is(group.open - 1, b')'))
    {
        return None;
    }
    let named: Vec<Group> = groups
        .iter()
        .copied()
        .filter(|group| group.open > start && tokens.is_name(group.open - 1))
        .collect();
    let typed: Vec<Group> = named
        .into_iter()
        .filter(|group| is_typed(tokens, &groups, start, group))
        .collect();
    let parameters = parameters_of(tokens, &typed)?;
    Some(usual(tokens, &groups, start, semicolon, parameters).0)
}

/// The longest head that is looked at, in tokens.
const LONGEST: usize = 2000;

/// Whether something that can be a type stands before a group's name.
fn is_typed(tokens: &Normaliser, groups: &[Group], start: usize, group: &Group) -> bool {
    let typed = (start..group.open - 1).any(|index| {
        tokens.is(index, b'*')
            || tokens.is_word(index)
                && !words::is_qualifier(tokens.text(index))
                && !words::is_attached(tokens.text(index))
                && !in_group(groups, index)
    });
    typed && !only_calls_before(tokens, groups, start, group)
}

/// Which of several named groups holds the parameters: `int FORMAT(1, 2) f(char *x) ATTRIBUTE(3) {`.
fn parameters_of(tokens: &Normaliser, typed: &[Group]) -> Option<Group> {
    let first = typed.first()?;
    let declares = |group: &Group| {
        let mut inside = group.open + 1..group.close;
        inside.is_empty()
            || tokens.text(inside.start) == "void"
            || inside.any(|index| tokens.is_word(index) && (tokens.is_word(index + 1) || tokens.is(index + 1, b'*')))
    };
    let decorated = words::is_decoration(tokens.text(first.open - 1));
    let better = typed[1..].iter().find(|group| match decorated {
        true => !words::is_decoration(tokens.text(group.open - 1)),
        false => !declares(first) && declares(group) && group.open == first.close + 2,
    });
    Some(*better.unwrap_or(first))
}

fn groups(tokens: &Normaliser, start: usize, brace: usize) -> Vec<Group> {
    let mut found = Vec::new();
    let mut at = start;
    while at < brace {
        if tokens.is(at, b'(') {
            let Some(close) = tokens.pair(at) else { break };
            found.push(Group { open: at, close });
            at = close;
        }
        at += 1;
    }
    found
}

fn in_group(groups: &[Group], index: usize) -> bool {
    groups.iter().any(|group| group.open <= index && index <= group.close)
}

/// Whether all that stands before a group's name are qualifiers and `WORD(…)` decorations.
fn only_calls_before(tokens: &Normaliser, groups: &[Group], start: usize, group: &Group) -> bool {
    (start..group.open - 1).all(|index| {
        in_group(groups, index)
            || tokens.is_word(index)
                && (words::is_qualifier(tokens.text(index)) || words::is_attached(tokens.text(index)))
    })
}

/// A head with a type: decorations go, the rest stays.
fn usual(tokens: &Normaliser, groups: &[Group], start: usize, brace: usize, parameters: Group) -> (Vec<Token>, String) {
    let name = parameters.open - 1;
    let mut dropped: Vec<usize> = Vec::new();
    for group in groups.iter().filter(|group| group.close < name) {
        if group.open == start || !words::is_attached(tokens.text(group.open - 1)) {
            // `STACK_OF(x) *f()` keeps its word as the type, `FORMAT(1, 2) int f()` loses it as surplus below.
            dropped.extend(group.open..=group.close);
        }
    }
    let mut run_start = start;
    let mut names = Vec::new();
    let mut typed = false;
    let mut tagged = false;
    for index in start..name {
        if in_group(groups, index) {
            continue;
        }
        let word = tokens.text(index);
        if tokens.is(index, b'*') {
            run_start = index + 1;
        } else if tokens.is_word(index) {
            let is_tag = tagged && run_start == start;
            tagged = matches!(word, "struct" | "union" | "enum");
            typed |= tagged || words::is_type(word);
            if !is_tag && !words::is_keyword(word) {
                names.push((index, run_start != start));
            }
        }
    }
    let types: Vec<usize> = names
        .iter()
        .filter(|(_, after_star)| !after_star)
        .map(|(index, _)| *index)
        .collect();
    let kept = match typed {
        true => None,
        false => types
            .iter()
            .find(|index| {
                tokens.text(**index).bytes().any(|byte| byte.is_ascii_lowercase())
                    && !tokens.text(**index).starts_with("__")
            })
            .or(types.last())
            .copied(),
    };
    dropped.extend(
        names
            .iter()
            .map(|(index, _)| *index)
            .filter(|index| Some(*index) != kept),
    );
    let old_style = (parameters.close + 1..brace).any(|index| tokens.is(index, b';'));
    let mut out: Vec<Token> = Vec::new();
    let attached =
        |group: &&Group| group.close < name && group.open > start && words::is_attached(tokens.text(group.open - 1));
    for group in groups.iter().filter(attached) {
        // Attributes read in front, not between the type and the name.
        out.extend_from_slice(&tokens.tokens[group.open - 1..=group.close]);
        dropped.extend(group.open - 1..=group.close);
    }
    for index in start..=parameters.open {
        if !dropped.contains(&index) {
            out.push(tokens.tokens[index]);
        }
    }
    parameter_list(tokens, parameters, &mut out);
    let mut at = parameters.close + 1;
    while at < brace {
        let group_end = tokens
            .is(at + 1, b'(')
            .then(|| tokens.pair(at + 1))
            .flatten()
            .unwrap_or(at);
        if old_style || words::is_attached(tokens.text(at)) {
            let last = if old_style { at } else { group_end };
            out.extend_from_slice(&tokens.tokens[at..=last.min(brace - 1)]);
            at = last + 1;
        } else {
            at = group_end + 1;
        }
    }
    (out, tokens.text(name).to_owned())
}

/// Copies a parameter list from after its opening parenthesis on, without decorations.
fn parameter_list(tokens: &Normaliser, group: Group, out: &mut Vec<Token>) {
    let mut from = group.open + 1;
    let mut at = from;
    while at <= group.close {
        if at == group.close || tokens.is(at, b',') {
            parameter(tokens, from..at, out);
            out.push(tokens.tokens[at]);
            from = at + 1;
        }
        at = match tokens.is(at, b'(') || tokens.is(at, b'[') {
            true => tokens.pair(at).unwrap_or(at) + 1,
            false => at + 1,
        };
    }
}

fn parameter(tokens: &Normaliser, range: Range<usize>, out: &mut Vec<Token>) {
    let mut dropped = Vec::new();
    let mut run = range.start;
    for index in range.start..=range.end {
        let breaks = index == range.end || !tokens.is_word(index) || words::is_attached(tokens.text(index));
        if breaks {
            if index > run {
                dropped.extend(surplus(tokens, run..index, run == range.start));
            }
            run = index + 1;
        }
    }
    let mut at = range.start;
    while at < range.end {
        // `int UNUSED(name)` is `int name`.
        let wraps = tokens.is_name(at)
            && tokens.is(at + 1, b'(')
            && tokens.is_name(at + 2)
            && tokens.is(at + 3, b')')
            && at + 4 == range.end
            && words::is_decoration(tokens.text(at));
        if wraps {
            out.push(tokens.tokens[at + 2]);
            return;
        }
        if !dropped.contains(&at) {
            out.push(tokens.tokens[at]);
        }
        at += 1;
    }
}

/// A head without a type: a macro that makes a function, or an implicit `int`.
fn untyped(
    tokens: &mut Normaliser,
    groups: &[Group],
    start: usize,
    brace: usize,
    first: Group,
) -> (Vec<Token>, String) {
    let name = first.open - 1;
    let arguments = split(tokens, first);
    let single = |argument: &Range<usize>| argument.len() == 1 && tokens.is_name(argument.start);
    let looks_plain = arguments.iter().all(|argument| {
        single(argument)
            || typed_argument(tokens, argument)
            || argument.is_empty()
            || tokens.text(argument.start) == "void"
    });
    let is_macro =
        !looks_plain || words::is_decoration(tokens.text(name)) || groups.len() > 1 && arguments.iter().any(single);
    let named = arguments.iter().find(|argument| single(argument)).cloned();
    let old_style = (first.close + 1..brace).any(|index| tokens.is(index, b';'));
    match named {
        Some(named) if is_macro && !old_style => {
            let place = tokens.tokens[name];
            let mut out: Vec<Token> = tokens.tokens[start..name]
                .iter()
                .filter(|token| token.kind == Kind::Word && words::is_qualifier(tokens.texts.of(token)))
                .copied()
                .collect();
            // `TEST(sleep) {`: what the macro makes of the one name that it is given is most often a function of another name
            // (`test_sleep`), so that no other file's `sleep()` means it.
            if arguments.len() == 1 && out.is_empty() {
                out.push(tokens.texts.word("static", &place));
                tokens.texts.part();
            }
            out.extend([
                tokens.texts.word("int", &place),
                tokens.tokens[named.start],
                tokens.texts.mark(b'(', &place),
            ]);
            let typed: Vec<Range<usize>> = arguments
                .iter()
                .filter(|argument| typed_argument(tokens, argument))
                .cloned()
                .collect();
            for (position, argument) in typed.into_iter().enumerate() {
                if position > 0 {
                    out.push(tokens.texts.mark(b',', &place));
                }
                out.extend_from_slice(&tokens.tokens[argument]);
            }
            out.push(tokens.texts.mark(b')', &place));
            (out, tokens.text(named.start).to_owned())
        }
        _ if is_macro && !looks_plain && !old_style => {
            let place = tokens.tokens[name];
            let made = [
                tokens.texts.word("int", &place),
                place,
                tokens.texts.mark(b'(', &place),
                tokens.texts.mark(b')', &place),
            ];
            (made.to_vec(), tokens.text(name).to_owned())
        }
        _ => usual(tokens, groups, start, brace, first),
    }
}

fn typed_argument(tokens: &Normaliser, argument: &Range<usize>) -> bool {
    argument.len() > 1
        && tokens.is_name(argument.end - 1)
        && argument
            .clone()
            .all(|index| tokens.is_word(index) || tokens.is(index, b'*'))
}

fn split(tokens: &Normaliser, group: Group) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = group.open + 1;
    let mut at = from;
    while at <= group.close {
        if at == group.close || tokens.is(at, b',') {
            found.push(from..at);
            from = at + 1;
        }
        at = match tokens.is(at, b'(') || tokens.is(at, b'[') || tokens.is(at, b'{') {
            true => tokens.pair(at).unwrap_or(at) + 1,
            false => at + 1,
        };
    }
    found
}
