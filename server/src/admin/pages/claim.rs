//! The page that makes somebody the first administrator.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::App,
    client::Client,
    error::Error,
    invalid::{Fault, Invalid},
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "admin/claim.html")]
struct ClaimPage<'a> {
    v: &'a View,
    faults: Faults,
}

/// The code of the first start.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ClaimForm {
    #[serde(default)]
    code: String,
}

pub(crate) async fn show_claim(guard: Guard<SessionCookies>, v: View) -> PageResult {
    v.fresh(*guard.principal(), paths::CLAIM)?;
    Ok(v.show(StatusCode::OK, &ClaimPage { v: &v, faults: Faults::none() })?)
}

pub(crate) async fn claim(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<ClaimForm>,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::CLAIM)?;
    let claim = async {
        crate::admin::claim(&app, fresh, &form.code, &client).await.map_err(|error| match error {
            Error::DeadLink => Invalid::field("code", Fault::WrongCode).into(),
            error => error,
        })
    };
    v.form(&["code"], claim, async |faults| Ok(ClaimPage { v: &v, faults })).await?;
    Ok(v.go_done(paths::CONSOLE, Done::Claimed))
}
