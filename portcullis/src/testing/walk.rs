//! Walks through all operations, makes the calls, and collects the findings.

mod logins;
mod rows;

use std::{collections::BTreeSet, panic::AssertUnwindSafe, time::Duration};

use axum::body::Body;
use futures_util::FutureExt;
use http::{Method, Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tower_service::Service;

use super::{
    Attack, Findings, Report,
    attempt::{Attempt, Attempts, Due, Ground, Twist},
    documented::{Operation, Requirement},
    findings::Finding,
    judge::{self, Answer, Judge},
    sample::{self, encoded},
    scheme::Sent,
};

/// The maximum length of a body that is read, in bytes.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// How long to wait for a documented body.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// How long to wait for a response. Password hashing is slow in a build without optimisation.
const LONGEST_CALL: Duration = Duration::from_secs(30);

/// How the problem begins if no response comes in time.
const NO_ANSWER: &str = "not answered within";

/// Opens a WebSocket (RFC 6455 §1.3). No connection here can be upgraded, so a handler that lets the request through
/// responds with 426, which shows that it did.
const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// An attack under way.
pub(super) struct Walk<'a> {
    attack: &'a Attack,
    judge: Judge<'a>,
    findings: Vec<Finding>,
    not_tried: BTreeSet<String>,
    calls: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(attack: &'a Attack, ground: &'a Ground<'a>) -> Self {
        let judge = Judge::new(&attack.document, &ground.schemes);
        Self { attack, judge, findings: Vec::new(), not_tried: BTreeSet::new(), calls: 0 }
    }

    /// The result for this many operations.
    pub(super) fn report(self, operations: usize) -> Result<Report, Findings> {
        let Self { findings, calls, not_tried, .. } = self;
        if findings.is_empty() {
            return Ok(Report { operations, calls, not_tried: not_tried.into_iter().collect() });
        }
        Err(Findings::of(findings))
    }

    fn find(&mut self, place: &str, sent: Option<&str>, problem: String) {
        self.findings.push(Finding { place: place.to_owned(), sent: sent.map(str::to_owned), problem });
    }

    /// Checks that the operations and schemes that the test names are in the document, and that its lists of open
    /// operations match it.
    pub(super) fn check_names(&mut self, operations: &[Operation]) {
        let attack = self.attack;
        self.check_strangers(operations);
        let of_parameters = attack.parameters.keys().map(|(operation, _)| operation);
        let strangers = attack.public.iter().chain(&attack.optional).chain(&attack.same_origin);
        let named = strangers.chain(&attack.last).chain(attack.samples.keys()).chain(of_parameters);
        for name in named.collect::<BTreeSet<_>>() {
            if operations.iter().all(|operation| operation.name != *name) {
                self.find(name, None, "the test names it, and it is not in the document".to_owned());
            }
        }
        for (operation, name) in attack.parameters.keys() {
            let known = operations.iter().find(|known| known.name == *operation);
            let has =
                |known: &Operation| known.parameters.iter().any(|parameter| parameter["name"] == **name);
            if known.is_some_and(|known| !has(known)) {
                self.find(operation, None, format!("the test names its parameter `{name}`, and it has none"));
            }
        }
        let asked: Vec<_> = operations.iter().flat_map(|operation| &operation.permissions).collect();
        for object in attack.missing.keys().filter(|object| asked.iter().all(|asked| asked.on != **object)) {
            self.find(object, None, "`.missing` names it, and no permission is asked of it".to_owned());
        }
        let held =
            attack.held.values().flat_map(|held| &held.holders).flat_map(|(permissions, _)| permissions);
        for name in held.filter(|name| asked.iter().all(|asked| asked.permission != **name)) {
            self.find(name, None, "`.holder` names it, and no operation asks for it".to_owned());
        }
        let schemes = attack.document.pointer("/components/securitySchemes");
        for (name, held) in &attack.held {
            if schemes.and_then(|schemes| schemes.get(name)).is_none() {
                self.find(name, None, "the test names this scheme, and it is not in the document".to_owned());
            }
            let has_keys = |jwks: &String| {
                serde_json::from_str::<Value>(jwks)
                    .is_ok_and(|set| set.get("keys").is_some_and(Value::is_array))
            };
            if held.keys.as_ref().is_some_and(|jwks| !has_keys(jwks)) {
                self.find(name, None, "what `.keys` was given is no JWK Set".to_owned());
            }
        }
    }

    /// Checks that every open operation is on the list.
    fn check_strangers(&mut self, operations: &[Operation]) {
        let attack = self.attack;
        for operation in operations {
            if attack.same_origin.contains(&operation.name) && !operation.is_open() {
                let problem =
                    "`.same_origin` lists it, and the document guards it: a guard by cookie does this itself";
                self.find(&operation.name, None, problem.to_owned());
            }
            let asks = if operation.is_public() {
                "asks nobody for a credential"
            } else if operation.is_open() {
                "lets strangers in beside a credential"
            } else {
                "guards it"
            };
            for (is_so, list, listed, what) in [
                (operation.is_public(), "public", &attack.public, "anyone may call it"),
                (
                    operation.is_open() && !operation.is_public(),
                    "optional",
                    &attack.optional,
                    "strangers may call it, beside those with a credential",
                ),
            ] {
                match (is_so, listed.contains(&operation.name)) {
                    (true, false) => {
                        self.find(&operation.name, None, format!("{what}, and `.{list}` does not list it"));
                    }
                    (false, true) => {
                        self.find(
                            &operation.name,
                            None,
                            format!("`.{list}` lists it, and the document {asks}"),
                        );
                    }
                    _ => {}
                }
            }
        }
    }

    /// Makes the calls that must be rejected, and returns the ways in that must not be.
    pub(super) async fn be_refused<'o>(
        &mut self,
        operation: &'o Operation,
        ground: &'o Ground<'o>,
    ) -> Vec<&'o Requirement> {
        let Attempts { refused, good, problems, not_tried, .. } = Attempts::on(operation, ground);
        for problem in problems.into_iter().collect::<BTreeSet<_>>() {
            self.find(&operation.name, None, problem);
        }
        self.not_tried.extend(not_tried);
        for attempt in &refused {
            // A missing route responds the same way to the rest, as does one that hangs.
            if !self.try_one(operation, attempt).await {
                return Vec::new();
            }
        }
        if !operation.is_open() {
            self.try_twins(operation).await;
        }
        good
    }

    /// Writes the call in other ways, without a credential. A guard that matches on path or method may miss them.
    async fn try_twins(&mut self, operation: &Operation) {
        let is_in_document = |method: &str| {
            let item = self.attack.document.get("paths").and_then(|paths| paths.get(&operation.path));
            item.is_some_and(|item| item.get(method).is_some())
        };
        let mut twists = Vec::new();
        if operation.method == Method::GET && !is_in_document("head") {
            twists.push(Twist::Head);
        }
        // If unknown paths succeed too (a fallback page, a wildcard route), this shows nothing.
        let nobody = answer(self.attack, operation, &attempt(Twist::Nobody)).await;
        self.calls += 1;
        if nobody.is_ok_and(|answer| !(200..300).contains(&answer.status)) {
            twists.extend([Twist::SlashAfter, Twist::SlashBefore, Twist::UpperCase, Twist::Encoded]);
        }
        for twist in twists {
            self.try_one(operation, &attempt(twist)).await;
        }
    }

    /// Makes the call that must not be rejected.
    pub(super) async fn pass(&mut self, operation: &Operation, ground: &Ground<'_>, way: &Requirement) {
        match Attempts::good_now(operation, ground, way) {
            Ok(attempt) => {
                self.try_one(operation, &attempt).await;
            }
            Err(problems) => {
                for problem in problems {
                    self.find(&operation.name, None, problem);
                }
            }
        }
    }

    /// Makes one call. Returns whether the route exists and responds.
    async fn try_one(&mut self, operation: &Operation, attempt: &Attempt) -> bool {
        self.calls += 1;
        let problems = match answer(self.attack, operation, attempt).await {
            Ok(answer) => self.judge.verdict(operation, &attempt.due, &answer),
            Err(problem) => vec![problem],
        };
        let is_missing = problems
            .iter()
            .any(|problem| problem.ends_with(judge::NO_ROUTE) || problem.starts_with(NO_ANSWER));
        for problem in problems {
            self.find(&operation.name, Some(&attempt.what), problem);
        }
        !is_missing
    }
}

