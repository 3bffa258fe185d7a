//! The same for sharing: an account gives or takes a role on a document, while its right to do so, or what the role is
//! about, is taken away. The application is `examples/documents.rs`.

use portcullis_server::db::Encode as _;
use portcullis_server::groups::{self, GroupId, GroupRole};
use uuid::Uuid;

use super::*;
use crate::policy::example::documents;

/// How often all pairs meet.
const MEETINGS: usize = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Share,
    Unshare,
}

/// What meets it. Ada may share because a team that she is in manages the document; Ben receives the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Disable,
    Delete,
    LogOutElsewhere,
    LeaveTeam,
    DeleteReceiver,
    DeleteTeam,
    DeleteDocument,
}

const STEPS: [Step; 2] = [Step::Share, Step::Unshare];
const LOSSES: [Loss; 7] = [
    Loss::Disable,
    Loss::Delete,
    Loss::LogOutElsewhere,
    Loss::LeaveTeam,
    Loss::DeleteReceiver,
    Loss::DeleteTeam,
    Loss::DeleteDocument,
];

impl Loss {
    /// Whether it takes away Ada's right to share, and locks her row to do so.
    fn is_of_the_account(self) -> bool {
        matches!(self, Self::Disable | Self::Delete | Self::LogOutElsewhere)
    }
}

/// An instance of the application.
struct Office {
    accounts: TestApp,
    router: axum::Router,
}

impl Office {
    async fn of(accounts: TestApp) -> Self {
        let router = documents::router(&accounts.app).await.unwrap();
        Self { accounts, router }
    }

    fn browser(&self, cookie: &str) -> Client {
        Client::new(self.router.clone(), "192.0.2.1").with_cookie(&format!("__Host-portcullis={cookie}"))
    }
}

/// A document that Ada shares with Ben as editor already.
struct Desk {
    ada: i64,
    ben: i64,
    /// The cookie of the session that shares, and of the one that ends it.
    sharing: String,
    owner: String,
    team: GroupId,
    document: Uuid,
    grant: Uuid,
}

