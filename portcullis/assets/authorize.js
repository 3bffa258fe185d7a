// The window that Authorize opens. For a name and a password it is a form of our own; Swagger UI's own parts ask for the rest.
import { address, askForToken, keepToken, missingScopes } from "./tokens.js";

// It asks for a refresh token (OpenID Connect Core §11), which this page uses.
const OFFLINE_ACCESS = "offline_access";

// The name that was last given for each scheme, so that logging in again asks for the password only.
const lastNames = new Map();

/** Swagger UI's plugin. */
export const authorizeDialog = ({ React }) => {
  const h = React.createElement;

  function Dialog({ authSelectors, authActions, getComponent, errSelectors, specSelectors }) {
    const dialog = React.useRef();
    const close = () => authActions.showDefinitions(false);
    React.useLayoutEffect(() => {
      const opened = dialog.current;
      opened.showModal();
      firstControl(opened)?.focus();
      return () => opened.close();
    }, []);
    const Auths = getComponent("auths");
    const CloseIcon = getComponent("CloseIcon");
    const shared = { getComponent, errSelectors, specSelectors, authSelectors, authActions };
    const usable = authSelectors.shownDefinitions().map((schemes) => schemes.filterNot(isCookie));
    // A person logs in; keys and other credentials are for programs, and stand below.
    const isLogIn = (schemes) => schemes.some((scheme) => scheme.get("type") === "oauth2");
    const parts = usable.filter((schemes) => schemes.size > 0).valueSeq().sortBy((schemes) => (isLogIn(schemes) ? 0 : 1));
    return h(
      "dialog",
      { className: "dialog-ux", ref: dialog, "aria-labelledby": "authorize-title", onCancel: close },
      h("div", { className: "backdrop-ux", onClick: close }),
      h(
        "div",
        { className: "modal-ux" },
        h(
          "div",
          { className: "modal-ux-header" },
          h("h3", { id: "authorize-title" }, "Authorize"),
          h("button", { type: "button", className: "close-modal", "aria-label": "Close", onClick: close }, h(CloseIcon)),
        ),
        h(
          "div",
          { className: "modal-ux-content" },
          parts.isEmpty() && h("p", null, COOKIES_ONLY),
          parts.map((definitions, key) => h(Auths, { key, definitions, ...shared })),
        ),
      ),
    );
  }

  function PasswordForm({ name, schema, system }) {
    const [fault, setFault] = React.useState();
    const [isBusy, setBusy] = React.useState(false);
    const passwordField = React.useRef();
    const faultId = React.useId();
    const close = () => system.authActions.showDefinitions(false);

    const auth = system.authSelectors.authorized().get(name);
    const form = logInForm(system, schema.get("tokenUrl"));
    const scopes = sortScopes(system, name, schema.get("flow"), form.usualScopes);

    const submit = async (event) => {
      event.preventDefault();
      const given = new FormData(event.currentTarget);
      const [username, password, asked] = [given.get("username"), given.get("password"), given.getAll("scope")];
      const sent = new URLSearchParams({ grant_type: "password", username, password });
      if (asked.length > 0) sent.set("scope", asked.join(" "));
      const { clientId } = system.authSelectors.getConfigs() ?? {};
      // An empty client would be one all the same (RFC 6749 §2.3.1): most APIs of one's own have none.
      const headers = clientId ? { authorization: `Basic ${btoa(`${encodeURIComponent(clientId)}:`)}` } : {};
      lastNames.set(name, username);
      setBusy(true);
      setFault(undefined);
      try {
        const url = address(system, schema.get("tokenUrl"));
        const token = await askForToken(url, sent, headers, `${form.usernameLabel} or password is incorrect.`);
        keepToken(system, { name, schema, username, scopes: asked }, token);
      } catch (error) {
        setFault(error.message);
        setBusy(false);
        passwordField.current?.select();
      }
    };

    const heading = h("h4", null, `${name} (OAuth2, password)`);
    if (auth) return h(Authorized, { auth, heading, close, system });

    const Markdown = system.getComponent("Markdown", true);
    const described = fault && { "aria-describedby": faultId, "aria-invalid": true };
    return h(
      "form",
      { className: "password-form", onSubmit: submit },
      heading,
      schema.get("description") && h(Markdown, { source: schema.get("description") }),
      h("label", { htmlFor: "oauth_username" }, form.usernameLabel),
      h("input", {
        id: "oauth_username", name: "username", type: "text", required: true, defaultValue: lastNames.get(name),
        autoComplete: "username", autoCapitalize: "none", spellCheck: false, inputMode: form.isEmail ? "email" : undefined,
      }),
      h("label", { htmlFor: "oauth_password" }, "Password"),
      h("input", {
        id: "oauth_password", name: "password", type: "password", required: true, ref: passwordField,
        autoComplete: "current-password", ...described,
      }),
      h("p", { id: faultId, className: fault && "errors", role: "alert" }, fault),
      scopes.usual.length + scopes.more.length > 0 && h(ScopeBoxes, { name, scopes }),
      h(
        "div",
        { className: "auth-btn-wrapper" },
        h("button", { className: "btn modal-btn auth authorize", disabled: isBusy }, "Authorize"),
        h("button", { type: "button", className: "btn modal-btn auth btn-done", onClick: close }, "Close"),
      ),
    );
  }

  function ScopeBoxes({ name, scopes }) {
    const box = ({ scope, description, isTicked }) =>
      h(
        "div",
        { key: scope, className: "scope" },
        h("input", {
          id: `scope-${name}-${scope}`, type: "checkbox", name: "scope", value: scope, "data-value": scope, defaultChecked: isTicked,
        }),
        h("label", { htmlFor: `scope-${name}-${scope}` }, h("code", null, scope), h("span", null, description)),
      );
    return h(
      "fieldset",
      { className: "scopes" },
      h("legend", null, "Scopes"),
      scopes.usual.map(box),
      scopes.more.length > 0 &&
        h(
          "details",
          { open: scopes.more.some(({ isTicked }) => isTicked) },
          h("summary", null, "More scopes"),
          scopes.more.map(box),
        ),
    );
  }

  function Authorized({ auth, heading, close, system }) {
    const done = React.useRef();
    React.useEffect(() => done.current.focus(), []);
    const granted = auth.getIn(["token", "scope"]);
    const refused = auth.get("scopes").filter((scope) => granted !== undefined && !granted.split(" ").includes(scope));
    const logOut = () => system.authActions.logoutWithPersistOption([auth.get("name")]);
    return h(
      "div",
      null,
      heading,
      h("p", { role: "status" }, h("strong", null, "Authorized"), ` as ${auth.get("username")}`),
      granted && h("p", null, "Scopes: ", h("code", null, granted)),
      refused.size > 0 && h("p", null, "Not granted to this account: ", h("code", null, refused.join(" "))),
      h(
        "div",
        { className: "auth-btn-wrapper" },
        h("button", { type: "button", className: "btn modal-btn auth", onClick: logOut }, "Log out"),
        h("button", { type: "button", className: "btn modal-btn auth btn-done", ref: done, onClick: close }, "Close"),
      ),
    );
  }

  return {
    wrapComponents: {
      authorizationPopup: () => Dialog,
      oauth2: (Original, system) => (props) => {
        const { name, schema } = props;
        if (schema.get("flow") === "password") return h(PasswordForm, { name, schema, system: system.getSystem() });
        const key = schema.has("allowedScopes") ? "allowedScopes" : "scopes";
        const order = [...demandedScopes(system, name)];
        const sorted = schema.update(key, (scopes) => scopes?.sortBy((_, scope) => (order.indexOf(scope) + 1) || order.length + 1));
        // The first button of a form is pressed by Enter, and it is Authorize.
        return h("form", { onSubmit: (event) => event.preventDefault() }, h(Original, { ...props, schema: sorted }));
      },
      // Some are called otherwise than they read, which nobody can say to a browser (WCAG 2.2 §2.5.3).
      Button: (Original) => (props) =>
        h(Original, typeof props.children === "string" ? { ...props, "aria-label": undefined } : props),
      authError: () => ({ error }) => h("p", { className: "errors", role: "alert" }, error.get("message")),
    },
  };
};