/// A call without a credential, written in another way.
fn attempt(twist: Twist) -> Attempt {
    Attempt { what: twist.what().to_owned(), sent: Sent::default(), due: Due::NotLetIn, twist }
}

/// The request of an operation, valid except for the credentials, which are `sent`.
fn request(attack: &Attack, operation: &Operation, attempt: &Attempt) -> Result<Request<Body>, http::Error> {
    let sent = &attempt.sent;
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    let mut headers = sent.headers.clone();
    if operation.opens_socket() {
        headers.extend(HANDSHAKE.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    for parameter in &operation.parameters {
        let text = |member: &str| parameter.get(member).and_then(Value::as_str).unwrap_or_default();
        let (name, place) = (text("name"), text("in"));
        let given = attack.parameters.get(&(operation.name.clone(), name.to_owned()));
        let is_required = parameter.get("required").is_some_and(|required| *required == true);
        if given.is_none() && !is_required && place != "path" {
            continue;
        }
        let value = given.cloned().unwrap_or_else(|| sample::parameter(&attack.document, parameter));
        match place {
            "path" => path = path.replace(&format!("{{{name}}}"), &encoded(&value)),
            "query" => query.push(format!("{}={}", encoded(name), encoded(&value))),
            // These three are not parameters (OpenAPI 3.1 §4.8.12.2).
            "header"
                if ["accept", "content-type", "authorization"].contains(&name.to_lowercase().as_str()) => {}
            "header" => headers.push((name.to_owned(), value)),
            _ => {}
        }
    }
    path = attempt.twist.path(&path);
    query.extend(sent.query.iter().map(|(name, value)| format!("{name}={value}")));
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let method = if attempt.twist == Twist::Head { &Method::HEAD } else { &operation.method };
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    match sample::body(&attack.document, operation.body.as_ref(), attack.samples.get(&operation.name)) {
        Some((content_type, body)) => request.header(CONTENT_TYPE, content_type).body(body.into()),
        None => request.body(Body::empty()),
    }
}

/// The response, or why there is none, in words that follow "was".
async fn answer(attack: &Attack, operation: &Operation, attempt: &Attempt) -> Result<Answer, String> {
    let request = request(attack, operation, attempt).map_err(|error| format!("not sent: {error}"))?;
    // A router is always ready and cannot fail.
    let answer = in_time(LONGEST_CALL, async { attack.router.clone().call(request).await }).await?;
    let (head, body) = answer
        .ok_or_else(|| format!("{NO_ANSWER} {} seconds", LONGEST_CALL.as_secs()))?
        .unwrap_or_else(|never| match never {})
        .into_parts();
    let mut answer = Answer { status: head.status.as_u16(), headers: head.headers, body: None };
    // Log tails, event streams and long polls never end.
    if judge::needs_body(operation, &attempt.due, &answer) {
        let whole = in_time(LONGEST_WAIT, Limited::new(body, LONGEST_BODY).collect()).await?;
        let ends = match whole {
            Some(Ok(body)) => Ok(body.to_bytes()),
            Some(Err(_)) => Err("breaks off, or is longer than 16 MiB".to_owned()),
            None => Err(format!("does not end within {} seconds", LONGEST_WAIT.as_secs())),
        };
        let body =
            ends.map_err(|problem| format!("answered {} with a body that {problem}", answer.status))?;
        answer.body = Some(body);
    }
    Ok(answer)
}

/// The result, if it comes in time.
async fn in_time<T>(longest: Duration, coming: impl Future<Output = T>) -> Result<Option<T>, String> {
    let coming = AssertUnwindSafe(tokio::time::timeout(longest, coming)).catch_unwind();
    let came = coming.await.map_err(|_| "not answered: the handler panicked".to_owned())?;
    Ok(came.ok())
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn what_does_not_come_is_not_waited_for() {
        let longest = Duration::from_millis(10);
        assert_eq!(in_time(longest, pending::<()>()).await, Ok(None));
        assert_eq!(in_time(longest, ready(1)).await, Ok(Some(1)));
    }
}
