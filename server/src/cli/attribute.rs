//! `portcullis attribute …`: what accounts and organisations have besides a name.

use super::out::{Listing, or_nothing, say, say_json};
use super::user::{find, operator, sentence};
use super::{Assignment, AttributeCommand, WhichOwner};
use crate::{
    access::By,
    admin::attributes::{of_account, set_of_account},
    app::App,
    attributes::{AttributesView, Changer, Changes, FormTexts, Known, Of, id_of},
    config::AttributeOf,
    error::Error,
    groups::{self, GroupId},
    messages::Language,
};

/// Runs the command and prints the result, or returns one sentence for the operator.
pub(super) async fn run(app: &App, command: AttributeCommand) -> Result<(), String> {
    match command {
        AttributeCommand::List { owner, json } => {
            let (of, _) = found(app, owner).await?;
            list(known(app, of).await?, json)
        }
        AttributeCommand::Set { owner, changes } => {
            let (of, name) = found(app, owner).await?;
            set(app, of, &name, &changes).await
        }
    }
}

/// The owner, and what a sentence calls it.
async fn found(app: &App, owner: WhichOwner) -> Result<(Of, String), String> {
    match owner {
        WhichOwner::Account(which) => {
            let account = find(app, which).await?;
            Ok((Of::Account(account.id), format!("{} ({})", account.email, account.id)))
        }
        WhichOwner::Organisation(id) => Ok((Of::Organisation(id), format!("the organisation {id}"))),
    }
}

async fn known(app: &App, of: Of) -> Result<Vec<Known<'_>>, String> {
    let known = match of {
        Of::Account(id) => of_account(app, id).await,
        Of::Organisation(id) => groups::attributes_of(app, GroupId::new(id)).await,
    };
    known.map_err(|error| of_owner(of, &error))
}

fn list(known: Vec<Known<'_>>, json: bool) -> Result<(), String> {
    if json {
        return say_json(&AttributesView::of(known, Language::En));
    }
    let mut listing = Listing::new(["ATTRIBUTE", "VALUE"], false);
    let cells = |known: Known<'_>| {
        let value = known.value.map(|value| value.text());
        ((), [known.attribute.name.clone(), or_nothing(value)])
    };
    listing.page(known.into_iter().map(cells))?;
    listing.end("No attributes are declared; the setting `attributes` declares them.")
}

async fn set(app: &App, of: Of, owner: &str, given: &[Assignment]) -> Result<(), String> {
    let changes = checked(&known(app, of).await?, of.kind(), given)?;
    if changes.is_empty() {
        return say(&format!("{owner} has these values already; nothing was changed."));
    }
    let (operator, by) = (operator(), By::operator);
    let set = match of {
        Of::Account(id) => set_of_account(app, id, &changes, by(&operator)).await,
        Of::Organisation(id) => {
            groups::set_attributes_by(app, GroupId::new(id), &changes, by(&operator)).await
        }
    };
    set.map_err(|error| of_owner(of, &error))?;
    let names: Vec<_> = changes.names().collect();
    say(&format!("Changed {} of {owner}.", names.join(", ")))
}

/// The changes, or everything that is wrong with them.
fn checked(known: &[Known<'_>], of: AttributeOf, given: &[Assignment]) -> Result<Changes, String> {
    let mut texts = FormTexts::new();
    for Assignment { name, value } in given {
        let Some(Known { attribute, may_change, .. }) =
            known.iter().find(|known| known.attribute.name == *name)
        else {
            let whose = match of {
                AttributeOf::Account => "accounts",
                AttributeOf::Organisation => "organisations",
            };
            let declared: Vec<_> = known.iter().map(|known| known.attribute.name.as_str()).collect();
            let declared = if declared.is_empty() { "none".to_owned() } else { declared.join(", ") };
            return Err(format!("{whose} have no attribute `{name}`; declared are: {declared}"));
        };
        if !may_change {
            return Err(format!("nobody can change `{name}`: its declaration has `change = \"nobody\"`"));
        }
        if texts.insert(id_of(attribute), value.clone()).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
    }
    Changes::of_form(known, Changer::Administrator, &texts).map_err(|invalid| invalid.to_string())
}

fn of_owner(of: Of, error: &Error) -> String {
    match (of, error) {
        (Of::Organisation(id), Error::NotFound) => {
            format!("no organisation {id}; the console lists all organisations with their IDs")
        }
        (_, error) => sentence(error),
    }
}
