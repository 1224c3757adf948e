//! Findings become experiments: those with the same pattern share one.

use crate::finding::Finding;

use super::pattern::{Pattern, recognise};

/// One pattern and the findings that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    pub pattern: Pattern,
    /// Indices into the planned findings, ascending.
    pub findings: Vec<usize>,
}

/// What can be replayed, and what cannot and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In the order of the first finding of each.
    pub experiments: Vec<Experiment>,
    /// Findings without a replay: index and one sentence.
    pub impossible: Vec<(usize, String)>,
}

/// Maps findings to experiments. Suppressed findings are planned like any other: what to leave out is the caller's choice.
pub fn plan(findings: &[Finding]) -> Plan {
    let mut plan = Plan::default();
    for (index, finding) in findings.iter().enumerate() {
        match recognise(finding) {
            Err(reason) => plan.impossible.push((index, reason)),
            Ok(pattern) => match plan.experiments.iter_mut().find(|held| held.pattern == pattern) {
                Some(experiment) => experiment.findings.push(index),
                None => plan.experiments.push(Experiment {
                    pattern,
                    findings: vec![index],
                }),
            },
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::testing::{finding, site};

    #[test]
    fn findings_of_one_pattern_share_an_experiment() {
        let store = || site(&["store:os.environ[]"], Some("add"), "os.environ['A'] = b");
        let system = || site(&["call:os.system"], None, "os.system(c)");
        let call = || site(&["call:subprocess.call"], None, "subprocess.call(c, shell=True)");
        let plan = plan(&[
            finding(store(), system()),
            finding(store(), call()),
            finding(store(), system()),
            finding(site(&["call:strange.change"], None, ""), system()),
        ]);
        let shared: Vec<_> = plan.experiments.iter().map(|held| held.findings.clone()).collect();
        assert_eq!(shared, [vec![0, 2], vec![1]]);
        assert_eq!(
            plan.experiments[0].pattern.to_string(),
            "os.environ[k] = v beside os.system"
        );
        assert_eq!(plan.impossible.len(), 1);
        assert_eq!(plan.impossible[0].0, 3);
    }
}
