//! Whether a response is the expected one, and matches the document.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{
    attempt::Due,
    challenge::{Challenge, challenges, described},
    documented::{Operation, members},
    scheme::Scheme,
};

/// How the problem ends if no route responded.
pub(super) const NO_ROUTE: &str = ": the router has no such route";

/// A response. `body` is `None` if it does not matter.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// Checks responses against the document's schemas. Each schema is compiled once.
pub(super) struct Judge<'a> {
    document: &'a Value,
    schemes: &'a BTreeMap<String, Scheme>,
    validators: HashMap<String, Result<Validator, String>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(document: &'a Value, schemes: &'a BTreeMap<String, Scheme>) -> Self {
        Self { document, schemes, validators: HashMap::new() }
    }

    /// What is wrong with the response, in words that follow "was".
    pub(super) fn verdict(&mut self, operation: &Operation, due: &Due, answer: &Answer) -> Vec<String> {
        let status = answer.status;
        if let Some(problem) = wrong_status(operation, due, status) {
            return vec![format!("answered {status}{problem}")];
        }
        if matches!(due, Due::NotLetIn) {
            return Vec::new();
        }
        let given = challenges(&answer.headers);
        let challenge = self.wrong_challenge(operation, due, &given);
        let challenge = challenge.or_else(|| undocumented_challenge(operation, status, &given));
        let document = self.undocumented(operation, answer);
        [challenge, document]
            .into_iter()
            .flatten()
            .map(|problem| format!("answered {status} {problem}"))
            .collect()
    }

    fn wrong_challenge(&self, operation: &Operation, due: &Due, given: &[Challenge]) -> Option<String> {
        let errors = || given.iter().filter_map(|challenge| challenge.parameter("error"));
        let bearer_error = |error: &str, is_bearer: bool| {
            let says = given.iter().any(|one| one.is("Bearer") && one.parameter("error") == Some(error));
            (is_bearer && !says).then(|| format!("without the challenge `Bearer error=\"{error}\"`"))
        };
        match due {
            Due::Passed { .. } | Due::NotMadeUp | Due::CrossSite | Due::Hidden { .. } | Due::NotLetIn => None,
            Due::Lacking => (!given.is_empty())
                .then(|| "with a challenge, though another credential would not help".to_owned()),
            Due::Refused => given.is_empty().then(|| "without a challenge (`WWW-Authenticate`)".to_owned()),
            Due::Missing => {
                let is_asked = |name: &String| {
                    let scheme = self.schemes.get(name);
                    scheme.is_some_and(|scheme| given.iter().any(|challenge| scheme.is_asked_by(challenge)))
                };
                // If several schemes are all required, the response may name only the first missing one.
                let unasked = operation.ways.iter().find(|way| !way.is_empty() && !way.keys().any(is_asked));
                unasked
                    .and_then(|way| way.keys().find_map(|name| self.schemes.get(name)))
                    .map(|scheme| format!("without the challenge `{}`", scheme.asked()))
                    .or_else(|| {
                        errors().next().map(|error| {
                            format!("with `error=\"{error}\"`, though nothing was sent that is asked for")
                        })
                    })
            }
            Due::Invalid(name) => {
                let scheme = self.schemes.get(name)?;
                if scheme.is_bearer() {
                    return bearer_error("invalid_token", true);
                }
                let is_asked = given.iter().any(|challenge| scheme.is_asked_by(challenge));
                (!is_asked).then(|| format!("without the challenge `{}`", scheme.asked()))
            }
            Due::Ambiguous { is_bearer } => bearer_error("invalid_request", *is_bearer),
            Due::StaleLogin { is_bearer } => bearer_error("insufficient_user_authentication", *is_bearer),
            Due::Scope { is_bearer, held, named } => {
                bearer_error("insufficient_scope", *is_bearer).or_else(|| wrong_scope(given, held, named))
            }
        }
    }

    /// What in the response does not match the document.
    fn undocumented(&mut self, operation: &Operation, answer: &Answer) -> Option<String> {
        match (documented_body(operation, answer), &answer.body) {
            (Err(problem), _) => Some(problem),
            (Ok(DocumentedBody::None), Some(body)) if !body.is_empty() => {
                Some("with a body, though none is documented".to_owned())
            }
            (Ok(DocumentedBody::Json(schema)), Some(body)) => self
                .wrong_body(schema, body)
                .map(|problem| format!("with a body that is not as documented: {problem}")),
            _ => None,
        }
    }

    fn wrong_body(&mut self, schema: &Value, body: &Bytes) -> Option<String> {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Some("it is not JSON".to_owned());
        };
        let document = self.document;
        let validator = self.validators.entry(schema.to_string()).or_insert_with(|| {
            // Placed next to the document's components, so that references resolve.
            let schema = json!({ "allOf": [schema], "components": document.get("components") });
            jsonschema::validator_for(&schema).map_err(|error| error.to_string())
        });
        match validator {
            // The body may contain a secret, so the message quotes nothing of it.
            Ok(validator) => validator.iter_errors(&body).next().map(|error| {
                let place = error.instance_path().to_string();
                let sentence = error.masked().to_string();
                if place.is_empty() { sentence } else { format!("{sentence} (at `{place}`)") }
            }),
            Err(error) => Some(format!("the document's schema cannot be used: {error}")),
        }
    }
}