const COOKIES_ONLY =
  "This API takes a cookie that its own pages set, and no script can set it. Log in on those pages in this browser: " +
  "the cookie is then sent with every request from here.";

const isCookie = (scheme) => scheme.get("type") === "apiKey" && scheme.get("in") === "cookie";

/** What there is to fill in first; where there is nothing, the way out. */
function firstControl(dialog) {
  // A client that is public, as a page is, has no secret.
  const fields = [...dialog.querySelectorAll("input:not([type=checkbox]):not(#client_secret_authorizationCode)")];
  const empty = fields.find((field) => field.value === "" && field.checkVisibility());
  return empty ?? dialog.querySelector("input[type=checkbox]") ?? dialog.querySelector(".btn-done, .close-modal");
}

/** What the document says of the form at the token endpoint, if that is one of its own operations. */
function logInForm(system, tokenUrl) {
  const { paths, components } = system.specSelectors.specJson().toJS();
  const resolved = (schema) => components?.schemas?.[schema?.$ref?.split("/").at(-1)] ?? schema ?? {};
  const base = address(system, ".").replace(/\/$/, "");
  const own = Object.entries(paths ?? {}).find(([path]) => base + path === address(system, tokenUrl));
  const media = own?.[1].post?.requestBody?.content?.["application/x-www-form-urlencoded"];
  const fields = resolved(media?.schema).properties ?? {};
  const username = resolved(fields.username);
  const isEmail = username.format === "email" || username.title === "Email";
  const usualScopes = (resolved(fields.scope).default ?? "").split(" ").filter(Boolean);
  return { usernameLabel: username.title ?? (isEmail ? "Email" : "Username"), isEmail, usualScopes };
}

