//! An attack on your own application, in one line of its tests (feature `testing`).
//!
//! [`Attack`] calls every operation of the document as a stranger would: without a credential; with junk, forged,
//! expired and duplicate credentials; and with one scope missing. It checks the documented status, body and challenge,
//! and that exactly the operations you listed are open to strangers. If a permission is required on a row, it also
//! calls as other accounts and checks that they learn nothing about the row.

mod attacker;
mod attempt;
mod challenge;
mod documented;
mod findings;
mod forged;
mod issuer;
mod judge;
mod public_key;
mod sample;
mod scheme;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use axum::Router;
use http::Method;
use serde_json::Value;

use self::{attempt::Ground, scheme::Scheme, walk::Walk};
pub use self::{
    findings::{Findings, Report},
    issuer::{Issuer, issuer},
    sample::Sample,
};

/// An attack on a router, driven by its own document.
///
/// It calls every operation, finally with a valid credential too, so that a guard that rejects everyone does not pass.
/// Give it an application and a database of its own. It makes about 60 to 120 calls per guarded operation, so lift rate
/// limits.
///
/// ```
/// use portcullis::{Api, Bearer, Granted, Guard, Json, Public, Scope, Verdict, Verify, VerifyFailed};
/// use portcullis::testing::Attack;
/// # struct Read;
/// # impl Scope for Read { const NAME: &'static str = "read"; const DESCRIPTION: &'static str = "Look"; }
/// # #[derive(Clone)]
/// # struct Tokens;
/// # impl Verify for Tokens {
/// #     type Credential = Bearer;
/// #     type Principal = ();
/// #     const SCHEME: &'static str = "token";
/// #     async fn verify(&self, bearer: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
/// #         Ok(match bearer.token() {
/// #             "3f9a" => Verdict::Accepted((), Granted::none()),
/// #             "b07c" => Verdict::Accepted((), Granted::parse("read")),
/// #             _ => Verdict::Refused,
/// #         })
/// #     }
/// # }
///
/// async fn read_item(_: Guard<Tokens, Read>) -> Json<&'static str> { Json("tea") }
/// async fn health(_: Public) -> Json<&'static str> { Json("alive") }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let (router, document) = Api::new("Shop", "1").get("/item", read_item).get("/health", health).finish()?;
/// let router = router.with_state(Tokens);
///
/// Attack::on(router, document.value())
///     .public(["GET /health"])
///     .good("token", |scopes| if scopes.contains(&"read") { "b07c".to_owned() } else { "3f9a".to_owned() })
///     .bad("token", "a token of an ended session", "77e0")
///     .assert()
///     .await;
/// # Ok::<(), portcullis::ApiError>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is checked
/// | sent | expected response |
/// |---|---|
/// | no credential, or one of an unknown scheme | 401, each scheme's challenge, no `error` |
/// | the same with `X-HTTP-Method-Override`, `X-Original-URL`, `X-Rewrite-URL`, `X-Forwarded-For: 127.0.0.1`, `X-Real-IP`, `X-Forwarded-Host` or `Forwarded` | the same |
/// | `HEAD` for each `GET`; the path as `p/`, `//p`, in upper case, with a letter percent-encoded | no success: 401, 404, 405 or a redirect |
/// | junk; a valid one with a letter added, removed or changed (the last or a middle one), or with its case swapped; a token with an extra `=` | 401 and the scheme's challenge; for bearer tokens with `error="invalid_token"` |
/// | a valid token after another scheme's name, two spaces, a tab or nothing; in the query | 401 with a challenge |
/// | for signed tokens: `alg: none`, a changed header or claim, another key, a key in the header | the same |
/// | with [`keys`](Self::keys): an HMAC with the public key as its secret, in each encoding | the same |
/// | with [`signed`](Self::signed): expired, not yet valid, another issuer or audience | the same |
/// | what you pass to [`bad`](Self::bad): revoked, expired, another customer's | the same |
/// | two credentials | 400 |
/// | an invalid one of one kind next to a valid one of another | 400 or 401 |
/// | a valid one without one of the scopes | 403, `error="insufficient_scope"` and the scope |
/// | a cookie from another site's page, for unsafe methods and WebSocket handshakes; with `Sec-Fetch-Site`, and with `Origin` or nothing, as from old browsers | 403 |
/// | the same without a cookie, if a `SameOrigin` or [`same_origin`](Self::same_origin) demands it | 403 |
/// | a valid one | anything but 401, 403 and 5xx; for a row ([`May`](crate::May)) not 404 either |
/// | if a recent or stronger login is required ([`StepUp`](crate::step_up::StepUp)), a valid one of another login: [`stale`](Self::stale) | 401; for bearer tokens with `error="insufficient_user_authentication"` |
/// | for a row, one of an account without grants: [`outsider`](Self::outsider) | 404, with the same headers and bytes as for a row that does not exist |
/// | for a row, one of an account with another permission on it: [`holder`](Self::holder) | 403 without a challenge, and a body that names the permission |
/// | for a row that does not exist, a valid one | 404, with the same headers and bytes |
/// | nothing, where anyone may call (`Public`, `Maybe`) | not rejected; for `Maybe`, an invalid one is |
///
/// Every response must have a documented status, with the content type and JSON body documented for it. Challenges must
/// match the documented ones, if the document lists them as ours do: between backticks in the header's description. A
/// response must begin within 30 seconds, and a documented body must end within three; other bodies are not read. A
/// route that is in the document but not in the router is reported.
///
/// # What is not checked
/// - **A route that is in the router but not in the document**, or an undocumented method of a documented path: a
///   router does not list its routes. Declare every route with [`Api`](crate::Api).
/// - A guard that your code switches off under some condition: a query parameter such as `?debug`, a cookie besides the
///   credential, an `Accept` header or a content type, or a header not listed above.
/// - A guard that lets one id or one tenant pass: only one value of each parameter is sent.
/// - **The content of a list** ([`Seen`](crate::Seen)), and a row whose id is in the body: no document says which rows
///   a response may show. Compare the lists of two accounts in a test of your own.
/// - Other spellings of a path, if unknown paths succeed as well (a fallback page, a wildcard route).
/// - What a valid credential may do to the data of others. Pass other people's credentials to [`bad`](Self::bad) where
///   they must be rejected.
///
/// Any OpenAPI 3.1 document works. If requests need anything else, such as the caller's address, add it with a layer:
/// `router.layer(axum::Extension(ConnectInfo(address)))`. It needs a Tokio runtime with its timer enabled, such as
/// `#[tokio::test]`; a handler that calls `block_in_place` needs `flavor = "multi_thread"`.
pub struct Attack {
    router: Router,
    document: Value,
    held: BTreeMap<String, Held>,
    public: BTreeSet<String>,
    optional: BTreeSet<String>,
    same_origin: BTreeSet<String>,
    last: BTreeSet<String>,
    not_trying: BTreeSet<String>,
    samples: BTreeMap<String, Sample>,
    /// By operation and parameter name.
    parameters: BTreeMap<(String, String), String>,
    /// By object.
    missing: BTreeMap<String, String>,
}

