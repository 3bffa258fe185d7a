//! Requests rows with accounts that may not access them.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, Method};
use serde_json::Value;

use super::{Walk, answer};
use crate::testing::{
    Held, Make,
    attempt::{Attempt, Due, Ground, Twist},
    documented::{Operation, Requirement, resolved},
    judge::Answer,
    sample::encoded,
    scheme::Sent,
};

/// The name in findings of the account of [`Attack::outsider`](super::Attack::outsider).
const OUTSIDER: &str = "an account without grants";

impl Walk<'_> {
    /// Requests the operation's row with accounts that may not access it, and a row that does not exist.
    pub(in crate::testing) async fn ask_for_rows(
        &mut self,
        operation: &Operation,
        all: &[Operation],
        ground: &Ground<'_>,
    ) {
        let Some(row) = operation.row() else { return };
        let of_object: BTreeSet<_> =
            all.iter().flat_map(Operation::rows).filter(|other| other.on == row.on).collect();
        let of_object: BTreeSet<&str> = of_object.into_iter().map(|asked| &*asked.permission).collect();
        let is_part = |held: &BTreeSet<String>| {
            let known = of_object.iter().filter(|permission| held.contains(**permission)).count();
            known > 0 && known < of_object.len()
        };
        let mut holders = ground.held.values().flat_map(|held| &held.holders);
        if of_object.len() > 1 && !holders.any(|(held, _)| is_part(held)) {
            let on = &row.on;
            self.not_tried.insert(format!(
                "`{on}`: an account with one of its permissions and not all; say `.holder(…)`"
            ));
        }
        let mut seen = BTreeSet::new();
        for way in operation.ways.iter().filter(|way| !way.is_empty()) {
            // Ways that differ only in their scopes are the same for the policy behind them.
            if !seen.insert(way.keys().collect::<Vec<_>>()) {
                continue;
            }
            self.be_hidden(operation, way, ground).await;
            for (name, held) in way.keys().filter_map(|name| Some((name, ground.held.get(name)?))) {
                for (permissions, make) in held.holders.iter().filter(|(held, _)| is_part(held)) {
                    let sent = credentials(way, ground, |scheme, _| (scheme == name).then_some(make));
                    if let Some(sent) = sent {
                        self.hold(operation, permissions, sent).await;
                    }
                }
            }
        }
    }

    /// An account that may not see a row must learn no more about it than about one that does not exist.
    async fn be_hidden(&mut self, operation: &Operation, way: &Requirement, ground: &Ground<'_>) {
        let Some(row) = operation.row() else { return };
        let names = way.keys().cloned().collect::<Vec<_>>().join("`, `");
        let Some(outsider) = credentials(way, ground, |_, held| held.outsider.as_ref()) else {
            self.not_tried.insert(format!("`{names}`: {OUTSIDER}; say `.outsider(…)`"));
            return;
        };
        let given = self.attack.missing.get(&row.on).cloned();
        let Some(id) = given.or_else(|| missing_id(&self.attack.document, operation, &row.id)) else {
            let on = &row.on;
            self.not_tried.insert(format!("`{on}`: an id that does not exist; say `.missing(\"{on}\", …)`"));
            return;
        };
        let elsewhere = with_id(operation, &row.id, &id);
        let ask = |what: String, sent: &Sent, why| Attempt {
            what,
            sent: sent.clone(),
            due: Due::Hidden { why },
            twist: Twist::None,
        };
        let no_row = ", and there is no such row: 404 (another id is given by `.missing`)";
        let missing = ask(format!("{OUTSIDER}, and an id that does not exist,"), &outsider, no_row);
        // Twice, because some headers differ from one response to the next.
        let Some(first) = self.answer_to(&elsewhere, &missing).await else { return };
        let Some(second) = self.answer_to(&elsewhere, &missing).await else { return };

        let not_theirs = ", and a row that they may not see is as one that does not exist: 404";
        let hidden = ask(OUTSIDER.to_owned(), &outsider, not_theirs);
        let mut others =
            vec![(self.answer_to(operation, &hidden).await, hidden, "for an id that does not exist")];
        if let Some(good) = credentials(way, ground, |_, held| held.good.as_ref()) {
            let missing = ask("a good credential, and an id that does not exist,".to_owned(), &good, no_row);
            others.push((self.answer_to(&elsewhere, &missing).await, missing, OUTSIDER));
        }
        for (answer, attempt, than) in others {
            if let Some(difference) = answer.and_then(|answer| difference(&first, &second, &answer)) {
                let problem = format!("answered 404 with {difference} than {than}");
                self.find(&operation.name, Some(&attempt.what), problem);
            }
        }
    }

    /// An account with another permission on the row must be told which one it lacks.
    async fn hold(&mut self, operation: &Operation, held: &BTreeSet<String>, sent: Sent) {
        let lacking = operation.rows().map(|row| &row.permission).filter(|name| !held.contains(*name));
        let lacking: BTreeSet<String> = lacking.cloned().collect();
        let list = held.iter().map(String::as_str).collect::<Vec<_>>().join("`, `");
        let what = format!("an account with `{list}`");
        if !lacking.is_empty() {
            let due = Due::Lacking;
            let attempt = Attempt { what: what.clone(), sent, due, twist: Twist::None };
            let Some(answer) = self.answer_to(operation, &attempt).await else { return };
            let body = answer.body.as_ref().map(|body| String::from_utf8_lossy(body)).unwrap_or_default();
            if !lacking.iter().any(|name| body.contains(&**name)) {
                let names = lacking.into_iter().collect::<Vec<_>>().join("` or `");
                let problem = format!("answered 403 with a body that does not name `{names}`");
                self.find(&operation.name, Some(&what), problem);
            }
        } else if matches!(operation.method, Method::GET | Method::HEAD) {
            // Other methods may change what later requests ask for.
            let due = Due::Passed { good: true };
            self.answer_to(operation, &Attempt { what, sent, due, twist: Twist::None }).await;
        }
    }

    /// Makes one call and returns its response if it is the expected one.
    pub(super) async fn answer_to(&mut self, operation: &Operation, attempt: &Attempt) -> Option<Answer> {
        self.calls += 1;
        let (answer, problems) = match answer(self.attack, operation, attempt).await {
            Ok(answer) => {
                let problems = self.judge.verdict(operation, &attempt.due, &answer);
                (Some(answer), problems)
            }
            Err(problem) => (None, vec![problem]),
        };
        let is_due = problems.is_empty();
        for problem in problems {
            self.find(&operation.name, Some(&attempt.what), problem);
        }
        answer.filter(|_| is_due)
    }
}

