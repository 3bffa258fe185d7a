// The clients of clients/, which are generated from docs/openapi.json, with the real server. And two generated from a
// document that says all that the library can, of which nobody is the server: these are compiled and loaded.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { everything } from "./everything.mjs";
import { PYTHON, TIME, here, startPortcullis, temporaryDirectory } from "./support.mjs";

const CLIENTS = here("../clients");
const PASSWORD = "a quiet engine of brass, 1843";
const run = promisify(execFile);
const tool = (path, ...args) => run(process.execPath, [here(`node_modules/${path}`), ...args]);

let url;
before(async () => ({ url } = await startPortcullis()), TIME);

test("the_clients_are_what_the_generators_make_of_the_document", TIME, async () => {
  const folder = temporaryDirectory();
  await run(here("../scripts/clients"), [folder], { env: { ...process.env, INTEROP_PYTHON: PYTHON } });
  const byHand = /^(typescript\/(?!src\/schema)|python\/(?!portcullis_client)|.*(session\.py|py\.typed|__pycache__))/;
  const read = (where) =>
    readdirSync(where, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(where.length + 1), readFileSync(path, "utf8")])
      .filter(([name]) => !byHand.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const [made, kept] = [read(folder), read(CLIENTS)];
  const names = (files) => files.map(([name]) => name);
  const remedy = "docs/openapi.json has changed: run scripts/clients, and commit what it writes";
  assert.deepEqual(names(kept), names(made), remedy);
  assert.deepEqual(names(made.filter(([, text], at) => text !== kept[at][1])), [], remedy);
});

/** What both clients do, and what comes of it: one account each, and every rejection with what the client says of it. */
const walked = (email, id) => ({
  id,
  profile: { id, email, full_name: "Ada Lovelace", is_active: true, profile_image_url: null },
  tooShort: [422, null, "body.password: String should have at least 12 characters"],
  again: [409, null, "An account with this email address already exists"],
  wrong: [401, "invalid_grant", "Incorrect email address or password"],
  stranger: [401, null, "Could not validate credentials"],
  renewed: 1,
  ended: [401, null, "Could not validate credentials"],
  notRenewed: [400, "invalid_grant"],
});

/** Tokens that nobody issued. */
const JUNK = { access_token: "junk", token_type: "bearer", expires_in: 300, scope: "" };

