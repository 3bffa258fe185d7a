// The library's example `mcp` with the official TypeScript client of MCP, which knows nothing but the server's address: it
// finds the authorization server, a certified OpenID provider, by RFC 9728.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { REDIRECT, codeFor, newKeys, programToken, startProvider } from "./provider.mjs";
import { LISTENS, TIME, call, claimsOf, freePort, here, start } from "./support.mjs";

const MCP_SERVER = process.env.MCP_BIN ?? here("../target/debug/examples/mcp");
const CLIENT = "assistant";

let provider, url;

before(async () => {
  const client = { client_id: CLIENT, redirect_uris: [REDIRECT], token_endpoint_auth_method: "none" };
  provider = await startProvider(await newKeys("one"), 0, [client]);
  url = `http://127.0.0.1:${await freePort()}/mcp`;
  await start(MCP_SERVER, [provider.issuer, url], {}, LISTENS);
}, TIME);

/** What the SDK asks of an application: where to keep things, and how to open a browser. */
class Application {
  redirectUrl = REDIRECT;
  clientMetadata = { redirect_uris: [REDIRECT], client_name: "Assistant" };
  clientInformation = () => ({ client_id: CLIENT });
  tokens = () => this.kept;
  saveTokens = (tokens) => void (this.kept = tokens);
  codeVerifier = () => this.verifier;
  saveCodeVerifier = (verifier) => void (this.verifier = verifier);
  redirectToAuthorization = (address) => void (this.sentTo = address);
}

const connect = async (application) => {
  const client = new Client({ name: "assistant", version: "1.0" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: application });
  try {
    await client.connect(transport);
    return { client };
  } catch (cause) {
    return { cause, transport };
  }
};

test("a_client_that_knows_only_the_address_logs_in_and_calls_a_tool", TIME, async () => {
  const application = new Application();
  const { cause, transport } = await connect(application);
  assert.ok(cause instanceof UnauthorizedError, `${cause}`);
  const { origin, searchParams } = application.sentTo;
  assert.equal(origin, provider.issuer, "the metadata names the provider");
  assert.equal(searchParams.get("resource"), url, "a token for this server alone (RFC 8707)");
  assert.equal(searchParams.get("scope"), "notes:read", "as the challenge says");

  await transport.finishAuth(await codeFor(application.sentTo.href));
  const { aud, scope } = claimsOf(application.kept.access_token);
  assert.deepEqual({ aud, scope }, { aud: url, scope: "notes:read" });
  const { client } = await connect(application);
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map(({ name }) => name), ["list_notes"]);
  const { content } = await client.callTool({ name: "list_notes", arguments: {} });
  assert.deepEqual(content, [{ type: "text", text: "Notes of ada: water the plants" }]);
  await assert.rejects(client.callTool({ name: "erase", arguments: {} }), /Unknown tool/);
  await client.close();
});

test("the_metadata_is_at_both_places", TIME, async () => {
  const { origin, pathname } = new URL(url);
  for (const place of [pathname, ""]) {
    const { status, body } = await call(`${origin}/.well-known/oauth-protected-resource${place}`);
    const { authorization_servers, resource, scopes_supported } = body;
    assert.equal(status, 200);
    assert.deepEqual({ authorization_servers, resource, scopes_supported }, {
      authorization_servers: [provider.issuer],
      resource: url,
      scopes_supported: ["notes:read"],
    });
  }
});

test("tokens_for_another_server_or_without_the_scope_are_rejected", TIME, async () => {
  const post = async (token) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
    const { status, headers: answered } = await fetch(url, { method: "POST", headers, body });
    return { status, challenge: answered.get("www-authenticate") };
  };
  const elsewhere = await post(await programToken(provider.issuer));
  assert.equal(elsewhere.status, 401);
  assert.match(elsewhere.challenge, /error="invalid_token".*resource_metadata="http:.*scope="notes:read"/);
  const without = await post(await programToken(provider.issuer, { resource: url, scope: "notes:write" }));
  assert.equal(without.status, 403);
  assert.match(without.challenge, /error="insufficient_scope", scope="notes:read", resource_metadata="http:/);
});
