//! A page for everyone that shows more to known callers. `Maybe` accepts a missing credential but rejects an invalid
//! one.
//! `cargo run -p portcullis --example optional_user`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis axum schemars@1 serde tokio \
//!         --features serde/derive,tokio/macros,tokio/net,tokio/rt-multi-thread

use std::error::Error;

use portcullis::{
    Api, ApiKey, Granted, Json, Maybe, Path, Verdict, Verify, VerifyFailed, credential::ApiKeyPlace,
    describe::In,
};

struct KeyHeader;
impl ApiKeyPlace for KeyHeader {
    const IN: In = In::Header;
    const NAME: &'static str = "X-API-Key";
}

/// All readers share one key, from the configuration.
#[derive(Clone)]
struct Readers {
    key: String,
}

struct Reader;

impl Verify for Readers {
    type Credential = ApiKey<KeyHeader>;
    type Principal = Reader;
    const SCHEME: &'static str = "reader";

    async fn verify(&self, sent: &ApiKey<KeyHeader>) -> Result<Verdict<Reader>, VerifyFailed> {
        let good = sent.key_is(&self.key); // in constant time
        Ok(if good { Verdict::Accepted(Reader, Granted::none()) } else { Verdict::Refused })
    }
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Article {
    title: String,
    /// A text for readers.
    text: Option<String>,
}

/// `None` is a caller without a key. A wrong key is rejected with 401 before this runs. Otherwise a reader whose key
/// was revoked would see less and not know why.
async fn read_article(reader: Maybe<Readers>, Path(id): Path<u32>) -> Json<Article> {
    let text = reader.principal().map(|Reader| format!("All of article {id}, for readers."));
    Json(Article { title: format!("Article {id}"), text })
}

/// The whole application, with its readers' key.
pub fn app(key: &str) -> Result<axum::Router, Box<dyn Error>> {
    let (router, document) = Api::new("Articles", "1").get("/articles/{id}", read_article).finish()?;
    Ok(router.merge(document.routes()).with_state(Readers { key: key.to_owned() }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    eprintln!("listens on http://{address}");
    eprintln!("curl {address}/articles/1");
    eprintln!("curl {address}/articles/1 -H 'X-API-Key: harbour-lantern'      (and with another key)");
    Ok(axum::serve(listener, app("harbour-lantern")?).await?)
}