type Make = Box<dyn Fn(&[&str]) -> Option<String> + Send + Sync>;
type Sign = Box<dyn Fn(&Value) -> String + Send + Sync>;

/// What the test provides about the credentials of one scheme.
#[derive(Default)]
struct Held {
    good: Option<Make>,
    signed: Option<Sign>,
    keys: Option<String>,
    bad: Vec<(String, String)>,
    outsider: Option<Make>,
    stale: Option<Make>,
    /// Each with the permissions that it has on the rows.
    holders: Vec<(BTreeSet<String>, Make)>,
}

impl Attack {
    /// An attack on `router` by its OpenAPI document: [`Document::value`](crate::Document::value).
    #[must_use]
    pub fn on(router: Router, document: &Value) -> Self {
        Self {
            router,
            document: document.clone(),
            held: BTreeMap::new(),
            public: BTreeSet::new(),
            optional: BTreeSet::new(),
            same_origin: BTreeSet::new(),
            last: BTreeSet::new(),
            not_trying: BTreeSet::new(),
            samples: BTreeMap::new(),
            parameters: BTreeMap::new(),
            missing: BTreeMap::new(),
        }
    }

    /// The operations that anyone may call, such as `GET /health`. It is a hole if a public operation is not listed, or
    /// a listed one is not public. Opening a route then always means editing the test, too.
    #[must_use]
    pub fn public<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.public.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// The operations that let strangers in as well as authenticated callers, as a [`Maybe`](crate::Maybe) does, such
    /// as `GET /articles`. It is a hole if such an operation is not listed, or a listed one is not optional.
    #[must_use]
    pub fn optional<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.optional.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// The operations without a guard that must reject requests from another site's page, such as a login that sets a
    /// cookie: `POST /login`. An operation that takes a [`SameOrigin`](crate::credential::SameOrigin) says so in the
    /// document and is tested anyway; if it is listed here, it is tested even after someone removes that.
    #[must_use]
    pub fn same_origin<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.same_origin.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// Creates a valid credential of a scheme with exactly the given scopes: the token or the key itself, or
    /// `user:password` for Basic. The document says where it is sent. Each call may create a new one, and should if
    /// some operation invalidates earlier ones, such as "log out everywhere". If two schemes are sent in the same
    /// place, both must return the same credential.
    ///
    /// Return `None` if there is none with exactly these scopes. If more scopes are fine, all scopes of the scheme are
    /// then requested.
    #[must_use]
    pub fn good<R: Into<Option<String>>>(
        mut self,
        scheme: &str,
        make: impl Fn(&[&str]) -> R + Send + Sync + 'static,
    ) -> Self {
        self.held_of(scheme).good = Some(Box::new(move |scopes| make(scopes).into()));
        self
    }

