// A client in TypeScript and one in Python, generated from docs/openapi.json, with the real server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
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
  again: [409, "There is an account with this e-mail address already"],
  wrong: [401, "Incorrect e-mail address or password"],
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
  const directory = temporaryDirectory();
  const at = (name) => join(directory, name);
  symlinkSync(here("node_modules"), at("node_modules"));
  writeFileSync(at("package.json"), '{ "type": "module" }');
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
  await tool("openapi-typescript/bin/cli.js", DOCUMENT, "--default-non-nullable", "false", "-o", at("portcullis.ts"));
  const options = "--strict --target es2022 --module nodenext --lib es2022,dom,dom.iterable".split(" ");
  const compiled = tool("typescript/bin/tsc", ...options, at("client.ts"), at("misuse.ts"));
  await compiled.catch(({ stdout }) => assert.fail(`the compiler refuses the client:\n${stdout}`));
  return import(pathToFileURL(at("client.js")));
}

/** Prints as JSON what comes of the walk. */
const PYTHON_WALK = `
import json, sys
from client import Refused, log_in, read_profile, sign_up
from portcullis_client.models import InvalidInput, LogInProblem, Problem

url, email, password = sys.argv[1:]

def refused(kind, call, *args):
    try:
        call(url, *args)
    except Refused as refusal:
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
  const directory = temporaryDirectory();
  const path = [directory, here(".")].join(delimiter);
  // It tidies what it wrote with a tool beside it.
  const tools = [dirname(PYTHON), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: tools, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1" };
  const settings = ["--config", here("client.yaml"), "--fail-on-warning", "--meta", "none"];
  const made = ["--path", DOCUMENT, ...settings, "--output-path", join(directory, "portcullis_client")];
  await run(PYTHON, ["-m", "openapi_python_client", "generate", ...made], { env });
  const { stdout } = await run(PYTHON, ["-c", PYTHON_WALK, url, "grace@example.org", PASSWORD], { env });
  const found = JSON.parse(stdout);
  assert.equal(typeof found.id, "number");
  assert.deepEqual(found, walked("grace@example.org", found.id));
});
