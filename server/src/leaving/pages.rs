//! The pages of data export and account deletion.

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Deletion, export::Export};
use crate::{
    accounts::AccountId,
    app::App,
    client::Client,
    error::Error,
    groups::{self, GroupId},
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
    /// Days until the account is deleted.
    grace: u64,
    /// Organisations that would be left without an owner.
    only_owned: Vec<(GroupId, String)>,
}

impl<'a> DeletePage<'a> {
    async fn of(v: &'a View, app: &App, own: AccountId, faults: Faults) -> Result<Self, Error> {
        let grace = app.config().deletion_grace.as_secs().div_ceil(24 * 60 * 60);
        Ok(Self { v, faults, grace, only_owned: groups::only_owned(app, own).await? })
    }
}

/// The checkbox that confirms the deletion.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct DeleteForm {
    #[serde(default)]
    sure: String,
}

pub(crate) async fn show_delete(guard: Guard<SessionCookies>, State(app): State<App>, v: View) -> PageResult {
    v.fresh(*guard.principal(), paths::DELETE)?;
    let page = DeletePage::of(&v, &app, guard.principal().account, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
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
    let own = guard.principal().account;
    let page = async |faults| DeletePage::of(&v, &app, own, faults).await;
    let deletion = v.form(&["sure"], leave, page).await?;
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
