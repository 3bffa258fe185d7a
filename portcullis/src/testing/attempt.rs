//! The requests to try on one operation, and the expected results.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::{
    Held,
    documented::{Operation, Requirement},
    forged::{self, Bad, Token},
    scheme::{SITE, Scheme, Sent},
};

/// One request and its expected result.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Its name in findings.
    pub(super) what: String,
    pub(super) sent: Sent,
    pub(super) due: Due,
    pub(super) twist: Twist,
}

/// Another way to write the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    None,
    /// `HEAD`, which a router may pass to the handler of `GET`.
    Head,
    /// `/items/`.
    SlashAfter,
    /// `//items`.
    SlashBefore,
    /// `/ITEMS`.
    UpperCase,
    /// `/%69tems`.
    Encoded,
    /// The same number of segments, with unlikely names.
    Nobody,
}

impl Twist {
    /// The name in findings of a request without a credential that is written this way.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::None | Self::Nobody => "no credential",
            Self::Head => "`HEAD` without a credential",
            Self::SlashAfter => "no credential, and a slash after the path,",
            Self::SlashBefore => "no credential, and a slash more before the path,",
            Self::UpperCase => "no credential, and the path in upper case,",
            Self::Encoded => "no credential, and a letter of the path percent-encoded,",
        }
    }

    /// The path, written this way.
    pub(super) fn path(self, path: &str) -> String {
        match self {
            Self::None | Self::Head => path.to_owned(),
            Self::SlashAfter => format!("{path}/"),
            Self::SlashBefore => format!("/{path}"),
            // Percent-encoded bytes are case-insensitive.
            Self::UpperCase => path.to_ascii_uppercase(),
            Self::Encoded => match path.strip_prefix('/').and_then(|rest| rest.chars().next()) {
                Some(first) if first.is_ascii_alphanumeric() => {
                    path.replacen(first, &format!("%{:02x}", u32::from(first)), 1)
                }
                _ => path.to_owned(),
            },
            Self::Nobody => path.split('/').skip(1).map(|_| "/nobody-has-this-name").collect(),
        }
    }
}

/// The expected result of a request.
#[derive(Debug)]
pub(super) enum Due {
    /// Not rejected: the credential is valid, or none is needed.
    Passed { good: bool },
    /// 401 with each way's challenge and no `error`, because no relevant credential was sent.
    Missing,
    /// 401 with the challenge of the scheme whose credential was invalid.
    Invalid(String),
    /// 401 with a challenge.
    Refused,
    /// 400: two credentials.
    Ambiguous { is_bearer: bool },
    /// 400 or 401: an invalid credential next to a valid one.
    NotMadeUp,
    /// 403 that names a missing scope.
    Scope { is_bearer: bool, held: BTreeSet<String>, named: BTreeSet<String> },
    /// 403: the request comes from another site's page.
    CrossSite,
    /// 404: the row does not exist, or not for this account. `why` follows the status in the finding.
    Hidden { why: &'static str },
    /// 403 without a challenge, because another credential would not help.
    Lacking,
    /// 401 that demands another login (RFC 9470 §3).
    StaleLogin { is_bearer: bool },
    /// Any response except what an authorized caller gets.
    NotLetIn,
}

/// Headers that a proxy or a framework may trust, and that anyone can send.
const SWITCHES: [(&str, &str); 7] = [
    ("x-http-method-override", "OPTIONS"),
    ("x-original-url", "/"),
    ("x-rewrite-url", "/"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-real-ip", "127.0.0.1"),
    ("x-forwarded-host", "localhost"),
    ("forwarded", "for=127.0.0.1;host=localhost"),
];

/// The inputs for the attempts on every operation.
pub(super) struct Ground<'a> {
    pub(super) schemes: BTreeMap<String, Scheme>,
    /// The schemes whose credential is a certificate of the connection, which no request here has.
    pub(super) certificates: BTreeSet<String>,
    pub(super) held: &'a BTreeMap<String, Held>,
    /// Each scope that the document names, by scheme.
    pub(super) scopes: BTreeMap<String, BTreeSet<String>>,
    /// The operations that must reject other sites' pages, whatever the document says.
    pub(super) same_origin: &'a BTreeSet<String>,
}

/// The attempts on one operation.
pub(super) struct Attempts<'a> {
    ground: &'a Ground<'a>,
    operation: &'a Operation,
    /// Requests that must be rejected.
    pub(super) refused: Vec<Attempt>,
    /// The ways in that have a valid credential. A call with one may change or invalidate something.
    pub(super) good: Vec<&'a Requirement>,
    /// Why something could not be tried that should have been.
    pub(super) problems: Vec<String>,
    pub(super) not_tried: BTreeSet<String>,
}

