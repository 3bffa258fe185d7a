// The one script of the pages. They work without it: it shows what is typed into a password field, rates a password
// that is chosen, shows times in the reader's zone, and asks the browser for passkeys, which nothing else can. Texts come
// from the page, in its language.
"use strict";

/** A button beside a password field that shows what is typed. The form is always sent with the password hidden. */
function addShow(field) {
  const { show, hide, shown, hidden } = field.dataset;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show";
  const said = document.createElement("span");
  said.className = "unseen";
  said.setAttribute("aria-live", "polite");
  const set = (isShown) => {
    field.type = isShown ? "text" : "password";
    button.textContent = isShown ? hide : show;
  };
  set(false);
  button.setAttribute("aria-controls", field.id);
  button.addEventListener("click", () => {
    const isShown = field.type === "password";
    set(isShown);
    said.textContent = isShown ? shown : hidden;
    field.focus();
  });
  field.form.addEventListener("submit", () => set(false));
  const around = document.createElement("div");
  around.className = "with-show";
  field.replaceWith(around);
  const isFocused = field.autofocus;
  around.append(field, button, said);
  if (isFocused) field.focus();
}

/** A button in the page's language instead of the browser's own, and the name of the chosen file. */
function addChoose(field) {
  const around = document.createElement("div");
  around.className = "chosen";
  const label = document.createElement("label");
  label.className = "button second";
  label.htmlFor = field.id;
  label.textContent = field.dataset.choose;
  const name = document.createElement("span");
  field.classList.add("unseen");
  field.after(around);
  around.append(label, name);
  field.addEventListener("change", () => (name.textContent = field.files[0]?.name ?? ""));
}

/** 0 to 3, by length and by how much of it repeats or is known from the form. The server decides; this is a hint. */
function strengthOf(password, known) {
  let rest = password.toLowerCase();
  for (const word of known) if (word.length > 2) rest = rest.replaceAll(word, "");
  rest = rest.replace(/(.)\1+/gu, "$1").replace(/(?:0123|1234|2345|3456|4567|5678|6789|abcd|qwer|asdf|pass(?:word)?)+/g, "");
  const different = new Set(rest).size;
  const score = Math.min([...rest].length, different * 2);
  return score < 9 ? 0 : score < 14 ? 1 : score < 18 ? 2 : 3;
}

function addStrength(field) {
  const { min, short, weak, fair, strong } = field.dataset;
  const meter = document.createElement("div");
  meter.className = "strength";
  meter.hidden = true;
  const bar = document.createElement("span");
  bar.className = "bar";
  const text = document.createElement("span");
  text.setAttribute("aria-live", "polite");
  meter.append(bar, text);
  field.closest(".field").append(meter);
  field.addEventListener("input", () => {
    const length = [...field.value].length;
    const inputs = [...field.form.querySelectorAll("input[type=text], input[type=email]")].filter((other) => other !== field);
    const known = inputs.flatMap((other) => other.value.toLowerCase().split(/[^\p{L}\p{N}]+/u));
    const level = length < Number(min) ? 0 : Math.max(1, strengthOf(field.value, known));
    meter.hidden = length === 0;
    meter.dataset.level = String(level);
    text.textContent = length < Number(min) ? short.replace("{count}", String(Number(min) - length)) : [weak, weak, fair, strong][level];
  });
}

/** Times in the reader's zone: the text itself, or a tooltip where the text says how long ago it was. */
function showTimes() {
  const page = document.documentElement.lang;
  const own = navigator.languages.find((tag) => tag.split("-")[0] === page);
  const language = own?.includes("-") ? own : page === "en" ? "en-GB" : page;
  const date = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  const styles = {
    moment: new Intl.DateTimeFormat(language, { ...date, month: "long" }),
    exact: new Intl.DateTimeFormat(language, { ...date, second: "2-digit" }),
    ago: new Intl.DateTimeFormat(language, date),
  };
  for (const time of document.querySelectorAll("time[data-time]")) {
    const moment = new Date(time.dateTime);
    const style = time.dataset.time;
    if (Number.isNaN(moment.getTime()) || !styles[style]) continue;
    const text = styles[style].format(moment);
    if (style === "ago") time.title = text;
    else {
      time.title = time.textContent;
      time.textContent = text;
    }
  }
}

const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The options as `navigator.credentials` takes them. Safari reads them from JSON since 18.4 only. */
function publicKeyOf(options) {
  const withBytes = (list) => list?.map((one) => ({ ...one, id: toBytes(one.id) }));
  const { user, challenge, excludeCredentials, allowCredentials } = options;
  return {
    ...options,
    challenge: toBytes(challenge),
    ...(user && { user: { ...user, id: toBytes(user.id) } }),
    ...(excludeCredentials && { excludeCredentials: withBytes(excludeCredentials) }),
    ...(allowCredentials && { allowCredentials: withBytes(allowCredentials) }),
  };
}

/** What the server reads of a credential, in JSON. */
function textOf({ id, type, rawId, response }) {
  const of = (name) => (response[name] ? { [name]: toText(response[name]) } : {});
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  return JSON.stringify({ id, type, rawId: toText(rawId), response: Object.assign({}, ...parts.map(of)) });
}

/** A form that is sent with a passkey, which its button creates or asks for. */
function addPasskey(form) {
  const { passkey, options, failed, known, unsupported } = form.dataset;
  const [button, note] = [form.querySelector("button"), form.querySelector("[role=status]")];
  if (!window.PublicKeyCredential) {
    note.textContent = unsupported;
    return;
  }
  // What the form says without script.
  note.textContent = "";
  const publicKey = publicKeyOf(JSON.parse(options));
  let waiting;
  const run = async (mediation) => {
    waiting?.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    try {
      const asked = { publicKey, signal, ...(mediation && { mediation }) };
      const credential = await (passkey === "create" ? navigator.credentials.create(asked) : navigator.credentials.get(asked));
      form.elements.credential.value = textOf(credential);
      form.submit();
    } catch (error) {
      // The button took the place of what the field offered, or nobody wanted what it did.
      if (signal.aborted || mediation) return;
      note.textContent = error.name === "InvalidStateError" && known ? known : failed;
      button.disabled = false;
    }
  };
  button.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    note.textContent = "";
    run();
  });
  if ("autofill" in form.dataset) {
    PublicKeyCredential.isConditionalMediationAvailable?.().then((isThere) => isThere && run("conditional"));
  }
  // The challenge expires: a page that nobody has typed into gets another one.
  const isUntouched = () => [...document.querySelectorAll("input:not([type=hidden])")].every((field) => field.value === field.defaultValue);
  const renew = () => document.visibilityState === "visible" && isUntouched() && !button.disabled && location.replace(location.href);
  if (passkey === "get" && document.querySelector("[data-autofill]")) {
    setTimeout(() => {
      renew();
      document.addEventListener("visibilitychange", renew);
    }, publicKey.timeout - 10_000);
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) addPasskey(form);
for (const field of document.querySelectorAll("input[type=password][data-show]")) {
  if (field.dataset.min) addStrength(field);
  addShow(field);
}
for (const field of document.querySelectorAll("input[type=file][data-choose]")) addChoose(field);
showTimes();
