//! Each module of the server may import lower modules only. The floors are the table in `ARCHITECTURE.md`; this test
//! reads it and the `crate::` paths of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");
/// Modules that every module may use, and those that put the modules together.
const SET_ASIDE: [&str; 6] = ["app", "error", "lib", "main", "routes", "server"];
/// Modules that import each other, with the reason. `client` closes the only ring of three.
const MUTUAL: [(&str, &str, &str); 3] = [
    ("accounts", "access", "an account is held by a principal who is proved again under its lock"),
    ("access", "client", "who acts on another's account does so from somewhere"),
    ("client", "accounts", "the audit trail names the account of an administrator who acts"),
];

/// The floor of each module, 0 at the top.
fn floors() -> BTreeMap<String, usize> {
    let table = ARCHITECTURE.split("| floor | rooms |").nth(1).expect("the table of floors");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut floors = BTreeMap::new();
    for (floor, row) in rows.enumerate() {
        let rooms = row.split('|').nth(2).expect("a column of rooms");
        for room in rooms.split('`').skip(1).step_by(2) {
            assert_eq!(floors.insert(room.to_owned(), floor), None, "{room} stands on two floors");
        }
    }
    floors
}

/// The modules that a source names with `crate::…`, without its tests and comments.
fn imports(source: &str) -> BTreeSet<String> {
    let code = source.split("\n#[cfg(test)]").next().unwrap_or_default();
    let code: String = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        let Some(list) = path.strip_prefix('{') else {
            rooms.insert(word(path));
            continue;
        };
        // One name at the beginning, and one after each comma that is not in inner braces.
        rooms.insert(word(list));
        let mut depth = 1;
        for (at, char) in list.char_indices() {
            match char {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => {
                    rooms.insert(word(list.split_at(at + 1).1));
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    rooms.remove("");
    rooms
}

/// Everything that one module imports.
fn rooms() -> BTreeMap<String, BTreeSet<String>> {
    fn read(folder: &Path, room: Option<&str>, all: &mut BTreeMap<String, BTreeSet<String>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let room = room.unwrap_or(&name);
            if path.is_dir() {
                read(&path, Some(room), all);
            } else if path.extension().is_some_and(|kind| kind == "rs") && name != "tests" {
                all.entry(room.to_owned()).or_default().extend(imports(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut all = BTreeMap::new();
    read(Path::new(SOURCES), None, &mut all);
    all
}

fn upwards(rooms: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let floors = floors();
    let mut wrong = Vec::new();
    for (room, imported) in rooms.iter().filter(|(room, _)| !SET_ASIDE.contains(&room.as_str())) {
        let Some(floor) = floors.get(room) else {
            wrong.push(format!("`{room}` stands on no floor of ARCHITECTURE.md"));
            continue;
        };
        for other in imported.iter().filter(|other| rooms.contains_key(*other) && *other != room) {
            let is_named = MUTUAL
                .iter()
                .any(|(from, to, _)| (room == from && other == to) || (room == to && other == from));
            let is_lower = floors.get(other).is_some_and(|other| other > floor);
            if !is_lower && !is_named && !SET_ASIDE.contains(&other.as_str()) {
                wrong.push(format!("`{room}` imports `{other}`, which does not stand lower"));
            }
        }
    }
    wrong
}

#[test]
fn a_room_imports_lower_rooms_only() {
    let rooms = rooms();
    assert!(rooms.len() > 30, "the sources were read");
    assert_eq!(upwards(&rooms), Vec::<String>::new());
    let unknown: Vec<_> = floors().into_keys().filter(|room| !rooms.contains_key(room)).collect();
    assert_eq!(unknown, Vec::<String>::new(), "rooms of ARCHITECTURE.md that are not there");
}

/// m04: a session begins with the methods that the gate of `factors` returns, so no way to log in can bypass it.
#[test]
fn m04_only_the_gate_says_what_a_session_begins_with() {
    let makers = ["Methods::first(", "Methods::both(", "Methods::remembered("];
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(SOURCES).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read_to_string(&path)
                .is_ok_and(|text| makers.iter().any(|maker| text.contains(maker)))
            {
                found.insert(path.strip_prefix(SOURCES).unwrap().to_owned());
            }
        }
    }
    assert_eq!(found, BTreeSet::from([Path::new("factors/gate.rs").to_owned()]));
}

#[test]
fn an_import_that_is_turned_round_is_found() {
    let mut rooms = rooms();
    let source = "use crate::{\n    accounts::{self, AccountId}, clock::Timestamp, // crate::cli\n    error::Error,\n    \
                  sign_up::http::{A, B},\n};\nfn f() { crate::mail::send(); }\n#[cfg(test)]\nmod tests { use \
                  crate::jobs; }";
    let named: Vec<String> = imports(source).into_iter().collect();
    assert_eq!(named, ["accounts", "clock", "error", "mail", "sign_up"]);
    let before = upwards(&rooms);
    rooms.get_mut("limits").unwrap().extend(imports(source));
    let found: Vec<String> = upwards(&rooms).into_iter().filter(|wrong| !before.contains(wrong)).collect();
    assert_eq!(
        found,
        [
            "`limits` imports `mail`, which does not stand lower",
            "`limits` imports `sign_up`, which does not stand lower"
        ]
    );
}
