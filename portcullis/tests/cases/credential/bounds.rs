//! Each bound of a credential: at the bound it reaches the verifier, one byte beyond it does not. The verifiers here
//! accept whatever reaches them.

use axum::{Router, routing::get};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Request;
use portcullis::{
    ApiKey, Basic, Bearer, Granted, Guard, Verdict, Verify, VerifyFailed,
    credential::{ApiKeyPlace, Authorization, AuthorizationScheme, TokenIn, TokenPlace},
    describe::In,
};

use super::send;

struct TokenScheme;
impl AuthorizationScheme for TokenScheme {
    const NAME: &'static str = "Token";
}

struct Gateway;
impl TokenPlace for Gateway {
    const IN: In = In::Header;
    const NAME: &'static str = "X-Token";
    const SCHEME: &'static str = "gateway";
}

struct KeyHeader;
impl ApiKeyPlace for KeyHeader {
    const IN: In = In::Header;
    const NAME: &'static str = "X-API-Key";
}

macro_rules! accepting {
    ($($verifier:ident $name:literal $credential:ty),*) => {$(
        #[derive(Clone)]
        struct $verifier;
        impl Verify for $verifier {
            type Credential = $credential;
            type Principal = ();
            const SCHEME: &'static str = $name;

            async fn verify(&self, _: &$credential) -> Result<Verdict<()>, VerifyFailed> {
                Ok(Verdict::Accepted((), Granted::none()))
            }
        }
    )*};
}
accepting!(Tokens "token" Bearer, Words "words" Authorization<TokenScheme>, Pairs "pair" Basic, Keys "key" ApiKey<KeyHeader>);

/// Knows one key of so many bytes.
#[derive(Clone)]
struct Long(usize);

impl Verify for Long {
    type Credential = Authorization<TokenScheme>;
    type Principal = ();
    const SCHEME: &'static str = "long";

    async fn verify(&self, sent: &Authorization<TokenScheme>) -> Result<Verdict<()>, VerifyFailed> {
        let good = sent.is(&"k".repeat(self.0));
        Ok(if good { Verdict::Accepted((), Granted::none()) } else { Verdict::Refused })
    }
}

async fn status(app: Router, header: &str, value: &str) -> u16 {
    send(&app, Request::get("/").header(header, value)).await.status.as_u16()
}

fn words<V: Verify<Principal = ()> + axum::extract::FromRef<V>>(verifier: V) -> Router {
    Router::new().route("/", get(async |_: Guard<V>| ())).with_state(verifier)
}

#[tokio::test]
async fn t11_a_credential_reaches_the_verifier_up_to_its_bound() {
    for (length, expected) in [(1, 200), (8192, 200), (8193, 401)] {
        let text = "k".repeat(length);
        assert_eq!(
            status(words(Tokens), "authorization", &format!("Bearer {text}")).await,
            expected,
            "{length}"
        );
        assert_eq!(
            status(words(Words), "authorization", &format!("Token {text}")).await,
            expected,
            "{length}"
        );
        let gateway = Router::new().route("/", get(async |_: Guard<TokenIn<Gateway, Tokens>>| ()));
        assert_eq!(status(gateway.with_state(Tokens), "x-token", &text).await, expected, "{length}");
    }
    for (length, expected) in [(1023, 200), (1024, 200), (1025, 401), (1026, 401), (1027, 401)] {
        let pair = BASE64_STANDARD.encode(format!("ana:{}", "p".repeat(length - 4)));
        assert_eq!(
            status(words(Pairs), "authorization", &format!("Basic {pair}")).await,
            expected,
            "{length}"
        );
    }
    for (length, expected) in [(511, 200), (512, 200), (513, 401)] {
        let sent = format!("Token {}", "k".repeat(length));
        assert_eq!(status(words(Long(length)), "authorization", &sent).await, expected, "{length}");
        assert_eq!(status(words(Keys), "x-api-key", &"k".repeat(length)).await, expected, "{length}");
    }
}

#[tokio::test]
async fn t10_what_is_not_of_words_and_single_spaces_reaches_no_verifier() {
    for (text, expected) in [
        ("a", 200),
        ("a b", 200),
        ("a=\"b\", c", 200),
        ("", 401),
        (" a", 401),
        ("a  b", 401),
        ("a ", 401),
        ("a\tb", 401),
        ("a b\tc", 401),
        ("\u{e9}", 401),
        ("a \u{e9}", 401),
    ] {
        assert_eq!(
            status(words(Words), "authorization", &format!("Token {text}")).await,
            expected,
            "{text:?}"
        );
    }
    for text in ["", "a b", "a\tb", "\u{e9}"] {
        assert_eq!(status(words(Keys), "x-api-key", text).await, 401, "{text:?}");
    }
    for text in ["a\u{e9}", "a b", "a,b", "=", "a=b"] {
        assert_eq!(status(words(Tokens), "authorization", &format!("Bearer {text}")).await, 401, "{text:?}");
    }
}
