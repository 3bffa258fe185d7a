// A client in TypeScript and one in Python, generated from docs/openapi.json, with the real server. And from one
// that says all that the library can, of which nobody is the server: what is made of that is compiled and loaded.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { everything } from "./everything.mjs";
import { PYTHON, TIME, here, startPortcullis, temporaryDirectory } from "./support.mjs";

const DOCUMENT = here("../docs/openapi.json");
const PASSWORD = "a quiet engine of brass, 1843";
const run = promisify(execFile);
const tool = (path, ...args) => run(process.execPath, [here(`node_modules/${path}`), ...args]);

let url;
before(async () => ({ url } = await startPortcullis()), TIME);

/** What both clients do, and what comes of it: one account each, and every refusal with the type it is given. */
const walked = (email, id) => ({
  id,
  profile: { id, email, full_name: "Ada Lovelace", is_active: true, profile_image_url: null },
  tooShort: [422, "body.password: String should have at least 12 characters"],
  again: [409, "An account with this email address already exists"],
  wrong: [401, "Incorrect email address or password"],
  stranger: [401, "Could not validate credentials"],
});

test("a_typescript_client_is_made_of_the_document_and_works", TIME, async () => {
  const { signUp, logIn, readProfile } = await typescriptClient();
  const [email, name] = ["ada@example.org", "Ada Lovelace"];
  const refused = (call) => call.then(assert.fail, ({ status, message }) => [status, message]);
  const tooShort = await refused(signUp(url, email, name, "short"));
  const id = await signUp(url, email, name, PASSWORD);
  const again = await refused(signUp(url, email, name, PASSWORD));
  const wrong = await refused(logIn(url, email, "a loud engine of brass, 1843"));
  const profile = await readProfile(url, await logIn(url, email, PASSWORD));
  const stranger = await refused(readProfile(url, "junk"));
  assert.equal(typeof id, "number");
  assert.deepEqual({ id, profile, tooShort, again, wrong, stranger }, walked(email, id));
});

/** Makes the types, lets the compiler check the recipe against them and misuses too, and loads what it wrote. */
async function typescriptClient() {
  const at = typescriptDirectory();
  copyFileSync(here("client.ts"), at("client.ts"));
  // An error that is expected and does not come is one as well.
  writeFileSync(
    at("misuse.ts"),
    `import createClient from "openapi-fetch";
    import type { paths } from "./portcullis.js";
    const portcullis = createClient<paths>({ baseUrl: "" });
    // @ts-expect-error there is no such path
    portcullis.GET("/profiles");
    // @ts-expect-error the name is missing
    portcullis.POST("/signup", { body: { email: "", password: "" } });
    // @ts-expect-error a name is text
    portcullis.POST("/login", { body: { username: 1, password: "" } });
    // @ts-expect-error a refusal has no e-mail address
    portcullis.GET("/profile").then(({ error }) => error!.email);`,
  );
  await makeTypes(DOCUMENT, at("portcullis.ts"));
  await compile(at("client.ts"), at("misuse.ts"));
  return import(pathToFileURL(at("client.js")));
}

/** Whose packages are those of the tests; gives the path of a file in it. */
function typescriptDirectory() {
  const directory = temporaryDirectory();
  const at = (name) => join(directory, name);
  symlinkSync(here("node_modules"), at("node_modules"));
  writeFileSync(at("package.json"), '{ "type": "module" }');
  return at;
}

const makeTypes = (document, path) =>
  tool("openapi-typescript/bin/cli.js", document, "--default-non-nullable", "false", "-o", path);

async function compile(...programs) {
  const options = "--strict --skipLibCheck --target es2022 --module nodenext --lib es2022,dom,dom.iterable".split(" ");
  const compiled = tool("typescript/bin/tsc", ...options, ...programs);
  await compiled.catch(({ stdout }) => assert.fail(`the compiler refuses the client:\n${stdout}`));
}

test("a_typescript_client_is_made_of_all_that_a_document_can_say", TIME, async () => {
  const at = typescriptDirectory();
  writeFileSync(at("everything.json"), JSON.stringify(everything()));
  await makeTypes(at("everything.json"), at("everything.ts"));
  writeFileSync(
    at("use.ts"),
    `import createClient from "openapi-fetch";
    import type { paths } from "./everything.js";

    const api = createClient<paths>({ baseUrl: "" });
    const order = { buyer: "Ada", lines: [{ article: 1, count: 2, parts: [{ article: 3, count: 4 }] }] };
    const path = { order: 1, line: 2 };

    export async function use() {
      const list = await api.GET("/orders", { params: { query: { limit: 10, tag: ["a"], sort: "newest" } } });
      const made = await api.POST("/orders", { body: { ...order, payment: { kind: "invoice" } } });
      const line = await api.GET("/orders/{order}/lines/{line}", { params: { path } });
      const notes: Record<string, string> = list.data![0].notes;
      const receipt: string | null = made.data!.receipt_to;
      const count: number = line.data!.parts[0].count;
      const detail: string | { msg: string }[] = made.error!.detail;
      return { notes, receipt, count, detail };
    }
    // @ts-expect-error a card has digits
    api.POST("/orders", { body: { ...order, payment: { kind: "card" } } });
    // @ts-expect-error nothing is sorted by age
    api.GET("/orders", { params: { query: { sort: "oldest" } } });
    // @ts-expect-error the path has a second parameter
    api.GET("/orders/{order}/lines/{line}", { params: { path: { order: 1 } } });
    // @ts-expect-error an item has a name
    api.POST("/full_3", { body: {} });`,
  );
  await compile(at("use.ts"));
});

