// The commands of the documents, run as a reader would run them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { PORTCULLIS, TIME, clean, here, startPortcullis, temporaryDirectory } from "./support.mjs";

const DOCS = here("../docs");
const PAGES = ["README.md", "CONTRIBUTING.md", ...readdirSync(DOCS, { recursive: true }).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
const PASSWORD = "nine patient herons on a wire\n";

/** Blocks that no test here runs, by their first line, and why. */
const NOT_RUN = {
  "cargo run --release     # serves http://127.0.0.1:8000 and prints the next steps": "a release build; the program is what this test starts",
  "docker build --tag portcullis:0.1.0 .": "needs Docker",
  "cargo add portcullis --path portcullis                       # the path of that folder in your checkout": "portcullis/tests builds that program",
  "scripts/test": "this is it",
  "portcullis user set-role grace@example.com support": "needs a role of the settings; server/tests/admin/staff.rs has it",
  "PROPTEST_CASES=1000000 cargo test -p portcullis --features api-keys,discovery,testing d07_": "takes hours",
  "cargo run --release -p portcullis-bench                                  # SQLite": "takes minutes, on a quiet machine",
  "cargo install --locked --path server": "a release build",
  "sudo install -m 0755 ~/.cargo/bin/portcullis /usr/local/bin/portcullis": "needs root and systemd",
  "(": "needs Docker",
  "rustup target add x86_64-unknown-linux-musl      # and a C compiler for it: apt install musl-tools": "a release build; release.test.mjs has its bill of materials",
  "tar -xzf portcullis-*.tar.gz && cd portcullis-*/": "needs that release",
  "cargo install --locked cargo-deb": "needs root and systemd",
  "sudo install -m 0644 packaging/systemd/portcullis.socket /etc/systemd/system/portcullis.socket": "needs root and systemd",
  "openssl rand -base64 32 > secret.key": "needs a Kubernetes cluster",
  [`curl https://login.example/login/factor --json '{"mfa_token": "pcmf_…", "code": "123456"}'`]: "needs a code of the moment; server/tests/factors.rs sends it",
  [`curl -s localhost:8000/organisations/$ID/invitations -H "Authorization: Bearer $TOKEN" --json '{"email": "grace@example.com"}'`]: "needs a confirmed address; server/tests/groups/invitations.rs sends it",
  "curl -X POST -c cookies https://login.example/login/passkey/options": "needs an authenticator for the second step; server/tests/passkeys.rs has one",
  "cargo new documents && cd documents": "server/tests/policy/example.rs builds and walks that program",
  [`curl http://localhost:3000/folders/$FOLDER/grants -H "Authorization: Bearer $ADA" \\`]: "server/tests/policy/example.rs sends it",
  [`curl "http://localhost:3000/documents/$DOCUMENT/grants/explain?who=ben@example.com&permission=document:read" \\`]: "server/tests/policy/example.rs sends it",
  [`TOKEN=$(curl -s http://localhost:3000/documents/$DOCUMENT/links -H "Authorization: Bearer $ADA" \\`]: "server/tests/policy/example.rs sends it",
  "portcullis user remove-factor ada@example.com": "server/tests/process/operator.rs runs it on an account that has one",
  'pg_dump --format=custom --file=portcullis.dump "postgres://portcullis@db.example/portcullis"': "needs that PostgreSQL",
};

/** Every block of this language, by its first line. */
function blocks(page, language) {
  const text = readFileSync(here(`../${page}`), "utf8");
  const fences = text.matchAll(new RegExp(`^( *)\`\`\`${language}\n([^]*?)^ *\`\`\`$`, "gm"));
  return [...fences].map(([, indent, block]) => block.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
}

const block = (page, beginning, language = "sh") => {
  const found = blocks(page, language).find((text) => text.startsWith(beginning));
  assert.ok(found, `${page} has no block that begins with ${beginning}`);
  ran.add(`${page}: ${firstLine(found)}`);
  return found;
};

const firstLine = (text) => text.split("\n")[0];
const ran = new Set();

/** Runs `script` in `directory` with our program on the path; returns what it wrote. */
function run(script, directory, input = "") {
  const env = { ...clean(), PATH: `${dirname(PORTCULLIS)}:${process.env.PATH}` };
  const shell = { cwd: directory, env, input, encoding: "utf8", timeout: 60_000 };
  const { status, stdout, stderr } = spawnSync("bash", ["-e", "-u", "-o", "pipefail", "-c", script], shell);
  assert.equal(status, 0, `${script}\n${stdout}\n${stderr}`);
  return stdout;
}

/** A directory with a server whose data is in `portcullis-data`, as `cargo run` has it. */
async function begin() {
  const directory = temporaryDirectory();
  symlinkSync(DOCS, join(directory, "docs"));
  const { url } = await startPortcullis({ "data-dir": join(directory, "portcullis-data") });
  return { directory, url };
}

test("the_walk_of_the_readme_answers_what_it_says", TIME, async () => {
  const { directory, url } = await begin();
  const walk = block("README.md", "curl -s localhost:8000/signup");
  const said = run(walk.replaceAll("localhost:8000", url), directory);
  let rest = said.replaceAll(url, "http://127.0.0.1:8000");
  const expected = [...walk.matchAll(/^# (\{.*?\})(?: {2}.*)?$/gm)].map(([, answer]) => answer);
  assert.equal(expected.length, 4);
  for (const answer of expected) {
    const [before, after = ""] = answer.split("…");
    const at = rest.indexOf(before);
    assert.ok(at >= 0, `${answer}\nis not in\n${said}`);
    rest = rest.slice(at + before.length);
    assert.ok(rest.includes(after), `${answer}\nis not in\n${said}`);
  }
});

test("one_makes_an_organisation", TIME, async () => {
  const { directory, url } = await begin();
  run(block("README.md", "curl -s localhost:8000/signup").replaceAll("localhost:8000", url), directory);
  const made = block("docs/organisations.md", "TOKEN=$(curl");
  const robot = block("docs/organisations.md", "ROBOT=$(curl");
  const said = run(`${made}\n${robot}`.replaceAll("localhost:8000", url), directory);
  // Read by its owner, and by the key of its service account.
  assert.equal(said.match(/"role":"owner"/g).length, 2, said);
});

test("an_operator_makes_an_administrator_and_reads_the_trail", TIME, async () => {
  const { directory } = await begin();
  assert.match(run(block("docs/operating/accounts.md", "portcullis user add"), directory, PASSWORD), /admin/);
  run(block("docs/operating/email.md", "portcullis doctor mail"), directory);
  const trail = run(block("docs/operating/monitoring.md", "portcullis audit list"), directory);
  assert.match(trail, /^\d{4}-\d\d-\d\d \d\d:\d\d.* account\./m);
});

test("g06_what_is_backed_up_while_it_runs_is_there_after_the_restore", TIME, async () => {
  const { directory, url } = await begin();
  const walk = block("README.md", "curl -s localhost:8000/signup");
  run(walk.replaceAll("localhost:8000", url), directory);
  run(block("docs/operating/backup.md", "portcullis backup"), directory);
  run(block("docs/operating/backup.md", "mkdir -m 0700 restored"), directory);
  const restored = await startPortcullis({ "data-dir": join(directory, "restored") });
  const form = new URLSearchParams({ username: "ada@example.com", password: "analytical-engine-1843" });
  const { access_token } = await (await fetch(`${restored.url}/login`, { method: "POST", body: form })).json();
  const authorization = { Authorization: `Bearer ${access_token}` };
  const profile = await (await fetch(`${restored.url}/profile`, { headers: authorization })).json();
  const picture = await fetch(profile.profile_image_url.replace(/^https?:\/\/[^/]+/, restored.url), { headers: authorization });
  assert.equal(picture.status, 200);
  assert.ok((await picture.arrayBuffer()).byteLength > 1000);
});

test("p06_a_list_of_breached_passwords_is_imported", TIME, async () => {
  const { directory } = await begin();
  const digest = (text) => `${createHash("sha1").update(text).digest("hex").toUpperCase()}:12`;
  writeFileSync(join(directory, "pwned-passwords.txt"), ["one", "two", "three"].map(digest).sort().join("\r\n"));
  run(block("docs/operating/accounts.md", "portcullis breaches import"), directory);
  assert.ok(readdirSync(join(directory, "portcullis-data")).includes("breaches.filter"));
});

test("a_program_acts_with_an_api_key_and_a_leak_is_ended", TIME, async () => {
  const { directory, url } = await begin();
  run(block("README.md", "curl -s localhost:8000/signup").replaceAll("localhost:8000", url), directory);
  const said = run(block("docs/api-keys.md", "TOKEN=").replaceAll("localhost:8000", url), directory);
  // By the key in either header, and by its successor after it was removed.
  assert.equal(said.match(/"email":"ada@example.com"/g).length, 3, said);
  const leaked = run(block("docs/api-keys.md", "echo '{"), directory);
  assert.match(leaked, /^Revoked 0 of this server's API keys; 0 other strings/m);
  assert.match(leaked, /Nightly export/);
});

test("an_account_signs_up_with_its_attributes", TIME, async () => {
  const directory = temporaryDirectory();
  const config = join(directory, "portcullis.toml");
  writeFileSync(config, block("docs/attributes.md", "[attributes.company]", "toml"));
  const { url } = await startPortcullis({ config, "data-dir": join(directory, "portcullis-data") });
  const said = run(block("docs/attributes.md", "curl -s localhost:8000/signup").replaceAll("localhost:8000", url), directory);
  assert.match(said, /"name":"company","label":"[^"]*","value":"Looms"/);
});

test("every_command_of_the_documents_is_run_or_said_not_to_be", () => {
  const found = PAGES.flatMap((page) => blocks(page, "sh").map((text) => [page, firstLine(text)]));
  const missing = found.filter(([page, line]) => !ran.has(`${page}: ${line}`) && !(line in NOT_RUN));
  assert.deepEqual(missing, []);
  const gone = Object.keys(NOT_RUN).filter((line) => !found.some(([, first]) => first === line));
  assert.deepEqual(gone, []);
});
