//! An MCP server (Model Context Protocol). Its clients find out where to get a token by RFC 9728.
//!
//! `cargo run -p portcullis --features discovery --example mcp -- https://accounts.example http://127.0.0.1:3000/mcp`
//!
//! What it needs in a package of your own:
//!
//!     cargo add portcullis axum schemars@1 serde serde_json tokio \
//!         --features portcullis/discovery,serde/derive,tokio/macros,tokio/net,tokio/rt-multi-thread

use std::error::Error;

use axum::Router;
use portcullis::{
    AccessToken, AccessTokens, Api, ApiError, Guard, Json, Scope, answers, api::ProtectedResource,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

struct NotesRead;

impl Scope for NotesRead {
    const NAME: &'static str = "notes:read";
    const DESCRIPTION: &'static str = "Read your notes";
}

/// A message of JSON-RPC 2.0.
#[derive(Deserialize, JsonSchema)]
struct Message {
    /// Always `2.0`.
    #[serde(rename = "jsonrpc")]
    _version: String,
    /// A request has one, and the response repeats it. A notification has none.
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

answers! {
    /// What is sent back, by MCP's Streamable HTTP transport.
    enum Sent {
        /// The response
        Response(Json<Value>) = 200,
        /// A notification was received
        Received = 202,
    }
}

/// Another site's page cannot call this, because browsers do not add bearer tokens by themselves. So `Origin` is
/// ignored.
async fn receive(guard: Guard<AccessTokens, NotesRead>, Json(message): Json<Message>) -> Sent {
    let Some(id) = message.id else { return Sent::Received };
    let member = match respond(guard.principal(), &message.method, &message.params) {
        Ok(result) => ("result", result),
        Err((code, text)) => ("error", json!({ "code": code, "message": text })),
    };
    Sent::Response(Json(json!({ "jsonrpc": "2.0", "id": id, member.0: member.1 })))
}

/// The result, or a JSON-RPC error.
fn respond(caller: &AccessToken, method: &str, params: &Value) -> Result<Value, (i32, &'static str)> {
    match method {
        "initialize" => Ok(json!({
            "protocolVersion": params["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "notes", "version": "1.0" },
        })),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": [{
            "name": "list_notes",
            "description": "Lists your notes",
            "inputSchema": { "type": "object", "properties": {} },
        }] })),
        "tools/call" if params["name"] == "list_notes" => {
            let text = format!("Notes of {}: water the plants", caller.subject());
            Ok(json!({ "content": [{ "type": "text", "text": text }] }))
        }
        "tools/call" => Err((-32602, "Unknown tool")),
        _ => Err((-32601, "Method not found")),
    }
}

/// The server at `url`, for tokens of `issuer`.
pub fn app(issuer: &str, url: &str, tokens: AccessTokens) -> Result<Router, ApiError> {
    let api = Api::new("Notes", "1.0")
        .protected_resource(ProtectedResource::new(url).authorization_server(issuer))
        .post("/mcp", receive);
    let (router, document) = api.finish()?;
    Ok(router.merge(document.routes()).with_state(tokens))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, url] = &arguments[..] else {
        return Err("usage: mcp ISSUER URL (such as http://127.0.0.1:3000/mcp)".into());
    };
    // Clients request a token for exactly this URL (RFC 8707), and `aud` names it.
    let tokens = AccessTokens::discover(issuer).audience(url).build().await?;
    let app = app(issuer, url, tokens)?;
    let address =
        url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listens on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