/** First what a login grants that names no scope, or what the document demands first; the others behind. */
function sortScopes(system, name, flow, usualScopes) {
  const shown = system.authSelectors.shownDefinitions().find((schemes) => schemes.has(name));
  const scheme = system.specSelectors.specJson().getIn(["components", "securitySchemes", name, "flows", flow]);
  const offered = scheme?.get("scopes")?.toJS() ?? {};
  // The padlock of one operation shows what that one demands.
  const demanded = shown?.getIn([name, "scopes"])?.keySeq().toArray() ?? [];
  const needed = demanded.length < Object.keys(offered).length ? demanded : [];
  const ticked = new Set([...usualScopes, OFFLINE_ACCESS, ...needed, ...missingScopes]);
  const isUsual = (scope) => usualScopes.length === 0 || usualScopes.includes(scope) || scope === OFFLINE_ACCESS;
  const order = [...usualScopes, ...demandedScopes(system, name), ...Object.keys(offered)];
  const scopes = Object.entries(offered).map(([scope, description]) => ({
    scope, description, isTicked: ticked.has(scope), place: scope === OFFLINE_ACCESS ? Infinity : order.indexOf(scope),
  }));
  scopes.sort((one, other) => one.place - other.place);
  return { usual: scopes.filter(({ scope }) => isUsual(scope)), more: scopes.filter(({ scope }) => !isUsual(scope)) };
}

/** The scopes that the operations demand, in the order of the document. */
function demandedScopes(system, name) {
  const paths = Object.values(system.specSelectors.specJson().get("paths")?.toJS() ?? {});
  const requirements = paths.flatMap(Object.values).flatMap((operation) => operation?.security ?? []);
  return new Set(requirements.flatMap((requirement) => requirement[name] ?? []));
}
