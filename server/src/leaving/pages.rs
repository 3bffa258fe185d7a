//! The pages of the export and of the deletion.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use portcullis::{Form, Guard, InvalidInput};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Deletion, export::Export};
use crate::{
    app::App,
    client::Client,
    error::Error,
    pages::{Answer, Faults, View},
    sessions::{SessionCookies, cleared},
};

const EXPORT: &str = "/account/export";
const DELETE: &str = "/account/delete";

#[derive(Template)]
#[template(path = "leaving/export.html")]
struct ExportPage<'a> {
    v: &'a View,
}

pub(crate) async fn show_export(guard: Guard<SessionCookies>, v: View) -> Answer {
    v.fresh(*guard.principal(), EXPORT)?;
    Ok(v.show(StatusCode::OK, &ExportPage { v: &v })?)
}

pub(crate) async fn export_account(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    let fresh = v.fresh(*guard.principal(), EXPORT)?;
    Ok(Export::begin(&app, fresh, &client).await?.into_response())
}

#[derive(Template)]
#[template(path = "leaving/delete.html")]
struct DeletePage<'a> {
    v: &'a View,
    faults: Faults,
    /// Days until it is done.
    grace: u64,
}

impl<'a> DeletePage<'a> {
    fn new(v: &'a View, app: &App, faults: Faults) -> Self {
        Self { v, faults, grace: app.config().deletion_grace.as_secs().div_ceil(24 * 60 * 60) }
    }
}

/// The box that says that it is meant.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct DeleteForm {
    #[serde(default)]
    sure: String,
}

pub(crate) async fn show_delete(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> Answer {
    v.fresh(*guard.principal(), DELETE)?;
    Ok(v.show(StatusCode::OK, &DeletePage::new(&v, &app, Faults::none()))?)
}

pub(crate) async fn delete_account(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<DeleteForm>,
) -> Answer {
    let fresh = v.fresh(*guard.principal(), DELETE)?;
    let left = if form.sure == "yes" {
        super::leave(&app, fresh, &client).await
    } else {
        Err(Error::from(InvalidInput::field(["body", "sure"], "value_error", "the box is not ticked")))
    };
    let done = match left {
        Ok(Deletion::Done) => "deleted",
        Ok(Deletion::Due(_)) => "deletion-scheduled",
        Err(error) => {
            let page = DeletePage::new(&v, &app, Faults::of(&v, error, &["sure"])?);
            return page.faults.show(&v, &page);
        }
    };
    let mut answer = v.go(&format!("/account/log-in?done={done}"));
    let (name, value) = cleared();
    answer.headers_mut().append(name, value);
    Ok(answer)
}

pub(crate) async fn cancel_deletion(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    super::stay(&app, *guard.principal(), &client).await?;
    Ok(v.go("/account?done=called-back"))
}