test("the_typescript_client_is_packed_and_works", TIME, async () => {
  const { Session, signUp, logIn, readProfile, uploadPicture } = await typescriptClient();
  const [email, name] = ["ada@example.org", "Ada Lovelace"];
  const refused = (call) => call.then(assert.fail, ({ status, code, message }) => [status, code ?? null, message]);
  const tooShort = await refused(signUp(url, email, name, "short"));
  const id = await signUp(url, email, name, PASSWORD);
  const again = await refused(signUp(url, email, name, PASSWORD));
  const wrong = await refused(logIn(url, email, "a loud engine of brass, 1843"));
  const session = await logIn(url, email, PASSWORD);
  const profile = await readProfile(session);
  const stranger = await refused(readProfile(new Session({ baseUrl: url }, JUNK)));
  // Kept since long ago, and used for several requests at once.
  let renewed = 0;
  const onRenewed = ({ refresh_token }) => void (renewed += refresh_token === session.tokens.refresh_token ? 0 : 1);
  const kept = new Session({ baseUrl: url, onRenewed }, session.tokens, 0);
  const several = await Promise.all([readProfile(kept), readProfile(kept), readProfile(kept)]);
  assert.deepEqual(several, [profile, profile, profile]);
  const picture = new Blob([readFileSync(here("../docs/images/account-page.png"))]);
  assert.match(await uploadPicture(kept, picture), /\/profile-images\//);
  await kept.logOut();
  const ended = await refused(readProfile(kept));
  const notRenewed = (await refused(readProfile(new Session({ baseUrl: url }, kept.tokens, 0)))).slice(0, 2);
  assert.equal(typeof id, "number");
  assert.deepEqual({ id, profile, tooShort, again, wrong, stranger, renewed, ended, notRenewed }, walked(email, id));
});

/** Packs and installs the client as npm does, lets the compiler check the recipe and misuses, and loads both. */
async function typescriptClient() {
  const source = temporaryDirectory();
  const built = /\/(node_modules|dist|[^/]*\.tgz)$/;
  cpSync(join(CLIENTS, "typescript"), source, { recursive: true, filter: (path) => !built.test(path) });
  symlinkSync(here("node_modules"), join(source, "node_modules"));
  await run("npm", ["pack", "--silent", "--pack-destination", source], { cwd: source });
  const directory = temporaryDirectory();
  const at = (name) => join(directory, name);
  const packed = readdirSync(source).find((name) => name.endsWith(".tgz"));
  mkdirSync(at("node_modules/portcullis-client"), { recursive: true });
  await run("tar", ["-xzf", join(source, packed), "--strip-components=1", "-C", at("node_modules/portcullis-client")]);
  for (const name of ["openapi-fetch", "openapi-typescript-helpers"]) {
    symlinkSync(here(`node_modules/${name}`), at(`node_modules/${name}`));
  }
  writeFileSync(at("package.json"), '{ "type": "module" }');
  copyFileSync(here("client.ts"), at("client.ts"));
  // An error that is expected and does not come is one as well.
  writeFileSync(
    at("misuse.ts"),
    `import { createClient } from "portcullis-client";
    const portcullis = createClient({ baseUrl: "" });
    // @ts-expect-error there is no such path
    portcullis.GET("/profiles");
    // @ts-expect-error the name is missing
    portcullis.POST("/signup", { body: { email: "", password: "" } });
    // @ts-expect-error a name is text
    portcullis.POST("/login", { body: { username: 1, password: "" } });
    // @ts-expect-error a rejection has no email address
    portcullis.GET("/profile").then(({ error }) => error!.email);`,
  );
  writeFileSync(at("readme.ts"), readmeOf("typescript"));
  await compile(at("client.ts"), at("readme.ts"), at("misuse.ts"));
  const package_ = await import(pathToFileURL(at("node_modules/portcullis-client/dist/index.js")));
  return { ...package_, ...(await import(pathToFileURL(at("client.js")))) };
}

/** The program that the page of a client shows. */
const readmeOf = (language) =>
  /^```(?:ts|python)\n([^]*?)^```$/m.exec(readFileSync(join(CLIENTS, language, "README.md"), "utf8"))[1];

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
import asyncio, json, sys
from client import log_in, read_profile, sign_up
from portcullis_client.api.profile import read_own_profile
from portcullis_client.models import InvalidInput, LogInProblem, OAuthError, Problem, TokenAnswer
from portcullis_client.session import PortcullisError, Session, unwrap

url, email, password, junk = sys.argv[1:]

def refused(kind, call, *args):
    try:
        call(*args)
    except PortcullisError as error:
        assert type(error.problem) is kind, error.problem
        return [error.status, error.code, str(error)]
    raise AssertionError(f"{call} is not rejected")

found = {
    "tooShort": refused(InvalidInput, sign_up, url, email, "Ada Lovelace", "short"),
    "id": sign_up(url, email, "Ada Lovelace", password),
    "again": refused(Problem, sign_up, url, email, "Ada Lovelace", password),
    "wrong": refused(LogInProblem, log_in, url, email, "a loud engine of brass, 1843"),
    "stranger": refused(Problem, read_profile, Session(url, TokenAnswer.from_dict(json.loads(junk)))),
}
session = log_in(url, email, password)
found["profile"] = read_profile(session).to_dict()

# Kept since long ago, and used for several requests at once, and then without waiting for each.
renewed = []
kept = Session(url, session.tokens, received_at=0, on_renewed=renewed.append)
async def several():
    read = lambda: read_own_profile.asyncio_detailed(client=kept.client)
    return [unwrap(answer).to_dict() for answer in await asyncio.gather(read(), read(), read())]
assert asyncio.run(several()) == [found["profile"]] * 3
assert renewed[0].refresh_token != session.tokens.refresh_token
assert read_profile(kept).to_dict() == found["profile"]
later = Session(url, kept.tokens, received_at=0)
assert read_profile(later).to_dict() == found["profile"]
assert later.tokens.refresh_token != kept.tokens.refresh_token
later.log_out()
found["renewed"] = len(renewed)
found["ended"] = refused(Problem, read_profile, later)
found["notRenewed"] = refused(OAuthError, read_profile, Session(url, later.tokens, received_at=0))[:2]
print(json.dumps(found))`;

test("the_python_client_works", TIME, async () => {
  const { env } = pythonDirectory();
  env.PYTHONPATH = [join(CLIENTS, "python"), here(".")].join(delimiter);
  const args = [url, "grace@example.org", PASSWORD, JSON.stringify(JUNK)];
  const { stdout } = await run(PYTHON, ["-W", "error", "-c", PYTHON_WALK, ...args], { env });
  const found = JSON.parse(stdout);
  assert.equal(typeof found.id, "number");
  assert.deepEqual(found, walked("grace@example.org", found.id));
  const readme = readmeOf("python").replace("https://login.example", url);
  assert.match((await run(PYTHON, ["-W", "error", "-c", readme], { env })).stdout, /^422 /);
});

/** Where packages are found that lie in it. */
function pythonDirectory() {
  const directory = temporaryDirectory();
  // The generator tidies what it wrote with a tool beside it.
  const tools = [dirname(PYTHON), process.env.PATH].join(delimiter);
  return { directory, env: { ...process.env, PATH: tools, PYTHONPATH: directory, PYTHONDONTWRITEBYTECODE: "1" } };
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
