//! API keys for customers, from minting to authentication.

use std::sync::Arc;

use axum::{Router, routing::get};
use http::Request;
use portcullis::{
    ApiKey, Granted, Guard, Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, ApiKeySecret, StoredApiKey},
    describe::In,
};

use super::send;

struct Header;
impl ApiKeyPlace for Header {
    const IN: In = In::Header;
    const NAME: &'static str = "X-API-Key";
}

/// A table of keys.
#[derive(Clone)]
struct Keys(Arc<Vec<StoredApiKey>>);

impl Verify for Keys {
    type Credential = ApiKey<Header>;
    type Principal = String;
    const SCHEME: &'static str = "key";

    async fn verify(&self, key: &ApiKey<Header>) -> Result<Verdict<String>, VerifyFailed> {
        let Some(presented) = ApiKeySecret::parse(key.key()) else { return Ok(Verdict::Refused) };
        let row = self.0.iter().find(|row| row.id == presented.id());
        Ok(match row.filter(|row| row.matches(&presented)) {
            Some(row) => Verdict::Accepted(row.id.clone(), Granted::none()),
            None => Verdict::Refused,
        })
    }
}

async fn who(guard: Guard<Keys>) -> String {
    guard.into_principal()
}

#[tokio::test]
async fn s01_what_the_database_holds_lets_nobody_in() {
    let (ana, bob) = (ApiKeySecret::mint("shop").unwrap(), ApiKeySecret::mint("shop").unwrap());
    let rows = vec![ana.stored(), bob.stored()];
    let app = Router::new().route("/", get(who)).with_state(Keys(Arc::new(rows)));
    let call = async |key: &str| send(&app, Request::get("/").header("x-api-key", key)).await;
    call(ana.text()).await.is_answer(ana.id(), "ana");
    call(bob.text()).await.is_answer(bob.id(), "bob");

    let digest = ana.stored().digest.map(|byte| format!("{byte:02x}")).concat();
    let never_stored = ApiKeySecret::mint("shop").unwrap();
    let under_anas_id = never_stored.text().replace(never_stored.id(), ana.id());
    let halves =
        |key: &ApiKeySecret| key.text().rsplit_once('_').map(|(_, secret)| secret.to_owned()).unwrap();
    let bobs_secret = format!("shop_{}_{}", ana.id(), halves(&bob));
    for key in [ana.id(), &digest, never_stored.text(), &under_anas_id, &bobs_secret] {
        assert_eq!(call(key).await.status, 401, "{key}");
    }
}
