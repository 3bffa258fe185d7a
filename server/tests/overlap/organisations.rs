//! The same for organisations: what a member does meets what ends the right to it, or takes away the other owner. What is
//! left must be what an order of the two could have left, so the rules of organisations are asked of the whole database
//! after each round.

use uuid::Uuid;

use super::*;

/// How often all pairs meet.
const MEETINGS: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Two owners.
    Ada,
    Bob,
    /// An admin, who has sent the invitation.
    Cai,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The guest accepts the invitation that the admin sent.
    Accept,
    /// The admin invites somebody.
    Invite,
    Leave(Who),
    Remove(Who, Who),
    SetRole(Who, Who, &'static str),
    HandOver(Who, Who),
    AddToTeam(Who),
    CreateService,
    /// The admin makes a key of the service account.
    CreateServiceKey,
    DisableService,
    DeleteService,
    DeleteOrganisation,
    /// By the operator.
    Disable(Who),
    Delete(Who),
    /// By its owner, with a grace period.
    LeaveServer(Who),
}

use Step::{
    Accept, AddToTeam, CreateService, CreateServiceKey, Delete, DeleteOrganisation, DeleteService, Disable,
    DisableService, HandOver, Invite, Leave, LeaveServer, Remove, SetRole,
};
use Who::{Ada, Bob, Cai};

const PAIRS: [(Step, Step); 34] = [
    (Accept, Remove(Ada, Cai)),
    (Accept, SetRole(Ada, Cai, "member")),
    (Accept, Disable(Cai)),
    (Accept, Delete(Cai)),
    (Accept, Leave(Cai)),
    (Accept, DeleteOrganisation),
    (Invite, Remove(Ada, Cai)),
    (Invite, SetRole(Ada, Cai, "member")),
    (Invite, Disable(Cai)),
    (Invite, Delete(Cai)),
    (Invite, DeleteOrganisation),
    (Leave(Ada), Leave(Bob)),
    (Leave(Ada), Remove(Ada, Bob)),
    (Leave(Ada), SetRole(Ada, Bob, "member")),
    (Leave(Ada), Disable(Bob)),
    (Leave(Ada), Delete(Bob)),
    (Leave(Ada), LeaveServer(Bob)),
    (Remove(Ada, Bob), Remove(Bob, Ada)),
    (Remove(Ada, Bob), Delete(Ada)),
    (SetRole(Ada, Bob, "admin"), SetRole(Bob, Ada, "admin")),
    (SetRole(Ada, Bob, "admin"), LeaveServer(Ada)),
    (Delete(Ada), Delete(Bob)),
    (LeaveServer(Ada), LeaveServer(Bob)),
    (HandOver(Ada, Bob), Leave(Bob)),
    (HandOver(Ada, Bob), Delete(Bob)),
    (AddToTeam(Cai), Remove(Ada, Cai)),
    (AddToTeam(Cai), Leave(Cai)),
    (CreateService, Remove(Ada, Cai)),
    (CreateService, DeleteOrganisation),
    (CreateServiceKey, Remove(Ada, Cai)),
    (CreateServiceKey, Disable(Cai)),
    (CreateServiceKey, DisableService),
    (CreateServiceKey, DeleteService),
    (CreateServiceKey, DeleteOrganisation),
];

/// What must never be true of a row, whatever met.
const NEVER: [(&str, &str); 6] = [
    (
        "an organisation without an owner",
        "SELECT count(*) FROM groups g WHERE g.kind = 'organisation' AND NOT EXISTS (
             SELECT 1 FROM memberships m WHERE m.group_id = g.id AND m.role = 'owner')",
    ),
    (
        // The operator may disable anybody.
        "an organisation whose owners leave",
        "SELECT count(*) FROM groups g WHERE g.kind = 'organisation' AND NOT EXISTS (
             SELECT 1 FROM memberships m JOIN accounts a ON a.id = m.account_id
             WHERE m.group_id = g.id AND m.role = 'owner' AND (a.deletion_due_at IS NULL OR NOT a.is_active))",
    ),
    (
        "an invitation of somebody who may not invite",
        "SELECT count(*) FROM invitations i WHERE NOT EXISTS (
             SELECT 1 FROM memberships m JOIN accounts a ON a.id = m.account_id
             WHERE m.group_id = i.group_id AND m.account_id = i.invited_by AND m.role <> 'member' AND a.is_active)",
    ),
    (
        "a member of a team who is not in the organisation",
        "SELECT count(*) FROM memberships t JOIN groups g ON g.id = t.group_id WHERE g.kind = 'team' AND NOT EXISTS (
             SELECT 1 FROM memberships m WHERE m.group_id = g.parent_id AND m.account_id = t.account_id)",
    ),
    (
        "a key of an account that is disabled",
        "SELECT count(*) FROM api_keys k JOIN accounts a ON a.id = k.account_id WHERE NOT a.is_active",
    ),
    (
        "a service account without its organisation",
        "SELECT count(*) FROM accounts a WHERE a.email LIKE 'service:%' AND NOT EXISTS (
             SELECT 1 FROM memberships m WHERE m.account_id = a.id AND m.group_id = a.organisation_id)",
    ),
];

