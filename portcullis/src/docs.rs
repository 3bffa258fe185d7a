//! `/docs` and `/openapi.json`, served entirely from this binary.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    io::Read,
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
        IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::api::ApiError;

/// Scripts and styles only from files of this origin: no inline code, no other host, no framing. `data:` is for the
/// page's icons, `blob:` for a picture in a response.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    connect-src 'self'";

/// A finished OpenAPI 3.1 document. Cheap to clone.
#[derive(Clone)]
pub struct Document {
    described: Arc<Described>,
    client_id: Arc<str>,
    /// Origins that the application adds to those of the document.
    reached: Arc<BTreeSet<String>>,
}

struct Described {
    value: Value,
    json: Asset,
    order: Vec<String>,
}

impl Document {
    /// `order` is the order of the paths in `/openapi.json`, which the docs page follows.
    pub(crate) fn new(value: Value, order: &[String]) -> Self {
        let text =
            serde_json::to_string(&InOrder { document: &value, order }).unwrap_or_else(|_| value.to_string());
        let json = Asset::new("application/json", text);
        Self {
            described: Arc::new(Described { value, json, order: order.to_vec() }),
            client_id: Arc::default(),
            reached: Arc::default(),
        }
    }

    /// The document as JSON. Every object's keys are in alphabetical order.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.described.value
    }

    /// Adds what no type can express: `contact`, `license`, `externalDocs`, `webhooks`, examples of responses, members
    /// that begin with `x-`. `/openapi.json` and `/docs` then show the changed document.
    ///
    /// ```
    /// use portcullis::{Api, Json, Public};
    /// use serde_json::json;
    ///
    /// async fn list_items(_: Public) -> Json<Vec<u32>> { Json(vec![7]) }
    ///
    /// let (router, document) = Api::<()>::new("Shop", "1.0").get("/items", list_items).finish()?;
    /// let document = document.edit(|document| {
    ///     document["info"]["contact"] = json!({ "name": "The shop", "email": "api@shop.example" });
    ///     document["info"]["license"] = json!({ "name": "MIT", "identifier": "MIT" });
    ///     document["servers"][0]["description"] = "Production".into();
    ///     let content = &mut document["paths"]["/items"]["get"]["responses"]["200"]["content"];
    ///     content["application/json"]["example"] = json!([7, 8]);
    /// })?;
    /// # let _ = router;
    /// assert_eq!(document.value()["info"]["license"]["identifier"], "MIT");
    /// # Ok::<(), portcullis::ApiError>(())
    /// ```
    ///
    /// # Errors
    /// [`ApiError`] if the change affects what guards enforce: the set of operations, their `security`, or the
    /// `securitySchemes`. The document would no longer be true. Use types, or [`Api::scheme`](crate::Api::scheme).
    pub fn edit(self, change: impl FnOnce(&mut Value)) -> Result<Self, ApiError> {
        let mut value = self.value().clone();
        change(&mut value);
        let defects = enforced_differently(self.value(), &value);
        if !defects.is_empty() {
            return Err(ApiError(defects));
        }
        let edited = Self::new(value, &self.described.order);
        Ok(Self { described: edited.described, ..self })
    }

    /// Sets the client ID in the docs page's Authorize window, for a login at another service
    /// ([`SecurityScheme::oauth2_authorization_code`](crate::credential::SecurityScheme::oauth2_authorization_code)).
    ///
    /// Register the docs page there as a public client: it has no secret, PKCE replaces it (RFC 9700 §2.1.1). Its
    /// redirect URI is the docs page's URL followed by `/oauth2-redirect`. The token endpoint must allow the page's
    /// origin (CORS). Windows of two origins can only find each other without `Cross-Origin-Opener-Policy`: neither
    /// this page nor the login pages may set one.
    #[must_use]
    pub fn docs_client(self, client_id: &str) -> Self {
        Self { client_id: client_id.into(), ..self }
    }

    /// Lets the docs page send requests to the host of `url` as well, such as a token endpoint that the document does
    /// not name. The page's policy (`Content-Security-Policy`) already allows the servers and token endpoints of the
    /// document, and the host of an `OpenID` configuration. That configuration may name another host for the tokens:
    ///
    /// ```
    /// # let (_, document) = portcullis::Api::<()>::new("Shop", "1.0").finish()?;
    /// // The configuration is at accounts.google.com and names this token endpoint:
    /// let document = document.docs_client("shop-docs").docs_reach("https://oauth2.googleapis.com");
    /// # let _ = document;
    /// # Ok::<(), portcullis::ApiError>(())
    /// ```
    ///
    /// A `url` that is not an absolute URL with `http` or `https` is ignored, with a line in the log.
    #[must_use]
    pub fn docs_reach(self, url: &str) -> Self {
        let Some(origin) = origin(url) else {
            tracing::error!(
                url,
                "the docs page cannot be allowed to reach this: it is not a URL with a host"
            );
            return self;
        };
        let mut reached = self.reached;
        Arc::make_mut(&mut reached).insert(origin);
        Self { reached, ..self }
    }

    /// Routes for `GET /openapi.json`, and for `GET /docs` with the files of its page (Swagger UI, embedded). All links
    /// are relative, so the router may be nested.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let (json, page) = (self.clone(), Arc::new(self.page()));
        let files = Files::new();
        Router::new()
            .route("/openapi.json", get(async move |headers: HeaderMap| json.described.json.answer(&headers)))
            .route("/docs", get(async move |headers: HeaderMap| page.answer(&headers)))
            // Relative, so that the router can be nested. From here the page's own links would lead elsewhere.
            .route("/docs/", get(async || (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "../docs")])))
            .route(
                "/docs/{file}",
                get(async move |Path(file): Path<String>, headers: HeaderMap| files.answer(&file, &headers)),
            )
    }

    /// The page. Its policy allows requests to where the document says that the API and its tokens are.
    fn page(&self) -> Asset {
        let document = self.value();
        let title = document.pointer("/info/title").and_then(Value::as_str).unwrap_or_default();
        let html = include_str!("../assets/docs.html")
            .replace("{{client_id}}", &escaped(&self.client_id))
            .replace("{{title}}", &escaped(title));
        let mut policy = POLICY.to_owned();
        for origin in origins(document).union(&self.reached) {
            policy.push(' ');
            policy.push_str(origin);
        }
        let page = Asset::new("text/html; charset=utf-8", html);
        let policy = HeaderValue::try_from(policy).unwrap_or(page.policy);
        Asset { policy, ..page }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Document").field(self.value()).finish()
    }
}