/// A challenge that the document does not list, if it lists any.
fn undocumented_challenge(operation: &Operation, status: u16, given: &[Challenge]) -> Option<String> {
    let headers = operation.response(status)?.get("headers");
    let (_, header) = members(headers).find(|(name, _)| name.eq_ignore_ascii_case("WWW-Authenticate"))?;
    let known = described(header.get("description")?.as_str()?)?;
    let other = given.iter().find(|one| !known.iter().any(|known| one.says_what(known)))?;
    let known = known.iter().map(Challenge::to_string).collect::<Vec<_>>().join(" and ");
    Some(format!("with the challenge {other}, documented is {known}"))
}

/// The documented body.
enum DocumentedBody<'o> {
    None,
    Json(&'o Value),
    Any,
}

/// Whether the body must be read: it can be wrong, and everything before it is right.
pub(super) fn needs_body(operation: &Operation, due: &Due, answer: &Answer) -> bool {
    !matches!(due, Due::NotLetIn)
        && wrong_status(operation, due, answer.status).is_none()
        && matches!(documented_body(operation, answer), Ok(DocumentedBody::None | DocumentedBody::Json(_)))
}

/// The documented body of the response.
///
/// # Errors
/// How the response differs from the document, in words that follow the status.
fn documented_body<'o>(operation: &'o Operation, answer: &Answer) -> Result<DocumentedBody<'o>, String> {
    let Some(response) = operation.response(answer.status) else {
        let known = members(Some(&operation.responses)).map(|(status, _)| status.as_str());
        return Err(format!("where this is documented: {}", known.collect::<Vec<_>>().join(", ")));
    };
    let content: Vec<_> = members(response.get("content")).collect();
    if content.is_empty() {
        return Ok(DocumentedBody::None);
    }
    let sent = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let sent = essence(sent);
    let Some((_, media)) = content.iter().find(|(range, _)| is_in(&sent, &essence(range))) else {
        let known = content.iter().map(|(range, _)| format!("`{range}`")).collect::<Vec<_>>().join(" or ");
        return Err(match sent.as_str() {
            "" => format!("without a content type, documented is {known}"),
            sent => format!("with a body of type `{sent}`, documented is {known}"),
        });
    };
    // Lines of JSON (`application/x-ndjson`) are not JSON (RFC 6839 §3.1).
    let is_json = sent.ends_with("/json") || sent.ends_with("+json");
    Ok(media.get("schema").filter(|_| is_json).map_or(DocumentedBody::Any, DocumentedBody::Json))
}

/// What is wrong with the status, in words that follow it.
fn wrong_status(operation: &Operation, due: &Due, status: u16) -> Option<String> {
    let documented: &[u16] = match due {
        Due::Passed { good: true } => {
            let why = match status {
                401 | 403 => {
                    "; so the refusals prove nothing (a refusal of the handler's own is avoided by `.parameter` or `.sample`)"
                }
                404 if operation.row().is_some() => {
                    "; so the 404 of others proves nothing (the id of a row that it may have is given by `.parameter`)"
                }
                500.. => "; so the refusals prove nothing",
                _ => return None,
            };
            return Some(why.to_owned());
        }
        Due::Passed { good: false } => {
            // A login may have a 401 of its own, if it documents it.
            let is_own = operation.is_public() && operation.response(status).is_some();
            let is_refused = matches!(status, 401 | 403) && !is_own;
            return match status {
                405 => Some(NO_ROUTE.to_owned()),
                404 if operation.response(404).is_none() => Some(NO_ROUTE.to_owned()),
                _ => is_refused.then(|| ", documented is that anyone may call".to_owned()),
            };
        }
        Due::NotLetIn => {
            let is_let_in = matches!(status, 101 | 200..=299);
            return is_let_in.then(|| ", documented is 401".to_owned());
        }
        Due::Missing if matches!(status, 404 | 405) => {
            return Some(NO_ROUTE.to_owned());
        }
        Due::Hidden { why } => return (status != 404).then(|| (*why).to_owned()),
        Due::Missing | Due::Invalid(_) | Due::Refused | Due::StaleLogin { .. } => &[401],
        Due::Ambiguous { .. } => &[400],
        Due::NotMadeUp => &[400, 401],
        Due::CrossSite if status != 403 && operation.response(403).is_none() => {
            return Some(", and `.same_origin` lists it: 403".to_owned());
        }
        Due::Scope { .. } | Due::CrossSite | Due::Lacking => &[403],
    };
    let list = documented.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
    (!documented.contains(&status)).then(|| format!(", documented is {list}"))
}

/// Checks that the scopes named by a rejection are among the operation's, and that at least one of them is missing.
fn wrong_scope(given: &[Challenge], held: &BTreeSet<String>, named: &BTreeSet<String>) -> Option<String> {
    let bearer = given.iter().find(|challenge| challenge.is("Bearer"))?;
    let scope = bearer.parameter("scope").unwrap_or_default();
    let scopes: BTreeSet<_> = scope.split(' ').map(str::to_owned).collect();
    let is_right = scopes.is_subset(named) && !scopes.is_subset(held);
    let list = named.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    (!is_right).then(|| format!("with `scope=\"{scope}\"`, documented is `{list}`"))
}

/// A media type without its parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type matches a range (RFC 9110 §12.5.1).
fn is_in(sent: &str, range: &str) -> bool {
    let class = |text: &str| text.split('/').next().map(str::to_owned);
    range == "*/*" || range == sent || (range.ends_with("/*") && class(range) == class(sent))
}
