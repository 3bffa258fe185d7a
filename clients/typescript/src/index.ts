/**
 * The API of a Portcullis server: every path, field and response has the type that its OpenAPI document gives it.
 *
 * @module
 */
import createFetchClient, { type Client, type ClientOptions } from "openapi-fetch";
import type { components, operations, paths } from "./schema.js";

export type { components, operations, paths };

type Schemas = components["schemas"];
/** Somebody who has signed up. */
export type Account = Schemas["Account"];
export type Profile = Schemas["Profile"];
/** What is wrong with one field. */
export type FieldError = Schemas["FieldError"];
/** The response of a login: the access token, and a refresh token if the login asked for one. */
export type Tokens = Schemas["TokenAnswer"];

/** Calls the API: `api.GET("/profile")`. Each call resolves to `data` or `error`; {@link unwrap} throws instead. */
export type Api = Client<paths>;
/** Where the server is, and options of `fetch`. */
export type Options = ClientOptions & { baseUrl: string };

/**
 * A client without a token: for what strangers may call, and for pages on the server's own origin, whose requests the
 * session cookie authenticates.
 */
export function createClient(options: Options): Api {
  return createFetchClient<paths>(options);
}

/** The server rejected a request, or a proxy did. */
export class PortcullisError extends Error {
  override readonly name = "PortcullisError";
  /** The HTTP status. */
  readonly status: number;
  /** With 422: what is wrong with each field. Otherwise empty. */
  readonly fields: readonly FieldError[];
  /** The code that logins and `/token` give: `invalid_grant`, `mfa_required`, … */
  readonly code: string | undefined;
  /** With the code `mfa_required`: send it to `/login/factor` with a code of the second factor. */
  readonly mfaToken: string | undefined;
  /** Seconds to wait before the next attempt, if the server says so. */
  readonly retryAfter: number | undefined;

  constructor(response: Response, body: unknown) {
    const { detail, error, error_description, mfa_token } = (body ?? {}) as Partial<Record<string, unknown>>;
    const fields = Array.isArray(detail) ? (detail as FieldError[]) : [];
    const ofFields = fields.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; ");
    // A proxy in between responds with something else.
    super(text(detail) ?? text(error_description) ?? (ofFields || `HTTP status ${response.status}`));
    this.status = response.status;
    this.fields = fields;
    this.code = text(error);
    this.mfaToken = text(mfa_token);
    const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    this.retryAfter = Number.isNaN(seconds) ? undefined : seconds;
  }
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

/**
 * The data of a successful call.
 *
 * @throws {PortcullisError} if the status is 400 or higher
 */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw new PortcullisError(response, error);
  return data as T;
}

/** What a login takes. The scope `offline_access` asks for a refresh token. */
export type Credentials = { email: string; password: string; scope?: string };

/** What may be given to a session beside its tokens. */
export type SessionOptions = Options & {
  /** Called with each renewed pair, for programs that keep tokens. The old refresh token no longer works. */
  onRenewed?: (tokens: Tokens) => void;
};

/** An access token is renewed this long before it expires, so that it does not expire on the way. */
const MARGIN_MS = 15_000;
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

/** A login. Its requests carry the access token, which is renewed shortly before it expires. */
export class Session {
  /** Calls the API as the one who logged in. */
  readonly api: Api;
  readonly #open: Api;
  readonly #onRenewed: (tokens: Tokens) => void;
  #tokens: Tokens;
  #expiresAt: number;
  #renewal: Promise<void> | undefined;

  /** Goes on with tokens that a login returned. Tokens that were kept may have expired: then they are renewed first. */
  constructor({ onRenewed = () => {}, ...options }: SessionOptions, tokens: Tokens, receivedAt = Date.now()) {
    this.#open = createClient(options);
    this.#onRenewed = onRenewed;
    this.#tokens = tokens;
    this.#expiresAt = receivedAt + tokens.expires_in * 1000;
    this.api = createClient(options);
    this.api.use({
      onRequest: async ({ request }) => {
        request.headers.set("Authorization", `Bearer ${await this.accessToken()}`);
        return request;
      },
    });
  }

  /**
   * Logs in with email and password.
   *
   * @throws {PortcullisError} with the code `mfa_required` if the account has a second factor: send `mfaToken` and a
   * code to `/login/factor`, and give its response to `new Session`
   */
  static async logIn(options: SessionOptions, { email, password, scope }: Credentials): Promise<Session> {
    const { onRenewed: _, ...open } = options;
    const body = { username: email, password, ...(scope === undefined ? {} : { scope }) };
    const tokens = await unwrap(createClient(open).POST("/login", { body, headers: FORM }));
    return new Session(options, tokens);
  }

  /** The tokens as they are now. */
  get tokens(): Tokens {
    return this.#tokens;
  }

  /**
   * An access token that does not expire within the next seconds, for requests to your own API. Without a refresh
   * token it is the login's until the end.
   *
   * @throws {PortcullisError} if the session has ended
   */
  async accessToken(): Promise<string> {
    if (this.#tokens.refresh_token && Date.now() > this.#expiresAt - MARGIN_MS) {
      // Requests at the same time wait for one renewal: a refresh token counts once.
      this.#renewal ??= this.#renew(this.#tokens.refresh_token).finally(() => (this.#renewal = undefined));
      await this.#renewal;
    }
    return this.#tokens.access_token;
  }

  async #renew(refresh_token: string): Promise<void> {
    const body = { grant_type: "refresh_token" as const, refresh_token };
    const receivedAt = Date.now();
    this.#tokens = await unwrap(this.#open.POST("/token", { body, headers: FORM }));
    this.#expiresAt = receivedAt + this.#tokens.expires_in * 1000;
    this.#onRenewed(this.#tokens);
  }

  /** Ends the session. Its tokens stop working immediately. */
  async logOut(): Promise<void> {
    await unwrap(this.api.POST("/logout"));
  }
}
