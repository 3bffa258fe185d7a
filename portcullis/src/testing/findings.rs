//! The result of an attack.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
};

/// One hole: where it is, what was sent, and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// `GET /items`, or a security scheme.
    pub(super) place: String,
    /// What was sent, if the finding is about a response.
    pub(super) sent: Option<String>,
    pub(super) problem: String,
}

/// Every hole that an attack found. Displayed as one line each.
///
/// ```text
/// 2 holes:
/// - GET /items/{id}: `Bearer junk` and an expired token were answered 200, documented is 401
/// - POST /items: no credential was answered 422, documented is 401
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings(Vec<String>);

/// The maximum number of names of sent requests in one line.
const NAMED: usize = 3;

impl Findings {
    /// Holes that differ only in what was sent become one line.
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        let mut order = Vec::new();
        let mut sent: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for finding in findings {
            let key = (finding.place, finding.problem);
            if !sent.contains_key(&key) {
                order.push(key.clone());
            }
            let names = sent.entry(key).or_default();
            names.extend(finding.sent.filter(|name| !names.contains(name)));
        }
        let line = |(place, problem): (String, String)| {
            let names = sent.get(&(place.clone(), problem.clone())).map_or(&[][..], Vec::as_slice);
            match names {
                [] => format!("{place}: {problem}"),
                [one] => format!("{place}: {one} was {problem}"),
                names => format!("{place}: {} were {problem}", enumerated(names)),
            }
        };
        Self(order.into_iter().map(line).collect())
    }

    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn enumerated(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let (last, first) = match more {
        0 => names.split_last().map_or((String::new(), names), |(last, first)| (last.clone(), first)),
        _ => (format!("{more} more"), names.get(..NAMED).unwrap_or_default()),
    };
    format!("{} and {last}", first.join(", "))
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 { "hole" } else { "holes" };
        write!(f, "{} {noun}:", self.0.len())?;
        self.0.iter().try_for_each(|line| write!(f, "\n- {line}"))
    }
}

impl Error for Findings {}

/// What was tried, if no hole was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    pub(super) operations: usize,
    pub(super) calls: usize,
    pub(super) not_tried: Vec<String>,
}

impl Report {
    /// # Errors
    /// Something not excused was not tried, or something excused was tried.
    pub(super) fn having_tried_all_but(self, excused: &BTreeSet<String>) -> Result<Self, Findings> {
        let missing = self.not_tried.iter().filter(|sentence| !excused.contains(*sentence));
        let needless = excused.iter().filter(|sentence| !self.not_tried.contains(*sentence));
        let missing =
            missing.map(|sentence| format!("not tried, and `.not_trying` does not list it: {sentence}"));
        let needless =
            needless.map(|sentence| format!("`.not_trying` lists it, and it was tried: {sentence}"));
        let lines: Vec<_> = missing.chain(needless).collect();
        if lines.is_empty() { Ok(self) } else { Err(Findings(lines)) }
    }

    /// The number of requests made.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// What could not be tried because the test did not provide it, one sentence each.
    /// [`assert`](super::Attack::assert) accepts only those that [`not_trying`](super::Attack::not_trying) lists.
    #[must_use]
    pub fn not_tried(&self) -> &[String] {
        &self.not_tried
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} operations, {} calls, no hole", self.operations, self.calls)?;
        self.not_tried.iter().try_for_each(|line| write!(f, "\n- not tried: {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_that_differ_in_what_was_sent_are_one_line() {
        let finding = |place: &str, sent: Option<&str>, problem: &str| Finding {
            place: place.to_owned(),
            sent: sent.map(str::to_owned),
            problem: problem.to_owned(),
        };
        let mut findings = vec![
            finding("GET /a", Some("no credential"), "answered 200"),
            finding("GET /b", None, "is open"),
            finding("GET /a", Some("junk"), "answered 200"),
            finding("GET /a", Some("junk"), "answered 200"),
            finding("GET /c", Some("junk"), "answered 200"),
        ];
        let found = Findings::of(findings.clone());
        let lines = [
            "GET /a: no credential and junk were answered 200",
            "GET /b: is open",
            "GET /c: junk was answered 200",
        ];
        assert_eq!(found.lines().collect::<Vec<_>>(), lines);
        assert_eq!(found.to_string(), format!("3 holes:\n- {}", lines.join("\n- ")));
        findings.extend(["x", "y", "z"].map(|name| finding("GET /a", Some(name), "answered 200")));
        let found = Findings::of(findings);
        assert_eq!(found.lines().next(), Some("GET /a: no credential, junk, x and 2 more were answered 200"));
    }
}
