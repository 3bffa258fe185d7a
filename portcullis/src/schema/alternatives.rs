//! The messages of a finding, and which to report if no alternative fits: enums, tagged variants, `Option`s of structs.

use std::{borrow::Cow, collections::HashSet};

use serde_json::Value;

use super::{
    findings::{Fault, Finding, Step},
    words,
};

/// Takes the location of a finding, the name of a member that is missing or unknown there, and pydantic's `type` and
/// `msg`.
pub(crate) type Report<'r, 'f> = dyn FnMut(&[Step<'f>], Option<&str>, &'static str, Cow<'static, str>) + 'r;

/// Reports the messages of `finding`, which is one of `all`.
pub(crate) fn say<'f>(finding: &Finding<'f>, all: &[Finding<'f>], report: &mut Report<'_, 'f>) {
    let at = finding.at.as_slice();
    match &finding.fault {
        Fault::Missing(name) => report(at, Some(name), "missing", "Field required".into()),
        Fault::Unevaluated(_) if all.iter().any(|other| failed_at(other, at)) => {
            // No alternative fits, so their members all count as unknown. The other finding is more helpful.
        }
        Fault::Unknown(names) | Fault::Unevaluated(names) => {
            for name in names {
                report(at, Some(name), "extra_forbidden", "Extra inputs are not permitted".into());
            }
        }
        Fault::NoneFits(reasons) => say_none_fits(at, reasons, report),
        Fault::Type { said, .. } | Fault::Constant { said, .. } | Fault::Other(said) => {
            report(at, None, said.0, said.1.clone());
        }
    }
}

/// The findings of one alternative.
type Branch<'b, 'a> = &'b [Finding<'a>];

/// Whether `finding` says that no alternative fits the value at `at`.
fn failed_at(finding: &Finding<'_>, at: &[Step<'_>]) -> bool {
    finding.at == at && matches!(finding.fault, Fault::NoneFits(_))
}

/// Reports the faults of the value at `at` against the alternative that was meant; otherwise the faults that all
/// alternatives share.
fn say_none_fits<'a>(at: &[Step<'a>], reasons: &[Vec<Finding<'a>>], report: &mut Report<'_, 'a>) {
    let all: Vec<Branch<'_, '_>> =
        reasons.iter().map(Vec::as_slice).filter(|branch| !only_wants_null(at, branch)).collect();
    if let Some(meant) = meant(at, &all) {
        for finding in meant {
            say(finding, meant, report);
        }
        return;
    }
    if let Some((place, options)) = common_options(&all) {
        report(place, None, "literal_error", words::one_of(&options));
        return;
    }
    let mut common = false;
    for said in shared(&all) {
        common = true;
        let (place, name, kind, msg) = said;
        report(&place, name.as_deref(), kind, msg);
    }
    if !common {
        report(at, None, "value_error", "Input does not match any of the allowed forms".into());
    }
}

fn only_wants_null(at: &[Step<'_>], branch: Branch<'_, '_>) -> bool {
    branch
        .iter()
        .any(|finding| finding.at == at && matches!(finding.fault, Fault::Type { wants_null: true, .. }))
}

/// The alternative that is left without those that demand another type, another tag or a missing variant name.
fn meant<'b, 'a>(at: &[Step<'_>], all: &[Branch<'b, 'a>]) -> Option<Branch<'b, 'a>> {
    let wrong_type = |finding: &Finding<'_>| finding.at == at && matches!(finding.fault, Fault::Type { .. });
    let no_variant = |finding: &Finding<'_>| finding.at == at && matches!(finding.fault, Fault::Missing(_));
    let wrong_tag = |finding: &Finding<'_>| {
        let is_member = finding.at.split_last().is_some_and(|(_, before)| before == at);
        is_member && matches!(finding.fault, Fault::Constant { is_tag: true, .. })
    };
    let of_type = without(all, wrong_type).unwrap_or_else(|| all.to_vec());
    // If the value has no known tag, no alternative was meant.
    let of_tag = without(&of_type, wrong_tag)?;
    let left = without(&of_tag, no_variant).unwrap_or(of_tag);
    match left.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// The branches without such a finding, or `None` if every branch has one.
fn without<'b, 'a>(
    branches: &[Branch<'b, 'a>],
    found: impl Fn(&Finding<'a>) -> bool,
) -> Option<Vec<Branch<'b, 'a>>> {
    let left: Vec<_> = branches.iter().copied().filter(|branch| !branch.iter().any(&found)).collect();
    if left.is_empty() { None } else { Some(left) }
}

/// The constants that the alternatives demand, if all demand one at the same location.
fn common_options<'b, 'a>(all: &[Branch<'b, 'a>]) -> Option<(&'b [Step<'a>], Vec<&'b Value>)> {
    let mut place = None;
    let mut options = Vec::new();
    for branch in all {
        let (at, wanted) = branch.iter().find_map(|finding| match &finding.fault {
            Fault::Constant { wanted, .. } => Some((finding.at.as_slice(), wanted)),
            _ => None,
        })?;
        if branch.iter().any(|finding| matches!(finding.fault, Fault::Type { .. }))
            || *place.get_or_insert(at) != at
        {
            return None;
        }
        options.extend(wanted);
    }
    place.map(|place| (place, options))
}

type Said<'a> = (Vec<Step<'a>>, Option<String>, &'static str, Cow<'static, str>);

/// The faults that every alternative finds.
fn shared<'a>(all: &[Branch<'_, 'a>]) -> Vec<Said<'a>> {
    let mut branches = all.iter().copied().map(|branch| {
        let mut said: Vec<Said<'a>> = Vec::new();
        for finding in branch {
            say(finding, branch, &mut |place, name, kind, msg| {
                said.push((place.to_owned(), name.map(str::to_owned), kind, msg));
            });
        }
        said
    });
    let Some(mut common) = branches.next() else { return Vec::new() };
    for said in branches {
        let said: HashSet<Said<'_>> = said.into_iter().collect();
        common.retain(|one| said.contains(one));
    }
    common
}
