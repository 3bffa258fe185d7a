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
//! | [`api`] | routes with more settings than their path, and the less common methods |
//! | [`guard`] | combinations of guards and scopes, and how a guard rejects |
//! | [`permission`] | permissions on rows and lists: what [`May`] and [`Seen`] ask your policy |
//! | [`step_up`] | recent and stronger logins (RFC 9470) |
//! | [`credential`] | how each credential is read and documented: schemes, cookie settings, API keys for customers |
//! | [`tokens`] | settings of [`AccessTokens`], custom claims |
//! | `issuer` | keys by discovery, and opaque tokens (feature `discovery`) |
//! | [`input`] | limits, files and errors of request input |
//! | [`describe`] | your own types in the document |
//! | [`webhooks`] | signed requests from others: Stripe, GitHub, Standard Webhooks |
//! | `testing` | an attack on your own application, for its tests (feature `testing`) |
//!
//! # Installation
//! ```sh
//! cargo add portcullis
//! cargo add axum --features macros
//! cargo add serde --features derive
//! cargo add schemars@1
//! cargo add tokio --features macros,net,rt-multi-thread # to serve it
//! ```
//!
//! # How mistakes are caught
//! | mistake | what happens |
//! |---|---|
//! | the guard is forgotten | the compiler says: "its first argument says who may call" |
//! | `Option<Guard<…>>` to swallow a rejection | does not compile in an [`Api`]; use [`Maybe`] instead |
//! | the verifier is missing from the state | does not compile; the compiler names the state |
//! | the verifier cannot reach its database or issuer | 503 and a log line, never anonymous access and never 401 |
//! | two schemes share a name but are described differently | [`Api::finish`] returns an error |
//! | a page of another site makes the browser send a cookie | [`SessionCookie`] rejects it: 403 |
//! | two credentials in one request, or a malformed one | one parser rejects both: 400 or 401 |
//! | a caller guesses the id of somebody else's row | [`May`] responds as if the row did not exist: 404, byte for byte |
//! | the document says one thing and the code another | cannot happen: both come from the same type |
//!
//! # What types cannot express
//! A field's doc comment becomes its description in the document, and `#[schemars(example = …)]` an example. A
//! function's doc comment is not part of its type. Use [`documented!`] to carry it over, or set the text on the
//! route.
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
//! - `aws-lc-rs` (default) or `rust-crypto`: the backend that checks signatures. If another crate enables the other
//!   one too, `aws-lc-rs` is used. `rust-crypto` brings no TLS: with `discovery`, also depend on `rustls` with a
//!   provider, and install it before the first `build()`, for example
//!   `rustls::crypto::ring::default_provider().install_default()`.
//! - `api-keys`: `ApiKeySecret`, which creates, stores and compares API keys for customers.
//! - `discovery`: `AccessTokens::discover` finds an issuer's keys and keeps them fresh; `Introspection` checks opaque
//!   tokens.
//! - `axum-full`: describes axum's `Json`, `Form`, `Query`, `Multipart` and web sockets (web sockets alone: `ws`).
//! - `axum-extra`: describes that crate's extractors and responses; `axum-extra-full` adds its keyed cookie jars (and
//!   their ciphers).
//! - `testing`: `testing::Attack`, which attacks your own application in one line of its tests.
//!
//! Features add names; none changes behaviour.
//!
//! These types of axum-extra are not described: `Protobuf`, whose messages have no JSON Schema; `Host` and `Scheme`,
//! which trust `X-Forwarded-…` from anyone and are gone in its next version; and typed paths, because [`Api`] holds
//! the path of a route. To use one anyway, wrap it in your own extractor and implement
//! [`Describe`](describe::Describe) for it.
//!
//! The minimum supported Rust version is `rust-version` in `Cargo.toml`. The test suite builds with it.
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