/// The credentials that one way in requires: those of `whose`, and valid ones for the other schemes.
pub(super) fn credentials<'g>(
    way: &Requirement,
    ground: &Ground<'g>,
    whose: impl Fn(&str, &'g Held) -> Option<&'g Make>,
) -> Option<Sent> {
    let mut sent = Sent::default();
    let mut taken = Vec::new();
    let mut is_theirs = false;
    for (name, scopes) in way {
        let (scheme, held) = (ground.schemes.get(name)?, ground.held.get(name)?);
        let theirs = whose(name, held);
        is_theirs |= theirs.is_some();
        let make = theirs.or(held.good.as_ref())?;
        let with = |scopes: &BTreeSet<String>| make(&scopes.iter().map(String::as_str).collect::<Vec<_>>());
        let credential = with(scopes).or_else(|| with(ground.scopes.get(name)?))?;
        // Two verifiers may accept the same token.
        if !taken.contains(&(&scheme.place, credential.clone())) {
            sent = sent.credential(scheme, &credential);
            taken.push((&scheme.place, credential));
        }
    }
    is_theirs.then_some(sent)
}

/// The same operation with this id in its path.
fn with_id(operation: &Operation, parameter: &str, id: &str) -> Operation {
    let mut elsewhere = operation.clone();
    elsewhere.path = elsewhere.path.replace(&format!("{{{parameter}}}"), &encoded(id));
    elsewhere.parameters.retain(|known| known["in"] != "path" || known["name"] != parameter);
    elsewhere
}

