//! The faults of a value, found by a walk along its schema that stops when enough are found.
//!
//! For any type, the cost is linear in the length of the value: an alternative is first checked without recording
//! anything, and the records are bounded in total. Only the depth, which is bounded too, multiplies the checks.

use std::{borrow::Cow, cell::Cell};

use jsonschema::{
    JsonType,
    error::{TypeKind, ValidationErrorKind as Found},
};
use serde_json::{Map, Value};

use super::{
    rules::{Choice, Own, Rule, Rules},
    words::{self, UNACCEPTABLE},
};

/// The maximum number of fields that one response names.
pub(crate) const MAX_ERRORS: usize = 20;

/// The maximum number of findings examined for one response. A response names fewer; more would only cost time.
const MAX_FINDINGS: usize = 100;

/// One fault at one location, found by one keyword.
#[derive(Debug)]
pub(crate) struct Finding<'f> {
    pub(crate) at: Vec<Step<'f>>,
    pub(crate) fault: Fault<'f>,
}

/// One step on the path to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step<'f> {
    Name(&'f str),
    Index(usize),
}

#[derive(Debug)]
pub(crate) enum Fault<'f> {
    /// A member is missing.
    Missing(String),
    /// The schema does not name these members.
    Unknown(Vec<&'f str>),
    /// The same, for an object composed of parts.
    Unevaluated(Vec<&'f str>),
    /// No alternative fits. Lists the faults of each, or none if that would cost too much.
    NoneFits(Vec<Vec<Finding<'f>>>),
    Type {
        /// Whether only `null` would be valid.
        wants_null: bool,
        said: Said,
    },
    /// Another constant is required.
    Constant {
        wanted: Vec<Value>,
        /// Whether it is the only valid one (`const`), like a tag.
        is_tag: bool,
        said: Said,
    },
    Other(Said),
}

/// pydantic's `type` and `msg`.
pub(crate) type Said = (&'static str, Cow<'static, str>);

/// The maximum number of bytes of all findings about one value.
const MAX_NOTED: usize = 64 * 1024;

impl Rules {
    /// The faults of `value`, at most [`MAX_FINDINGS`].
    pub(crate) fn findings<'f>(&'f self, value: &'f Value) -> Vec<Finding<'f>> {
        self.walk().findings(0, value, None)
    }

    fn walk(&self) -> Walk<'_> {
        Walk {
            rules: self,
            left: Cell::new(MAX_NOTED),
            #[cfg(test)]
            looks: Cell::new(0),
        }
    }
}

struct Walk<'f> {
    rules: &'f Rules,
    /// The bytes that may still be recorded.
    left: Cell<usize>,
    /// The number of checks of a value by a rule.
    #[cfg(test)]
    looks: Cell<usize>,
}

/// The current location of the walk.
struct Path<'p, 'f> {
    before: Option<&'p Path<'p, 'f>>,
    step: Step<'f>,
}

type At<'p, 'f> = Option<&'p Path<'p, 'f>>;

fn steps<'f>(at: At<'_, 'f>) -> Vec<Step<'f>> {
    let ancestry = || std::iter::successors(at, |path| path.before);
    let mut steps = Vec::with_capacity(ancestry().count());
    steps.extend(ancestry().map(|path| path.step));
    steps.reverse();
    steps
}

