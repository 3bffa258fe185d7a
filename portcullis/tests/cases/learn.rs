//! Checks that the pages in `docs/` are true.

use axum::extract::FromRef;
use portcullis::{
    AccessTokens, Api, ApiKey, Basic, Bearer, Guard, NoContent, SessionCookie, Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, ClientCertificate, CookieSettings, OAuth2Flow, SecurityScheme},
    describe::In,
};
use serde_json::Value;

/// The pages about the schemes.
const SCHEMES: [&str; 8] = [
    include_str!("../../docs/schemes/access-tokens.md"),
    include_str!("../../docs/schemes/bearer.md"),
    include_str!("../../docs/schemes/session-cookies.md"),
    include_str!("../../docs/schemes/api-keys.md"),
    include_str!("../../docs/schemes/basic.md"),
    include_str!("../../docs/schemes/client-certificates.md"),
    include_str!("../../docs/schemes/oauth2.md"),
    include_str!("../../docs/schemes/openid-connect.md"),
];

/// The contents of the code blocks of this kind.
fn blocks<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let begin = format!("\n```{kind}\n");
    page.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_compilers_words_are_those_that_its_test_looks_for() {
    let sentences = blocks(include_str!("../../docs/mistakes.md"), "text");
    assert_eq!(sentences.len(), 17);
    for sentence in sentences {
        let sentence = sentence.trim_end();
        let looked_for = format!("{sentence:?}").trim_matches('"').to_owned();
        assert!(include_str!("fail.rs").contains(&looked_for), "no test looks for: {sentence}");
    }
}

#[test]
fn the_difference_is_the_one_between_the_examples() {
    let page = include_str!("../../docs/into-your-application.md");
    let [difference] = blocks(page, "diff")[..] else { panic!("there is one difference") };
    let side = |sign: char| -> String {
        let lines = difference.split_inclusive('\n');
        lines.filter_map(|line| line.strip_prefix([' ', sign])).collect()
    };
    let before = include_str!("../../examples/before_and_after/before.rs");
    let after = include_str!("../../examples/before_and_after/after.rs");
    assert_eq!(side('-'), before, "say: diff -U1000 before.rs after.rs");
    assert_eq!(side('+'), after, "say: diff -U1000 before.rs after.rs");
}

struct Place<const KIND: u8>;
impl CookieSettings for Place<0> {
    const NAME: &'static str = "__Host-shop";
}
macro_rules! places {
    ($($kind:literal $place:ident $name:literal),*) => {$(
        impl ApiKeyPlace for Place<$kind> {
            const IN: In = In::$place;
            const NAME: &'static str = $name;
        }
    )*};
}
places!(1 Header "X-API-Key", 2 Query "key", 3 Cookie "__Host-key");
macro_rules! verifiers {
    ($($verifier:ident $name:literal $credential:ty $(= $scheme:expr)?),* $(,)?) => {$(
        #[derive(Clone)]
        struct $verifier;
        impl Verify for $verifier {
            type Credential = $credential;
            type Principal = ();
            const SCHEME: &'static str = $name;
            $(fn scheme() -> SecurityScheme {
                $scheme
            })?
            async fn verify(&self, _: &$credential) -> Result<Verdict<()>, VerifyFailed> {
                Ok(Verdict::Refused)
            }
        }
    )*};
}
verifiers!(
    Robots "robots" Bearer =
        SecurityScheme::bearer_format("opaque").described("Made on the page of your account"),
    Sessions "session" SessionCookie<Place<0>>,
    Till "till" ApiKey<Place<1>>,
    InQuery "till_in_query" ApiKey<Place<2>>,
    InCookie "till_in_cookie" ApiKey<Place<3>>,
    Scraper "scraper" Basic,
    Tills "till" ClientCertificate,
);
/// The entry of a document with only this guard, as its type or the application describes it.
fn entry<V: Verify + FromRef<V> + Clone>(shown: Option<SecurityScheme>) -> Value {
    async fn look<V: Verify>(_: Guard<V>) -> NoContent {
        NoContent
    }
    let api = Api::<V>::new("", "").get("/", look::<V>);
    let api = shown.into_iter().fold(api, Api::scheme::<V>);
    api.finish().unwrap().1.value()["components"]["securitySchemes"].clone()
}

