//! The attack on your own application, in one line of its tests (feature `testing`).
//!
//! [`Attack`] walks every operation of the document as a stranger would: without a credential, with junk, with
//! forged, expired and doubled ones, with a scope too few. It demands the documented status, body and challenge, and
//! that the operations which let strangers in are those that you listed. Where a permission is asked of a row, it comes
//! as other accounts too, and demands that they learn nothing of the row.

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

/// An attack on a router by its own document.
///
/// It calls every operation, at the end with a good credential too, so that a guard which refuses everybody does not
/// pass: give it an application of its own, with a database of its own. It makes some sixty to a hundred and twenty calls
/// for each guarded operation; lift limits on how often one may call.
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
/// # What is demanded
/// | sent | answer |
/// |---|---|
/// | no credential, or one of an unknown scheme | 401, each scheme's challenge, no `error` |
/// | the same with `X-HTTP-Method-Override`, `X-Original-URL`, `X-Rewrite-URL`, `X-Forwarded-For: 127.0.0.1`, `X-Real-IP`, `X-Forwarded-Host` or `Forwarded` | the same |
/// | `HEAD` for each `GET`; the path as `p/`, `//p`, in upper case, with a letter percent-encoded | no success; 401, 404, 405 or a redirect |
/// | junk, a good one with a letter more or less, with its last letter or one in the middle changed, in the other case; a token with `=` more | 401 and the scheme's challenge; for bearer tokens with `error="invalid_token"` |
/// | a good token after another scheme's word, two spaces, a tab or nothing; in the query | 401 with a challenge |
/// | for signed tokens: `alg: none`, an altered header or claim, another key, a key in the header | the same |
/// | with [`keys`](Self::keys): an HMAC with the public key as its secret, in each form | the same |
/// | with [`signed`](Self::signed): expired, not yet valid, another issuer or audience | the same |
/// | what you give to [`bad`](Self::bad): revoked, ended, another customer's | the same |
/// | two at once | 400 |
/// | a bad one of one kind beside a good one of another | 400 or 401 |
/// | a good one without one of the scopes | 403, `error="insufficient_scope"` and the scope |
/// | a cookie from another site's page, where something may change or a WebSocket opens; with `Sec-Fetch-Site`, and with `Origin` or nothing, as old browsers do | 403 |
/// | the same without a cookie, where a `SameOrigin` or [`same_origin`](Self::same_origin) says so | 403 |
/// | a good one | anything but 401, 403 and 5xx; for a row ([`May`](crate::May)) anything but 404 too |
/// | where a recent or stronger login is demanded ([`StepUp`](crate::step_up::StepUp)), a good one of another login: [`stale`](Self::stale) | 401; for bearer tokens with `error="insufficient_user_authentication"` |
/// | for a row, one of an account without grants: [`outsider`](Self::outsider) | 404, with the very headers and bytes of a row that does not exist |
/// | for a row, one of an account with another permission on it: [`holder`](Self::holder) | 403 without a challenge, and its body names the permission |
/// | for a row that does not exist, a good one | 404, with the same headers and bytes |
/// | nothing, where anyone may call (`Public`, `Maybe`) | not refused; but a bad one is, for `Maybe` |
///
/// And of every answer: its status is documented, and its content type and its JSON body are those of that status. So are
/// its challenges, where the document lists them as ours do: what stands between backticks in the header's description.
/// A body that the document knows ends within three seconds, and an answer begins within thirty; other bodies are not
/// waited for. A route that is in the document and not in the router is found.
///
/// # What cannot be seen
/// - **A route that is in the router and not in the document**, or a method of a documented path that is not: no router
///   tells its routes. Declare every route with [`Api`](crate::Api).
/// - A guard that something of your own switches off: a parameter of the query such as `?debug`, a cookie beside the
///   credential, an `Accept` or a content type, a header of another name than those above.
/// - A guard that lets one id or one tenant pass: one value of each parameter is sent.
/// - **What a list holds** ([`Seen`](crate::Seen)), and a row whose id is in the body: which rows an answer may show, no
///   document says. Compare the list of two accounts in a test of your own.
/// - Twins of a path where paths that nobody has are answered with a success as well (a page for all of them, a route of
///   wildcards).
/// - What a good credential may do to the data of others: give credentials of others to [`bad`](Self::bad) where they must
///   not be taken.
///
/// Any OpenAPI 3.1 document will do. What a request needs besides, an address of the caller's say, a layer adds:
/// `router.layer(axum::Extension(ConnectInfo(address)))`. It needs a runtime of Tokio's with its timer, as
/// `#[tokio::test]` has; a handler that says `block_in_place` wants one with `flavor = "multi_thread"`.
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
    /// By operation and name.
    parameters: BTreeMap<(String, String), String>,
    /// By object.
    missing: BTreeMap<String, String>,
}

type Make = Box<dyn Fn(&[&str]) -> Option<String> + Send + Sync>;
type Sign = Box<dyn Fn(&Value) -> String + Send + Sync>;

