//! The page of the owner's sessions, and logout.

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
    pages::{Done, PageResult, View},
    paths,
    sessions::{self, Listed, SessionCookies, cleared},
};

#[derive(Template)]
#[template(path = "devices/devices.html")]
struct SessionsPage<'a> {
    v: &'a View,
    current: Vec<Listed>,
    others: Vec<Listed>,
}

impl Listed {
    /// The browser and system that the session seems to use, in the reader's language.
    pub(crate) fn named(&self, v: &View) -> String {
        let name = self.device();
        match name.split_once(" on ") {
            Some((program, system)) => {
                let key = match system {
                    "iPhone" | "iPad" => "page.sessions.device_on_apple",
                    _ => "page.sessions.device",
                };
                v.t_with(key, &[("program", program), ("system", system)])
            }
            None if self.user_agent.is_none() => v.t("page.sessions.unknown").to_owned(),
            None => name,
        }
    }
}

pub(crate) async fn show_sessions(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    v: View,
) -> PageResult {
    let principal = *guard.principal();
    let all = sessions::list(&app, principal.account).await?;
    let (current, others) = all.into_iter().partition(|session| session.id == principal.session);
    Ok(v.show(StatusCode::OK, &SessionsPage { v: &v, current, others })?)
}

/// The session to end.
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
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::SESSIONS)?;
    let id = SessionId::of_claim(&form.id).ok_or(Error::NotFound)?;
    sessions::end_one(&app, fresh, id, &client).await?;
    Ok(v.go_done(paths::SESSIONS, Done::SessionEnded))
}

pub(crate) async fn end_other_sessions(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::SESSIONS)?;
    sessions::end_all_others(&app, fresh, &client).await?;
    Ok(v.go_done(paths::SESSIONS, Done::OtherSessionsEnded))
}

/// Logging out twice is not an error.
pub(crate) async fn log_out(
    Visitor(principal): Visitor,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    if let Some(principal) = principal {
        sessions::log_out(&app, principal, &client).await?;
    }
    let mut answer = v.go_done(paths::LOG_IN, Done::LoggedOut);
    let (name, value) = cleared();
    answer.headers_mut().append(name, value);
    Ok(answer)
}