struct Person {
    id: i64,
    cookie: String,
}

/// An organisation with two owners, an admin, a guest who is invited, a team and a service account.
struct Company {
    id: Uuid,
    team: Uuid,
    people: [Person; 3],
    guest: Person,
    invitation: String,
    service: i64,
}

impl Company {
    #[expect(clippy::too_many_lines, reason = "one row after another")]
    async fn new(app: &TestApp) -> Self {
        let (place, now) = (&app.place, app.clock.now().as_micros());
        let end = now + 3_600_000_000;
        let name = hex(&random::bytes::<6>());
        let (id, team) = (Uuid::from_bytes(random::bytes()), Uuid::from_bytes(random::bytes()));
        let (group, of_team) = (uuid(place, id.as_bytes()), uuid(place, team.as_bytes()));
        let mut people = Vec::new();
        for who in ["ada", "bob", "cai", "guest"] {
            let sql = format!(
                "INSERT INTO accounts (email, full_name, folded_name, is_active, created_at, updated_at, role,
                                       email_verified_at)
                 VALUES ('{}', '{who}', '{who}', TRUE, {now}, {now}, 'user', {now}) RETURNING id",
                email(&format!("{who}.{name}"))
            );
            let account = place.value(&sql).await.parse().unwrap();
            people.push(Person { id: account, cookie: secret() });
        }
        let sessions: Vec<_> = people
            .iter()
            .map(|Person { id, cookie }| {
                let (session, digest) = (uuid(place, &random::bytes::<16>()), blob(place, &sha256(cookie)));
                format!("({session}, {id}, {now}, {end}, {end}, {now}, {now}, {digest})")
            })
            .collect();
        let sql = format!(
            "INSERT INTO sessions (id, account_id, created_at, expires_at, ends_at, authenticated_at, last_seen_at,
                                   cookie_digest) VALUES {}",
            sessions.join(", ")
        );
        place.sql(&sql).await;
        let placeholder = secret();
        let invitation = format!("pclk_{}", secret());
        let (digest, row) = (blob(place, &sha256(&invitation)), uuid(place, &random::bytes::<16>()));
        let guest = people.pop().unwrap();
        let [ada, bob, cai] = <[Person; 3]>::try_from(people).ok().unwrap();
        for sql in [
            format!("INSERT INTO groups (id, kind, name, parent_id, created_at)
                     VALUES ({group}, 'organisation', 'Engines', NULL, {now}), ({of_team}, 'team', 'Team', {group}, {now})"),
            format!("INSERT INTO group_paths (descendant_id, ancestor_id, distance)
                     VALUES ({group}, {group}, 0), ({of_team}, {of_team}, 0), ({of_team}, {group}, 1)"),
            format!("INSERT INTO memberships (account_id, group_id, role, created_at)
                     VALUES ({}, {group}, 'owner', {now}), ({}, {group}, 'owner', {now}), ({}, {group}, 'admin', {now})",
                    ada.id, bob.id, cai.id),
            format!("INSERT INTO invitations (id, digest, group_id, email, role, invited_by, created_at, expires_at)
                     VALUES ({row}, {digest}, {group}, '{}', 'member', {}, {now}, {end})",
                    email(&format!("guest.{name}")), cai.id),
        ] {
            place.sql(&sql).await;
        }
        let sql = format!(
            "INSERT INTO accounts (email, full_name, folded_name, is_active, created_at, updated_at, role, organisation_id)
             VALUES ('service:{placeholder}', 'Robot', 'robot', TRUE, {now}, {now}, 'user', {group}) RETURNING id"
        );
        let service = place.value(&sql).await.parse().unwrap();
        place
            .sql(&format!(
                "INSERT INTO memberships (account_id, group_id, role, created_at)
                 VALUES ({service}, {group}, 'member', {now})"
            ))
            .await;
        Self { id, team, people: [ada, bob, cai], guest, invitation, service }
    }

    fn account(&self, who: Who) -> i64 {
        self.people[who as usize].id
    }

    fn browser(&self, app: &TestApp, who: Who) -> Client {
        Victim::browser(app, &self.people[who as usize].cookie)
    }

    /// Nobody is told that the server met itself: whatever happens is an answer of the interface.
    async fn take(&self, app: &TestApp, step: Step) {
        let here = format!("/organisations/{}", self.id);
        let member = |who| format!("{here}/members/{}", self.account(who));
        let service = format!("{here}/service-accounts/{}", self.service);
        let (client, cai) = (Acting::local("operator"), self.browser(app, Cai));
        let answer = match step {
            Accept => {
                let guest = Victim::browser(app, &self.guest.cookie);
                guest.post("/invitations/accept").json(&json!({ "token": self.invitation })).await
            }
            Invite => {
                let address = email(&format!("invited.{}", hex(&random::bytes::<6>())));
                cai.post(&format!("{here}/invitations")).json(&json!({ "email": address })).await
            }
            Leave(who) => self.browser(app, who).post(&format!("{here}/leave")).send().await,
            Remove(by, who) => self.browser(app, by).delete(&member(who)).send().await,
            SetRole(by, who, role) => {
                self.browser(app, by).call(Method::PUT, &member(who)).json(&json!({ "role": role })).await
            }
            HandOver(by, who) => {
                let to = json!({ "account_id": self.account(who) });
                self.browser(app, by).post(&format!("{here}/hand-over")).json(&to).await
            }
            AddToTeam(who) => {
                let path = format!("{here}/teams/{}/members/{}", self.team, self.account(who));
                self.browser(app, Ada).call(Method::PUT, &path).send().await
            }
            CreateService => {
                cai.post(&format!("{here}/service-accounts")).json(&json!({ "name": "Another" })).await
            }
            CreateServiceKey => {
                let key = json!({ "name": "CI", "scope": "organisations:read" });
                cai.post(&format!("{service}/keys")).json(&key).await
            }
            DisableService => {
                self.browser(app, Ada).patch(&service).json(&json!({ "is_active": false })).await
            }
            DeleteService => self.browser(app, Ada).delete(&service).send().await,
            DeleteOrganisation => self.browser(app, Ada).delete(&here).send().await,
            LeaveServer(who) => self.browser(app, who).delete("/account").send().await,
            Disable(who) => {
                let id = AccountId::new(self.account(who));
                admin::set_active(&app.app, id, false, By::operator(&client)).await.unwrap();
                return;
            }
            Delete(who) => {
                let id = AccountId::new(self.account(who));
                // The only owner stays.
                let _may_fail = leaving::delete(&app.app, id, By::operator(&client)).await;
                return;
            }
        };
        assert!(answer.status.as_u16() < 500, "{step:?}: {}", answer.text());
    }
}

/// Both at once: one on each instance, the second some time after the first.
async fn meet_in(one: &TestApp, other: &TestApp, (first, second): (Step, Step), delay: Duration) {
    let company = Company::new(one).await;
    let late = async {
        sleep(delay).await;
        company.take(other, second).await;
    };
    Box::pin(join(company.take(one, first), late)).await;
}

async fn meet_all(one: &TestApp, other: &TestApp) {
    for round in 0..MEETINGS {
        for chunk in PAIRS.chunks(6) {
            let delay = Duration::from_micros(250 * round as u64);
            // Each in both orders by turns.
            let pair = |(first, second)| if round % 2 == 0 { (first, second) } else { (second, first) };
            join_all(chunk.iter().map(|met| meet_in(one, other, pair(*met), delay))).await;
        }
        for (what, sql) in NEVER {
            assert_eq!(one.place.value(sql).await, "0", "{what} after round {round}");
        }
    }
}

mod z08_an_organisation_keeps_its_rules_whatever_meets {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        let one = app_for(Database::Postgres).await;
        Box::pin(meet_all(&one, &second(&one).await)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        let app = app_for(Database::Sqlite).await;
        Box::pin(meet_all(&app, &app)).await;
    }
}
