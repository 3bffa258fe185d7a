//! A verifier of every scheme. They verify nothing, because only the document is tested.

use axum::extract::FromRef;
use portcullis::{
    ApiKey, Basic, Bearer, Granted, Scope, SessionCookie, Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, CookieSettings, SecurityScheme},
    describe::In,
    permission::{Decide, Decision, Object, Permission, Undecided},
    permissions,
};
use schemars::JsonSchema;
use serde::Serialize;

macro_rules! verifiers {
    ($($name:ident $credential:ty: $scheme:literal = $shown:expr;)*) => {$(
        #[derive(Clone)]
        pub(super) struct $name;

        impl Verify for $name {
            type Credential = $credential;
            type Principal = u64;
            const SCHEME: &'static str = $scheme;

            fn scheme() -> SecurityScheme {
                $shown
            }

            async fn verify(&self, _: &$credential) -> Result<Verdict<u64>, VerifyFailed> {
                Ok(Verdict::Accepted(1, Granted::none()))
            }
        }
    )*};
}
verifiers! {
    Users Bearer: "user" = SecurityScheme::oauth2_password("login").described("A person who *logged in*.");
    Visitors Bearer: "visitor" =
        SecurityScheme::oauth2_authorization_code("https://id.example/authorize", "https://id.example/token");
    Programs Bearer: "program" = SecurityScheme::oauth2_client_credentials("https://id.example/token");
    Partners Bearer: "partner" =
        SecurityScheme::open_id_connect("https://id.example/.well-known/openid-configuration");
    Robots Bearer: "robot" = SecurityScheme::bearer_format("opaque");
    Staff Basic: "staff" = SecurityScheme::basic();
    Keys ApiKey<HeaderKey>: "key" = SecurityScheme::api_key(In::Header, HeaderKey::NAME);
    QueryKeys ApiKey<QueryKey>: "query_key" = SecurityScheme::api_key(In::Query, QueryKey::NAME);
    CookieKeys ApiKey<CookieKey>: "cookie_key" = SecurityScheme::api_key(In::Cookie, CookieKey::NAME);
    Sessions SessionCookie<Session>: "session" = SecurityScheme::api_key(In::Cookie, Session::NAME);
}

macro_rules! places {
    ($($name:ident: $place:ident $text:literal;)*) => {$(
        pub(super) struct $name;

        impl ApiKeyPlace for $name {
            const IN: In = In::$place;
            const NAME: &'static str = $text;
        }
    )*};
}
places! {
    HeaderKey: Header "X-API-Key";
    QueryKey: Query "api_key";
    CookieKey: Cookie "__Host-key";
}

pub(super) struct Session;

impl CookieSettings for Session {
    const NAME: &'static str = "__Host-session";
}

macro_rules! scopes {
    ($($name:ident: $text:literal $description:literal;)*) => {$(
        pub(super) struct $name;

        impl Scope for $name {
            const NAME: &'static str = $text;
            const DESCRIPTION: &'static str = $description;
        }
    )*};
}
scopes! {
    Read: "orders:read" "Look at orders";
    Write: "orders:write" "Change orders";
    Admin: "admin" "Do anything";
}

#[derive(Clone, FromRef)]
pub(super) struct App {
    users: Users,
    visitors: Visitors,
    programs: Programs,
    partners: Partners,
    robots: Robots,
    staff: Staff,
    keys: Keys,
    query_keys: QueryKeys,
    cookie_keys: CookieKeys,
    sessions: Sessions,
    drafts: Drafts,
}

/// What permissions are asked of.
#[derive(Serialize, JsonSchema)]
pub(super) struct Draft {
    title: String,
}

impl Object for Draft {
    const NAME: &'static str = "draft";
    type Id = u64;
    type Policy = Drafts;
}

permissions! {
    on Draft {
        pub(super) ReadDraft "drafts:read" "Look at drafts";
        pub(super) WriteDraft "drafts:write" "Change drafts";
    }
}

#[derive(Clone)]
pub(super) struct Drafts;

impl<P: Permission<Object = Draft>> Decide<P, u64> for Drafts {
    async fn decide(self, _: &u64, _: &u64) -> Result<Decision<Draft>, Undecided> {
        Ok(Decision::Hide)
    }
}
