// Starts Swagger UI. Every address is relative to the page, so that the API may be mounted under any prefix.
"use strict";

// With the client fields left empty Swagger UI would still send `Authorization: Basic Og==`
// (an empty client, RFC 6749 §2.3.1). A first-party log-in has no client to authenticate.
const noEmptyClient = () => ({
  statePlugins: {
    auth: {
      wrapActions: {
        authorizePassword: (authorize) => (form) =>
          authorize(form.clientId ? form : { ...form, passwordType: "request-body" }),
      },
    },
  },
});

const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [noEmptyClient],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  tryItOutEnabled: true,
  // The token lives in this page's memory only; nothing is sent to a validator elsewhere.
  persistAuthorization: false,
  validatorUrl: null,
  // Where another service's log-in sends the browser back to (RFC 6749 §4.1.2).
  oauth2RedirectUrl: new URL("docs/oauth2-redirect", location.href).href,
});

// Swagger UI has a dark look but no rule that chooses it.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

ui.initOAuth({
  clientId: document.getElementById("docs").dataset.clientId,
  usePkceWithAuthorizationCodeGrant: true,
});
