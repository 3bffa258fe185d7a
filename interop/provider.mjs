// A certified OpenID provider, `oidc-provider`: its tokens, its keys, and how often it was asked for them.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { atEnd } from "./support.mjs";

export const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
export const REDIRECT = "https://client.example/back";
const SECRET = "a secret of the client and the provider alone";

/** A new key for each algorithm. */
export async function newKeys(name) {
  const keys = ALGORITHMS.map(async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg, use: "sig", kid: `${name}-${alg}` };
  });
  return { keys: await Promise.all(keys) };
}

/** Starts the provider on `port`, or a free one. Resources are `https://ALGORITHM.example/AUDIENCE`, or servers on this
 * machine, which are called in `aud` as they are; `browserClients` are for pages, which cannot name one and get the
 * first. */
export async function startProvider(jwks, port = 0, browserClients = []) {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration(jwks, browserClients));
  const asked = { keys: 0, metadata: 0 };
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (request.url === "/jwks") asked.keys += 1;
    if (request.url.startsWith("/.well-known/")) asked.metadata += 1;
    answer(request, response);
  });
  const stop = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  atEnd(stop);
  return { issuer, port: server.address().port, asked, stop };
}

function configuration(jwks, browserClients) {
  const isForBrowsers = (id) => browserClients.some(({ client_id }) => client_id === id);
  return {
    jwks,
    // The second client is called as the API is: its ID tokens carry the API's name in `aud`.
    clients: [...browserClients, ...["program", "shop"].map((client_id) => ({
      client_id,
      client_secret: SECRET,
      redirect_uris: [REDIRECT],
      grant_types: ["client_credentials", "authorization_code"],
    }))],
    clientBasedCORS: (_ctx, _origin, { clientId }) => isForBrowsers(clientId),
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_, { clientId }) => (isForBrowsers(clientId) ? "https://rs256.example/shop" : undefined),
        useGrantedResource: (_, { clientId }) => isForBrowsers(clientId),
        getResourceServerInfo: (_, resource) => {
          const { hostname, pathname } = new URL(resource);
          const isLocal = hostname === "127.0.0.1";
          const alg = isLocal ? "ES256" : ALGORITHMS.find((alg) => hostname.startsWith(alg.toLowerCase()));
          return {
            scope: isLocal ? "notes:read notes:write" : "profile:read profile:write",
            audience: isLocal ? resource : pathname.slice(1),
            accessTokenTTL: 300,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg } },
          };
        },
      },
    },
    scopes: ["openid", "profile:read"],
    cookies: { keys: [randomBytes(32).toString("hex")] },
    ttl: { AccessToken: 300, ClientCredentials: 300, Grant: 300, IdToken: 300, Interaction: 300, Session: 300 },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  };
}

/** An access token to a program in its own name (RFC 6749 §4.4) for one API (RFC 8707). */
export async function programToken(issuer, { alg = "RS256", audience = "shop", scope = "profile:read", ...named } = {}) {
  const { resource = `https://${alg.toLowerCase()}.example/${audience}` } = named;
  return (await askToken(issuer, "program", { grant_type: "client_credentials", resource, scope })).access_token;
}

/** A person logs in on the provider's pages and consents; resolves to the code that the client gets. */
export async function codeFor(address) {
  const browser = new Browser();
  let at = await browser.go(address);
  for (const form of [{ prompt: "login", login: "ada", password: "anything" }, { prompt: "consent" }]) {
    at = await browser.go(at, new URLSearchParams(form));
  }
  return new URL(at).searchParams.get("code");
}

/** The same, and `client` trades the code in: ID token and access token. */
export async function personTokens(issuer, client) {
  const verifier = randomBytes(32).toString("base64url");
  const asked = new URLSearchParams({
    ...{ client_id: client, redirect_uri: REDIRECT, response_type: "code", scope: "openid profile:read" },
    ...{ resource: "https://rs256.example/shop", code_challenge_method: "S256" },
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  });
  const code = await codeFor(`${issuer}/auth?${asked}`);
  const trade = { grant_type: "authorization_code", code, redirect_uri: REDIRECT, code_verifier: verifier };
  return askToken(issuer, client, { ...trade, resource: "https://rs256.example/shop" });
}

async function askToken(issuer, client, form) {
  const Authorization = `Basic ${btoa([client, SECRET].map(encodeURIComponent).join(":"))}`;
  const body = new URLSearchParams(form);
  const answer = await fetch(`${issuer}/token`, { method: "POST", headers: { Authorization }, body });
  const tokens = await answer.json();
  if (!answer.ok) throw new Error(`the provider gave no token: ${JSON.stringify(tokens)}`);
  return tokens;
}

/** As much of a browser as the provider's pages need: cookies, and redirects as far as a page or another host. */
class Browser {
  cookies = new Map();

  async go(url, form) {
    const own = new URL(url).host;
    for (let hops = 0; hops < 10; hops += 1) {
      const Cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const options = form ? { method: "POST", body: form } : {};
      const answer = await fetch(url, { ...options, headers: { Cookie }, redirect: "manual" });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        this.cookies.set(name, value);
      }
      if (answer.status >= 400) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
      if (answer.status < 300) return url;
      url = new URL(answer.headers.get("location"), url).href;
      if (new URL(url).host !== own) return url;
      form = undefined;
    }
    throw new Error("the provider redirects in a ring");
  }
}
