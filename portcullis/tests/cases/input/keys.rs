//! A query that carries a guard's key next to the handler's input.

use std::collections::BTreeMap;

use axum::{Router, extract::FromRef, routing::get as on_get};
use portcullis::{
    Api, ApiKey, Bearer, Document, Either, Granted, Guard, Json, Maybe, Public, Query, Verdict, Verify,
    VerifyFailed, credential::ApiKeyPlace, describe::In,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::get;

const GOOD: &str = "till-7f3a";

macro_rules! keys {
    ($($verifier:ident $place:ident $scheme:literal $name:literal),*) => {$(
        struct $place;
        impl ApiKeyPlace for $place {
            const IN: In = In::Query;
            const NAME: &'static str = $name;
        }

        #[derive(Clone)]
        struct $verifier;
        impl Verify for $verifier {
            type Credential = ApiKey<$place>;
            type Principal = ();
            const SCHEME: &'static str = $scheme;

            async fn verify(&self, key: &ApiKey<$place>) -> Result<Verdict<()>, VerifyFailed> {
                Ok(if key.key_is(GOOD) { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
            }
        }
    )*};
}
keys!(Keys Key "key" "key", Plus PlusKey "plus" "k+y", Others OthersKey "others" "others");

#[derive(Clone)]
struct Tokens;
impl Verify for Tokens {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "token";

    async fn verify(&self, token: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        Ok(if token.token() == GOOD { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

#[derive(Clone, FromRef)]
struct App {
    keys: Keys,
    plus: Plus,
    others: Others,
    tokens: Tokens,
}

const STATE: App = App { keys: Keys, plus: Plus, others: Others, tokens: Tokens };

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Page {
    limit: Option<u8>,
}

async fn list(_: Guard<Keys>, Query(page): Query<Page>) -> Json<Page> {
    Json(page)
}
async fn maybe(_: Maybe<Keys>, Query(page): Query<Page>) -> Json<Page> {
    Json(page)
}
async fn either(_: Guard<Either<Tokens, Keys>>, Query(page): Query<Page>) -> Json<Page> {
    Json(page)
}
async fn both(_: (Guard<Keys>, Guard<Plus>), Query(page): Query<Page>) -> Json<Page> {
    Json(page)
}
async fn public(_: Public, Query(page): Query<Page>) -> Json<Page> {
    Json(page)
}
async fn behind(_: Public, Query(page): Query<Page>) -> Json<Page> {
    Json(page)
}
async fn any(_: Guard<Keys>, Query(all): Query<BTreeMap<String, String>>) -> Json<BTreeMap<String, String>> {
    Json(all)
}

fn app() -> (Router, Document) {
    let open = Api::new("Shop", "1")
        .get("/list", list)
        .get("/maybe", maybe)
        .get("/either", either)
        .get("/both", both)
        .get("/public", public)
        .get("/any", any);
    let guarded = Api::new("", "").guard::<Guard<Keys>>().get("/behind", behind);
    let (router, document) = open.nest("", guarded).finish().unwrap();
    (router.with_state(STATE), document)
}

#[tokio::test]
async fn a_key_in_the_query_is_no_input() {
    let (app, _) = app();
    for path in ["/list", "/maybe", "/either", "/behind"] {
        for query in ["key=till-7f3a&limit=5", "limit=5&k%65y=till-7f3a", "&&limit=5&%6B%65%79=%74ill-7f3a&"]
        {
            let answer = get(&app, &format!("{path}?{query}")).await;
            assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"limit": 5})), "{path} {query}");
        }
        let answer = get(&app, &format!("{path}?key=till-7f3a&limit=x&till=1")).await;
        assert_eq!(
            answer.errors(),
            [
                "extra_forbidden query.till: Extra inputs are not permitted",
                "int_parsing query.limit: Input should be a valid integer, unable to parse string as an integer",
            ]
        );
        assert!(!answer.body.to_string().contains(GOOD));
        for twice in ["key=till-7f3a&key=till-7f3a", "key=till-7f3a&limit=5&k%65y=till-7f3a"] {
            assert_eq!(get(&app, &format!("{path}?{twice}")).await.status, 400, "{path} {twice}");
        }
        assert_eq!(get(&app, &format!("{path}?key=no&limit=5")).await.status, 401, "{path}");
    }
    assert_eq!(get(&app, "/maybe?limit=5").await.body, json!({"limit": 5}));
}

/// Another spelling of the name is the key wherever the guard accepts it as such, and only there.
#[tokio::test]
async fn both_readers_of_the_query_know_the_key_by_one_name() {
    let (app, _) = app();
    for name in ["k+y", "k%2By", "%6B%2b%79"] {
        let answer = get(&app, &format!("/both?key=till-7f3a&{name}=till-7f3a&limit=5")).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"limit": 5})), "{name}");
    }
    for name in ["KEY", "k%2565y", "key%00", "key[]", "k%20y"] {
        let answer = get(&app, &format!("/list?key=till-7f3a&{name}=1")).await;
        assert!(answer.errors()[0].starts_with("extra_forbidden"), "{name}");
    }
}