/// The differences in access between an edited document and the original.
fn enforced_differently(original: &Value, edited: &Value) -> Vec<String> {
    let mut defects = Vec::new();
    let schemes = "/components/securitySchemes";
    if original.pointer(schemes) != edited.pointer(schemes) {
        defects.push("`securitySchemes` was edited: use `Api::scheme`".to_owned());
    }
    let operations = |document: &Value| {
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let members = item.as_object().into_iter().flatten();
            let is_operation = |name: &str| {
                !name.starts_with("x-")
                    && !["servers", "summary", "description", "parameters"].contains(&name)
            };
            members.filter(move |(name, _)| is_operation(name)).map(move |(method, operation)| {
                (format!("{method} {path}"), operation.get("security").cloned())
            })
        });
        operations.collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (operations(original), operations(edited));
    for (name, security) in &before {
        match after.get(name) {
            None => defects.push(format!("{name}: it is in the router but not in the edited document")),
            Some(other) if other != security => {
                defects.push(format!("{name}: its `security` was edited, which does not change its guard"));
            }
            Some(_) => {}
        }
    }
    let new = after.keys().filter(|name| !before.contains_key(*name));
    defects.extend(new.map(|name| format!("{name}: it is in the edited document but not in the router")));
    defects
}

/// The other hosts that the document sends clients to: for the API itself, a token or metadata.
fn origins(document: &Value) -> BTreeSet<String> {
    let servers = document["servers"].as_array().into_iter().flatten().map(|server| &server["url"]);
    let schemes = document.pointer("/components/securitySchemes").and_then(Value::as_object);
    let urls = schemes.into_iter().flat_map(Map::values).flat_map(|scheme| {
        let flows = scheme["flows"].as_object().into_iter().flat_map(Map::values);
        flows.flat_map(|flow| [&flow["tokenUrl"], &flow["refreshUrl"]]).chain([&scheme["openIdConnectUrl"]])
    });
    urls.chain(servers).filter_map(Value::as_str).filter_map(origin).collect()
}

/// The origin of a URL, such as `https://id.example:8443`. `None` if it is relative, or contains what could end a
/// directive.
fn origin(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let (scheme, authority) = (url.scheme_str()?, url.authority()?.as_str());
    let is_plain = authority.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    (is_plain && matches!(scheme, "http" | "https")).then(|| format!("{scheme}://{authority}"))
}

