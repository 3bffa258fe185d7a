//! Security for [axum] handlers: **one extractor parameter both enforces a scheme and documents it**.
//!
//! ```
//! use axum::extract::FromRef;
//! use portcullis::{AccessTokens, Api, Guard, Json, Path, Public, Scope};
//!
//! struct ProfileRead; // a scope is a type
//! impl Scope for ProfileRead {
//!     const NAME: &'static str = "profile:read";
//!     const DESCRIPTION: &'static str = "Read your profile";
//! }
//!
//! #[derive(serde::Serialize, schemars::JsonSchema)]
//! struct Profile { id: u32, subject: String }
//!
//! // The first argument says who may call. What it hands over is verified.
//! async fn read_profile(guard: Guard<AccessTokens, ProfileRead>, Path(id): Path<u32>) -> Json<Profile> {
//!     Json(Profile { id, subject: guard.principal().subject().to_owned() })
//! }
//!
//! async fn greet(_: Public) -> Json<&'static str> { Json("hello") }
//!
//! #[derive(Clone, FromRef)]
//! struct App { tokens: AccessTokens }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//! let tokens = AccessTokens::issued_by("https://accounts.example").audience("my-api").keys(jwks)?.build()?;
//! let api = Api::new("Shop", "1.0").get("/profile/{id}", read_profile).get("/", greet);
//! let (router, document) = api.finish()?; // a plain axum `Router` and the OpenAPI 3.1 document
//! let app: axum::Router = router.merge(document.routes()).with_state(App { tokens }); // and /docs
//! # Ok(()) }
//! ```
//!
//! **Start here**: with [Keycloak](learn::keycloak) or [Auth0](learn::auth0) in five steps ·
//! [into your axum application](learn::into_your_application), as a diff · [coming from FastAPI](learn::coming_from_fastapi) ·
//! [which credential to choose](learn::schemes) · [tokens of any issuer](learn::issuers) · [MCP servers](learn::mcp) ·
//! [permissions on rows](learn::permissions) · [recent logins](learn::step_up) ·
//! [every mistake and what happens](learn::mistakes). `examples/` has programs to run.
//!
//! | module | what is in it |
//! |---|---|
//! | here | what a first application uses |
//! | [`api`] | routes with more to say than their path, and the rarer methods |
//! | [`guard`] | combinations of guards and scopes, and how a guard refuses |
//! | [`permission`] | permissions on rows and lists: what [`May`] and [`Seen`] ask of your policy |
//! | [`step_up`] | recent and stronger logins (RFC 9470) |
//! | [`credential`] | how each credential is read and shown: schemes, cookies' settings, keys for customers |
//! | [`tokens`] | settings of [`AccessTokens`], claims of your own |
//! | `issuer` | keys by discovery and opaque tokens (feature `discovery`) |
//! | [`input`] | limits, files and errors of what comes in |
//! | [`describe`] | your own types in the document |
//! | [`webhooks`] | requests that others sign: Stripe, GitHub, Standard Webhooks |
//! | `testing` | an attack on your own application (feature `testing`) |
//!
//! # What it needs
//! ```sh
//! cargo add portcullis
//! cargo add axum --features macros
//! cargo add serde --features derive
//! cargo add schemars@1
//! cargo add tokio --features macros,net,rt-multi-thread # to serve it
//! ```
//!
//! # What happens to mistakes
//! | mistake | what happens |
//! |---|---|
//! | the guard is forgotten | the compiler says: "its first argument says who may call" |
//! | `Option<Guard<…>>` to swallow a rejection | does not compile in an [`Api`]; [`Maybe`] says what is meant |
//! | the verifier is missing from the state | does not compile; the compiler names the state |
//! | the verifier cannot reach its database or issuer | 503 and a log line; never anonymous, never 401 |
//! | two schemes of one name that are described differently | [`Api::finish`] returns an error |
//! | a cookie, and a page of another site that makes use of it | [`SessionCookie`] rejects it: 403 |
//! | two credentials at once, or one that is spelt oddly | one parser, which rejects them: 400 or 401 |
//! | a caller guesses the id of somebody else's row | [`May`] responds as if there were none: 404, byte by byte |
//! | the document says one thing, the code another | there is one thing: the type |
//!
//! # What types cannot say
//! A field's doc comment is its description in the document, and `#[schemars(example = …)]` an example. A function's doc
//! comment is no part of its type: [`documented!`] brings it along, or the route says it.
//!
//! ```
//! use portcullis::{Api, Json, Public, api::get};
//!
//! async fn list_items(_: Public) -> Json<Vec<String>> { Json(Vec::new()) }
//!
//! let list = get("/items", list_items)
//!     .summary("What is sold") // without it: "List items"
//!     .description("**All** of it, in CommonMark.")
//!     .operation_id("items") // without it: `list_items`
//!     .tag("shop")
//!     .deprecated();
//! let (_, document) = Api::<()>::new("Shop", "1.0").route(list).finish()?;
//! let entry = &document.value()["paths"]["/items"]["get"];
//! assert_eq!((&entry["operationId"], &entry["summary"]), (&"items".into(), &"What is sold".into()));
//! assert_eq!((&entry["deprecated"], &entry["tags"][0]), (&true.into(), &"shop".into()));
//! # Ok::<(), portcullis::ApiError>(())
//! ```
//!
//! # Features
//! `aws-lc-rs` (default) or `rust-crypto` chooses the code that checks signatures; where both are on, because another
//! crate has its own choice, it is `aws-lc-rs`. `rust-crypto` brings no TLS: with
//! `discovery`, depend on `rustls` with a provider too, and install it before the first `build()`
//! (`rustls::crypto::ring::default_provider().install_default()`, say). `api-keys` adds
//! `ApiKeySecret`: making, storing and comparing keys for customers. `discovery` adds what asks an issuer over the
//! network: `AccessTokens::discover`, which finds the issuer's keys and keeps them fresh, and `Introspection` for opaque
//! tokens. `axum-full` describes axum's `Json`, `Form`, `Query`, `Multipart` and web sockets (these alone: `ws`),
//! `axum-extra` that crate's extractors and answers, `axum-extra-full` also its cookie jars with a key (and their
//! ciphers). `testing` adds `testing::Attack`, which walks your own
//! application as a stranger would, in one line of its tests. Features add names; none changes behaviour.
//!
//! Of axum-extra these do not describe themselves: `Protobuf`, whose messages have no JSON Schema; `Host` and `Scheme`,
//! which believe anybody's `X-Forwarded-…` and go with its next version; and typed paths, for the path of a route is in
//! [`Api`]. An application that has one nevertheless wraps it in an extractor of its own, with its own [`Describe`](describe::Describe).
//!
//! The oldest Rust that it is promised to build with is `rust-version` in `Cargo.toml`, and the test command checks it
//! with that one.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod answer;
pub mod api;
mod client_address;
pub mod credential;
mod denied;
pub mod describe;
mod docs;
pub mod guard;
pub mod input;
#[cfg(feature = "discovery")]
pub mod issuer;
#[cfg(any(doc, doctest))]
pub mod learn;
pub mod permission;
mod protected_resource;
mod schema;
mod scope;
pub mod step_up;
mod strict_json;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg_attr(not(feature = "discovery"), expect(dead_code, reason = "what only `issuer` calls"))]
pub mod tokens;
mod verify;
pub mod webhooks;

#[doc(inline)]
pub use self::{
    answer::{Answer, Created, NoContent},
    api::{Api, ApiError, Document},
    client_address::client_address,
    credential::{ApiKey, Basic, Bearer, SessionCookie},
    denied::Problem,
    guard::{Either, Guard, Maybe, Public},
    input::{Form, InvalidInput, Json, Multipart, Path, Query},
    permission::{May, Seen},
    scope::{Granted, Scope},
    tokens::{AccessToken, AccessTokens},
    verify::{Verdict, Verify, VerifyFailed},
};
#[doc(hidden)]
pub use describe::{__answers, DocComment};