impl<'a> Attempts<'a> {
    fn none(operation: &'a Operation, ground: &'a Ground<'a>) -> Self {
        Self {
            ground,
            operation,
            refused: Vec::new(),
            good: Vec::new(),
            problems: Vec::new(),
            not_tried: BTreeSet::new(),
        }
    }

    pub(super) fn on(operation: &'a Operation, ground: &'a Ground<'a>) -> Self {
        let mut attempts = Self::none(operation, ground);
        let nothing = || if operation.is_open() { Due::Passed { good: false } } else { Due::Missing };
        let is_listed = ground.same_origin.contains(&operation.name);
        if operation.is_open() && (is_listed || operation.refuses_other_sites()) {
            attempts.try_one("no credential", Sent::default().header(SITE, "same-origin"), nothing());
            attempts.cross_site("a call", Sent::default());
        } else {
            attempts.try_one("no credential", Sent::default(), nothing());
        }
        if operation.is_public() {
            return attempts;
        }
        let unknown = Sent::default().header("authorization", "Portcullis x");
        let due = if attempts.heed_authorization() { Due::Missing } else { nothing() };
        attempts.try_one("a credential of an unknown scheme", unknown, due);
        let mut seen = BTreeSet::new();
        for way in operation.ways.iter().filter(|way| !way.is_empty()) {
            // Ways that differ only in their scopes are the same for invalid credentials.
            if seen.insert(way.keys().collect::<Vec<_>>()) {
                for name in way.keys() {
                    attempts.with_a_bad(way, name);
                }
            }
            for (name, needed) in way {
                attempts.with_few_scopes(way, name, needed);
            }
            if attempts.good_ones(way, None, None).is_some() {
                attempts.good.push(way);
            }
        }
        attempts.one_for_another();
        if !operation.is_open() {
            for (name, value) in SWITCHES {
                attempts.try_one(
                    &format!("`{name}: {value}`"),
                    Sent::default().header(name, value),
                    Due::Missing,
                );
            }
        }
        attempts
    }

    /// A call with a valid credential, created now, because earlier calls may have invalidated an older one.
    pub(super) fn good_now(
        operation: &'a Operation,
        ground: &'a Ground<'a>,
        way: &Requirement,
    ) -> Result<Attempt, Vec<String>> {
        let mut attempts = Self::none(operation, ground);
        let Some(sent) = attempts.good_ones(way, None, None) else { return Err(attempts.problems) };
        let names = way.keys().cloned().collect::<Vec<_>>().join("` and `");
        let what = attempts.of_scheme("a good credential", &names);
        Ok(Attempt { what, sent, due: Due::Passed { good: true }, twist: Twist::None })
    }

    /// Whether the operation's guards look at `Authorization` at all. A guard for a key in a place of its own ignores
    /// it.
    fn heed_authorization(&self) -> bool {
        let names = self.operation.ways.iter().flat_map(Requirement::keys);
        let mut schemes = names.filter_map(|name| self.ground.schemes.get(name));
        schemes.any(|scheme| scheme.is_authorization() || scheme.is_cookie())
    }

    fn try_one(&mut self, what: &str, sent: Sent, due: Due) {
        self.refused.push(Attempt { what: what.to_owned(), sent, due, twist: Twist::None });
    }

