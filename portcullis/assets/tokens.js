// The page's OAuth2 tokens: how they are asked for, renewed and given up, and what a 401 or 403 means.

// A token that has less left is renewed before the next call.
const MARGIN_MS = 10_000;
// The longest time that setTimeout takes.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

// By the names of their schemes: the token's timer, its renewal under way, and the tokens that have expired.
const timers = new Map();
const renewals = new Map();
const expired = new Set();
// Scopes that a call was refused for: the next Authorize offers them ticked.
export const missingScopes = new Set();

/** Swagger UI's plugin. */
export const tokens = ({ React }) => ({
  statePlugins: {
    auth: {
      wrapActions: {
        // Swagger UI's own names a failed login by its codes, and sends a header that another host must allow.
        authorizeRequest: (_, system) => async ({ body, url, name, headers, auth }) => {
          try {
            const token = await askForToken(address(system, url), new URLSearchParams(body), headers);
            keepToken(system, auth, token);
          } catch (error) {
            system.errActions.newAuthErr({ authId: name, level: "error", source: "auth", message: error.message });
          }
        },
      },
    },
    spec: {
      wrapActions: {
        execute: (execute, system) => async (call) => {
          await renewExpiring(system);
          return execute(call);
        },
        setResponse: (setResponse, system) => (path, method, response) => {
          const name = schemeOf(system, system.specSelectors.mutatedRequestFor(path, method));
          const { headers } = response.err?.response ?? response;
          if (name && errorOf(challenge(headers)) === "invalid_token") giveUp(system, name);
          return setResponse(path, method, response);
        },
      },
    },
  },
  wrapComponents: {
    authorizeBtn: (Original) => (props) =>
      React.createElement(
        React.Fragment,
        null,
        React.createElement("p", { className: "expired", role: "status" }, expired.size > 0 && EXPIRED),
        React.createElement(Original, props),
      ),
    liveResponse: (Original, system) => (props) => {
      const reason = explain(system, props);
      if (!reason) return React.createElement(Original, props);
      return React.createElement(
        "div",
        null,
        React.createElement(
          "div",
          { className: "explanation", role: "alert" },
          React.createElement("p", null, reason),
          React.createElement("button", { className: "btn authorize", onClick: () => reopen(system) }, "Authorize"),
        ),
        React.createElement(Original, props),
      );
    },
  },
});

const EXPIRED = "Your token has expired. Authorize again.";

/** A URL of the document, which is relative to the server (OpenAPI 3.1 §4.6). */
export function address({ oas3Selectors }, url) {
  const server = oas3Selectors.serverEffectiveValue(oas3Selectors.selectedServer()) || ".";
  return new URL(url, new URL(server, location.href)).href;
}

/** The answer of a token endpoint (RFC 6749 §5.1), or an error in words. `wrong` is said of an `invalid_grant`. */
export async function askForToken(url, form, headers = {}, wrong = undefined) {
  let response;
  try {
    response = await fetch(url, { method: "POST", body: form, headers: { accept: "application/json", ...headers } });
  } catch {
    throw new Error(`No response from ${new URL(url).origin}. Is it running, and does it allow requests from this page (CORS)?`);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok && answer?.access_token) return answer;
  throw new Error(reasonOf(response, answer ?? {}, wrong));
}

