//! A validator's findings in the words of pydantic 2 (its documentation's "Validation Errors").

use serde_path_to_error::{Path, Segment};

use super::invalid::{FieldError, InvalidInput, Loc};
use crate::schema::{Finding, MAX_ERRORS, Step, UNACCEPTABLE, say};

/// Where the checked value came from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    prefix: Vec<Loc>,
    /// The names of a tuple's items.
    names: Vec<Loc>,
}

impl Origin {
    pub(super) fn body() -> Self {
        Self { prefix: vec!["body".into()], names: Vec::new() }
    }

    pub(super) fn query() -> Self {
        Self { prefix: vec!["query".into()], names: Vec::new() }
    }

    pub(super) fn header() -> Self {
        Self { prefix: vec!["header".into()], names: Vec::new() }
    }

    pub(super) fn path() -> Self {
        Self { prefix: vec!["path".into()], names: Vec::new() }
    }

    /// For a single value, the parameter `name`.
    pub(super) fn single(mut self, name: &str) -> Self {
        self.prefix.push(Loc::name(name));
        self
    }

    /// For a tuple, whose items are the parameters `names`, in order.
    pub(super) fn tuple<'a>(self, names: impl Iterator<Item = &'a str>) -> Self {
        Self { names: names.map(Loc::name).collect(), ..self }
    }

    /// The location of the field `name`.
    pub(super) fn field(&self, name: &str) -> Vec<Loc> {
        self.steps(vec![Loc::name(name)])
    }

    fn steps(&self, mut steps: Vec<Loc>) -> Vec<Loc> {
        if let Some(Loc::Index(index)) = steps.first()
            && let Some(name) = self.names.get(*index)
            && let Some(first) = steps.first_mut()
        {
            *first = name.clone();
        }
        let mut loc = self.prefix.clone();
        loc.append(&mut steps);
        loc
    }

    fn located(&self, at: &[Step<'_>]) -> Vec<Loc> {
        let step = |step: &Step<'_>| match step {
            Step::Name(name) => Loc::name(name),
            Step::Index(index) => Loc::Index(*index),
        };
        self.steps(at.iter().map(step).collect())
    }
}

/// Adds one entry per bad field to those in `amiss`, until the response is full. The values of fields in `amiss` no
/// longer count.
pub(super) fn explain(findings: &[Finding<'_>], origin: &Origin, amiss: Vec<FieldError>) -> Vec<FieldError> {
    let mut answer = Answer { amiss, found: Vec::new() };
    for finding in findings {
        if answer.is_full() && !answer.names_within(&origin.located(&finding.at)) {
            continue;
        }
        say(finding, findings, &mut |at, more, kind, msg| {
            let mut loc = origin.located(at);
            loc.extend(more.map(Loc::name));
            answer.add(FieldError::new(loc, kind, msg));
        });
    }
    answer.amiss.append(&mut answer.found);
    answer.amiss
}

/// The response so far: never more than is sent, so that a new entry is compared with few others.
struct Answer {
    amiss: Vec<FieldError>,
    found: Vec<FieldError>,
}

impl Answer {
    fn is_full(&self) -> bool {
        self.amiss.len() + self.found.len() >= MAX_ERRORS
    }

    /// Whether an entry that can still be improved is at `place` or inside it.
    fn names_within(&self, place: &[Loc]) -> bool {
        self.found.iter().any(|known| known.loc().starts_with(place))
    }

    /// Keeps one entry per place, the most specific one: pydantic stops at a field's first fault.
    fn add(&mut self, error: FieldError) {
        if self.amiss.iter().any(|known| error.loc().starts_with(known.loc())) {
            return;
        }
        let is_full = self.is_full();
        match self.found.iter_mut().find(|known| known.loc() == error.loc()) {
            Some(known) if rank(&error) < rank(known) => *known = error,
            None if !is_full => self.found.push(error),
            Some(_) | None => {}
        }
    }
}

/// Some part of the value is not acceptable; finding out which would cost too much.
pub(super) fn unexplained(origin: &Origin) -> FieldError {
    FieldError::new(origin.prefix.clone(), UNACCEPTABLE.0, UNACCEPTABLE.1)
}

/// The type could not be made from a value that the schema accepted.
pub(super) fn not_made(path: &Path, origin: &Origin) -> InvalidInput {
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(Loc::Index(*index)),
        Segment::Map { key } => Some(Loc::name(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let loc = origin.steps(steps.collect());
    InvalidInput::field(loc, UNACCEPTABLE.0, UNACCEPTABLE.1)
}

fn rank(error: &FieldError) -> u8 {
    match error.kind() {
        "missing" | "extra_forbidden" => 0,
        kind if kind.ends_with("_type") || kind == "int_from_float" => 1,
        "string_too_short" | "string_too_long" => 2,
        "string_pattern_mismatch" => 3,
        _ => 4,
    }
}