/// What the test knows about the credentials of one scheme.
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

    /// The operations that anyone may call, such as `GET /health`. One that is public and not listed is a hole, and so
    /// is one that is listed and not public: opening a route is a decision that is taken here too.
    #[must_use]
    pub fn public<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.public.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// The operations that let strangers in beside those with a credential, as a [`Maybe`](crate::Maybe) does, such as
    /// `GET /articles`. One that does and is not listed is a hole, and so is one that is listed and does not: a guard is
    /// opened to strangers here too.
    #[must_use]
    pub fn optional<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.optional.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// The operations without a guard that must refuse what a page of another site sends, such as a log-in that hands out
    /// a cookie: `POST /login`. One that takes a [`SameOrigin`](crate::credential::SameOrigin) says so in the document and is tried
    /// anyway; listed here, it is also tried once that was taken away.
    #[must_use]
    pub fn same_origin<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.same_origin.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// How a good credential of a scheme is made that carries exactly the given scopes: the token or the key as it
    /// is, and `user:password` for Basic. The document says where it is sent. Each call may make a new one, and should
    /// where calls end what the last one made, as a log-out of everywhere does. Not so where two schemes are sent in one
    /// place: there both must give the same.
    ///
    /// `None` says that there is none with exactly these; where more would do, all of the scheme's are asked for then.
    #[must_use]
    pub fn good<R: Into<Option<String>>>(
        mut self,
        scheme: &str,
        make: impl Fn(&[&str]) -> R + Send + Sync + 'static,
    ) -> Self {
        self.held_of(scheme).good = Some(Box::new(move |scopes| make(scopes).into()));
        self
    }

    /// How claims become a token that the application's issuer signed (RFC 7519). It is given those of a good token
    /// with one of them wrong: expired, of another issuer, for another audience.
    #[must_use]
    pub fn signed(mut self, scheme: &str, sign: impl Fn(&Value) -> String + Send + Sync + 'static) -> Self {
        self.held_of(scheme).signed = Some(Box::new(sign));
        self
    }

    /// The issuer's public keys, a JWK Set (RFC 7517 §5), to be tried as secrets of an HMAC (RFC 8725 §2.1).
    #[must_use]
    pub fn keys(mut self, scheme: &str, jwks: &str) -> Self {
        self.held_of(scheme).keys = Some(jwks.to_owned());
        self
    }

    /// A credential that must be refused, and what a finding calls it: `"a token of an ended session"`.
    #[must_use]
    pub fn bad(mut self, scheme: &str, name: &str, credential: &str) -> Self {
        self.held_of(scheme).bad.push((name.to_owned(), credential.to_owned()));
        self
    }

    /// As [`good`](Self::good), for a second account, to which nobody has granted anything: it may not see the rows that
    /// the attack asks for. Each operation with a [`May`](crate::May) must answer it with the 404 of a row that does not
    /// exist, byte by byte.
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

    /// As [`outsider`](Self::outsider), for an account that has these permissions on the rows that the attack asks for, and
    /// no others. An operation that asks for another permission of the same object must answer it 403 and name that
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

    /// As [`good`](Self::good), for a login that is too old or too weak for the operations with a
    /// [`StepUp`](crate::step_up::StepUp). The credentials of [`good`](Self::good) are of a login that is enough.
    #[must_use]
    pub fn stale<R: Into<Option<String>>>(
        mut self,
        scheme: &str,
        make: impl Fn(&[&str]) -> R + Send + Sync + 'static,
    ) -> Self {
        self.held_of(scheme).stale = Some(Box::new(move |scopes| make(scopes).into()));
        self
    }

    /// The id of an object that does not exist, by the object's name. Without it: the greatest number that the parameter's
    /// format has, or a UUID or a text that nobody has.
    #[must_use]
    pub fn missing(mut self, object: &str, id: &str) -> Self {
        self.missing.insert(object.to_owned(), id.to_owned());
        self
    }

    /// The body to call an operation with. Without it: the document's example, or the least that its schema takes. A
    /// body that is not taken hides nothing from the attack, for a guard answers before a body is read; but a handler
    /// is only then seen at work when it is.
    #[must_use]
    pub fn sample(mut self, operation: &str, body: impl Into<Sample>) -> Self {
        self.samples.insert(operation.to_owned(), body.into());
        self
    }

    /// The value of a parameter in the path, the query or a header. Without it: the document's example, or the least
    /// that its schema takes.
    #[must_use]
    pub fn parameter(mut self, operation: &str, name: &str, value: &str) -> Self {
        self.parameters.insert((operation.to_owned(), name.to_owned()), value.to_owned());
        self
    }

    /// Operations to call after all others with a good credential, since it is worth nothing then: a log-out.
    #[must_use]
    pub fn last<'o>(mut self, operations: impl IntoIterator<Item = &'o str>) -> Self {
        self.last.extend(operations.into_iter().map(str::to_owned));
        self
    }

    /// What [`assert`](Self::assert) goes without: the sentences of [`Report::not_tried`], word for word. Where a scheme
    /// has no scopes to lack, say, or the issuer is not at hand to sign a token that has ended.
    #[must_use]
    pub fn not_trying<'s>(mut self, sentences: impl IntoIterator<Item = &'s str>) -> Self {
        self.not_trying.extend(sentences.into_iter().map(str::to_owned));
        self
    }

    fn held_of(&mut self, scheme: &str) -> &mut Held {
        self.held.entry(scheme.to_owned()).or_default()
    }

    /// Attacks, and panics with every hole. What could not be tried, for want of something that only the test knows, is
    /// one too, unless [`not_trying`](Self::not_trying) has it.
    ///
    /// # Panics
    /// If there is a hole, or something was not tried.
    pub async fn assert(self) -> Report {
        let excused = self.not_trying.clone();
        match self.run().await.and_then(|report| report.having_tried_all_but(&excused)) {
            Ok(report) => report,
            #[expect(clippy::panic, reason = "this is how a test fails")]
            Err(findings) => panic!("{findings}"),
        }
    }

    /// Attacks.
    ///
    /// # Errors
    /// [`Findings`] with every hole, and with whatever keeps the attack from being one: a guarded operation without
    /// a [`good`](Self::good) credential, an operation or a scheme that is named here and is not in the document.
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
        let (schemes, held, same_origin) = (schemes.collect(), &self.held, &self.same_origin);
        let ground = Ground { schemes, held, scopes, same_origin };

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
        // What reads comes before what deletes, and what ends the credential is last.
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