function reasonOf(response, { error, error_description, detail, title }, wrong) {
  const seconds = Number(response.headers.get("retry-after"));
  if (response.status === 429 && seconds > 0) {
    return `Too many attempts. Try again in ${seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`}.`;
  }
  // An array is FastAPI's: one object for each bad field.
  const details = Array.isArray(detail) ? detail.map(({ loc, msg }) => `${loc?.at(-1)}: ${msg}`).join("; ") : detail;
  const said = [error_description, details, title].find((text) => typeof text === "string" && text);
  if (wrong && error === "invalid_grant" && (!said || /password|credential/i.test(said))) return wrong;
  if (said) return error && !wrong ? `${said} (${error})` : said;
  return `${new URL(response.url).pathname} answered ${response.status}${error ? ` (${error})` : ""}.`;
}

/** From now on calls carry the token, until it expires. `auth` is what it was asked for with. */
export function keepToken(system, auth, token) {
  const { name } = auth;
  const lifetime = Number(token.expires_in) * 1000;
  expired.clear();
  missingScopes.clear();
  clearTimeout(timers.get(name));
  // What can be renewed is, at the next call.
  if (lifetime > 0 && !token.refresh_token) {
    timers.set(name, setTimeout(() => giveUp(system, name), Math.min(lifetime, LONGEST_TIMER_MS)));
  }
  const expires_at = lifetime > 0 ? Date.now() + lifetime : undefined;
  system.authActions.authorizeOauth2WithPersistOption({ auth, token: { ...token, expires_at } });
}

/** Opens the padlock: the token of this scheme is no longer accepted. */
function giveUp(system, name) {
  if (!system.authSelectors.authorized().has(name)) return;
  clearTimeout(timers.get(name));
  expired.add(name);
  system.authActions.logoutWithPersistOption([name]);
}

async function renewExpiring(system) {
  const renewing = [];
  for (const [name, auth] of system.authSelectors.authorized().entries()) {
    const token = auth.get("token")?.toJS?.();
    if (!token?.refresh_token || !(token.expires_at - Date.now() < MARGIN_MS)) continue;
    if (!renewals.has(name)) {
      renewals.set(name, renew(system, auth, token).finally(() => renewals.delete(name)));
    }
    renewing.push(renewals.get(name));
  }
  await Promise.all(renewing);
}

/** RFC 6749 §6. */
async function renew(system, auth, token) {
  const name = auth.get("name");
  const flow = ["components", "securitySchemes", name, "flows", auth.getIn(["schema", "flow"])];
  const url = system.specSelectors.specJson().getIn([...flow, "refreshUrl"]) ?? auth.getIn(["schema", "tokenUrl"]);
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token.refresh_token });
  if (auth.get("clientId")) form.set("client_id", auth.get("clientId"));
  if (auth.get("clientSecret")) form.set("client_secret", auth.get("clientSecret"));
  try {
    const renewed = await askForToken(address(system, url), form);
    // The old one goes on where no new one came, and so does its scope (RFC 6749 §5.1, §6).
    const { refresh_token, scope } = token;
    keepToken(system, { ...auth.toObject(), token: undefined }, { refresh_token, scope, ...renewed });
  } catch {
    giveUp(system, name);
  }
}

/** The name of the scheme whose token the request carried. */
function schemeOf({ authSelectors }, request) {
  const sent = request?.getIn(["headers", "Authorization"]);
  return sent && authSelectors.authorized().findKey((auth) => sent === `Bearer ${auth.getIn(["token", "access_token"])}`);
}

/** Why a call with 401 or 403 was refused and what to do, if the response says it (RFC 6750 §3.1, RFC 9470 §3). */
function explain(system, { response, path, method }) {
  const status = response.get("status");
  const secured = system.specSelectors.specJson().getIn(["paths", path, method, "security"])?.size > 0;
  if (!secured || (status !== 401 && status !== 403)) return undefined;
  const said = challenge(response.get("headers")?.toJS());
  switch (errorOf(said)) {
    case "insufficient_scope": {
      const scopes = parameter(said, "scope")?.split(" ") ?? [];
      scopes.forEach((scope) => missingScopes.add(scope));
      const missing = scopes.length > 1 ? `the scopes ${scopes.join(", ")}` : `the scope ${scopes[0] ?? "it needs"}`;
      return `This request needs ${missing}, and your token does not have it. Authorize again with the scope ticked; you get it only if your account may have it.`;
    }
    case "insufficient_user_authentication": {
      const minutes = Math.round(Number(parameter(said, "max_age")) / 60);
      return `This request needs ${minutes ? `a login within the last ${minutes} minutes` : "a more recent login"}. Authorize again.`;
    }
    case "invalid_token":
      return EXPIRED;
    default:
      if (status === 403 || system.authSelectors.authorized().size > 0) return undefined;
      return expired.size > 0 ? EXPIRED : "This request needs authorization. Authorize first, then execute it again.";
  }
}

function challenge(headers) {
  const value = headers?.["www-authenticate"] ?? "";
  return Array.isArray(value) ? value.join(", ") : value;
}

const errorOf = (said) => parameter(said, "error");
const parameter = (said, name) => new RegExp(`(?:^|[ ,])${name}="([^"]*)"`).exec(said)?.[1];

/** Authorize from the start, also where a token is there: it is not enough. */
function reopen({ authActions, authSelectors }) {
  authActions.logoutWithPersistOption(authSelectors.authorized().keySeq().toArray());
  authActions.showDefinitions(authSelectors.definitionsToAuthorize());
}
