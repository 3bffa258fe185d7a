//! A validator's findings in the words of pydantic 2 (its documentation's "Validation Errors").

use std::borrow::Cow;

use jsonschema::{
    JsonType,
    error::{TypeKind, ValidationErrorKind as Found},
};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::{
    alternatives,
    findings::{Fault, Finding, Step},
    invalid::{FieldError, InvalidInput, Loc, MAX_ERRORS},
    unique,
};

/// Findings looked at for one answer, which names fewer; the rest would only cost time.
pub(super) const MAX_FINDINGS: usize = 100;

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

    pub(super) fn path() -> Self {
        Self { prefix: vec!["path".into()], names: Vec::new() }
    }

    /// The one value is the parameter `name`.
    pub(super) fn single(mut self, name: &str) -> Self {
        self.prefix.push(Loc::name(name));
        self
    }

    /// The values are, in order, the parameters `names`.
    pub(super) fn tuple<'a>(self, names: impl Iterator<Item = &'a str>) -> Self {
        Self { names: names.map(Loc::name).collect(), ..self }
    }

    /// The place of the field `name`.
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

/// What is `amiss` already, and one entry for each bad field more, until the answer is full. The values of those that are
/// amiss say nothing any more.
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

/// The answer so far: never more than is sent, so that a new entry is compared with few others.
struct Answer {
    amiss: Vec<FieldError>,
    found: Vec<FieldError>,
}

impl Answer {
    fn is_full(&self) -> bool {
        self.amiss.len() + self.found.len() >= MAX_ERRORS
    }

    /// Whether an entry that may yet be put better is at `place` or inside it.
    fn names_within(&self, place: &[Loc]) -> bool {
        self.found.iter().any(|known| known.loc().starts_with(place))
    }

