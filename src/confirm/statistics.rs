//! What a number of failures says about the failure rate.
//!
//! A replay fails in some of its trials, by chance of scheduling; a bare percentage would claim more than was seen.
//! Every figure is therefore given with an interval, and no failure at all with an upper bound.

/// The 97.5 % quantile of the standard normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of a rate of which `failures` of `trials` were seen.
///
/// Wilson's score interval (E. B. Wilson, 1927), which stays inside 0..=1 and is usable near its ends; where nothing was
/// seen, `[0, 3/trials]`, the rule of three. Without any trial nothing is known: `[0, 1]`.
pub fn interval(failures: u64, trials: u64) -> [f64; 2] {
    if trials == 0 {
        return [0.0, 1.0];
    }
    let n = trials as f64;
    if failures == 0 {
        return [0.0, (3.0 / n).min(1.0)];
    }
    let rate = failures.min(trials) as f64 / n;
    let centre = rate + Z * Z / (2.0 * n);
    let spread = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [
        ((centre - spread) / scale).max(0.0),
        ((centre + spread) / scale).min(1.0),
    ]
}

/// How many trials each control must make: enough that a rate like the experiment's would have shown itself.
pub fn control_trials(first_failure: Option<u64>) -> u64 {
    const LEAST: u64 = 500;
    const TIMES: u64 = 10;
    first_failure.map_or(LEAST, |trial| LEAST.max(trial.saturating_mul(TIMES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: [f64; 2], expected: [f64; 2]) {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 5e-4, "{found:?} is not {expected:?}");
        }
    }

    #[test]
    fn wilson_agrees_with_published_intervals() {
        // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        // table I, method 3 (score without continuity correction).
        close(interval(81, 263), [0.2553, 0.3662]);
        close(interval(15, 148), [0.0624, 0.1605]);
        close(interval(1, 29), [0.0061, 0.1718]);
    }

    #[test]
    fn nothing_seen_gives_the_rule_of_three() {
        assert_eq!(interval(0, 300), [0.0, 0.01]);
        assert_eq!(interval(0, 2), [0.0, 1.0]);
        assert_eq!(interval(0, 0), [0.0, 1.0]);
    }

    #[test]
    fn an_interval_holds_its_rate_and_stays_inside_the_unit() {
        for trials in 1..60 {
            for failures in 0..=trials {
                let [low, high] = interval(failures, trials);
                let rate = failures as f64 / trials as f64;
                assert!(0.0 <= low && low <= rate + 1e-12 && rate <= high + 1e-12 && high <= 1.0);
            }
        }
    }

    #[test]
    fn controls_grow_with_the_rarity_of_the_failure() {
        assert_eq!(control_trials(None), 500);
        assert_eq!(control_trials(Some(7)), 500);
        assert_eq!(control_trials(Some(51)), 510);
        assert_eq!(control_trials(Some(u64::MAX)), u64::MAX);
    }
}