/// A document with its paths in the order of their declaration.
struct InOrder<'a> {
    document: &'a Value,
    order: &'a [String],
}

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.document.as_object().into_iter().flatten();
        serializer.collect_map(members.map(|(name, value)| {
            let order = if name == "paths" { self.order } else { &[] };
            (name, Member { value, order })
        }))
    }
}

/// One member of the document. Its own members are written in `order`, if there is one.
struct Member<'a> {
    value: &'a Value,
    order: &'a [String],
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.order.is_empty() {
            return self.value.serialize(serializer);
        }
        serializer.collect_map(self.order.iter().map(|name| (name, self.value.get(name))))
    }
}

/// The other files of the page.
#[derive(Clone)]
struct Files(Arc<[(&'static str, Asset)]>);

impl Files {
    fn new() -> Self {
        const SCRIPT: &str = "text/javascript; charset=utf-8";
        const STYLE: &str = "text/css; charset=utf-8";
        let gzipped = |content_type, bytes: &'static [u8]| Asset::gzipped(content_type, bytes);
        Self(Arc::new([
            (
                "swagger-ui-bundle.js",
                gzipped(SCRIPT, include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js.gz")),
            ),
            ("swagger-ui.css", gzipped(STYLE, include_bytes!("../assets/swagger-ui/swagger-ui.css.gz"))),
            ("docs.js", Asset::new(SCRIPT, include_str!("../assets/docs.js"))),
            ("authorize.js", Asset::new(SCRIPT, include_str!("../assets/authorize.js"))),
            ("tokens.js", Asset::new(SCRIPT, include_str!("../assets/tokens.js"))),
            (
                "oauth2-redirect",
                Asset::new("text/html; charset=utf-8", include_str!("../assets/redirect.html")),
            ),
            ("redirect.js", Asset::new(SCRIPT, include_str!("../assets/redirect.js"))),
            ("docs.css", Asset::new(STYLE, include_str!("../assets/docs.css"))),
            ("favicon.svg", Asset::new("image/svg+xml", include_str!("../assets/favicon.svg"))),
        ]))
    }

    fn answer(&self, file: &str, headers: &HeaderMap) -> Response {
        match self.0.iter().find(|(name, _)| *name == file) {
            Some((_, asset)) => asset.answer(headers),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

/// Bytes that never change while the process runs.
struct Asset {
    content_type: &'static str,
    bytes: Bytes,
    gzip: bool,
    etag: String,
    policy: HeaderValue,
}

impl Asset {
    fn new(content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        // An entity tag only tells versions apart, so it needs no cryptographic digest.
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        Self { content_type, etag, bytes, gzip: false, policy: HeaderValue::from_static(POLICY) }
    }

    fn gzipped(content_type: &'static str, bytes: &'static [u8]) -> Self {
        let plain = Self::new(content_type, Bytes::from_static(bytes));
        // Weak: the compressed and the plain file share a tag (RFC 9110 §8.8.1).
        Self { gzip: true, etag: format!("W/{}", plain.etag), ..plain }
    }

    /// The bytes, or 304 if the client has them (RFC 9110 §13.1.2).
    fn answer(&self, request: &HeaderMap) -> Response {
        let known = request.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        let fresh = known.is_some_and(|tags| {
            tags.split(',').map(str::trim).any(|tag| opaque(tag) == opaque(&self.etag) || tag == "*")
        });
        let mut response = if fresh { StatusCode::NOT_MODIFIED.into_response() } else { self.body(request) };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(ETAG, etag);
        }
        if self.gzip {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    }

    fn body(&self, request: &HeaderMap) -> Response {
        let content_type = [(CONTENT_TYPE, HeaderValue::from_static(self.content_type))];
        if !self.gzip {
            return (content_type, Body::from(self.bytes.clone())).into_response();
        }
        if accepts_gzip(request) {
            let encoding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return (content_type, encoding, Body::from(self.bytes.clone())).into_response();
        }
        let mut plain = Vec::new();
        match GzDecoder::new(self.bytes.as_ref()).read_to_end(&mut plain) {
            Ok(_) => (content_type, Body::from(plain)).into_response(),
            Err(cause) => {
                tracing::error!(%cause, "an embedded file is damaged");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    let codings = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let coding = coding.to_ascii_lowercase();
        let (name, weight) = coding.split_once(';').unwrap_or((&coding, ""));
        name.trim() == "gzip" && !weight.trim().trim_end_matches(['0', '.']).ends_with("q=")
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