impl Desk {
    async fn new(office: &Office) -> Self {
        let app = &office.accounts;
        let (place, now) = (&app.place, app.clock.now().as_micros());
        let end = now + 3_600_000_000;
        let name = hex(&random::bytes::<6>());
        let mut people = Vec::new();
        for who in ["ada", "ben", "cai"] {
            let sql = format!(
                "INSERT INTO accounts (email, full_name, folded_name, is_active, created_at, updated_at, role)
                 VALUES ('{}', '{who}', '{who}', TRUE, {now}, {now}, 'user') RETURNING id",
                email(&format!("{who}.{name}"))
            );
            people.push(place.value(&sql).await.parse::<i64>().unwrap());
        }
        let [ada, ben, cai] = <[i64; 3]>::try_from(people).unwrap();
        let (sharing, owner) = (secret(), secret());
        for cookie in [&sharing, &owner] {
            let (session, digest) = (uuid(place, &random::bytes::<16>()), blob(place, &sha256(cookie)));
            let sql = format!(
                "INSERT INTO sessions (id, account_id, created_at, expires_at, ends_at, authenticated_at, last_seen_at,
                                       cookie_digest)
                 VALUES ({session}, {ada}, {now}, {end}, {end}, {now}, {now}, {digest})"
            );
            place.sql(&sql).await;
        }
        let time = app.clock.now();
        let mut tx = app.app.db().begin().await.unwrap();
        let organisation =
            groups::create_organisation(&mut tx, "Engines", AccountId::new(cai), time).await.unwrap();
        let team = groups::create_team(&mut tx, "Papers", organisation, time).await.unwrap();
        groups::add_member(&mut tx, team, AccountId::new(ada), GroupRole::Member, time).await.unwrap();
        tx.commit().await.unwrap();
        let [folder, document, manages, grant] = [(); 4].map(|()| Uuid::from_bytes(random::bytes()));
        let id = |of: Uuid| uuid(place, of.as_bytes());
        let group = id(team.uuid());
        for sql in [
            format!("INSERT INTO folders (id, parent_id, name) VALUES ({}, NULL, 'Plans')", id(folder)),
            format!(
                "INSERT INTO documents (id, folder_id, owner_id, is_public, title, body)
                 VALUES ({}, {}, NULL, FALSE, 'Plan', '')",
                id(document),
                id(folder)
            ),
            format!(
                "INSERT INTO grants (id, object_type, object_uuid, role, account_id, group_id, created_at)
                 VALUES ({}, 'document', {}, 'manager', NULL, {group}, {now}),
                        ({}, 'document', {}, 'editor', {ben}, NULL, {now})",
                id(manages),
                id(document),
                id(grant),
                id(document)
            ),
        ] {
            place.sql(&sql).await;
        }
        Self { ada, ben, sharing, owner, team, document, grant }
    }

    async fn take(&self, office: &Office, step: Step) -> Answer {
        let (browser, grants) =
            (office.browser(&self.sharing), format!("/documents/{}/grants", self.document));
        match step {
            Step::Share => {
                browser.post(&grants).json(&json!({ "role": "viewer", "to": { "account": self.ben } })).await
            }
            Step::Unshare => browser.delete(&format!("{grants}/{}", self.grant)).send().await,
        }
    }

    async fn lose(&self, office: &Office, loss: Loss) {
        let (app, client) = (&office.accounts.app, Acting::local("operator"));
        let (ada, ben) = (AccountId::new(self.ada), AccountId::new(self.ben));
        match loss {
            Loss::Disable => admin::set_active(app, ada, false, By::operator(&client)).await.unwrap(),
            Loss::Delete => leaving::delete(app, ada, By::operator(&client)).await.unwrap(),
            Loss::DeleteReceiver => leaving::delete(app, ben, By::operator(&client)).await.unwrap(),
            Loss::LogOutElsewhere => {
                Victim::browser(&office.accounts, &self.owner).delete("/sessions").send().await.assert(204);
            }
            Loss::LeaveTeam => {
                let mut tx = app.db().begin().await.unwrap();
                groups::remove_member(&mut tx, self.team, ada).await.unwrap();
                tx.commit().await.unwrap();
            }
            Loss::DeleteTeam => {
                let mut tx = app.db().begin().await.unwrap();
                groups::delete(&mut tx, self.team, office.accounts.clock.now()).await.unwrap();
                tx.commit().await.unwrap();
            }
            Loss::DeleteDocument => {
                let mut tx = app.db().begin().await.unwrap();
                let sql = "DELETE FROM documents WHERE id = $1";
                tx.conn().execute(sql, vec![self.document.encode()]).await.unwrap();
                app.policy().forget(tx.conn(), "document", self.document.into()).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }

    /// The roles that Ben has on the document.
    async fn roles(&self, place: &Place) -> String {
        let document = uuid(place, self.document.as_bytes());
        let sql = format!(
            "SELECT role FROM grants WHERE object_uuid = {document} AND account_id = {} ORDER BY role",
            self.ben
        );
        place.value(&sql).await
    }
}

async fn office(database: Database) -> Office {
    Office::of(app_for(database).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn z02_n01_a_share_that_waited_behind_a_loss_changes_nothing() {
    let one = office(Database::Postgres).await;
    let other = Office::of(second(&one.accounts).await).await;
    let place = &one.accounts.place;
    place.sql("CREATE TABLE gate (account BIGINT)").await;
    let before_the_share =
        [Loss::Disable, Loss::Delete, Loss::LogOutElsewhere, Loss::LeaveTeam, Loss::DeleteTeam];
    for (step, loss) in STEPS.into_iter().flat_map(|step| before_the_share.map(|loss| (step, loss))) {
        let desk = &Desk::new(&one).await;
        let lost = async {
            until_held(place, desk.ada).await;
            desk.lose(&other, loss).await;
        };
        let taken = async {
            // Its guard lets it in, because the loss waits for the row that the gate holds, or is still to come.
            until_held(place, desk.ada).await;
            if loss.is_of_the_account() {
                until(place, 1, loss).await;
            }
            desk.take(&one, step).await
        };
        let opening = async {
            let waiters = if loss.is_of_the_account() { 2 } else { 1 };
            until(place, waiters, (step, loss)).await;
            open(place, desk.ada).await;
        };
        let answer = if loss.is_of_the_account() {
            Box::pin(join(hold(place, desk.ada), join(join(lost, taken), opening))).await.1.0.1
        } else {
            // The share waits; the loss is committed meanwhile.
            let lost_meanwhile = async {
                until_held(place, desk.ada).await;
                until(place, 1, (step, loss)).await;
                lost.await;
                open(place, desk.ada).await;
            };
            Box::pin(join(hold(place, desk.ada), join(taken, lost_meanwhile))).await.1.0
        };
        let expected: &[u16] = if loss.is_of_the_account() { &[401] } else { &[403, 404] };
        let status = answer.status.as_u16();
        assert!(expected.contains(&status), "{step:?} after {loss:?}: {status} {}", answer.text());
        assert_eq!(desk.roles(place).await, "editor", "{step:?} after {loss:?}");
    }
}

/// What must never be true of a row, whatever met.
const NEVER: [(&str, &str); 3] = [
    (
        "a grant to an account that does not exist",
        "SELECT count(*) FROM grants g WHERE g.account_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = g.account_id)",
    ),
    (
        "a grant to a group that does not exist",
        "SELECT count(*) FROM grants g WHERE g.group_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM groups o WHERE o.id = g.group_id)",
    ),
    (
        "a grant on a document that does not exist",
        "SELECT count(*) FROM grants g WHERE g.object_type = 'document'
         AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = g.object_uuid)",
    ),
];

/// Both at once: one on each instance, the second some time after the first.
async fn meet_at(
    one: &Office,
    other: &Office,
    (step, loss): (Step, Loss),
    delay: Duration,
    is_loss_first: bool,
) {
    let desk = Desk::new(one).await;
    let after = |wait: bool| sleep(if wait { delay } else { Duration::ZERO });
    let ending = async {
        after(!is_loss_first).await;
        desk.lose(other, loss).await;
    };
    let take = async {
        after(is_loss_first).await;
        desk.take(one, step).await
    };
    let ((), answer) = Box::pin(join(ending, take)).await;
    let did = match answer.status.as_u16() {
        200..300 => true,
        400..500 => false,
        status => panic!("{step:?} beside {loss:?}: {status} {}", answer.text()),
    };
    // What was answered is what is there, except for what ends with the account or the document.
    if !matches!(loss, Loss::DeleteReceiver | Loss::DeleteDocument) {
        let roles = match (step, did) {
            (Step::Share, true) => "editorviewer",
            (Step::Unshare, true) => "",
            (_, false) => "editor",
        };
        assert_eq!(desk.roles(&one.accounts.place).await, roles, "{step:?} beside {loss:?}");
    }
}

async fn meet_all(one: &Office, other: &Office) {
    let pairs: Vec<_> = STEPS.into_iter().flat_map(|step| LOSSES.map(|loss| (step, loss))).collect();
    for round in 0..MEETINGS {
        for chunk in pairs.chunks(7) {
            let delay = Duration::from_micros(400 * round as u64);
            join_all(chunk.iter().map(|pair| meet_at(one, other, *pair, delay, round % 2 == 0))).await;
        }
        for (what, sql) in NEVER {
            assert_eq!(one.accounts.place.value(sql).await, "0", "{what} after round {round}");
        }
    }
}

mod z02_z03_a_grant_keeps_its_rules_whatever_meets {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        let one = office(Database::Postgres).await;
        let other = Office::of(second(&one.accounts).await).await;
        Box::pin(meet_all(&one, &other)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        let one = office(Database::Sqlite).await;
        let other = Office::of(second(&one.accounts).await).await;
        Box::pin(meet_all(&one, &other)).await;
    }
}
