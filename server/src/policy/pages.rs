//! The console's page that says why an account may do something, or what would be needed.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use portcullis::Guard;

use super::{
    AccountId, Decision, Explanation, Granted, Reason, Way, Whom,
    http::{explain, full_name},
};
use crate::{
    access::AccountsRead,
    admin::AdminActor,
    app::App,
    client::Client,
    error::Error,
    invalid::{Fault, Invalid},
    pages::{Faults, PageResult, View},
    paths,
    sessions::SessionCookies,
};

#[derive(Template)]
#[template(path = "policy/access.html")]
struct AccessPage<'a> {
    v: &'a View,
    faults: Faults,
    account: AccountId,
    name: &'a str,
    /// Each permission with its description.
    permissions: &'a [(String, String)],
    /// What was asked: a permission and an object.
    permission: &'a str,
    object: &'a str,
    explained: Option<Explanation>,
}

impl AccessPage<'_> {
    fn path(&self) -> String {
        self.v.to(&paths::console_access(self.account))
    }

    /// Whether no grant or row could be named: usually a wrong ID.
    #[expect(clippy::unused_self, reason = "called from the template")]
    fn is_nothing(&self, explained: &Explanation) -> bool {
        explained.decision == Decision::Hide && explained.reasons.is_empty() && explained.would_do.is_empty()
    }

    fn way(&self, way: &Way) -> String {
        let or = format!(" {} ", self.v.t("page.access.or"));
        match way {
            Way::Owner(..) => self.v.t("page.access.owner").to_owned(),
            Way::Flag(name, _) => self.v.t1("page.access.flag", "name", name),
            Way::Condition(name, condition) => self.condition(name, condition),
            Way::Role(roles, on) => {
                self.v.t_with("page.access.role", &[("role", &roles.join(&or)), ("object", &on.join(&or))])
            }
        }
    }

    fn granted(&self, granted: &Granted) -> String {
        let object = format!("{}:{}", granted.grant.object_type, granted.grant.object);
        self.v.t_with("page.access.granted", &[("role", &granted.grant.role), ("object", &object)])
    }

    fn condition(&self, name: &str, condition: &str) -> String {
        self.v.t_with("page.access.condition", &[("name", name), ("condition", condition)])
    }
}

/// A link of the console leads here; the form on the page asks by its parameters.
pub(crate) async fn show_access(
    guard: Guard<SessionCookies, AccountsRead>,
    State(app): State<App>,
    client: Client,
    v: View,
    Path(id): Path<i64>,
) -> PageResult {
    let (actor, account) = (AdminActor::of(*guard.principal(), client)?, AccountId::new(id));
    let policy = app.policy();
    let permissions: Vec<_> = policy
        .permissions()
        .map(|(name, description, _)| (name.to_owned(), description.to_owned()))
        .collect();
    if permissions.is_empty() {
        return Err(Error::NotFound.into());
    }
    let name = full_name(&app, account).await?;
    let [permission, object] =
        ["permission", "object"].map(|field| v.query(field).unwrap_or_default().trim());
    let page = |faults, explained| AccessPage {
        v: &v,
        faults,
        account,
        name: &name,
        permissions: &permissions,
        permission,
        object,
        explained,
    };
    let is_asked = v.query("permission").is_some();
    let ask = async {
        if !is_asked {
            return Ok(None);
        }
        let of = policy.permissions().find(|(name, ..)| *name == permission).map(|(.., of)| of);
        let of = of.ok_or(Error::NotFound)?;
        if policy.object_named(object).map_or(true, |(named, _)| named != of) {
            return Err(Invalid::field("object", Fault::NotAnObject(of.to_owned())).into());
        }
        explain(&app, &actor, account, permission, object).await.map(Some)
    };
    let explained = v.form(&["object"], ask, async |faults| Ok(page(faults, None))).await?;
    Ok(v.show(StatusCode::OK, &page(Faults::none(), explained))?)
}
