//! `portcullis attribute …`, with the program itself.

use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::process::{Ended, finish, program};
use crate::support::{Database, PASSWORD, Place};

const DECLARED: &str = r#"
[attributes.company]
of = "account"
type = "string"
max_length = 20
change = "owner"
sign_up = "required"

[attributes.plan]
of = "account"
type = "string"
values = ["free", "pro"]
change = "administrators"

[attributes.birth_year]
of = "account"
type = "integer"
change = "nobody"
sign_up = "optional"

[attributes.seats]
of = "organisation"
type = "integer"
minimum = 1
maximum = 1000
change = "administrators"
"#;

async fn attribute(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = program(place);
    command.arg("--config").arg(place.data_dir().join("attributes.toml")).arg("attribute").args(arguments);
    finish(command, "").await
}

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    &ended.out
}

#[track_caller]
fn failed(ended: &Ended, code: i32, reason: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.err.contains(reason) && ended.out.is_empty(), "{reason:?} is not in {ended:?}");
}

on_both_databases! {
    async fn an_operator_reads_and_sets_attributes(database: Database) {
        let place = Place::new(database).await;
        std::fs::create_dir_all(place.data_dir()).unwrap();
        std::fs::write(place.data_dir().join("attributes.toml"), DECLARED).unwrap();
        failed(&attribute(&place, &["list", "1"]).await, 1, "no Portcullis data in");
        let mut add = program(&place);
        add.args(["user", "add", "ada@example.com", "--password-stdin"]);
        assert_eq!(finish(add, PASSWORD).await.code, Some(0));

        let empty = attribute(&place, &["list", "ada@example.com"]).await;
        let rows: Vec<Vec<&str>> = done(&empty).lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows, [["ATTRIBUTE", "VALUE"], ["company", "-"], ["plan", "-"], ["birth_year", "-"]]);
        let set = attribute(&place, &["set", "Ada@example.com", "plan=pro", "company=Ng & Daughters"]).await;
        assert_eq!(done(&set), "Changed company, plan of ada@example.com (1).\n");
        let listed = attribute(&place, &["list", "1", "--json"]).await;
        let listed: Value = serde_json::from_str(done(&listed)).unwrap();
        assert_eq!((&listed["attributes"][0]["name"], &listed["attributes"][0]["value"]), (&json!("company"), &json!("Ng & Daughters")));
        assert_eq!((&listed["attributes"][1]["value"], &listed["attributes"][2]["may_change"]), (&json!("pro"), &json!(false)));
        // Nothing is changed by the same again, or if one value is not allowed.
        let same = attribute(&place, &["set", "1", "plan=pro"]).await;
        assert_eq!(done(&same), "ada@example.com (1) has these values already; nothing was changed.\n");
        for (wrong, reason) in [
            (&["plan=free", "company=An uncommonly long name"][..], "attributes.company: "),
            (&["plan=gold"], "'free' or 'pro'"),
            (&["plan=free", "plan=pro"], "`plan` is given twice"),
            (&["birth_year=1815"], "nobody can change `birth_year`"),
            (&["seats=3"], "accounts have no attribute `seats`; declared are: company, plan, birth_year"),
        ] {
            let refused = attribute(&place, &[&["set", "1"], wrong].concat()).await;
            failed(&refused, 1, reason);
            assert!(!refused.err.contains("uncommonly") && !refused.err.contains("gold"), "values are not repeated: {refused:?}");
        }
        failed(&attribute(&place, &["set", "1", "plan"]).await, 2, "write NAME=VALUE");
        failed(&attribute(&place, &["set", "1"]).await, 2, "NAME=VALUE");
        failed(&attribute(&place, &["list", "eve@example.com"]).await, 1, "no account eve@example.com");
        assert_eq!(place.value("SELECT count(*) FROM attribute_values").await, "2");
        // Sign-up requires a company of people; an operator can remove it.
        done(&attribute(&place, &["set", "1", "company="]).await);
        assert_eq!(place.value("SELECT count(*) FROM attribute_values").await, "1");
        let events = "SELECT count(*) FROM audit_events WHERE event = 'account.attributes_changed' AND actor = 'operator' AND account_id = 1";
        assert_eq!(place.value(events).await, "2");
        assert_eq!(place.value("SELECT count(*) FROM audit_events WHERE detail LIKE '%Ng%' OR detail LIKE '%pro%'").await, "0");
    }

    async fn an_operator_sets_attributes_of_an_organisation(database: Database) {
        let place = Place::new(database).await;
        std::fs::create_dir_all(place.data_dir()).unwrap();
        std::fs::write(place.data_dir().join("attributes.toml"), DECLARED).unwrap();
        let mut add = program(&place);
        add.args(["user", "add", "ada@example.com", "--password-stdin"]);
        assert_eq!(finish(add, PASSWORD).await.code, Some(0));
        let acme = "01890a5d-ac96-774b-bcce-b302099a8057";
        let id = match database {
            Database::Sqlite => format!("x'{}'", acme.replace('-', "")),
            Database::Postgres => format!("'{acme}'"),
        };
        let insert = "INSERT INTO groups (id, kind, name, folded_name, created_at)";
        place.sql(&format!("{insert} VALUES ({id}, 'organisation', 'Acme', 'acme', 1)")).await;

        assert_eq!(done(&attribute(&place, &["set", acme, "seats=20"]).await), format!("Changed seats of the organisation {acme}.\n"));
        assert!(done(&attribute(&place, &["list", acme]).await).contains("seats      20"));
        failed(&attribute(&place, &["set", acme, "seats=1001"]).await, 1, "attributes.seats: ");
        failed(&attribute(&place, &["set", acme, "plan=pro"]).await, 1, "organisations have no attribute `plan`; declared are: seats");
        let nobody = "01890a5d-ac96-774b-bcce-000000000000";
        failed(&attribute(&place, &["set", nobody, "seats=20"]).await, 1, &format!("no organisation {nobody}"));
        let events = "SELECT count(*) FROM audit_events WHERE event = 'organisation.attributes_changed' AND actor = 'operator' AND detail LIKE '% seats'";
        assert_eq!(place.value(events).await, "1");
    }
}
