//! The pages of the export and of the deletion.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Deletion, export::Export};
use crate::{
    app::App,
    client::Client,
    invalid::{Fault, Invalid},
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::{SessionCookies, cleared},
};

#[derive(Template)]
#[template(path = "leaving/export.html")]
struct ExportPage<'a> {
    v: &'a View,
}

pub(crate) async fn show_export(guard: Guard<SessionCookies>, v: View) -> PageResult {
    v.fresh(*guard.principal(), paths::EXPORT)?;
    Ok(v.show(StatusCode::OK, &ExportPage { v: &v })?)
}

pub(crate) async fn export_account(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::EXPORT)?;
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

pub(crate) async fn show_delete(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> PageResult {
    v.fresh(*guard.principal(), paths::DELETE)?;
    Ok(v.show(StatusCode::OK, &DeletePage::new(&v, &app, Faults::none()))?)
}

pub(crate) async fn delete_account(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<DeleteForm>,
) -> PageResult {
    let fresh = v.fresh(*guard.principal(), paths::DELETE)?;
    let leave = async {
        if form.sure != "yes" {
            return Err(Invalid::field("sure", Fault::NotTicked).into());
        }
        super::leave(&app, fresh, &client).await
    };
    let deletion = v.form(&["sure"], leave, async |faults| Ok(DeletePage::new(&v, &app, faults))).await?;
    let done = match deletion {
        Deletion::Done => Done::Deleted,
        Deletion::Due(_) => Done::DeletionScheduled,
    };
    let mut answer = v.go_done(paths::LOG_IN, done);
    let (name, value) = cleared();
    answer.headers_mut().append(name, value);
    Ok(answer)
}

pub(crate) async fn cancel_deletion(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    super::stay(&app, *guard.principal(), &client).await?;
    Ok(v.go_done(paths::ACCOUNT, Done::DeletionCancelled))
}