/// If a page shows a scheme's entry, the document must have it.
#[test]
fn the_schemes_are_those_of_the_document() {
    let blocks = SCHEMES.iter().flat_map(|page| blocks(page, "json"));
    let mut shown: Vec<Value> = blocks.map(|text| serde_json::from_str(text).unwrap()).collect();
    if cfg!(not(feature = "discovery")) {
        shown.retain(|entry| entry.get("opaque_token").is_none());
    }
    let token = |scheme| entry::<AccessTokens>(Some(scheme));
    let documented = [
        entry::<AccessTokens>(None),
        #[cfg(feature = "discovery")]
        entry::<portcullis::issuer::Introspection>(None),
        entry::<Robots>(None),
        entry::<Sessions>(None),
        entry::<Till>(None),
        entry::<InQuery>(None),
        entry::<InCookie>(None),
        entry::<Scraper>(None),
        entry::<Tills>(None),
        token(SecurityScheme::oauth2_password("login")),
        token(SecurityScheme::oauth2_authorization_code(
            "https://id.example/authorize",
            "https://id.example/token",
        )),
        token(SecurityScheme::oauth2_client_credentials("https://id.example/token")),
        token(SecurityScheme::oauth2([
            OAuth2Flow::authorization_code("/authorize", "/token").refreshed_at("/token"),
            OAuth2Flow::client_credentials("/token"),
        ])),
        token(SecurityScheme::open_id_connect("https://id.example/.well-known/openid-configuration")),
    ];
    assert_eq!(shown, documented);
}

/// The programs that a page mentions exist.
#[test]
fn the_examples_that_are_named_exist() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let pages = [
        include_str!("../../docs/coming-from-fastapi.md"),
        include_str!("../../docs/issuers.md"),
        include_str!("../../docs/mistakes.md"),
        include_str!("../../docs/schemes/combinations.md"),
    ];
    let words = pages.iter().chain(&SCHEMES).flat_map(|page| page.split('`'));
    let named: Vec<_> = words.filter_map(|word| word.strip_suffix(".rs")).collect();
    assert!(named.len() >= 8, "{named:?}");
    for name in named {
        let name = name.strip_prefix("examples/").unwrap_or(name);
        assert!(folder.join(format!("{name}.rs")).is_file(), "{name}");
    }
}

/// Each example lists the crates that it needs in a package of one's own, and every crate that it uses.
#[test]
fn the_examples_name_the_crates_that_they_use() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let issuer = read("issuer/mod.rs");
    for name in [
        "any_of_scopes.rs",
        "api_keys.rs",
        "before_and_after/after.rs",
        "cookie_session.rs",
        "docs_log_in.rs",
        "guide.rs",
        "optional_user.rs",
        "resource_server.rs",
        "websocket.rs",
    ] {
        let example = read(name);
        let (_, added) = example.split_once("cargo add ").unwrap_or_else(|| panic!("{name} names no crates"));
        let (added, features) = added.split_once("\\\n").unwrap();
        let features = features.lines().next().unwrap();
        let mut code = example.lines().filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n");
        if code.contains("mod issuer;") {
            code.push_str(&issuer);
        }
        for known in [
            "argon2",
            "aws-lc-rs",
            "axum",
            "base64",
            "http",
            "jsonwebtoken",
            "portcullis",
            "schemars@1",
            "serde",
            "serde_json",
            "sqlx",
            "tokio",
        ] {
            let used = format!("{}::", known.trim_end_matches("@1").replace('-', "_"));
            let before: Vec<_> = code.split(&used).collect();
            let mentions = before
                .iter()
                .rev()
                .skip(1)
                .any(|text| !text.ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c)));
            assert_eq!(added.split(' ').any(|word| word == known), mentions, "{name}: {known}");
        }
        for (used, feature) in [
            ("#[tokio::main]", "tokio/rt-multi-thread"),
            ("RwLock", "tokio/sync"),
            ("FromRef)", "axum/macros"),
            ("erialize", "serde/derive"),
        ] {
            assert_eq!(code.contains(used), features.contains(feature), "{name}: {feature}");
        }
    }
}

/// Following one of the pages opens no more than the others say.
#[test]
fn the_pages_agree_on_cognito() {
    let pages = [include_str!("../../docs/issuers.md"), include_str!("../../docs/mistakes.md")];
    let advice: Vec<_> = pages
        .iter()
        .chain(&SCHEMES)
        .flat_map(|page| page.lines())
        .filter(|line| line.contains("Cognito") && !line.starts_with('#'))
        .collect();
    assert_eq!(advice.len(), 3);
    for line in advice {
        assert!(line.contains("accept_absent_audience"), "{line}");
    }
}