/// What the walk is to find out.
enum Wanted<'w, 'f> {
    /// Whether there is any fault.
    Whether(&'w mut bool),
    /// The faults.
    What(&'w mut Vec<Finding<'f>>),
}

impl Wanted<'_, '_> {
    /// The number of faults found so far.
    fn count(&self) -> usize {
        match self {
            Self::Whether(is_wrong) => usize::from(**is_wrong),
            Self::What(found) => found.len(),
        }
    }
}

impl<'f> Walk<'f> {
    fn findings(&self, rule: usize, value: &'f Value, at: At<'_, 'f>) -> Vec<Finding<'f>> {
        let mut found = Vec::new();
        self.walk(rule, value, at, &mut Wanted::What(&mut found));
        found
    }

    fn takes(&self, rule: usize, value: &Value) -> bool {
        let mut is_wrong = false;
        self.walk(rule, value, None, &mut Wanted::Whether(&mut is_wrong));
        !is_wrong
    }

    fn is_done(&self, wanted: &Wanted<'_, 'f>) -> bool {
        match wanted {
            Wanted::Whether(is_wrong) => **is_wrong,
            Wanted::What(found) => found.len() >= MAX_FINDINGS || self.left.get() == 0,
        }
    }

    fn note(&self, at: At<'_, 'f>, wanted: &mut Wanted<'_, 'f>, fault: impl FnOnce() -> Fault<'f>) {
        if self.is_done(wanted) {
            return;
        }
        match wanted {
            Wanted::Whether(is_wrong) => **is_wrong = true,
            Wanted::What(found) => {
                let finding = Finding { at: steps(at), fault: fault() };
                // A `Vec` grows by doubling.
                let bytes = 2 * size_of::<Finding<'_>>() + size_of_val(finding.at.as_slice());
                self.left.set(self.left.get().saturating_sub(bytes));
                found.push(finding);
            }
        }
    }

    fn walk(&self, rule: usize, value: &'f Value, at: At<'_, 'f>, wanted: &mut Wanted<'_, 'f>) {
        let Some(rule) = self.rules.get(rule).filter(|_| !self.is_done(wanted)) else { return };
        #[cfg(test)]
        self.looks.set(self.looks.get() + 1);
        if rule.is_never {
            self.note(at, wanted, unacceptable);
        }
        if let Some(own) = &rule.own {
            self.own(own, value, at, wanted);
        }
        for part in &rule.parts {
            self.walk(*part, value, at, wanted);
        }
        for choice in &rule.choices {
            self.choose(choice, value, at, wanted);
        }
        if let Some(consequence) = self.consequence(rule, value) {
            self.walk(consequence, value, at, wanted);
        }
        match value {
            Value::Array(list) => self.items(rule, list, at, wanted),
            Value::Object(object) => self.members(rule, value, object, at, wanted),
            _ => {}
        }
    }

    fn own(&self, own: &Own, value: &'f Value, at: At<'_, 'f>, wanted: &mut Wanted<'_, 'f>) {
        if own.validator.is_valid(value) {
            return;
        }
        if matches!(wanted, Wanted::Whether(_)) || !own.gives_reasons {
            return self.note(at, wanted, unacceptable);
        }
        for error in own.validator.iter_errors(value) {
            self.note(at, wanted, || fault(error.kind(), value));
        }
    }

    fn choose(&self, choice: &Choice, value: &'f Value, at: At<'_, 'f>, wanted: &mut Wanted<'_, 'f>) {
        if self.is_done(wanted) {
            return;
        }
        let mut fitting = choice.alternatives.iter().filter(|alternative| self.takes(**alternative, value));
        if fitting.next().is_some() {
            if choice.takes_one_only && fitting.next().is_some() {
                self.note(at, wanted, unacceptable);
            }
            return;
        }
        self.note(at, wanted, || {
            let reasons = choice.alternatives.iter().map(|one| self.findings(*one, value, at)).collect();
            // An incomplete list could point to an alternative that was not meant.
            Fault::NoneFits(if self.left.get() == 0 { Vec::new() } else { reasons })
        });
    }

    /// The rule that `if` selects.
    fn consequence(&self, rule: &Rule, value: &Value) -> Option<usize> {
        let condition = rule.condition.as_ref()?;
        if self.takes(condition.when, value) { condition.then } else { condition.otherwise }
    }

    /// Walks on to a member or an item. Returns 1 if it has faults. The caller counts these, because a response names
    /// only so many locations and checking more would be wasted.
    fn child(&self, rule: usize, value: &'f Value, at: &Path<'_, 'f>, wanted: &mut Wanted<'_, 'f>) -> usize {
        let before = wanted.count();
        self.walk(rule, value, Some(at), wanted);
        usize::from(wanted.count() > before)
    }

    fn items(&self, rule: &'f Rule, list: &'f [Value], at: At<'_, 'f>, wanted: &mut Wanted<'_, 'f>) {
        let rules = rule.prefix.iter().copied().map(Some).chain(std::iter::repeat(rule.items));
        let mut bad = 0;
        for ((index, item), rule) in list.iter().enumerate().zip(rules) {
            let Some(rule) = rule.filter(|_| bad < MAX_ERRORS && !self.is_done(wanted)) else { return };
            bad += self.child(rule, item, &Path { before: at, step: Step::Index(index) }, wanted);
        }
    }

    fn members(
        &self,
        rule: &'f Rule,
        value: &'f Value,
        object: &'f Map<String, Value>,
        at: At<'_, 'f>,
        wanted: &mut Wanted<'_, 'f>,
    ) {
        let is_bad = |name: &String| rule.names.is_some_and(|rule| !self.takes(rule, &name.clone().into()));
        if object.keys().any(is_bad) {
            self.note(at, wanted, unacceptable);
        }
        for (_, dependent) in rule.dependent.iter().filter(|(name, _)| object.contains_key(*name)) {
            self.walk(*dependent, value, at, wanted);
        }
        let mut bad = 0;
        for (name, member) in object {
            for rule in rule.named(name) {
                if bad >= MAX_ERRORS {
                    break;
                }
                bad += self.child(rule, member, &Path { before: at, step: Step::Name(name) }, wanted);
            }
        }
        let others = |is_known: &dyn Fn(&str) -> bool| {
            object
                .iter()
                .filter(|(name, _)| !is_known(name))
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
        };
        if let Some(additional) = rule.additional.filter(|_| !self.is_done(wanted)) {
            let unknown = others(&|name| rule.named(name).next().is_some());
            self.others(additional, object, unknown, Fault::Unknown, at, wanted);
        }
        if let Some(unevaluated) = rule.unevaluated.filter(|_| !self.is_done(wanted)) {
            let mut evaluating = Vec::new();
            self.evaluating(rule, value, &mut evaluating);
            let unknown = others(&|name| evaluating.iter().any(|rule| rule.evaluates(name)));
            self.others(unevaluated, object, unknown, Fault::Unevaluated, at, wanted);
        }
    }

    /// Checks the members that are not named, by the rule for them.
    fn others(
        &self,
        rule: usize,
        object: &'f Map<String, Value>,
        unknown: Vec<&'f str>,
        fault: fn(Vec<&'f str>) -> Fault<'f>,
        at: At<'_, 'f>,
        wanted: &mut Wanted<'_, 'f>,
    ) {
        if unknown.is_empty() {
            return;
        }
        if self.rules.get(rule).is_some_and(|rule| rule.is_never) {
            return self.note(at, wanted, || fault(unknown.into_iter().take(MAX_FINDINGS).collect()));
        }
        let mut bad = 0;
        for name in unknown {
            if let Some(member) = object.get(name).filter(|_| bad < MAX_ERRORS) {
                bad += self.child(rule, member, &Path { before: at, step: Step::Name(name) }, wanted);
            }
        }
    }

    /// The rules that apply to the members of `value`: this one, its parts, and its alternatives that fit. A part that
    /// does not fit has already reported its faults.
    fn evaluating(&self, rule: &'f Rule, value: &Value, found: &mut Vec<&'f Rule>) {
        found.push(rule);
        let alternatives = rule.choices.iter().flat_map(|choice| &choice.alternatives);
        let may_fit = alternatives.chain(rule.condition.iter().map(|condition| &condition.when));
        let fitting = may_fit.filter(|part| self.takes(**part, value));
        let dependent = rule.dependent.iter().filter(|(name, _)| value.get(*name).is_some());
        let parts = rule.parts.iter().chain(dependent.map(|(_, rule)| rule));
        for part in fitting.chain(parts).copied().chain(self.consequence(rule, value)) {
            if let Some(part) = self.rules.get(part) {
                self.evaluating(part, value, found);
            }
        }
    }
}

impl Rule {
    /// The rules for a member that this schema names, directly or by a pattern.
    fn named(&self, name: &str) -> impl Iterator<Item = usize> {
        let is_so = move |pattern: &jsonschema::Validator| pattern.is_valid(&Value::from(name));
        let by_pattern = self.patterns.iter().filter(move |(pattern, _)| is_so(pattern));
        self.properties.get(name).into_iter().chain(by_pattern.map(|(_, rule)| rule)).copied()
    }

    fn evaluates(&self, name: &str) -> bool {
        self.additional.is_some() || self.named(name).next().is_some()
    }
}

fn unacceptable<'f>() -> Fault<'f> {
    Fault::Other((UNACCEPTABLE.0, UNACCEPTABLE.1.into()))
}

fn fault<'f>(found: &Found, value: &Value) -> Fault<'f> {
    let said = || words::words(found, value);
    match found {
        Found::Required { property } => Fault::Missing(property.as_str().unwrap_or_default().to_owned()),
        Found::Type { kind } => {
            Fault::Type { wants_null: matches!(kind, TypeKind::Single(JsonType::Null)), said: said() }
        }
        Found::Constant { expected_value } => {
            Fault::Constant { wanted: vec![expected_value.as_ref().clone()], is_tag: true, said: said() }
        }
        Found::Enum { options } => match &**options {
            Value::Array(options) => Fault::Constant { wanted: options.clone(), is_tag: false, said: said() },
            _ => Fault::Other(said()),
        },
        _ => Fault::Other(said()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An expression: `{"Not": …}`, `{"All": […]}`, `{"Any": […]}` or `{"Leaf": 1}`.
    fn expression() -> Rules {
        let variant = |name: &str, inner: Value| {
            json!({
                "type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": false,
            })
        };
        let this = json!({"$ref": "#"});
        let list = json!({"type": "array", "items": this});
        Rules::of(&json!({"oneOf": [
            variant("Not", this), variant("All", list.clone()), variant("Any", list),
            variant("Leaf", json!({"type": "integer"})),
        ]}))
    }

    fn nested(depth: usize, inner: &Value) -> Value {
        (0..depth).fold(inner.clone(), |inner, _| json!({"Not": inner}))
    }

    /// The number of checks per value.
    fn looks(rules: &Rules, value: &Value) -> usize {
        let walk = rules.walk();
        assert!(!walk.findings(0, value, None).is_empty());
        walk.looks.get() / values(value)
    }

    fn values(value: &Value) -> usize {
        match value {
            Value::Array(list) => 1 + list.iter().map(values).sum::<usize>(),
            Value::Object(object) => 1 + object.values().map(values).sum::<usize>(),
            _ => 1,
        }
    }

    #[test]
    fn j01_each_value_is_looked_at_a_bounded_number_of_times() {
        let rules = expression();
        for leaf in [json!({"Leaf": "x"}), json!({"Leaf": 1}), json!(1), json!({})] {
            for (width, depth) in [(1, 28), (200, 28), (2000, 10), (20_000, 1)] {
                let wide = json!({"All": vec![nested(depth, &leaf); width]});
                let one_bad = json!({"Any": [wide, 1]});
                let list = [vec![leaf.clone(); width], vec![json!(1)]].concat();
                let deep = nested(depth, &json!({ "All": list }));
                for value in [&one_bad, &deep] {
                    let looks = looks(&rules, value);
                    assert!(looks <= 4 * 32, "{looks} at {leaf}, {width}, {depth}");
                }
            }
        }
    }

    #[test]
    fn findings_are_those_of_the_schema_and_bounded() {
        let rules = expression();
        let leaves = json!({"All": vec![json!({"Leaf": "x"}); 5000]});
        let walk = rules.walk();
        let found = walk.findings(0, &leaves, None);
        let [Finding { fault: Fault::NoneFits(reasons), .. }] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(reasons.iter().map(Vec::len).collect::<Vec<_>>(), [2, MAX_ERRORS, 2, 2]);
        assert!(rules.findings(&json!({"Not": {"Any": [{"Leaf": 1}]}})).is_empty());
    }
}
