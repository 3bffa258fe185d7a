//! What administrators do to another user's account: with a button on its page, or after confirmation on a separate
//! page.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Form, Guard};
use schemars::JsonSchema;
use serde::Deserialize;

use super::actor;
use crate::{
    access::AccountsWrite,
    accounts::{self, Account, AccountId, Email, Role},
    admin::{AdminActor, acts, end_sessions},
    api_keys,
    app::App,
    client::Client,
    error::Error,
    invalid::{Fault, Invalid},
    leaving,
    pages::{Done, Faults, PageResult, View},
    paths, recovery,
    sessions::SessionCookies,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Reset,
    RemoveFactor,
    EndSessions,
    EndKeys,
    Enable,
    Disable,
    MakeAdmin,
    MakeUser,
    Delete,
}

/// The text of a confirmation page.
struct Question {
    title: &'static str,
    /// What the action does to the account.
    text: &'static str,
    button: &'static str,
}

impl Act {
    fn of_path(word: &str) -> Option<Self> {
        Some(match word {
            "reset" => Self::Reset,
            "remove-factor" => Self::RemoveFactor,
            "end-sessions" => Self::EndSessions,
            "end-keys" => Self::EndKeys,
            "enable" => Self::Enable,
            "disable" => Self::Disable,
            "make-admin" => Self::MakeAdmin,
            "make-user" => Self::MakeUser,
            "delete" => Self::Delete,
            _ => return None,
        })
    }

    /// The confirmation, for actions that could take an account away from its owner. Those also require a fresh login.
    fn question(self) -> Option<Question> {
        let (title, text, button) = match self {
            Self::Reset | Self::EndSessions | Self::EndKeys | Self::Enable => return None,
            Self::RemoveFactor => {
                ("page.act.remove_factor", "page.act.remove_factor_text", "page.console.remove_factor")
            }
            Self::Disable => ("page.act.disable", "page.act.disable_text", "page.console.disable"),
            Self::MakeAdmin => ("page.act.make_admin", "page.act.make_admin_text", "page.console.make_admin"),
            Self::MakeUser => ("page.act.make_user", "page.act.make_user_text", "page.console.make_user"),
            Self::Delete => ("page.act.delete", "page.act.delete_text", "page.console.delete"),
        };
        Some(Question { title, text, button })
    }

    fn done(self) -> Done {
        match self {
            Self::Reset => Done::ResetMailed,
            Self::RemoveFactor => Done::FactorRemoved,
            Self::EndSessions => Done::SessionsEnded,
            Self::EndKeys => Done::KeysRemoved,
            Self::Enable => Done::Enabled,
            Self::Disable => Done::Disabled,
            Self::MakeAdmin | Self::MakeUser => Done::RoleChanged,
            Self::Delete => Done::AccountDeleted,
        }
    }

    async fn perform(self, app: &App, actor: AdminActor, id: AccountId) -> Result<(), Error> {
        let now = app.now();
        match self {
            Self::Reset => recovery::start_reset(app, id, actor.by()).await,
            Self::RemoveFactor => acts::remove_factor(app, id, actor.fresh(now)?.by()).await,
            Self::EndSessions => end_sessions(app, &actor, id).await,
            Self::EndKeys => api_keys::revoke_all(app, id, actor.by()).await,
            Self::Enable => acts::set_active(app, id, true, actor.by()).await,
            Self::Disable => acts::set_active(app, id, false, actor.fresh(now)?.by()).await,
            Self::MakeAdmin => acts::set_role(app, id, Role::Admin, actor.fresh(now)?.by()).await,
            Self::MakeUser => acts::set_role(app, id, Role::User, actor.fresh(now)?.by()).await,
            Self::Delete => leaving::delete(app, id, actor.fresh(now)?.by()).await,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/act.html")]
struct ActPage<'a> {
    v: &'a View,
    faults: Faults,
    question: Question,
    account: Account,
    /// Where the form is submitted.
    path: String,
    /// Whether the account's address must be typed.
    is_typed: bool,
}

impl<'a> ActPage<'a> {
    async fn of(
        app: &App,
        v: &'a View,
        id: AccountId,
        act: Act,
        faults: Faults,
        path: &str,
    ) -> Result<Self, Error> {
        let account = accounts::by_id(app, id).await?;
        let question = act.question().ok_or(Error::NotFound)?;
        Ok(Self { v, faults, question, account, path: v.to(path), is_typed: act == Act::Delete })
    }
}

/// Asks before an action that takes an account away from its owner. A login that is not fresh is renewed first, so that
/// the administrator returns to this page.
pub(crate) async fn show_act(
    guard: Guard<SessionCookies, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, word)): Path<(i64, String)>,
) -> PageResult {
    actor(&guard, client)?;
    let (id, act) = (AccountId::new(id), Act::of_path(&word).ok_or(Error::NotFound)?);
    let path = paths::console_act(id, &word);
    let page = ActPage::of(&app, &v, id, act, Faults::none(), &path).await?;
    v.fresh(*guard.principal(), &path)?;
    Ok(v.show(StatusCode::OK, &page)?)
}

/// What was typed to confirm.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ActForm {
    #[serde(default)]
    email: String,
}

pub(crate) async fn act_on_account(
    guard: Guard<SessionCookies, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path((id, word)): Path<(i64, String)>,
    Form(form): Form<ActForm>,
) -> PageResult {
    let (id, act) = (AccountId::new(id), Act::of_path(&word).ok_or(Error::NotFound)?);
    let path = paths::console_act(id, &word);
    let actor = actor(&guard, client)?;
    if act.question().is_some() {
        v.fresh(*guard.principal(), &path)?;
    }
    let perform = async {
        if act == Act::Delete {
            check_typed(&app, id, &form.email).await?;
        }
        act.perform(&app, actor, id).await
    };
    v.form(&["email"], perform, async |faults| ActPage::of(&app, &v, id, act, faults, &path).await).await?;
    Ok(match act {
        Act::Delete => v.go(&format!("{}?done={}&id={id}", paths::CONSOLE, act.done().word())),
        _ => v.go_done(&paths::console_account(id), act.done()),
    })
}

/// Deleting an account requires its address, which the page shows, so that a slip cannot delete another one.
async fn check_typed(app: &App, id: AccountId, typed: &str) -> Result<(), Error> {
    let account = accounts::by_id(app, id).await?;
    if Email::parse(typed).is_ok_and(|typed| typed == account.email) {
        return Ok(());
    }
    Err(Invalid::field("email", Fault::AnotherEmail).into())
}
