//! The page that creates an account for somebody.

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::actor;
use crate::{
    access::AccountsWrite,
    accounts::Role,
    admin::{Invitation, acts},
    app::App,
    client::Client,
    invalid::{Fault, Invalid},
    messages::Language,
    pages::{Done, Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
};

/// The account to create.
#[derive(Deserialize, JsonSchema, Default)]
pub(crate) struct InviteForm {
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    language: String,
}

#[derive(Template)]
#[template(path = "admin/invite.html")]
struct InvitePage<'a> {
    v: &'a View,
    faults: Faults,
    form: &'a InviteForm,
}

impl InvitePage<'_> {
    /// Tag, name, and whether it is selected.
    fn languages(&self) -> Vec<(&'static str, &'static str, bool)> {
        let chosen = Language::of_known_tag(&self.form.language).unwrap_or(self.v.language);
        Language::ALL.iter().map(|one| (one.tag(), one.own_name(), *one == chosen)).collect()
    }
}

pub(crate) async fn show_invite(
    guard: Guard<SessionCookies, AccountsWrite>,
    client: Client,
    v: View,
) -> PageResult {
    actor(&guard, client)?;
    v.fresh(*guard.principal(), paths::INVITE)?;
    Ok(v.show(StatusCode::OK, &InvitePage { v: &v, faults: Faults::none(), form: &InviteForm::default() })?)
}

pub(crate) async fn invite(
    guard: Guard<SessionCookies, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    v: View,
    Form(form): Form<InviteForm>,
) -> PageResult {
    v.fresh(*guard.principal(), paths::INVITE)?;
    let actor = actor(&guard, client)?.fresh(app.now())?;
    let invite = async {
        if form.email.is_empty() && form.full_name.is_empty() {
            let missing = |field| Invalid::field(field, Fault::Missing);
            return Err(missing("full_name").and(missing("email")).into());
        }
        let role = Role::of_name(&form.role).unwrap_or(Role::User);
        let language = Language::of_known_tag(&form.language).unwrap_or(v.language);
        let invitation = Invitation::check(&form.email, &form.full_name, role, language)?;
        acts::invite(&app, &invitation, actor.by()).await
    };
    let page = async |faults| Ok(InvitePage { v: &v, faults, form: &form });
    let made = v.form(&["full_name", "email"], invite, page).await?;
    Ok(v.go_done(&paths::console_account(made.account.id), Done::Invited))
}
