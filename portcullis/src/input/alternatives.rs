//! What to say when none of several alternatives fits: enums, tagged variants, `Option`s of structs.

use std::{borrow::Cow, collections::HashSet};

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Found},
};
use serde_json::Value;

use super::dialect::{self, MAX_FINDINGS, Report};

/// The findings of one alternative.
type Branch<'b, 'a> = &'b [ValidationError<'a>];

/// Whether `finding` says that no alternative fits what stands at `at`.
pub(super) fn failed_at(finding: &ValidationError<'_>, at: &str) -> bool {
    finding.instance_path().as_str() == at
        && matches!(finding.kind(), Found::AnyOf { .. } | Found::OneOfNotValid { .. })
}

/// Reports, for the value at `at`, the faults against the alternative that was meant, or else what all
/// alternatives have in common.
pub(super) fn say(at: &str, context: &[Vec<ValidationError<'static>>], report: &mut Report<'_>) {
    let all: Vec<Branch<'_, '_>> =
        context.iter().map(Vec::as_slice).filter(|branch| !only_wants_null(at, branch)).collect();
    if let Some(meant) = meant(at, &all).map(first) {
        for finding in meant {
            dialect::say(finding, meant, report);
        }
        return;
    }
    if let Some((place, options)) = common_options(&all) {
        report(place, None, "literal_error", dialect::one_of(&options));
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

fn only_wants_null(at: &str, branch: Branch<'_, '_>) -> bool {
    branch.iter().any(|finding| {
        finding.instance_path().as_str() == at
            && matches!(finding.kind(), Found::Type { kind: TypeKind::Single(JsonType::Null) })
    })
}

/// The one alternative left when those are put aside that want another type, another tag, or a variant's
/// name that is not there.
fn meant<'b, 'a>(at: &str, all: &[Branch<'b, 'a>]) -> Option<Branch<'b, 'a>> {
    let here = |finding: &ValidationError<'_>| finding.instance_path().as_str() == at;
    let wrong_type =
        |finding: &ValidationError<'_>| here(finding) && matches!(finding.kind(), Found::Type { .. });
    let no_variant =
        |finding: &ValidationError<'_>| here(finding) && matches!(finding.kind(), Found::Required { .. });
    let wrong_tag = |finding: &ValidationError<'_>| {
        let member =
            finding.instance_path().as_str().strip_prefix(at).and_then(|rest| rest.strip_prefix('/'));
        member.is_some_and(|member| !member.contains('/')) && matches!(finding.kind(), Found::Constant { .. })
    };
    let of_type = without(all, wrong_type).unwrap_or_else(|| all.to_vec());
    // With no tag that any of them knows, none was meant.
    let of_tag = without(&of_type, wrong_tag)?;
    let left = without(&of_tag, no_variant).unwrap_or(of_tag);
    match left.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// The branches without such a finding, if there are any.
fn without<'b, 'a>(
    branches: &[Branch<'b, 'a>],
    found: impl Fn(&ValidationError<'a>) -> bool,
) -> Option<Vec<Branch<'b, 'a>>> {
    let left: Vec<_> = branches.iter().copied().filter(|branch| !branch.iter().any(&found)).collect();
    if left.is_empty() { None } else { Some(left) }
}

/// The constants the alternatives want, when each wants some at the same place.
fn common_options<'b>(all: &[Branch<'b, '_>]) -> Option<(&'b str, Vec<&'b Value>)> {
    let mut place = None;
    let mut options = Vec::new();
    for branch in all {
        let (at, wanted) = branch.iter().find_map(|finding| {
            let at = finding.instance_path().as_str();
            match finding.kind() {
                Found::Constant { expected_value } => Some((at, vec![&**expected_value])),
                Found::Enum { options } => Some((at, options.as_array()?.iter().collect())),
                _ => None,
            }
        })?;
        if branch.iter().any(|finding| matches!(finding.kind(), Found::Type { .. }))
            || *place.get_or_insert(at) != at
        {
            return None;
        }
        options.extend(wanted);
    }
    place.map(|place| (place, options))
}

type Said = (String, Option<String>, &'static str, Cow<'static, str>);

/// As many findings as are looked at.
fn first<'b, 'a>(branch: Branch<'b, 'a>) -> Branch<'b, 'a> {
    branch.get(..MAX_FINDINGS).unwrap_or(branch)
}

/// What is wrong by every alternative.
fn shared(all: &[Branch<'_, '_>]) -> Vec<Said> {
    let mut branches = all.iter().copied().map(first).map(|branch| {
        let mut said: Vec<Said> = Vec::new();
        for finding in branch {
            dialect::say(finding, branch, &mut |place, name, kind, msg| {
                said.push((place.to_owned(), name.map(str::to_owned), kind, msg));
            });
        }
        said
    });
    let Some(mut common) = branches.next() else { return Vec::new() };
    for said in branches {
        let said: HashSet<Said> = said.into_iter().collect();
        common.retain(|one| said.contains(one));
    }
    common
}
