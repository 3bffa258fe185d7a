//! Attributes of accounts and organisations, as the operator declares them (setting `attributes`).
//!
//! The declarations say who reads and who changes an attribute. A value is checked when it is set, and then stays: if
//! its declaration changes, it is shown as it is until somebody changes it. If its declaration is removed, it is kept,
//! and nobody sees it.
//!
//! The rooms of the owners have the routes and pages. They lock the account or the organisation before they call
//! [`set_of_account`] or [`set_of_organisation`].

mod changes;
mod field;
mod shape;
mod store;
mod value;

use std::collections::BTreeMap;

use uuid::Uuid;

pub(crate) use self::{
    changes::{Changer, Changes, FormTexts},
    field::{Field, Input, fields, has_rows, id_of},
    shape::{AskedView, AttributesAsked, AttributesChange, AttributesView, Typed},
    store::make_up,
    value::AttributeValue,
};
use crate::{
    accounts::{AccountId, Locked},
    app::App,
    config::{Attribute, AttributeChangers, AttributeOf, AttributeReaders},
    db::{Conn, Tx},
    error::Error,
    messages::Language,
};

/// Whose attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Account(AccountId),
    Organisation(Uuid),
}

impl Of {
    pub(crate) fn kind(self) -> AttributeOf {
        match self {
            Self::Account(_) => AttributeOf::Account,
            Self::Organisation(_) => AttributeOf::Organisation,
        }
    }
}

/// A declared attribute that a reader may see, and its value.
#[derive(Debug, Clone)]
pub(crate) struct Known<'a> {
    pub(crate) attribute: &'a Attribute,
    pub(crate) value: Option<AttributeValue>,
    /// Whether the reader can change it.
    pub(crate) may_change: bool,
}

impl Attribute {
    /// What pages call it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn label(&self, language: &Language) -> &str {
        let translated = match language {
            Language::En => None,
            Language::De => self.label_de.as_deref(),
            Language::Es => self.label_es.as_deref(),
        };
        translated.unwrap_or(&self.label)
    }

    fn may_be_changed_by(&self, reader: AttributeReaders) -> bool {
        match reader {
            AttributeReaders::Administrators => self.change != AttributeChangers::Nobody,
            AttributeReaders::Owner => self.change == AttributeChangers::Owner,
            AttributeReaders::Members | AttributeReaders::Public => false,
        }
    }
}

/// The attributes that accounts or organisations have, in the order of their declaration.
pub(crate) fn declared(app: &App, of: AttributeOf) -> impl Iterator<Item = &Attribute> {
    app.config().attributes.iter().filter(move |attribute| attribute.of == of)
}

/// The declared attribute of this name.
pub(crate) fn named<'a>(app: &'a App, of: AttributeOf, name: &str) -> Option<&'a Attribute> {
    declared(app, of).find(|attribute| attribute.name == name)
}

/// The attributes that sign-up asks for.
pub(crate) fn asked(app: &App) -> impl Iterator<Item = &Attribute> {
    declared(app, AttributeOf::Account).filter(|attribute| attribute.is_asked())
}

/// What such a reader sees, with and without values.
pub(crate) async fn known(app: &App, of: Of, reader: AttributeReaders) -> Result<Vec<Known<'_>>, Error> {
    let visible: Vec<_> = declared(app, of.kind()).filter(|attribute| attribute.read >= reader).collect();
    if visible.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = store::values(app.db().read().await?.conn(), of).await?;
    let known = |attribute: &'_ Attribute| values.remove(&attribute.name);
    let values: Vec<_> = visible.iter().copied().map(known).collect();
    let known = visible.into_iter().zip(values).map(|(attribute, value)| Known {
        attribute,
        value,
        may_change: attribute.may_be_changed_by(reader),
    });
    Ok(known.collect())
}

/// What its owner can read, for the export of the account.
pub(crate) async fn exported(
    app: &App,
    conn: Conn<'_>,
    account: AccountId,
) -> Result<BTreeMap<String, AttributeValue>, Error> {
    let mut values = store::values(conn, Of::Account(account)).await?;
    let is_readable = |name: &str| {
        named(app, AttributeOf::Account, name).is_some_and(|one| one.read >= AttributeReaders::Owner)
    };
    values.retain(|name, _| is_readable(name));
    Ok(values)
}

/// The values that the account's own tokens carry.
pub(crate) async fn claims(app: &App, account: AccountId) -> Result<Vec<(&str, AttributeValue)>, Error> {
    if !declared(app, AttributeOf::Account).any(|attribute| attribute.in_tokens) {
        return Ok(Vec::new());
    }
    let known = known(app, Of::Account(account), AttributeReaders::Owner).await?;
    let in_tokens = known.into_iter().filter(|known| known.attribute.in_tokens);
    Ok(in_tokens.filter_map(|known| Some((known.attribute.name.as_str(), known.value?))).collect())
}

/// Changes attributes of an account. Returns the names of those that are different now.
pub(crate) async fn set_of_account(
    tx: &mut Tx,
    locked: &Locked,
    changes: &Changes,
) -> Result<Vec<String>, Error> {
    set(tx.conn(), Of::Account(locked.id), changes).await
}

/// Changes attributes of an organisation, which the transaction has locked.
pub(crate) async fn set_of_organisation(
    tx: &mut Tx,
    organisation: Uuid,
    changes: &Changes,
) -> Result<Vec<String>, Error> {
    set(tx.conn(), Of::Organisation(organisation), changes).await
}

async fn set(conn: Conn<'_>, of: Of, changes: &Changes) -> Result<Vec<String>, Error> {
    let before = store::values(conn, of).await?;
    let mut names = Vec::new();
    for (name, value) in changes.iter() {
        if before.get(name) == value {
            continue;
        }
        store::delete(conn, of, name).await?;
        if let Some(value) = value {
            store::insert(conn, of, name, value).await?;
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// How many values are kept that are not declared any more.
pub(crate) async fn undeclared(app: &App) -> Result<Vec<(String, i64)>, Error> {
    let mut stored = store::counts(app.db().read().await?.conn()).await?;
    stored.retain(|(name, _)| app.config().attributes.iter().all(|attribute| attribute.name != *name));
    Ok(stored)
}
