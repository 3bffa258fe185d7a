//! An application whose calls invalidate the credentials that they are made with.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::extract::State;
use portcullis::testing::Attack;
use portcullis::{Api, Bearer, Granted, Guard, Verdict, Verify, VerifyFailed};

/// The valid tokens.
#[derive(Clone, Default)]
struct Living(Arc<Mutex<BTreeSet<String>>>);

impl Living {
    fn begin(&self) -> String {
        static MADE: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let token = format!("token-{}", MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.0.lock().unwrap().insert(token.clone());
        token
    }

    fn end_all(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Verify for Living {
    type Credential = Bearer;
    type Principal = ();
    const SCHEME: &'static str = "token";

    async fn verify(&self, bearer: &Bearer) -> Result<Verdict<()>, VerifyFailed> {
        let is_alive = self.0.lock().unwrap().contains(bearer.token());
        Ok(if is_alive { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

async fn end_all(_: Guard<Living>, State(living): State<Living>) {
    living.end_all();
}

async fn log_out(_: Guard<Living>, State(living): State<Living>) {
    living.end_all();
}

fn attack(living: &Living) -> Attack {
    let api = Api::new("Shop", "1").delete("/sessions", end_all).post("/logout", log_out);
    let (router, document) = api.finish().unwrap();
    Attack::on(router.with_state(living.clone()), document.value())
        .bad("token", "one that was ended", "token")
        .last(["POST /logout"])
}

#[tokio::test]
async fn a_good_credential_is_made_when_it_is_sent() {
    let living = Living::default();
    let maker = living.clone();
    attack(&living).good("token", move |_| maker.begin()).assert().await;
}

#[tokio::test]
async fn one_that_a_call_before_it_ended_is_found() {
    let living = Living::default();
    let token = living.begin();
    let findings = attack(&living).good("token", move |_| token.clone()).run().await.unwrap_err();
    let lines: Vec<_> = findings.lines().collect();
    assert!(
        lines.len() == 1 && lines[0].starts_with("POST /logout: a good credential was answered 401"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn one_that_is_made_once_and_not_again_is_found() {
    let living = Living::default();
    let (maker, made) = (living.clone(), Mutex::new(0));
    let findings = attack(&living)
        .good("token", move |_| {
            let mut made = made.lock().unwrap();
            *made += 1;
            // Enough for the calls that must be rejected, but not for the last one, which must pass.
            (*made <= 4).then(|| maker.begin())
        })
        .run()
        .await
        .unwrap_err();
    assert!(findings.to_string().contains("`.good(\"token\", …)` makes none"), "{findings}");
}
