//! The console: the administrators' pages.

mod acts;
mod audit;
mod claim;
mod invite;
mod organisations;

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::{Guard, guard::Scopes};
use url::form_urlencoded;

pub(crate) use self::{
    acts::{act_on_account, show_act},
    audit::{export_audit_trail, show_audit_trail},
    claim::{claim, show_claim},
    invite::{invite, show_invite},
    organisations::{
        act_on_organisation, change_attributes_of_organisation, show_organisation, show_organisations,
    },
};
use super::{Accounts, AccountsQuery, AdminActor, AdminReader, attributes as of_others};
use crate::{
    access::{AccountsRead, AccountsWrite},
    accounts::{AccountDetails, AccountId, Role},
    api_keys,
    app::App,
    attributes::{self, Changer, Changes, Field, Input, Known},
    client::Client,
    config::{Attribute, AttributeOf},
    error::Error,
    factors,
    pages::{Done, Faults, PageResult, Texts, View},
    paths,
    sessions::{Listed, SessionCookies},
};

fn reader<S: Scopes>(guard: &Guard<SessionCookies, S>, client: Client) -> Result<AdminReader, Error> {
    AdminReader::of(guard.principal().into(), client)
}

fn actor<S: Scopes>(guard: &Guard<SessionCookies, S>, client: Client) -> Result<AdminActor, Error> {
    AdminActor::of(*guard.principal(), client)
}

/// A query parameter that is not empty.
fn filled(v: &View, name: &str) -> Option<String> {
    let text: String = v.query(name)?.trim().chars().take(254).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// A link to a page of a list in which only these parameters differ.
fn link(v: &View, path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter_map(|(name, value)| Some((name, (*value)?))));
    format!("{}?{}", v.to(path), query.finish())
}

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct AccountsPage<'a> {
    v: &'a View,
    query: AccountsQuery,
    found: Accounts,
    /// The attributes that accounts can have.
    attributes: Vec<&'a Attribute>,
}

impl AccountsPage<'_> {
    fn search(&self) -> &str {
        self.query.search.as_deref().unwrap_or_default()
    }

    fn is_chosen(&self, attribute: &Attribute) -> bool {
        self.query.attribute.as_deref() == Some(attribute.name.as_str())
    }

    fn value(&self) -> &str {
        self.query.value.as_deref().unwrap_or_default()
    }

    fn has_filter(&self) -> bool {
        let AccountsQuery { search, role, is_active, is_verified, attribute, .. } = &self.query;
        search.is_some()
            || role.is_some()
            || is_active.is_some()
            || is_verified.is_some()
            || attribute.is_some()
    }

    /// `51–100 of 207`.
    fn range(&self) -> String {
        let first = self.found.offset + 1;
        let last = self.found.offset + self.found.page.items.len() as u64;
        self.v.t_with(
            "page.console.range",
            &[
                ("first", &first.to_string()),
                ("last", &last.to_string()),
                ("total", &self.found.total.to_string()),
            ],
        )
    }

    fn beside(&self, name: &'static str, cursor: Option<&str>) -> Option<String> {
        let AccountsQuery { search, role, is_active, is_verified, attribute, value, .. } = &self.query;
        let yes_or_no = |value: bool| if value { "true" } else { "false" };
        let parameters = [
            ("search", search.as_deref()),
            ("role", role.as_ref().map(Role::name)),
            ("is_active", is_active.map(yes_or_no)),
            ("is_verified", is_verified.map(yes_or_no)),
            ("attribute", attribute.as_deref()),
            ("value", value.as_deref()),
            (name, Some(cursor?)),
        ];
        Some(link(self.v, paths::CONSOLE, &parameters))
    }

    fn next(&self) -> Option<String> {
        self.beside("after", self.found.page.next.as_deref())
    }

    fn previous(&self) -> Option<String> {
        self.beside("before", self.found.page.previous.as_deref())
    }
}

pub(crate) async fn show_accounts(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> PageResult {
    let is = |name: &str| v.query(name).and_then(|text| text.parse().ok());
    let query = AccountsQuery {
        search: filled(&v, "search"),
        role: v.query("role").and_then(Role::of_name),
        is_active: is("is_active"),
        is_verified: is("is_verified"),
        attribute: filled(&v, "attribute")
            .filter(|name| attributes::named(&app, AttributeOf::Account, name).is_some()),
        value: filled(&v, "value"),
        after: v.query("after").map(str::to_owned),
        before: v.query("before").map(str::to_owned),
        limit: None,
    };
    let found = super::list_accounts(&app, &reader(&guard, client)?, &query).await?;
    let attributes = attributes::declared(&app, AttributeOf::Account).collect();
    Ok(v.show(StatusCode::OK, &AccountsPage { v: &v, query, found, attributes })?)
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage<'a> {
    v: &'a View,
    faults: Faults,
    details: AccountDetails,
    sessions: Vec<Listed>,
    keys: Vec<api_keys::Listed>,
    has_factor: bool,
    /// Whether it is the administrator's own.
    is_own: bool,
    attributes: Vec<Known<'a>>,
    /// Those that administrators can change.
    fields: Vec<Field>,
}

impl<'a> AccountPage<'a> {
    async fn of(
        app: &'a App,
        v: &'a View,
        reader: &AdminReader,
        id: AccountId,
        faults: Faults,
    ) -> Result<Self, Error> {
        let (details, sessions, keys) = super::read_account(app, reader, id).await?;
        let overview = factors::overview(app, id, details.role).await?;
        let has_factor = overview.totp_since.is_some() || overview.has_passkey;
        let is_own = reader.requester.account() == id;
        let mut attributes = of_others::of_account(app, id).await?;
        if !v.is_administrator() {
            for known in &mut attributes {
                known.may_change = false;
            }
        }
        let fields = attributes::fields(&attributes, None, v.language);
        Ok(Self { v, faults, details, sessions, keys, has_factor, is_own, attributes, fields })
    }

    /// Whether there is an attribute that the reader sees and does not change.
    fn has_rows(&self) -> bool {
        attributes::has_rows(&self.attributes)
    }

    fn act(&self, act: &str) -> String {
        self.v.to(&paths::console_act(self.details.account.id, act))
    }
}

pub(crate) async fn show_account(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<i64>,
) -> PageResult {
    let (reader, id) = (reader(&guard, client)?, AccountId::new(id));
    let page = AccountPage::of(&app, &v, &reader, id, Faults::none()).await?;
    Ok(v.show(StatusCode::OK, &page)?)
}

pub(crate) async fn change_attributes(
    guard: Guard<SessionCookies, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<i64>,
    Texts(texts): Texts,
) -> PageResult {
    let (reader, id) = (reader(&guard, client.clone())?, AccountId::new(id));
    let here = paths::console_account(id);
    v.fresh(*guard.principal(), &here)?;
    let actor = actor(&guard, client)?.fresh(app.now())?;
    let known = of_others::of_account(&app, id).await?;
    let change = async {
        let changes = Changes::of_form(&known, Changer::Administrator, &texts)?;
        of_others::set_of_account(&app, id, &changes, actor.by()).await
    };
    let page = async |faults| {
        let page = AccountPage::of(&app, &v, &reader, id, faults).await?;
        let fields = attributes::fields(&page.attributes, Some(&texts), v.language);
        Ok(AccountPage { fields, ..page })
    };
    let ids: Vec<_> = known.iter().map(|known| attributes::id_of(known.attribute)).collect();
    let fields: Vec<_> = ids.iter().map(String::as_str).collect();
    v.form(&fields, change, page).await?;
    Ok(v.go_done(&here, Done::Attributes))
}