    /// Keeps one entry per place, the one that says most: pydantic stops at a field's first fault.
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

/// Something in the whole is not acceptable, and what, would cost too much to say.
pub(super) fn unexplained(origin: &Origin) -> FieldError {
    FieldError::new(origin.prefix.clone(), UNACCEPTABLE.0, UNACCEPTABLE.1)
}

pub(super) const UNACCEPTABLE: (&str, &str) = ("value_error", "Input is not acceptable");

/// The type was not made of a value that the schema took.
pub(super) fn not_made(path: &Path, origin: &Origin) -> InvalidInput {
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(Loc::Index(*index)),
        Segment::Map { key } => Some(Loc::name(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let loc = origin.steps(steps.collect());
    InvalidInput::field(loc, UNACCEPTABLE.0, UNACCEPTABLE.1)
}

/// Takes the place of a finding, the name of a member missing or unknown there, pydantic's `type` and `msg`.
pub(super) type Report<'r, 'f> = dyn FnMut(&[Step<'f>], Option<&str>, &'static str, Cow<'static, str>) + 'r;

/// Reports what `finding`, one of `all`, comes to.
pub(super) fn say<'f>(finding: &Finding<'f>, all: &[Finding<'f>], report: &mut Report<'_, 'f>) {
    let at = finding.at.as_slice();
    match &finding.fault {
        Fault::Missing(name) => report(at, Some(name), "missing", "Field required".into()),
        Fault::Unevaluated(_) if all.iter().any(|other| alternatives::failed_at(other, at)) => {
            // No alternative fits, so none of their members counts as known: the other finding says more.
        }
        Fault::Unknown(names) | Fault::Unevaluated(names) => {
            for name in names {
                report(at, Some(name), "extra_forbidden", "Extra inputs are not permitted".into());
            }
        }
        Fault::NoneFits(reasons) => alternatives::say(at, reasons, report),
        Fault::Type { said, .. } | Fault::Constant { said, .. } | Fault::Other(said) => {
            report(at, None, said.0, said.1.clone());
        }
    }
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

/// What is wrong with `instance`, in pydantic's words.
pub(super) fn words(kind: &Found, instance: &Value) -> (&'static str, Cow<'static, str>) {
    match kind {
        Found::Type { kind } => wrong_type(kind, instance),
        Found::MinLength { limit } => {
            ("string_too_short", format!("String should have at least {}", count(*limit, "character")).into())
        }
        Found::MaxLength { limit } => {
            ("string_too_long", format!("String should have at most {}", count(*limit, "character")).into())
        }
        Found::Pattern { pattern } => {
            ("string_pattern_mismatch", format!("String should match pattern '{pattern}'").into())
        }
        Found::Minimum { limit } => {
            ("greater_than_equal", format!("Input should be greater than or equal to {limit}").into())
        }
        Found::Maximum { limit } => {
            ("less_than_equal", format!("Input should be less than or equal to {limit}").into())
        }
        Found::ExclusiveMinimum { limit } => {
            ("greater_than", format!("Input should be greater than {limit}").into())
        }
        Found::ExclusiveMaximum { limit } => {
            ("less_than", format!("Input should be less than {limit}").into())
        }
        Found::MultipleOf { multiple_of } => {
            ("multiple_of", format!("Input should be a multiple of {multiple_of}").into())
        }
        Found::MinItems { limit } => ("too_short", sized("List", "at least", *limit, "item", instance)),
        Found::MaxItems { limit } => ("too_long", sized("List", "at most", *limit, "item", instance)),
        Found::MinProperties { limit } => {
            ("too_short", sized("Dictionary", "at least", *limit, "item", instance))
        }
        Found::MaxProperties { limit } => {
            ("too_long", sized("Dictionary", "at most", *limit, "item", instance))
        }
        Found::AdditionalItems { limit } => {
            ("too_long", sized("Tuple", "at most", *limit as u64, "item", instance))
        }
        Found::Custom { keyword, .. } if keyword == unique::KEYWORD => {
            ("value_error", "List items should be unique".into())
        }
        Found::Constant { expected_value } => ("literal_error", one_of(&[expected_value])),
        Found::Enum { options } => match &**options {
            Value::Array(options) => ("enum", one_of(&options.iter().collect::<Vec<_>>())),
            option => ("enum", one_of(&[option])),
        },
        Found::Format { format } => ill_formed(format),
        _ => (UNACCEPTABLE.0, UNACCEPTABLE.1.into()),
    }
}

fn wrong_type(wanted: &TypeKind, instance: &Value) -> (&'static str, Cow<'static, str>) {
    let wanted = match wanted {
        TypeKind::Single(wanted) => Some(*wanted),
        TypeKind::Multiple(set) => set.iter().find(|wanted| *wanted != JsonType::Null),
    };
    let (kind, msg) = match wanted {
        Some(JsonType::String) => ("string_type", "Input should be a valid string"),
        Some(JsonType::Integer) if instance.is_number() => {
            ("int_from_float", "Input should be a valid integer, got a number with a fractional part")
        }
        Some(JsonType::Integer) => ("int_type", "Input should be a valid integer"),
        Some(JsonType::Number) => ("float_type", "Input should be a valid number"),
        Some(JsonType::Boolean) => ("bool_type", "Input should be a valid boolean"),
        Some(JsonType::Array) => ("list_type", "Input should be a valid list"),
        Some(JsonType::Object) => {
            ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
        }
        Some(JsonType::Null) | None => ("none_required", "Input should be None"),
    };
    (kind, msg.into())
}

fn ill_formed(format: &str) -> (&'static str, Cow<'static, str>) {
    let (kind, msg) = match format {
        "email" | "idn-email" => ("value_error", "value is not a valid email address"),
        "uuid" => ("uuid_parsing", "Input should be a valid UUID"),
        "date-time" => ("datetime_parsing", "Input should be a valid datetime"),
        "date" => ("date_parsing", "Input should be a valid date in the format YYYY-MM-DD"),
        "time" => ("time_parsing", "Input should be in a valid time format"),
        "duration" => ("time_delta_parsing", "Input should be a valid duration"),
        "uri" | "iri" => ("url_parsing", "Input should be a valid URL"),
        "ipv4" => ("ip_v4_address", "Input is not a valid IPv4 address"),
        "ipv6" => ("ip_v6_address", "Input is not a valid IPv6 address"),
        format => return ("value_error", format!("Input should be a valid {format}").into()),
    };
    (kind, msg.into())
}

fn sized(what: &str, bound: &str, limit: u64, item: &str, instance: &Value) -> Cow<'static, str> {
    let actual = match instance {
        Value::Array(list) => list.len(),
        Value::Object(object) => object.len(),
        _ => 0,
    };
    format!("{what} should have {bound} {} after validation, not {actual}", count(limit, item)).into()
}

fn count(limit: u64, noun: &str) -> String {
    if limit == 1 { format!("1 {noun}") } else { format!("{limit} {noun}s") }
}

/// `Input should be 'a', 'b' or 'c'`.
pub(super) fn one_of(options: &[&Value]) -> Cow<'static, str> {
    let options: Vec<String> = options
        .iter()
        .filter(|option| !option.is_null())
        .map(|option| option.as_str().map_or_else(|| option.to_string(), |text| format!("'{text}'")))
        .collect();
    let listed = match options.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "None".to_owned(),
    };
    format!("Input should be {listed}").into()
}
