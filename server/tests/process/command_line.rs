//! What a person and a script see of the command line: help, listings, JSON, completions and error messages.

use std::ffi::OsStr;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::on_both_databases;
use crate::support::process::{Ended, Server, finish, program, program_by};
use crate::support::{Database, PASSWORD, Place};

async fn portcullis(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = program(place);
    command.args(arguments);
    finish(command, PASSWORD).await
}

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.out.contains('\x1b'), "colours on a pipe: {ended:?}");
    &ended.out
}

#[track_caller]
fn json(ended: &Ended) -> Value {
    serde_json::from_str(done(ended)).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// The cells of a table's lines.
fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect()
}

on_both_databases! {
    async fn accounts_are_listed_with_a_header_filters_and_json(database: Database) {
        let place = Place::begun(database).await;
        assert_eq!(done(&portcullis(&place, &["user", "list"]).await), "No accounts yet; `portcullis user add EMAIL` creates one.\n");
        assert_eq!(json(&portcullis(&place, &["user", "list", "--json"]).await), serde_json::json!([]));
        for arguments in [&["ada@example.com", "--admin"][..], &["bob@example.com", "--full-name", "Bob Byte"], &["eve@example.com"]] {
            done(&portcullis(&place, &[&["user", "add"], arguments].concat()).await);
        }
        done(&portcullis(&place, &["user", "disable", "eve@example.com"]).await);

        let listed = portcullis(&place, &["user", "list"]).await;
        let rows = table(done(&listed));
        assert_eq!(rows[0], ["ID", "EMAIL", "NAME", "ROLE", "STATUS", "CONFIRMED", "CREATED"]);
        assert_eq!(rows[1][..6], ["1", "ada@example.com", "ada", "admin", "active", "no"]);
        assert_eq!(rows[2][..6], ["2", "bob@example.com", "Bob Byte", "user", "active", "no"]);
        assert!(rows[1][6].ends_with(" UTC"), "{rows:?}");
        assert_eq!(rows.len(), 4);

        for (filter, ids) in [
            (&["--search", "BYTE"][..], &[2][..]),
            (&["--admins"], &[1]),
            (&["--disabled"], &[3]),
            (&["--unconfirmed"], &[1, 2, 3]),
            (&["--admins", "--disabled"], &[]),
        ] {
            let listed = json(&portcullis(&place, &[&["user", "list", "--json"], filter].concat()).await);
            let found: Vec<i64> = listed.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
            assert_eq!(found, ids, "{filter:?}");
        }
        assert_eq!(done(&portcullis(&place, &["user", "list", "--search", "nobody"]).await), "No accounts match.\n");
    }

    async fn an_account_is_shown_with_its_sessions(database: Database) {
        let place = Place::new(database).await;
        let server = Server::start(&place).await;
        server.remote().sign_up("ada").await;
        let shown = portcullis(&place, &["user", "show", "1"]).await;
        for words in ["ID        1\n", "Email     ada@example.com (not confirmed)", "Role      user", "Status    active", "Password  set", "Factor    none", "Passkeys  none", "Linked    none", "No active sessions."] {
            assert!(done(&shown).contains(words), "{words:?} is not in {shown:?}");
        }
        server.remote().log_in("ada").await;
        let shown = portcullis(&place, &["user", "show", "ada@example.com"]).await;
        assert!(done(&shown).contains("SESSION") && shown.out.contains("127.0.0.1"), "{shown:?}");
        let shown = json(&portcullis(&place, &["user", "show", "1", "--json"]).await);
        assert_eq!((&shown["email"], shown["sessions"].as_array().unwrap().len()), (&"ada@example.com".into(), 1));
        assert_eq!(shown["ways_in"]["has_password"], true);
        let bytes = |n: usize| match database {
            Database::Sqlite => format!("x'{}'", "07".repeat(n)),
            Database::Postgres => format!("'\\x{}'::bytea", "07".repeat(n)),
        };
        let id = match database {
            Database::Sqlite => format!("x'{}'", "07".repeat(16)),
            Database::Postgres => format!("'{}'::uuid", "07".repeat(16)),
        };
        for sql in [
            format!("INSERT INTO totp (account_id, sealed_key, last_step, created_at) VALUES (1, {}, 1, 1)", bytes(8)),
            format!("INSERT INTO recovery_codes (digest, account_id) VALUES ({}, 1)", bytes(32)),
            format!(
                "INSERT INTO passkeys (id, account_id, credential_id, user_handle, public_key, sign_count, is_backup_eligible, is_backed_up, name, created_at)
                 VALUES ({id}, 1, {0}, {0}, {0}, 0, TRUE, TRUE, 'Ring', 1)",
                bytes(16)
            ),
            format!(
                "INSERT INTO identities (id, account_id, issuer, subject, provider, email, linked_at, last_used_at)
                 VALUES ({id}, 1, 'https://github.com', '583231', 'github', 'octocat@example.com', 1, 1)"
            ),
        ] {
            place.sql(&sql).await;
        }
        let shown = portcullis(&place, &["user", "show", "1"]).await;
        for words in ["1 recovery codes left, 0 remembered devices", "Passkeys  Ring", "Linked    github (octocat@example.com)"] {
            assert!(done(&shown).contains(words), "{words:?} is not in {shown:?}");
        }
        let shown = json(&portcullis(&place, &["user", "show", "1", "--json"]).await);
        let ways = &shown["ways_in"];
        assert_eq!((&ways["passkeys"][0]["name"], &ways["identities"][0]["provider"]), (&"Ring".into(), &"github".into()));
        assert_eq!((&ways["recovery_codes_left"], ways["authenticator_app_since"].is_string()), (&1.into(), true));
        server.stop().await;
    }

    async fn the_audit_log_names_people_and_can_be_filtered_and_exported(database: Database) {
        let place = Place::new(database).await;
        let server = Server::start(&place).await;
        server.remote().sign_up("ada").await;
        server.remote().as_user("bob").await;
        server.stop().await;
        done(&portcullis(&place, &["user", "disable", "1"]).await);

        let listed = portcullis(&place, &["audit", "list"]).await;
        let rows = table(done(&listed));
        assert_eq!(rows[0], ["TIME", "EVENT", "ACCOUNT", "BY", "ADDRESS", "DETAIL"]);
        assert_eq!(rows[1][1..4], ["account.disabled", "ada@example.com (1)", "operator"], "the newest first");
        assert!(rows[1][0].ends_with(" UTC"), "{rows:?}");

        let events = async |filter: &[&str]| -> Vec<String> {
            let listed = json(&portcullis(&place, &[&["audit", "list", "--json"], filter].concat()).await);
            let names = listed.as_array().unwrap().iter().map(|row| row["event"].as_str().unwrap().to_owned());
            // The worker's, which may come at any time.
            names.filter(|name| name != "account.verification_requested").collect()
        };
        assert_eq!(events(&["--account", "ada@example.com"]).await, ["account.disabled", "account.signed_up"]);
        assert_eq!(events(&["--event", "session.logged_in"]).await, ["session.logged_in"]);
        assert_eq!(events(&["--limit", "1"]).await, ["account.disabled"]);
        assert_eq!(events(&["--since", "1d", "--account", "1"]).await, ["account.disabled", "account.signed_up"]);
        place.sql("UPDATE audit_events SET at = at - 172800000000 WHERE event <> 'account.disabled'").await;
        assert_eq!(events(&["--since", "1d"]).await, ["account.disabled"]);
        assert_eq!(done(&portcullis(&place, &["audit", "list", "--event", "no.such"]).await), "No events match.\n");

        let csv = portcullis(&place, &["audit", "list", "--csv", "--account", "1"]).await;
        let lines: Vec<_> = done(&csv).lines().collect();
        assert!(lines[0].starts_with("at,event,account_id,account_email,actor,") && lines.len() >= 3, "{lines:?}");
        assert!(lines[1].contains("Z,account.disabled,1,ada@example.com,operator,"), "{lines:?}");

        done(&portcullis(&place, &["user", "delete", "1", "--yes"]).await);
        let listed = portcullis(&place, &["audit", "list", "--account", "1"]).await;
        assert!(done(&listed).contains("deleted (1)") && !listed.out.contains("ada@"), "{listed:?}");
    }

    async fn signing_keys_are_listed_without_their_private_half(database: Database) {
        let place = Place::begun(database).await;
        let listed = portcullis(&place, &["keys", "list"]).await;
        let rows = table(done(&listed));
        assert_eq!((rows[0][0], rows.len(), rows[1][1], rows[1][3]), ("KEY ID", 2, "EdDSA", "signs new tokens"));
        let keys = json(&portcullis(&place, &["keys", "list", "--json"]).await);
        assert_eq!(keys[0]["kid"].as_str(), Some(rows[1][0]));
        assert_eq!(keys[0].as_object().unwrap().len(), 4, "{keys}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_seen_enough_is_not_an_error() {
    let place = Place::begun(Database::Sqlite).await;
    let insert = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
        INSERT INTO accounts (email, full_name, password_hash, is_active, created_at, updated_at)
        SELECT n || '@example.com', 'Somebody', '', 1, 0, 0 FROM numbers";
    place.sql(insert).await;
    let mut command = program(&place);
    command.args(["user", "list"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).await.unwrap();
    assert!(first.starts_with("ID"), "{first}");
    drop(out);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
    assert_eq!((child.wait().await.unwrap().code(), err.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn help_completions_and_man_pages_need_no_data_and_no_good_settings() {
    let place = Place::new(Database::Sqlite).await;
    let folder = place.data_dir().join("man");
    std::fs::create_dir(&folder).unwrap();
    for (arguments, words) in [
        (&["--help"][..], "portcullis help settings"),
        (&["settings"], "trusted_proxies <IP,…>"),
        (&["help", "settings"], "trusted_proxies <IP,…>"),
        (&["config", "default"], "#trusted_proxies = ["),
        (&["completions", "bash"], "_portcullis()"),
        (&["completions", "zsh"], "#compdef portcullis"),
        (&["completions", "fish"], "complete -c portcullis"),
        (&["man"], ".TH portcullis 1"),
        (&["man", folder.to_str().unwrap()], ""),
    ] {
        let mut command = program(&place);
        command.env("PORTCULLIS_LIMITS", "nonsense").args(arguments);
        let ended = finish(command, "").await;
        assert!(done(&ended).contains(words), "{arguments:?}: {ended:?}");
    }
    assert!(folder.join("portcullis-user-list.1").is_file());
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(std::fs::read_dir(place.data_dir()).unwrap().count(), 0, "nothing was begun");
}

#[tokio::test]
async fn config_show_says_each_value_and_where_it_comes_from() {
    let place = Place::new(Database::Sqlite).await;
    let file = place.data_dir().join("p.toml");
    std::fs::write(&file, "\naccess_token_ttl = '90s'\nmail_url = 'smtps://ana:hunter2@mail.example'\n")
        .unwrap();
    let mut command = program(&place);
    command
        .args(["--config", file.to_str().unwrap(), "--sign-up", "quiet", "config", "show", "--json"])
        .env("PORTCULLIS_DATABASE_URL", "postgres://ana:hunter2@db.example/shop");
    let ended = finish(command, "").await;
    assert!(!ended.out.contains("hunter2"), "{ended:?}");
    let shown = json(&ended);
    let of = |name: &str| {
        let row = shown.as_array().unwrap().iter().find(|row| row["setting"] == name).unwrap();
        (row["value"].as_str().unwrap_or_default().to_owned(), row["source"].as_str().unwrap().to_owned())
    };
    let from_file = |line| format!("{}, line {line}", file.display());
    assert_eq!(of("access_token_ttl"), ("90s".to_owned(), from_file(2)));
    assert_eq!(of("mail_url"), ("smtps://ana@mail.example:465".to_owned(), from_file(3)));
    assert_eq!(of("database_url").1, "variable");
    assert_eq!(of("sign_up"), ("quiet".to_owned(), "option".to_owned()));
    assert_eq!(of("require_verified_email"), ("on".to_owned(), "default".to_owned()), "quiet implies it");
    assert_eq!(of("audience").0, "http://localhost:8000", "what counts, not what is set");
    assert_eq!(of("picture_storage"), ("10GiB".to_owned(), "default".to_owned()));
    let ended = portcullis(&place, &["config", "show"]).await;
    assert_eq!(table(done(&ended))[0], ["SETTING", "VALUE", "SOURCE"]);
}

/// The file that `config default` prints is valid, also with every comment mark removed.
#[tokio::test]
async fn the_default_configuration_file_is_accepted() {
    let place = Place::new(Database::Sqlite).await;
    let printed = portcullis(&place, &["config", "default"]).await;
    let is_setting = |line: &str| line.starts_with('#') && !line.starts_with("# ");
    let uncommented: Vec<_> = done(&printed)
        .lines()
        .map(|line| if is_setting(line) { line.trim_start_matches('#') } else { line })
        .collect();
    for text in [printed.out.clone(), uncommented.join("\n")] {
        let file = place.data_dir().join("p.toml");
        std::fs::write(&file, text).unwrap();
        done(&portcullis(&place, &["--config", file.to_str().unwrap(), "config", "show"]).await);
    }
}

#[tokio::test]
async fn errors_have_one_style_and_colours_are_for_terminals() {
    let place = Place::new(Database::Sqlite).await;
    for arguments in
        [&["user", "list"][..], &["--log", "x=loud"], &["--nonsense"], &["user", "add", "nobody"]]
    {
        let ended = portcullis(&place, arguments).await;
        assert!(ended.err.starts_with("error: ") && !ended.err.contains('\x1b'), "{ended:?}");
    }
}

/// `script` of util-linux gives the program a terminal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_terminal_a_fault_is_said_before_the_password_is_asked_for_again() {
    let place = Place::begun(Database::Sqlite).await;
    let typed = async |command: &str, color: bool, keys: &str| {
        let line = format!("{} {command}", env!("CARGO_BIN_EXE_portcullis"));
        let arguments = ["-q", "-e", "-c", &line, "/dev/null"].map(OsStr::new);
        let mut command = program_by(&place, OsStr::new("script"), &arguments);
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        if !color {
            command.env("NO_COLOR", "1");
        }
        finish(command, keys).await
    };
    let ended = typed("user add ada@example.com", true, "tiny-91\n").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("the password is too short; use at least 12 characters"), "{ended:?}");
    assert!(ended.out.contains("\x1b[31merror:") && !ended.out.contains("Repeat"), "{ended:?}");
    let ended = typed("user add ada@example.com", true, &format!("{PASSWORD}\nanother one\n")).await;
    assert_eq!((ended.code, ended.out.contains("Repeat the password: ")), (Some(1), true), "{ended:?}");
    assert!(ended.out.contains("the passwords do not match"), "{ended:?}");
    let ended = typed("user add ada@example.com", true, &format!("{PASSWORD}\n{PASSWORD}\n")).await;
    assert_eq!((ended.code, ended.out.contains("Created account 1")), (Some(0), true), "{ended:?}");
    assert!(typed("user list", true, "").await.out.contains("\x1b[1mID"), "a header is bold on a terminal");
    let plain = typed("user list", false, "").await;
    assert!(plain.out.contains("ada@example.com") && !plain.out.contains('\x1b'), "{plain:?}");
}
