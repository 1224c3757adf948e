//! Did-you-mean: the nearest of a closed list of words.

/// A hint that names the word of `known` that is nearest to `word`, where one is near enough to be a typing mistake.
pub(crate) fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

/// The words of `known` that are near enough to `word` to be meant, nearest first, at most `most`.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str], most: usize) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let mut found: Vec<(usize, &str)> = known
        .iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(word.len()) / 4)
        .collect();
    found.sort_unstable();
    found.dedup();
    let close = found.first().map_or(0, |(distance, _)| distance + 1);
    found.retain(|(distance, _)| *distance <= close);
    found.into_iter().map(|(_, candidate)| candidate).take(most).collect()
}

/// The number of characters to insert, delete or replace (Levenshtein); words of a rules file are short.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_offered_and_far_ones_are_not() {
        assert_eq!(
            did_you_mean("libcc", &["libc", "python"]),
            Some("did you mean `libc`?".to_owned())
        );
        assert_eq!(
            did_you_mean("mutatoin", &["mutation", "spawn"]),
            Some("did you mean `mutation`?".to_owned())
        );
        assert_eq!(did_you_mean("windows", &["libc", "python"]), None);
    }
}