    /// Signs claims with your issuer's key (RFC 7519). It gets the claims of a valid token with one of them made wrong:
    /// expired, another issuer, another audience.
    #[must_use]
    pub fn signed(mut self, scheme: &str, sign: impl Fn(&Value) -> String + Send + Sync + 'static) -> Self {
        self.held_of(scheme).signed = Some(Box::new(sign));
        self
    }

    /// The issuer's public keys, a JWK Set (RFC 7517 §5), to try as HMAC secrets (RFC 8725 §2.1).
    #[must_use]
    pub fn keys(mut self, scheme: &str, jwks: &str) -> Self {
        self.held_of(scheme).keys = Some(jwks.to_owned());
        self
    }

    /// A credential that must be rejected, and its name in findings, such as `"a token of a revoked session"`.
    #[must_use]
    pub fn bad(mut self, scheme: &str, name: &str, credential: &str) -> Self {
        self.held_of(scheme).bad.push((name.to_owned(), credential.to_owned()));
        self
    }

    /// Like [`good`](Self::good), for a second account without any grants: it may not see the rows that the attack
    /// requests. Each operation with a [`May`](crate::May) must respond with the 404 of a row that does not exist, byte
    /// for byte.
    ///
    /// ```
    /// use portcullis::{
    ///     Api, Bearer, Granted, Json, May, Verdict, Verify, VerifyFailed,
    ///     permission::{Decide, Decision, Object, Undecided},
    ///     permissions,
    ///     testing::Attack,
    /// };
    ///
    /// # #[derive(Clone)]
    /// # struct Tokens;
    /// # impl Verify for Tokens {
    /// #     type Credential = Bearer;
    /// #     type Principal = String;
    /// #     const SCHEME: &'static str = "token";
    /// #     async fn verify(&self, bearer: &Bearer) -> Result<Verdict<String>, VerifyFailed> {
    /// #         let (name, scopes) = bearer.token().split_once('.').unwrap_or_default();
    /// #         let known = ["ada", "bob", "eve"].contains(&name);
    /// #         if !known || !scopes.split('.').all(|scope| ["", "read", "write"].contains(&scope)) {
    /// #             return Ok(Verdict::Refused)
    /// #         }
    /// #         Ok(Verdict::Accepted(name.to_owned(), Granted::parse(&scopes.replace('.', " "))))
    /// #     }
    /// # }
    /// # #[derive(Clone)]
    /// # struct Documents;
    /// # #[derive(serde::Serialize, schemars::JsonSchema)]
    /// # struct Document { id: u64 }
    /// # impl Object for Document { const NAME: &'static str = "document"; type Id = u64; type Policy = Documents; }
    /// # #[derive(Clone, axum::extract::FromRef)]
    /// # struct App { tokens: Tokens, documents: Documents }
    /// permissions! {
    ///     on Document {
    ///         ReadDocument "read" "Read a document";
    ///         WriteDocument "write" "Change a document";
    ///     }
    /// }
    ///
    /// impl Decide<ReadDocument, String> for Documents {
    ///     async fn decide(self, caller: &String, id: &u64) -> Result<Decision<Document>, Undecided> {
    ///         Ok(match (id, caller.as_str()) {
    ///             (1, "ada" | "bob") => Decision::Allow(Document { id: 1 }),
    ///             _ => Decision::Hide,
    ///         })
    ///     }
    /// }
    ///
    /// impl Decide<WriteDocument, String> for Documents {
    ///     async fn decide(self, caller: &String, id: &u64) -> Result<Decision<Document>, Undecided> {
    ///         Ok(match (id, caller.as_str()) {
    ///             (1, "ada") => Decision::Allow(Document { id: 1 }),
    ///             (1, "bob") => Decision::Refuse,
    ///             _ => Decision::Hide,
    ///         })
    ///     }
    /// }
    ///
    /// async fn read_document(may: May<Tokens, ReadDocument>) -> Json<Document> { Json(may.into_object()) }
    /// async fn touch_document(may: May<Tokens, WriteDocument>) -> Json<Document> { Json(may.into_object()) }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let api = Api::new("Documents", "1");
    /// let (router, document) =
    ///     api.get("/documents/{id}", read_document).put("/documents/{id}", touch_document).finish()?;
    /// let router = router.with_state(App { tokens: Tokens, documents: Documents });
    /// let token_of = |name: &'static str| move |scopes: &[&str]| format!("{name}.{}", scopes.join("."));
    ///
    /// Attack::on(router, document.value())
    ///     .good("token", token_of("ada")) // the owner of document 1
    ///     .outsider("token", token_of("eve"))
    ///     .holder("token", ["read"], token_of("bob"))
    ///     .bad("token", "a token of a deleted account", "zoe.read.write")
    ///     .assert()
    ///     .await;
    /// # Ok::<(), portcullis::ApiError>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn outsider<R: Into<Option<String>>>(
        mut self,
        scheme: &str,
        make: impl Fn(&[&str]) -> R + Send + Sync + 'static,
    ) -> Self {
        self.held_of(scheme).outsider = Some(Box::new(move |scopes| make(scopes).into()));
        self
    }

    /// Like [`outsider`](Self::outsider), for an account with exactly these permissions on the rows that the attack
    /// requests. An operation that requires another permission on the same object must respond with 403 and name that
    /// permission; one that reads must let it in.
    #[must_use]
    pub fn holder<'p, R: Into<Option<String>>>(
        mut self,
        scheme: &str,
        permissions: impl IntoIterator<Item = &'p str>,
        make: impl Fn(&[&str]) -> R + Send + Sync + 'static,
    ) -> Self {
        let permissions = permissions.into_iter().map(str::to_owned).collect();
        self.held_of(scheme).holders.push((permissions, Box::new(move |scopes| make(scopes).into())));
        self
    }

    /// Like [`good`](Self::good), for a login that is too old or too weak for the operations with a
    /// [`StepUp`](crate::step_up::StepUp). The credentials of [`good`](Self::good) must have a sufficient login.
    #[must_use]
    pub fn stale<R: Into<Option<String>>>(
        mut self,
        scheme: &str,
        make: impl Fn(&[&str]) -> R + Send + Sync + 'static,
    ) -> Self {
        self.held_of(scheme).stale = Some(Box::new(move |scopes| make(scopes).into()));
        self
    }

    /// The id of an object that does not exist, by the object's name. Defaults to the greatest number of the
    /// parameter's format, or an unlikely UUID or text.
    #[must_use]
    pub fn missing(mut self, object: &str, id: &str) -> Self {
        self.missing.insert(object.to_owned(), id.to_owned());
        self
    }

    /// The body for an operation. Defaults to the document's example, or a minimal value of its schema. A body that is
    /// invalid does not weaken the attack, because guards run before the body is read; but the handler only runs if it
    /// is valid.
    #[must_use]
    pub fn sample(mut self, operation: &str, body: impl Into<Sample>) -> Self {
        self.samples.insert(operation.to_owned(), body.into());
        self
    }

    /// The value of a path, query or header parameter. Defaults to the document's example, or a minimal value of its
    /// schema.
    #[must_use]
    pub fn parameter(mut self, operation: &str, name: &str, value: &str) -> Self {
        self.parameters.insert((operation.to_owned(), name.to_owned()), value.to_owned());
        self
    }

    /// Operations to call last, because they invalidate the credential, such as a logout.
    #[must_use]
    pub fn last<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.last.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// What [`assert`](Self::assert) may skip: sentences of [`Report::not_tried`], word for word. For example, if a
    /// scheme has no scopes, or the issuer is not available to sign an expired token.
    #[must_use]
    pub fn not_trying<'s>(mut self, sentences: impl IntoIterator<Item = &'s str>) -> Self {
        self.not_trying.extend(sentences.into_iter().map(str::to_owned));
        self
    }

    fn held_of(&mut self, scheme: &str) -> &mut Held {
        self.held.entry(scheme.to_owned()).or_default()
    }

    /// Runs the attack, and panics with every hole. It also panics for anything it could not try because the test did
    /// not provide it, unless [`not_trying`](Self::not_trying) lists it.
    ///
    /// # Panics
    /// If there is a hole, or something could not be tried.
    pub async fn assert(self) -> Report {
        let excused = self.not_trying.clone();
        match self.run().await.and_then(|report| report.having_tried_all_but(&excused)) {
            Ok(report) => report,
            #[expect(clippy::panic, reason = "this is how a test fails")]
            Err(findings) => panic!("{findings}"),
        }
    }

    /// Runs the attack.
    ///
    /// # Errors
    /// [`Findings`] with every hole, and with everything that prevents a complete attack: a guarded operation without a
    /// [`good`](Self::good) credential, or a named operation or scheme that is not in the document.
    pub async fn run(self) -> Result<Report, Findings> {
        let operations = documented::operations(&self.document);
        let schemes = self.document.pointer("/components/securitySchemes");
        let schemes = documented::members(schemes).filter_map(|(name, entry)| {
            let entry = documented::resolved(&self.document, entry);
            Some((name.clone(), Scheme::read(name, entry)?))
        });
        let mut scopes: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (scheme, named) in operations.iter().flat_map(|operation| &operation.ways).flatten() {
            scopes.entry(scheme.clone()).or_default().extend(named.iter().cloned());
        }
        let entries = documented::members(self.document.pointer("/components/securitySchemes"));
        let certificates = entries
            .filter(|(_, entry)| documented::resolved(&self.document, entry)["type"] == "mutualTLS")
            .map(|(name, _)| name.clone());
        let ground = Ground {
            schemes: schemes.collect(),
            certificates: certificates.collect(),
            held: &self.held,
            scopes,
            same_origin: &self.same_origin,
        };

        let mut walk = Walk::new(&self, &ground);
        walk.check_names(&operations);
        let mut good = Vec::new();
        for operation in &operations {
            let ways = walk.be_refused(operation, &ground).await;
            if !ways.is_empty() {
                walk.come_with_stale_logins(operation, &ground).await;
                walk.ask_for_rows(operation, &operations, &ground).await;
            }
            good.extend(ways.into_iter().map(|way| (operation, way)));
        }
        // Reads come before deletes, and operations that invalidate the credential come last.
        let rank = |method: &Method| match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => 0,
            Method::DELETE => 2,
            _ => 1,
        };
        good.sort_by_key(|(operation, _)| (self.last.contains(&operation.name), rank(&operation.method)));
        for (operation, way) in good {
            walk.pass(operation, &ground, way).await;
        }
        walk.report(operations.len())
    }
}

impl fmt::Debug for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schemes = self.held.keys().collect::<Vec<_>>();
        f.debug_struct("Attack")
            .field("public", &self.public)
            .field("optional", &self.optional)
            .field("good", &schemes)
            .finish_non_exhaustive()
    }
}
