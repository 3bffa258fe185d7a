//! Valid credentials without the login that an operation demands (RFC 9470).

use std::collections::BTreeSet;

use super::{Walk, rows::credentials};
use crate::testing::{
    attempt::{Attempt, Due, Ground, Twist},
    documented::Operation,
    scheme::Scheme,
};

impl Walk<'_> {
    /// Calls an operation that demands a recent or a stronger login, with credentials of another login.
    pub(in crate::testing) async fn come_with_stale_logins(
        &mut self,
        operation: &Operation,
        ground: &Ground<'_>,
    ) {
        if !operation.demands_login {
            return;
        }
        let mut tried = BTreeSet::new();
        for way in &operation.ways {
            let Some(sent) = credentials(way, ground, |_, held| held.stale.as_ref()) else { continue };
            if tried.insert(way.keys().collect::<Vec<_>>()) {
                let mut schemes = way.keys().filter_map(|name| ground.schemes.get(name));
                let due = Due::StaleLogin { is_bearer: schemes.any(Scheme::is_bearer) };
                let what = "a credential of a login that is not enough".to_owned();
                self.answer_to(operation, &Attempt { what, sent, due, twist: Twist::None }).await;
            }
        }
        if tried.is_empty() {
            let place = &operation.name;
            self.not_tried.insert(format!("{place}: a login that is not enough; say `.stale(…)`"));
        }
    }
}