/** Prints as JSON what comes of the walk. */
const PYTHON_WALK = `
import json, sys
from client import ApiError, log_in, read_profile, sign_up
from portcullis_client.models import InvalidInput, LogInProblem, Problem

url, email, password = sys.argv[1:]

def refused(kind, call, *args):
    try:
        call(url, *args)
    except ApiError as refusal:
        assert type(refusal.problem) is kind, refusal.problem
        return [refusal.status, str(refusal)]
    raise AssertionError(f"{call} is not refused")

print(json.dumps({
    "tooShort": refused(InvalidInput, sign_up, email, "Ada Lovelace", "short"),
    "id": sign_up(url, email, "Ada Lovelace", password),
    "again": refused(Problem, sign_up, email, "Ada Lovelace", password),
    "wrong": refused(LogInProblem, log_in, email, "a loud engine of brass, 1843"),
    "profile": read_profile(url, log_in(url, email, password)).to_dict(),
    "stranger": refused(Problem, read_profile, "junk"),
}))`;

test("a_python_client_is_made_of_the_document_and_works", TIME, async () => {
  const { directory, env } = pythonDirectory();
  const settings = ["--config", here("client.yaml"), "--fail-on-warning"];
  await makePackage(env, DOCUMENT, join(directory, "portcullis_client"), settings);
  const { stdout } = await run(PYTHON, ["-c", PYTHON_WALK, url, "grace@example.org", PASSWORD], { env });
  const found = JSON.parse(stdout);
  assert.equal(typeof found.id, "number");
  assert.deepEqual(found, walked("grace@example.org", found.id));
});

/** Where packages are found that lie in it, and the recipes. */
function pythonDirectory() {
  const directory = temporaryDirectory();
  // The generator tidies what it wrote with a tool beside it.
  const tools = [dirname(PYTHON), process.env.PATH].join(delimiter);
  const path = [directory, here(".")].join(delimiter);
  return { directory, env: { ...process.env, PATH: tools, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1" } };
}

function makePackage(env, document, path, settings) {
  const made = ["--path", document, "--meta", "none", "--output-path", path, ...settings];
  return run(PYTHON, ["-m", "openapi_python_client", "generate", ...made], { env });
}

/** Loads every module, and an order as it is sent and as it comes back. Prints how many operations there are. */
const PYTHON_LOAD = `
import importlib, pkgutil, everything

names = [found.name for found in pkgutil.walk_packages(everything.__path__, "everything.")]
print(sum(hasattr(importlib.import_module(name), "sync_detailed") for name in names))
line = {"article": 1, "count": 2, "parts": [{"article": 3, "count": 4, "parts": []}]}
order = {"buyer": "Ada", "lines": [line], "notes": {"gift": "yes"}, "receipt_to": None}
order["payment"] = {"kind": "card", "last_digits": [1, 2, 3, 4]}
for kind in everything.models.Order, everything.models.OrderOutput:
    assert kind.from_dict(order).to_dict() == order, kind`;

/** Media types that openapi-python-client knows by no name, … */
const AS_BYTES = ["*/*", "application/javascript", "application/wasm", "application/x-ndjson", "image/png"];
/** … and those that it does not know as an answer's, or, the last, as a request's. */
const UNKNOWN = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "text/plain"];

test("a_python_client_is_made_of_all_that_a_document_can_say", TIME, async () => {
  const { directory, env } = pythonDirectory();
  const at = (name) => join(directory, name);
  const document = everything();
  const bytes = Object.fromEntries(AS_BYTES.map((type) => [type, "application/octet-stream"]));
  writeFileSync(at("config.json"), JSON.stringify({ content_type_overrides: bytes, post_hooks: [] }));
  writeFileSync(at("everything.json"), JSON.stringify(document));
  const settings = ["--config", at("config.json")];
  const { stderr } = await makePackage(env, at("everything.json"), at("everything"), settings);
  const unknown = [...stderr.matchAll(/Unsupported content.type ([^)\s]+)/g)].map(([, type]) => type);
  assert.deepEqual(unknown.sort(), UNKNOWN, stderr);
  assert.equal(stderr.split("WARNING").length - 1, UNKNOWN.length, stderr);
  const { stdout } = await run(PYTHON, ["-c", PYTHON_LOAD], { env });
  // All but the two whose request is a text.
  assert.equal(Number(stdout), Object.values(document.paths).flatMap(Object.keys).length - 2);
});
