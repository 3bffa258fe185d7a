//! The attributes of other people's accounts and of organisations.

use axum::extract::State;
use portcullis::{Guard, Json, Path};

use super::{AccountsQuery, AdminActor, AdminReader, note};
use crate::{
    access::{AccountsRead, AccountsWrite, By},
    accounts::{self, AccountId, WithAttribute},
    api_keys::{CallerOrKey, requester},
    app::App,
    attributes::{self, AttributeValue, AttributesChange, AttributesView, Changer, Changes, Known, Of},
    caller::{Caller, caller},
    client::Client,
    config::{AttributeOf, AttributeReaders},
    db::retry,
    error::{Error, Failed, NotFound, Stale, Unavailable, Unprocessable},
    events::{self, Event},
    groups::{self, GroupId},
    messages::Language,
};

/// What administrators see of an account.
pub(crate) async fn of_account(app: &App, id: AccountId) -> Result<Vec<Known<'_>>, Error> {
    attributes::known(app, Of::Account(id), AttributeReaders::Administrators).await
}

/// The value that a search asks for. `None` if it asks for none, or if no account can have it.
pub(super) fn wanted_value(app: &App, query: &AccountsQuery) -> Option<AttributeValue> {
    let attribute = attributes::named(app, AttributeOf::Account, query.attribute.as_deref()?)?;
    AttributeValue::of_text(&attribute.kind, query.value.as_deref()?).ok()
}

/// The attribute that a search asks for. An undeclared one finds nothing, and a value that is not allowed any more finds
/// those who have it.
pub(super) fn wanted<'a>(
    app: &'a App,
    query: &'a AccountsQuery,
    value: Option<&'a AttributeValue>,
) -> Option<WithAttribute<'a>> {
    let declared = attributes::named(app, AttributeOf::Account, query.attribute.as_deref()?);
    let name = declared.map_or("", |attribute| &attribute.name);
    let (text, integer, boolean) = match (value, query.value.as_deref()) {
        (Some(value), _) => value.columns(),
        (None, text) => (text, None, None),
    };
    Some(WithAttribute { name, text, integer, boolean })
}

/// Changes attributes of an account.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Database`]; for an administrator also [`Error::SessionEnded`].
pub(crate) async fn set_of_account(
    app: &App,
    id: AccountId,
    changes: &Changes,
    by: By<'_>,
) -> Result<(), Error> {
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        let locked = accounts::lock_other(&mut tx, id, by, now).await?;
        let names = attributes::set_of_account(&mut tx, &locked, changes).await?;
        if names.is_empty() {
            return Ok(());
        }
        let (event, detail) = (Event::AttributesChanged, names.join(", "));
        events::record_detail(&mut tx, event, Some(id), by.client(), Some(&detail), now).await?;
        Ok(tx.commit().await?)
    })
    .await
}

pub(crate) async fn read_account_attributes(
    guard: Guard<CallerOrKey, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
    language: Language,
) -> Result<Json<AttributesView>, Failed<(NotFound, Unavailable)>> {
    let reader = AdminReader::of(requester(&guard), client)?;
    accounts::by_id(&app, id).await?;
    let known = of_account(&app, id).await?;
    note(&app, &reader, Event::AccountRead, Some(id)).await?;
    Ok(Json(AttributesView::of(known, language)))
}

pub(crate) async fn change_account_attributes(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<AccountId>,
    language: Language,
    Json(body): Json<AttributesChange>,
) -> Result<Json<AttributesView>, Failed<(Stale, NotFound, Unprocessable, Unavailable)>> {
    let actor = AdminActor::of(caller(&guard), client)?.fresh(app.now())?;
    accounts::by_id(&app, id).await?;
    let declared = &app.config().attributes;
    let changes = Changes::of_json(declared, AttributeOf::Account, Changer::Administrator, &body.attributes)?;
    set_of_account(&app, id, &changes, actor.by()).await?;
    Ok(Json(AttributesView::of(of_account(&app, id).await?, language)))
}

pub(crate) async fn read_attributes_of_organisation(
    guard: Guard<Caller, AccountsRead>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    language: Language,
) -> Result<Json<AttributesView>, Failed<(NotFound, Unavailable)>> {
    let reader = AdminReader::of(caller(&guard).into(), client)?;
    let known = groups::attributes_of(&app, GroupId::of_path(&id).ok_or(Error::NotFound)?).await?;
    note(&app, &reader, Event::OrganisationRead, None).await?;
    Ok(Json(AttributesView::of(known, language)))
}

pub(crate) async fn change_attributes_of_organisation(
    guard: Guard<Caller, AccountsWrite>,
    State(app): State<App>,
    client: Client,
    Path(id): Path<String>,
    language: Language,
    Json(body): Json<AttributesChange>,
) -> Result<Json<AttributesView>, Failed<(Stale, NotFound, Unprocessable, Unavailable)>> {
    let actor = AdminActor::of(caller(&guard), client)?.fresh(app.now())?;
    let id = GroupId::of_path(&id).ok_or(Error::NotFound)?;
    groups::attributes_of(&app, id).await?;
    let declared = &app.config().attributes;
    let (of, by) = (AttributeOf::Organisation, Changer::Administrator);
    let changes = Changes::of_json(declared, of, by, &body.attributes)?;
    groups::set_attributes_by(&app, id, &changes, actor.by()).await?;
    Ok(Json(AttributesView::of(groups::attributes_of(&app, id).await?, language)))
}