    fn scheme(&mut self, name: &str) -> Option<&'a Scheme> {
        let scheme = self.ground.schemes.get(name);
        if self.ground.certificates.contains(name) {
            self.not_tried.insert(format!("`{name}`: a certificate, which these requests do not have"));
        } else if scheme.is_none() {
            self.problems.push(format!(
                "the document does not describe the scheme `{name}`, or nothing here can use it"
            ));
        }
        scheme
    }

    /// A valid credential of one scheme with these scopes. If `exactly` is set, it must have no others.
    fn good_one(&mut self, name: &str, scopes: &BTreeSet<String>, exactly: bool) -> Option<String> {
        let Some(make) = self.ground.held.get(name).and_then(|held| held.good.as_ref()) else {
            self.problems.push(format!("no good credential: say `.good(\"{name}\", …)`"));
            return None;
        };
        let make = |scopes: &BTreeSet<String>| make(&scopes.iter().map(String::as_str).collect::<Vec<_>>());
        if exactly {
            return make(scopes);
        }
        let credential = make(scopes).or_else(|| make(self.ground.scopes.get(name)?));
        if credential.is_none() {
            self.problems.push(format!("`.good(\"{name}\", …)` makes none {}", with_scopes(scopes)));
        }
        credential
    }

    /// Valid credentials for all schemes of `way` except `but`; that of the scheme `exactly` has no extra scopes.
    fn good_ones(&mut self, way: &Requirement, but: Option<&str>, exactly: Option<&str>) -> Option<Sent> {
        let mut sent = Sent::default();
        let mut taken: BTreeMap<_, String> = BTreeMap::new();
        for (name, scopes) in way.iter().filter(|(name, _)| Some(name.as_str()) != but) {
            let scheme = self.scheme(name)?;
            let credential = self.good_one(name, scopes, exactly == Some(name))?;
            match taken.get(&scheme.place) {
                None => {
                    sent = sent.credential(scheme, &credential);
                    taken.insert(scheme.place.clone(), credential);
                }
                // Two verifiers may accept the same token.
                Some(known) if *known == credential => {}
                Some(_) => {
                    let names = way.keys().cloned().collect::<Vec<_>>().join("` and `");
                    self.problems
                        .push(format!("`{names}` are sent in one place, so that nobody can send both"));
                    return None;
                }
            }
        }
        Some(sent)
    }

    /// One scheme's credential is missing, invalid, malformed or duplicated; those of the others are valid.
    fn with_a_bad(&mut self, way: &Requirement, name: &str) {
        let Some(scheme) = self.scheme(name) else { return };
        let Some(others) = self.good_ones(way, Some(name), None) else { return };
        let rest: Requirement = way
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(name, scopes)| (name.clone(), scopes.clone()))
            .collect();
        if !rest.is_empty() && !self.operation.is_met_by(&rest) {
            self.try_one(&format!("all but the credential for `{name}`"), others.clone(), Due::Refused);
        }
        let has_good = self.ground.held.get(name).is_some_and(|held| held.good.is_some());
        let good = way.get(name).filter(|_| has_good).and_then(|scopes| self.good_one(name, scopes, false));
        for (what, credential) in self.bad(scheme, good.as_deref()) {
            let sent = others.clone().credential(scheme, &credential);
            self.try_one(&self.of_scheme(&what, name), sent, Due::Invalid(name.to_owned()));
        }
        if let Some(good) = good {
            self.odd(scheme, &good, &others);
            self.twice(scheme, &good, &others);
            // Another site may make safe requests, because it cannot read the response. It can read from a WebSocket
            // (RFC 6455 §10.2).
            let is_safe = matches!(self.operation.method, Method::GET | Method::HEAD | Method::OPTIONS);
            if scheme.is_cookie() && (!is_safe || self.operation.opens_socket()) {
                self.cross_site("a good cookie", others.credential(scheme, &good));
            }
        }
    }

    /// Names the scheme if the operation takes several.
    fn of_scheme(&self, what: &str, name: &str) -> String {
        let names: BTreeSet<_> = self.operation.ways.iter().flat_map(BTreeMap::keys).collect();
        if names.len() > 1 { format!("{what} (`{name}`)") } else { what.to_owned() }
    }

    fn bad(&mut self, scheme: &Scheme, good: Option<&str>) -> Vec<Bad> {
        let mut bad = forged::spoiled(scheme, good);
        let name = &scheme.name;
        let Some(held) = self.ground.held.get(name) else { return bad };
        bad.extend(held.bad.iter().cloned());
        let Some(good) = good.filter(|_| scheme.is_bearer()) else { return bad };
        let Some(token) = Token::read(good) else {
            if held.bad.is_empty() {
                self.not_tried
                    .insert(format!("`{name}`: an expired or revoked token; say `.bad(\"{name}\", …)`"));
            }
            return bad;
        };
        bad.extend(token.altered());
        match token.signed_by_another() {
            Some(signed) => bad.extend(signed),
            None => {
                self.not_tried
                    .insert(format!("`{name}`: another key, for want of one of the token's algorithm"));
            }
        }
        match &held.keys {
            Some(jwks) => bad.extend(token.keyed_with(jwks)),
            None => {
                self.not_tried.insert(format!(
                    "`{name}`: the public key as an HMAC's secret; say `.keys(\"{name}\", …)`"
                ));
            }
        }
        match &held.signed {
            Some(sign) => {
                bad.extend(
                    token.wrong_claims().into_iter().map(|(what, claims)| (what.to_owned(), sign(&claims))),
                );
            }
            None => {
                self.not_tried.insert(format!(
                    "`{name}`: expired and other wrong claims; say `.signed(\"{name}\", …)`"
                ));
            }
        }
        bad
    }

    /// A valid credential that is malformed or sent in the wrong place (RFC 9110 §11.6.2, RFC 9700 §4.3.2).
    fn odd(&mut self, scheme: &Scheme, good: &str, others: &Sent) {
        if !scheme.is_bearer() {
            return;
        }
        let is_asked = |word: &str| {
            let mut schemes = self.ground.schemes.values();
            schemes.any(|scheme| scheme.is_authorization() && scheme.asked().eq_ignore_ascii_case(word))
        };
        let words = ["Basic", "Token", "Digest"].into_iter().filter(|word| !is_asked(word));
        let mut forms: Vec<_> = words.map(|word| format!("{word} {good}")).collect();
        forms.extend([
            format!("Bearer  {good}"),
            format!("Bearer\t{good}"),
            format!("Bearer {good} x"),
            good.to_owned(),
        ]);
        for form in forms {
            let what = format!("`Authorization: {}`", form.replace(good, "…").replace('\t', "\\t"));
            self.try_one(&what, others.clone().header("authorization", &form), Due::Refused);
        }
        if !self.operation.is_open() {
            let sent = others.clone().query("access_token", good);
            self.try_one("a good token in the query", sent, Due::Refused);
        }
    }

    fn twice(&mut self, scheme: &Scheme, good: &str, others: &Sent) {
        let is_bearer = scheme.is_bearer();
        let one = others.clone().credential(scheme, good);
        let (same, other) =
            (one.clone().credential(scheme, good), one.clone().credential(scheme, "junk:junk"));
        let what = self.of_scheme("a good credential twice", &scheme.name);
        self.try_one(&what, same, Due::Ambiguous { is_bearer });
        let what = self.of_scheme("a good credential beside a bad one", &scheme.name);
        self.try_one(&what, other, Due::Ambiguous { is_bearer });
        if scheme.is_authorization() {
            let sent = one.header("authorization", "Portcullis x");
            self.try_one(
                "a good credential beside one of an unknown scheme",
                sent,
                Due::Ambiguous { is_bearer },
            );
        }
    }

    /// What a browser sends when another site's page makes the request (CSRF). An old browser does not name the site,
    /// nor does any on plain HTTP; a request that does not say which page it comes from may come from any.
    fn cross_site(&mut self, what: &str, mut sent: Sent) {
        sent.headers.retain(|(name, _)| name != SITE);
        let elsewhere = "https://evil.example";
        for (from, headers) in [
            ("from a page that is cross-site", &[(SITE, "cross-site"), ("origin", elsewhere)][..]),
            ("from a page that is same-site", &[(SITE, "same-site"), ("origin", elsewhere)]),
            ("from a page of another origin, by an old browser", &[("origin", elsewhere)]),
            ("from a page without an origin (`null`), by an old browser", &[("origin", "null")]),
            ("that nothing says the page of", &[]),
        ] {
            let sent = headers.iter().fold(sent.clone(), |sent, (name, value)| sent.header(name, value));
            self.try_one(&format!("{what} {from}"), sent, Due::CrossSite);
        }
    }

    /// All required scopes but one, plus every other scope except that one.
    fn with_few_scopes(&mut self, way: &Requirement, name: &str, needed: &BTreeSet<String>) {
        let Some(scheme) = self.scheme(name) else { return };
        let named = self.operation.scopes_of(name);
        let all = self.ground.scopes.get(name).unwrap_or(&named);
        let mut tried = BTreeSet::new();
        for scope in needed {
            let but = |set: &BTreeSet<String>| set.iter().filter(|other| *other != scope).cloned().collect();
            let sets: BTreeSet<BTreeSet<String>> =
                BTreeSet::from([but(needed), but(all), all.difference(&named).cloned().collect()]);
            let weaker = sets.into_iter().map(|held| {
                let mut weaker = way.clone();
                weaker.insert(name.to_owned(), held.clone());
                (held, weaker)
            });
            let weaker: Vec<_> = weaker.filter(|(_, weaker)| !self.operation.is_met_by(weaker)).collect();
            for (held, weaker) in &weaker {
                let Some(sent) = self.good_ones(weaker, None, Some(name)).filter(|_| !tried.contains(held))
                else {
                    continue;
                };
                tried.insert(held.clone());
                let what = format!("a credential {}", with_scopes(held));
                let (held, named) = (held.clone(), named.clone());
                let due = Due::Scope { is_bearer: scheme.is_bearer(), held, named };
                self.try_one(&self.of_scheme(&what, name), sent, due);
            }
            if !weaker.is_empty() && weaker.iter().all(|(held, _)| !tried.contains(held)) {
                let place = &self.operation.name;
                self.not_tried
                    .insert(format!("{place}: `{name}` without `{scope}`, which `.good` does not make"));
            }
        }
    }

    /// A valid credential of another kind does not make up for an invalid one.
    fn one_for_another(&mut self) {
        let single = |way: &'a Requirement| (way.len() == 1).then(|| way.iter().next())?;
        let ways: Vec<_> = self.operation.ways.iter().filter_map(single).collect();
        let mut seen = BTreeSet::new();
        for &(bad_name, _) in &ways {
            for &(good_name, scopes) in &ways {
                let (Some(bad), Some(good)) = (self.scheme(bad_name), self.scheme(good_name)) else {
                    continue;
                };
                let is_one_place =
                    bad.place == good.place || (bad.is_authorization() && good.is_authorization());
                // A cookie, which a browser adds by itself, does not count next to an `Authorization`.
                let is_unasked = bad.is_cookie() && good.is_authorization();
                if is_one_place || is_unasked || !seen.insert((bad_name, good_name)) {
                    continue;
                }
                let Some(credential) = self.good_one(good_name, scopes, false) else { continue };
                let sent = Sent::default().credential(bad, "junk:junk").credential(good, &credential);
                let what = format!("a bad credential (`{bad_name}`) beside a good one (`{good_name}`)");
                self.try_one(&what, sent, Due::NotMadeUp);
            }
        }
    }
}

fn with_scopes(scopes: &BTreeSet<String>) -> String {
    if scopes.is_empty() {
        return "without scopes".to_owned();
    }
    format!("with the scopes `{}` alone", scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
}