/// An id that is valid for the schema and unlikely to exist.
fn missing_id(document: &Value, operation: &Operation, name: &str) -> Option<String> {
    let mut parameters = operation.parameters.iter();
    let parameter = parameters.find(|known| known["in"] == "path" && known["name"] == name)?;
    let schema = resolved(document, parameter.get("schema")?);
    let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    let most = schema.get("maximum").and_then(Value::as_u64);
    match (text("type")?, text("format")) {
        ("integer", format) => Some(most.unwrap_or(match format {
            Some("int8") => 127,
            Some("uint8") => 255,
            Some("int16") => 32_767,
            Some("uint16") => 65_535,
            Some("int32") => 2_147_483_647,
            Some("uint32") => 4_294_967_295,
            // The greatest integer that every JSON parser reads exactly (RFC 8259 §6).
            _ => 9_007_199_254_740_991,
        })),
        ("string", Some("uuid")) => return Some("ffffffff-ffff-4fff-bfff-ffffffffffff".to_owned()),
        ("string", None) if ["pattern", "enum", "maxLength"].iter().all(|key| schema.get(key).is_none()) => {
            return Some("nobody-has-this-id".to_owned());
        }
        _ => None,
    }
    .map(|number| number.to_string())
}

/// How a response differs from two responses to one request, in words that `than` follows.
fn difference(first: &Answer, second: &Answer, other: &Answer) -> Option<String> {
    if other.body != first.body {
        return Some("another body".to_owned());
    }
    let values =
        |headers: &HeaderMap, name: &HeaderName| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
    let is_steady = |name: &&HeaderName| values(&first.headers, name) == values(&second.headers, name);
    let names: BTreeSet<&str> =
        first.headers.keys().chain(other.headers.keys()).map(HeaderName::as_str).collect();
    let mut names = names.into_iter().filter_map(|name| HeaderName::try_from(name).ok());
    let name = names
        .find(|name| is_steady(&name) && values(&first.headers, name) != values(&other.headers, name))?;
    Some(format!("another `{name}`"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_header_that_changes_by_itself_is_no_difference() {
        let answer = |id: &str, length: &str| {
            let mut headers = HeaderMap::new();
            for (name, value) in [("x-request-id", id), ("content-length", length)] {
                headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            Answer { status: 404, headers, body: Some("{}".into()) }
        };
        let (first, second) = (answer("1", "2"), answer("2", "2"));
        assert_eq!(difference(&first, &second, &answer("3", "2")), None);
        assert_eq!(difference(&first, &second, &answer("3", "9")).unwrap(), "another `content-length`");
        assert_eq!(difference(&first, &first, &answer("3", "2")).unwrap(), "another `x-request-id`");
        let longer = Answer { body: Some("{ }".into()), ..answer("3", "2") };
        assert_eq!(difference(&first, &second, &longer).unwrap(), "another body");
    }

    #[test]
    fn a_missing_id_is_one_that_the_schema_takes() {
        let document = json!({ "paths": { "/a/{id}": { "get": { "parameters": [] } } } });
        let of = |schema: Value| {
            let mut operation = crate::testing::documented::operations(&document).remove(0);
            operation.parameters = vec![json!({ "name": "id", "in": "path", "schema": schema })];
            let id = missing_id(&document, &operation, "id")?;
            assert_eq!(with_id(&operation, "id", &id).path, format!("/a/{id}"));
            Some(id)
        };
        assert_eq!(of(json!({ "type": "integer", "format": "uint8" })).unwrap(), "255");
        assert_eq!(of(json!({ "type": "integer", "maximum": 7 })).unwrap(), "7");
        assert_eq!(of(json!({ "type": "integer", "format": "int64" })).unwrap(), "9007199254740991");
        assert!(of(json!({ "type": "string", "format": "uuid" })).unwrap().starts_with("ffffffff-"));
        assert_eq!(of(json!({ "type": "string" })).unwrap(), "nobody-has-this-id");
        assert_eq!(of(json!({ "type": "string", "pattern": "^d" })), None);
        assert_eq!(of(json!({ "type": "boolean" })), None);
    }
}
