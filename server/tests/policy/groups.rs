//! Organisations and teams.

use std::time::Duration;

use portcullis_server::groups::{self, Error, GroupId, GroupRole};
use portcullis_server::policy::{Decision, Whom};

use super::{account, add_accounts, decide, give, on, shop};
use crate::on_both_databases;
use crate::support::{Database, TestApp};

async fn organisation(app: &TestApp, owner: i64) -> GroupId {
    let mut tx = app.app.db().begin().await.unwrap();
    let id = groups::create_organisation(&mut tx, " Acme ", account(owner), app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    app.clock.advance(Duration::from_millis(1));
    id
}

async fn team(app: &TestApp, parent: GroupId) -> Result<GroupId, Error> {
    let mut tx = app.app.db().begin().await.unwrap();
    let id = groups::create_team(&mut tx, "Team", parent, app.clock.now()).await?;
    tx.commit().await.unwrap();
    Ok(id)
}

async fn put(app: &TestApp, team: GroupId, parent: GroupId) -> Result<(), Error> {
    let mut tx = app.app.db().begin().await.unwrap();
    groups::move_team(&mut tx, team, parent, app.clock.now()).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn join(app: &TestApp, group: GroupId, who: i64, role: GroupRole) -> Result<(), Error> {
    let mut tx = app.app.db().begin().await.unwrap();
    groups::add_member(&mut tx, group, account(who), role, app.clock.now()).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn leave(app: &TestApp, group: GroupId, who: i64) -> Result<(), Error> {
    let mut tx = app.app.db().begin().await.unwrap();
    groups::remove_member(&mut tx, group, account(who)).await?;
    tx.commit().await.unwrap();
    Ok(())
}

/// The expected paths, found by recursion.
const WRONG_PATHS: &str = "
    WITH RECURSIVE up(descendant_id, ancestor_id, distance) AS (
        SELECT id, id, CAST(0 AS BIGINT) FROM groups
        UNION ALL SELECT up.descendant_id, g.parent_id, up.distance + 1
        FROM up JOIN groups g ON g.id = up.ancestor_id WHERE g.parent_id IS NOT NULL)
    SELECT count(*) FROM (
        SELECT * FROM (SELECT * FROM up EXCEPT SELECT descendant_id, ancestor_id, distance FROM group_paths) missing
        UNION ALL
        SELECT * FROM (SELECT descendant_id, ancestor_id, distance FROM group_paths EXCEPT SELECT * FROM up) wrong) both_ways";

on_both_databases! {
    async fn z06_groups_are_eight_deep_and_in_no_ring(database: Database) {
        let app = TestApp::new(database).await;
        add_accounts(&app, 1).await;
        let (top, other) = (organisation(&app, 1).await, organisation(&app, 1).await);
        let mut chain = vec![top];
        for _ in 1..8 {
            chain.push(team(&app, *chain.last().unwrap()).await.unwrap());
        }
        assert!(matches!(team(&app, chain[7]).await, Err(Error::TooDeep)));
        assert!(matches!(team(&app, GroupId::new(uuid::Uuid::nil())).await, Err(Error::NotFound)));
        assert!(matches!(put(&app, chain[1], chain[3]).await, Err(Error::Cycle)));
        assert!(matches!(put(&app, chain[1], chain[1]).await, Err(Error::Cycle)));
        assert!(matches!(put(&app, chain[7], other).await, Err(Error::OtherOrganisation)));
        assert!(matches!(put(&app, other, top).await, Err(Error::OtherOrganisation)));
        assert!(matches!(put(&app, top, chain[1]).await, Err(Error::Cycle)));
        let beside = team(&app, top).await.unwrap();
        team(&app, beside).await.unwrap();
        // Two levels under the sixth, and under the seventh.
        put(&app, beside, chain[5]).await.unwrap();
        assert!(matches!(put(&app, beside, chain[6]).await, Err(Error::TooDeep)));
        assert_eq!(app.place.value(WRONG_PATHS).await, "0");
        put(&app, chain[4], top).await.unwrap();
        assert_eq!(app.place.value(WRONG_PATHS).await, "0");
        let mut tx = app.app.db().begin().await.unwrap();
        groups::delete(&mut tx, chain[4], app.clock.now()).await.unwrap();
        assert!(matches!(groups::delete(&mut tx, chain[5], app.clock.now()).await, Err(Error::NotFound)));
        tx.commit().await.unwrap();
        assert_eq!(app.place.value(WRONG_PATHS).await, "0");
        assert_eq!(app.place.value("SELECT count(*) FROM groups").await, "5");
    }

    async fn z06_moves_at_the_same_moment_make_no_ring(database: Database) {
        let app = TestApp::new(database).await;
        add_accounts(&app, 1).await;
        let top = organisation(&app, 1).await;
        for _ in 0..5 {
            let (one, two) = (team(&app, top).await.unwrap(), team(&app, top).await.unwrap());
            let outcomes = tokio::join!(put(&app, one, two), put(&app, two, one));
            assert!(outcomes.0.is_ok() != outcomes.1.is_ok(), "{outcomes:?}");
        }
        assert_eq!(app.place.value(WRONG_PATHS).await, "0");
    }

    async fn a_grant_to_a_group_is_for_all_groups_inside_it(database: Database) {
        let (app, policy) = shop(database, 3).await;
        let top = organisation(&app, 1).await;
        let inner = team(&app, team(&app, top).await.unwrap()).await.unwrap();
        join(&app, inner, 3, GroupRole::Member).await.unwrap();
        give(&app, &policy, &on("folder", 2, "viewer", Whom::Group(top))).await;
        assert_eq!(decide(&app, &policy, 3, "document:read", 10).await, Decision::Allow);
        assert_eq!(decide(&app, &policy, 2, "document:read", 10).await, Decision::Hide);
        // Not the other way.
        give(&app, &policy, &on("document", 13, "viewer", Whom::Group(inner))).await;
        assert_eq!(decide(&app, &policy, 1, "document:read", 13).await, Decision::Hide);
        let mut tx = app.app.db().begin().await.unwrap();
        groups::delete(&mut tx, top, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(decide(&app, &policy, 3, "document:read", 10).await, Decision::Hide);
        assert_eq!(app.place.value("SELECT count(*) FROM grants").await, "0");
        assert_eq!(app.place.value("SELECT count(*) FROM memberships").await, "0");
    }

    async fn z06_an_account_has_a_thousand_memberships(database: Database) {
        let app = TestApp::new(database).await;
        add_accounts(&app, 2).await;
        let top = organisation(&app, 1).await;
        let id = match database {
            Database::Sqlite => "randomblob(16)",
            Database::Postgres => "gen_random_uuid()",
        };
        let rows = vec![format!("({id}, 'team', 'Team', 0)"); 999].join(", ");
        app.place.sql(&format!("INSERT INTO groups (id, kind, name, created_at) VALUES {rows}")).await;
        app.place.sql("INSERT INTO memberships (account_id, group_id, role, created_at) SELECT 2, id, 'member', 0 FROM groups WHERE kind = 'team'").await;
        let outcomes = futures_util::future::join_all((0..5).map(|_| async {
            join(&app, team(&app, top).await.unwrap(), 2, GroupRole::Member).await
        })).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(Error::TooManyMemberships))));
        assert!(matches!(join(&app, top, 99, GroupRole::Member).await, Err(Error::NotFound)));
    }

    async fn z08_the_last_owner_stays(database: Database) {
        let app = TestApp::new(database).await;
        add_accounts(&app, 51).await;
        let top = organisation(&app, 1).await;
        assert!(matches!(leave(&app, top, 1).await, Err(Error::LastOwner)));
        assert!(matches!(join(&app, top, 1, GroupRole::Member).await, Err(Error::LastOwner)));
        for who in 2..=50 {
            join(&app, top, who, GroupRole::Owner).await.unwrap();
        }
        join(&app, top, 51, GroupRole::Member).await.unwrap();
        leave(&app, top, 51).await.unwrap();
        let outcomes = futures_util::future::join_all((1..=50).map(|who| {
            let app = &app;
            async move {
                if who % 2 == 0 { leave(app, top, who).await } else { join(app, top, who, GroupRole::Member).await }
            }
        })).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 49, "{outcomes:?}");
        assert_eq!(app.place.value("SELECT count(*) FROM memberships WHERE role = 'owner'").await, "1");
    }
}