/// A key on one route is an unknown field on another.
#[tokio::test]
async fn only_what_a_guard_of_this_request_asked_for_is_left_out() {
    let (app, _) = app();
    let unknown = |name: &str| [format!("extra_forbidden query.{name}: Extra inputs are not permitted")];
    assert_eq!(get(&app, "/public?key=till-7f3a").await.errors(), unknown("key"));
    assert_eq!(get(&app, "/list?key=till-7f3a&k%2By=1").await.errors(), unknown("k+y"));
}

/// In a plain axum router nothing rejects such a type, and it still never receives the key.
#[tokio::test]
async fn no_input_holds_a_key() {
    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Own {
        key: Option<String>,
    }
    let answer = get(&app().0, "/any?a=1&key=till-7f3a").await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"a": "1"})));
    let handler = async |_: Guard<Keys>, Query(own): Query<Own>| Json(own);
    let plain: Router = Router::new().route("/", on_get(handler)).with_state(STATE);
    assert_eq!(get(&plain, "/?key=till-7f3a").await.body, json!({"key": null}));
}

/// A client that follows the document would send the parameter twice.
#[test]
fn a_field_named_like_the_key_is_refused() {
    #[derive(Deserialize, JsonSchema)]
    struct Own {
        #[expect(dead_code, reason = "only its schema matters")]
        key: Option<String>,
    }
    async fn own(_: Maybe<Keys>, _: Query<Own>) -> Json<()> {
        Json(())
    }
    async fn behind(_: Public, _: Query<Own>) -> Json<()> {
        Json(())
    }
    let guarded = Api::<App>::new("", "").guard::<Guard<Keys>>().get("/behind", behind);
    let told = Api::<App>::new("", "").get("/own", own).nest("", guarded).finish().unwrap_err().to_string();
    let why = "the query's parameter `key` is the key that a guard asks for: give the input another name";
    assert_eq!(told, format!("the API cannot be built:\n- get /behind: {why}\n- get /own: {why}"));
}

/// The document has the names of a map under one stand-in name, which is not one of them.
#[test]
fn the_stand_in_for_all_other_names_is_not_the_key() {
    async fn any(_: Guard<Others>, _: Query<BTreeMap<String, String>>) -> Json<()> {
        Json(())
    }
    let document = Api::<App>::new("", "").get("/", any).finish().unwrap().1;
    assert_eq!(document.value()["paths"]["/"]["get"]["parameters"][0]["name"], "others_");
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_attack_holds_such_a_route_to_its_document() {
    let guarded = Api::new("", "").guard::<Guard<Keys>>().get("/behind", behind);
    let api = Api::new("Shop", "1").get("/list", list).get("/either", either).get("/both", both);
    let api = api.get("/maybe", maybe).get("/any", any).nest("", guarded);
    let (router, document) = api.finish().unwrap();
    portcullis::testing::Attack::on(router.with_state(STATE), document.value())
        .optional(["GET /maybe"])
        .good("key", |_| GOOD.to_owned())
        .good("plus", |_| GOOD.to_owned())
        .good("token", |_| GOOD.to_owned())
        .not_trying(["`token`: an expired or revoked token; say `.bad(\"token\", …)`"])
        .assert()
        .await;
}
