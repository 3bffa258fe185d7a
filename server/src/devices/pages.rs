//! The page of one's sessions, and the log-out.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    access::SessionId,
    app::App,
    caller::Visitor,
    client::Client,
    error::Error,
    pages::{Answer, View},
    sessions::{self, Listed, SessionCookies, cleared},
};

const PAGE: &str = "/account/sessions";

#[derive(Template)]
#[template(path = "devices/devices.html")]
struct SessionsPage<'a> {
    v: &'a View,
    current: Vec<Listed>,
    others: Vec<Listed>,
}

impl Listed {
    /// What it seems to be used with, in the reader's language.
    pub(crate) fn named(&self, v: &View) -> String {
        let name = self.device();
        match name.split_once(" on ") {
            Some((program, system)) => v.t2("page.sessions.device", ("program", program), ("system", system)),
            None if self.user_agent.is_none() => v.t("page.sessions.unknown").to_owned(),
            None => name,
        }
    }
}

pub(crate) async fn show_sessions(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> Answer {
    let principal = *guard.principal();
    let all = sessions::list(&app, principal.account).await?;
    let (current, others) = all.into_iter().partition(|session| session.id == principal.session);
    Ok(v.show(StatusCode::OK, &SessionsPage { v: &v, current, others })?)
}

/// Which session to end.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct EndForm {
    #[serde(default)]
    id: String,
}

pub(crate) async fn end_session(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<EndForm>,
) -> Answer {
    let fresh = v.fresh(*guard.principal(), PAGE)?;
    let id = SessionId::of_claim(&form.id).ok_or(Error::NotFound)?;
    sessions::end_one(&app, fresh, id, &client).await?;
    Ok(v.go("/account/sessions?done=session-ended"))
}

pub(crate) async fn end_other_sessions(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    let fresh = v.fresh(*guard.principal(), PAGE)?;
    sessions::end_all_others(&app, fresh, &client).await?;
    Ok(v.go("/account/sessions?done=others-ended"))
}

/// Logging out twice is no error.
pub(crate) async fn log_out(
    Visitor(principal): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    if let Some(principal) = principal {
        sessions::log_out(&app, principal, &client).await?;
    }
    let mut answer = v.go("/account/log-in?done=logged-out");
    let (name, value) = cleared();
    answer.headers_mut().append(name, value);
    Ok(answer)
}
