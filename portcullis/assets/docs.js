// Starts Swagger UI. Every address is relative to the page, so that the API may be mounted under any prefix.
import { authorizeDialog } from "./authorize.js";
import { tokens } from "./tokens.js";

// How many groups of operations are unfolded at first.
const OPEN_GROUPS = 2;

// The path of an operation stands inside the button that unfolds it, where a link would be a control in a control.
// Unfolding writes the operation's own address into the address bar.
const plainPaths = {
  wrapComponents: {
    OperationSummaryPath: (Original, { React }) => (props) =>
      React.createElement(Original, {
        ...props,
        operationProps: props.operationProps.set("isDeepLinkingEnabled", false),
      }),
  },
};

// To show them by the action instead would write the last one's address into the address bar.
const firstGroupsOpen = ({ specSelectors }) => {
  const isFirst = (name) => specSelectors.taggedOperations().keySeq().take(OPEN_GROUPS).includes(name);
  return {
    statePlugins: {
      layout: {
        wrapSelectors: {
          isShown: (isShown) => (_, thing, byDefault) =>
            isShown(thing, byDefault || (thing.length === 2 && thing[0] === "operations-tag" && isFirst(thing[1]))),
        },
      },
    },
  };
};

const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [plainPaths, firstGroupsOpen, tokens, authorizeDialog],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  // The token lives in this page's memory only; nothing is sent to a validator elsewhere.
  persistAuthorization: false,
  validatorUrl: null,
  // Where another service's login sends the browser back to (RFC 6749 §4.1.2).
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
