//! `WWW-Authenticate`, parsed as a client does (RFC 9110 §11.6.1).

use std::{collections::BTreeMap, fmt};

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// One challenge: its scheme, and its parameters by lower-case name.
#[derive(Debug, PartialEq)]
pub(super) struct Challenge {
    scheme: String,
    parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Whether both demand the same and report the same fault. Texts for people may differ, and the missing scope is
    /// checked separately.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        let said = |challenge: &Self| {
            let mut said = challenge.parameters.clone();
            said.retain(|name, _| !["error_description", "error_uri", "scope"].contains(&name.as_str()));
            said
        };
        self.is(&other.scheme) && said(self) == said(other)
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.parameters.iter().map(|(name, value)| format!("{name}={value:?}"));
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        write!(f, "`{}`", format!("{} {parameters}", self.scheme).trim())
    }
}

/// Every challenge of a response, whether in one header or several.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.flat_map(|value| in_value(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// The challenges that a header's description lists, each between backticks in its own paragraph; `None` if it says
/// something else.
pub(super) fn described(description: &str) -> Option<Vec<Challenge>> {
    let mut challenges = Vec::new();
    for paragraph in description.split("\n\n") {
        challenges.extend(in_value(paragraph.strip_prefix('`')?.strip_suffix('`')?));
    }
    Some(challenges)
}

/// The challenges of one header.
fn in_value(value: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for item in items(value) {
        let (parameter, scheme) = match item.split_once(' ') {
            _ if is_parameter(&item) => (item.as_str(), None),
            Some((scheme, rest)) => (rest.trim(), Some(scheme)),
            None => ("", Some(item.as_str())),
        };
        if let Some(scheme) = scheme {
            challenges.push(Challenge { scheme: scheme.to_owned(), parameters: BTreeMap::new() });
        }
        if let (Some((name, value)), Some(last)) = (parameter.split_once('='), challenges.last_mut()) {
            last.parameters.insert(name.trim().to_ascii_lowercase(), unquoted(value.trim()));
        }
    }
    challenges
}

/// `name=value` with a single-word name: it belongs to the challenge before it.
fn is_parameter(item: &str) -> bool {
    item.split_once('=').is_some_and(|(name, _)| !name.trim().is_empty() && !name.trim().contains(' '))
}

/// The parts between commas that are not inside quotes.
fn items(value: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for letter in value.chars() {
        match letter {
            ',' if !quoted => {
                items.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
        if let Some(item) = items.last_mut() {
            item.push(letter);
        }
    }
    items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    inner
        .chars()
        .filter(|letter| {
            escaped = *letter == '\\' && !escaped;
            !escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&'static str]) -> Vec<(String, Vec<(String, String)>)> {
        let headers =
            values.iter().map(|value| (WWW_AUTHENTICATE, HeaderValue::from_static(value))).collect();
        let read = challenges(&headers).into_iter();
        read.map(|challenge| (challenge.scheme, challenge.parameters.into_iter().collect())).collect()
    }

    fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        (scheme.to_owned(), parameters.iter().map(owned).collect())
    }

    #[test]
    fn challenges_come_in_one_header_or_in_several() {
        let both =
            [challenge("Bearer", &[]), challenge("Basic", &[("charset", "UTF-8"), ("realm", "a, \"b\"")])];
        assert_eq!(read(&["Bearer", "Basic realm=\"a, \\\"b\\\"\", charset=\"UTF-8\""]), both);
        assert_eq!(read(&["Bearer, Basic Realm = \"a, \\\"b\\\"\" , charset=UTF-8,"]), both);
        assert_eq!(
            read(&["Bearer error=\"insufficient_scope\", scope=\"read write\", APIKey"]),
            [
                challenge("Bearer", &[("error", "insufficient_scope"), ("scope", "read write")]),
                challenge("APIKey", &[]),
            ]
        );
        assert_eq!(read(&[""]), []);
        assert_eq!(read(&["realm=\"nobody's\""]), []);
    }

    #[test]
    fn what_is_described_is_compared_but_for_the_words() {
        let known = described(
            "`Bearer error=\"invalid_token\", error_description=\"Expired\"`\n\n`Basic realm=\"a\"`",
        );
        let known = known.unwrap();
        let is_known =
            |value| in_value(value).iter().all(|one| known.iter().any(|known| one.says_what(known)));
        for same in
            ["bearer error=invalid_token", "Bearer error=\"invalid_token\", scope=\"x\", Basic realm=a"]
        {
            assert!(is_known(same), "{same}");
        }
        for other in [
            "Bearer",
            "Bearer error=\"x\"",
            "Basic",
            "Basic realm=\"b\"",
            "Bearer error=invalid_token, realm=a",
        ] {
            assert!(!is_known(other), "{other}");
        }
        assert_eq!(known[1].to_string(), "`Basic realm=\"a\"`");
        for prose in ["", "The challenges of the guard's schemes", "`Bearer`\n\nor nothing"] {
            assert!(described(prose).is_none(), "{prose}");
        }
    }
}
