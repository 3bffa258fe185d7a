// A policy in Cedar decides as the server does: the third voice beside the two forms of SQL.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { PORTCULLIS, PYTHON, TIME, clean, here, temporaryDirectory } from "./support.mjs";

const SETTINGS = `
[attributes.region]
of = "account"
type = "string"
change = "administrators"

[attributes.clearance]
of = "account"
type = "integer"
change = "administrators"

[attributes.is_staff]
of = "account"
type = "boolean"
change = "administrators"
`;

// Every kind of term, each alone in some permission. The columns "is" and "like" are words of Cedar.
const POLICY = `
[permissions]
"project:read" = "Read a project"
"folder:list" = "List a folder"
"document:read" = "Read a document"
"document:write" = "Change a document"
"document:print" = "Print a document"
"document:copy" = "Copy a document"
"document:sign" = "Sign a document"
"document:open" = "Open a document"
"page:read" = "Read a page"
"page:write" = "Change a page"
"page:burn" = "Nobody may"

[object.project]
table = "projects"
id_kind = "uuid"
roles = ["viewer"]
may = { viewer = ["project:read"] }

[object.folder]
table = "folders"
owner = "owner_id"
roles = ["viewer", "blocked"]
parents = { folder = "parent_id", project = "project_id" }
may = { owner = ["folder:list"], viewer = ["folder:list"] }

[object.document]
table = "documents"
owner = "owner_id"
roles = ["viewer", "editor", "blocked"]
parents = { folder = "folder_id" }
flags = { public = "is" }

[object.document.when]
released = "released_at <= now"
early = "title < 'm'"
free = "price = 0"
other = "state <> 'in \\"print\\"'"
cheap = "price < 10"
near = "region = caller.region"
cleared = "level <= caller.clearance"
unlike = "like <> caller.is_staff"
shown = "is_shown = true"

[object.document.may]
owner = ["document:read", "document:write"]
viewer = ["document:read"]
editor = ["document:read", "document:write"]
public = ["document:read", "document:open"]
released = ["document:print"]
early = ["document:print"]
free = ["document:copy"]
other = ["document:copy"]
near = ["document:sign"]
cleared = ["document:sign"]
cheap = ["document:open"]
unlike = ["document:open"]
shown = ["document:write"]

[object.page]
table = "pages"
id_kind = "uuid"
roles = ["editor", "viewer"]
parents = { document = "document_id" }
may = { viewer = ["page:read"], editor = ["page:write"] }
`;

const TABLES = [
  "CREATE TABLE projects (id BLOB PRIMARY KEY)",
  "CREATE TABLE folders (id INTEGER PRIMARY KEY AUTOINCREMENT, owner_id BIGINT, parent_id BIGINT, project_id BLOB)",
  `CREATE TABLE documents (id INTEGER PRIMARY KEY AUTOINCREMENT, owner_id BIGINT, folder_id BIGINT, "is" BOOLEAN,
     released_at BIGINT, title TEXT, price BIGINT, state TEXT, region TEXT, level BIGINT, "like" BOOLEAN, is_shown BOOLEAN)`,
  "CREATE TABLE pages (id BLOB PRIMARY KEY, document_id BIGINT)",
];
/** Which permission is on a row of which type. */
const PERMISSIONS = {
  project: ["project:read"],
  folder: ["folder:list"],
  document: ["document:read", "document:write", "document:print", "document:copy", "document:sign", "document:open"],
  page: ["page:read", "page:write"],
};
const PEOPLE = ["ada", "ben", "cyd", "dee", "eve"];
const MICROSECONDS = 1000;
const now = Date.now() * MICROSECONDS;
const HOUR = 3_600_000 * MICROSECONDS;

const directory = temporaryDirectory();
const settings = ["--config", join(directory, "portcullis.toml"), "--data-dir", join(directory, "data")];
const database = join(directory, "data", "portcullis.db");

/** Runs `portcullis` in the directory; returns what it wrote. */
function portcullis(command, input = "") {
  const options = { cwd: directory, env: clean(), input, encoding: "utf8", timeout: 60_000 };
  const { status, stdout, stderr } = spawnSync(PORTCULLIS, [...command, ...settings], options);
  assert.equal(status, 0, `portcullis ${command.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Runs statements on the database; returns the rows of each question. */
function sqlite(run, ask = {}) {
  const options = { input: JSON.stringify({ run, ask }), encoding: "utf8", timeout: 60_000 };
  const { status, stdout, stderr } = spawnSync(PYTHON, [here("sqlite.py"), database], options);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const uuid = (number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
const ofHex = (hex) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
const blob = (id) => (id === null ? "NULL" : `x'${id.replaceAll("-", "")}'`);
const literal = (value) => (value === null ? "NULL" : typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : `${value}`);
const insert = (table, rows) => rows.map((row) => `INSERT INTO ${table} VALUES (${row.join(", ")})`);

/** Groups: a team in an organisation, and a team in that team; and another organisation. */
const GROUPS = { acme: [uuid(1), null], sales: [uuid(2), "acme"], north: [uuid(3), "sales"], other: [uuid(4), null] };

function groups() {
  const inserted = Object.entries(GROUPS).flatMap(([name, [id, inside]]) => {
    const above = inside === null ? null : GROUPS[inside][0];
    const kind = inside === null ? "organisation" : "team";
    const chain = [];
    for (let at = name; at !== null; at = GROUPS[at][1]) chain.push(GROUPS[at][0]);
    return [
      `INSERT INTO groups (id, kind, name, parent_id, created_at, folded_name) VALUES (${blob(id)}, '${kind}', '${name}', ${blob(above)}, 0, '${name}')`,
      ...insert("group_paths", chain.map((ancestor, distance) => [blob(id), blob(ancestor), distance])),
    ];
  });
  const member = (account, group) => [account, blob(GROUPS[group][0]), "'member'", 0];
  return [...inserted, ...insert("memberships", [member(2, "sales"), member(3, "north"), member(4, "other")])];
}

const attribute = (account, name, column, value) =>
  `INSERT INTO attribute_values (account_id, name, ${column}) VALUES (${account}, '${name}', ${literal(value)})`;

/** Writes rows and grants in place of those that are there. */
function fill({ projects, folders, documents, pages, grants }) {
  const tables = ["grants", "pages", "documents", "folders", "projects"];
  const given = grants.map(({ on: [type, id], role, to, expires = null }, at) => {
    const [number, text] = typeof id === "number" ? [id, "NULL"] : ["NULL", blob(id)];
    const [account, group] = typeof to === "number" ? [to, "NULL"] : ["NULL", blob(GROUPS[to][0])];
    return [blob(uuid(1000 + at)), `'${type}'`, number, text, `'${role}'`, account, group, "NULL", 0, literal(expires)];
  });
  sqlite([
    ...tables.map((table) => `DELETE FROM ${table}`),
    ...insert("projects", projects.map((id) => [blob(id)])),
    ...insert("folders", folders.map(([id, owner, parent, project]) => [id, literal(owner), literal(parent), blob(project)])),
    ...insert("documents", documents.map((row) => row.map(literal))),
    ...insert("pages", pages.map(([id, document]) => [blob(id), literal(document)])),
    ...insert("grants", given).map((statement) => statement.replace("INSERT", "INSERT OR IGNORE")),
  ]);
}

/** The entities and the links of the templates, from the rows of the database. */
function facts() {
  const found = sqlite([], {
    accounts: "SELECT id FROM accounts",
    groups: "SELECT id, parent_id FROM groups",
    memberships: "SELECT account_id, group_id FROM memberships",
    attributes: "SELECT account_id, name, text_value, integer_value, boolean_value FROM attribute_values",
    projects: "SELECT id FROM projects",
    folders: "SELECT * FROM folders",
    // Cedar does not order texts.
    documents: `SELECT *, title < 'm' AS "when:early" FROM documents`,
    pages: "SELECT * FROM pages",
    // Cedar does not end a link.
    grants: `SELECT * FROM grants WHERE expires_at IS NULL OR expires_at > ${now}`,
  });
  const entity = (type, id, attrs = {}, parents = []) => ({ uid: { type, id: `${id}` }, attrs: present(attrs), parents });
  const inside = (type, id) => (id === null ? [] : [{ type, id: `${id}` }]);
  const reference = (type, id) => (id === null ? null : { __entity: { type, id: `${id}` } });
  const bool = (value) => (value === null ? null : value !== 0);
  const of = (id) => (id === null ? null : ofHex(id));
  const entities = [
    ...found.accounts.map(({ id }) => {
      const own = found.attributes.filter((one) => one.account_id === id);
      const attrs = own.map((one) => [one.name, one.text_value ?? one.integer_value ?? bool(one.boolean_value)]);
      const member = found.memberships.filter((one) => one.account_id === id);
      return entity("Account", id, Object.fromEntries(attrs), member.flatMap((one) => inside("Group", of(one.group_id))));
    }),
    ...found.groups.map((one) => entity("Group", of(one.id), {}, inside("Group", of(one.parent_id)))),
    ...found.projects.map((one) => entity("project", of(one.id))),
    ...found.folders.map((one) => {
      const above = [...inside("folder", one.parent_id), ...inside("project", of(one.project_id))];
      return entity("folder", one.id, { owner_id: reference("Account", one.owner_id) }, above);
    }),
    ...found.documents.map(({ id, owner_id, folder_id, ...columns }) => {
      for (const name of ["is", "like", "is_shown", "when:early"]) columns[name] = bool(columns[name]);
      delete columns.title;
      return entity("document", id, { ...columns, owner_id: reference("Account", owner_id) }, inside("folder", folder_id));
    }),
    ...found.pages.map((one) => entity("page", of(one.id), {}, inside("document", one.document_id))),
  ];
  const templateLinks = found.grants.map((grant, at) => ({
    templateId: `role.${grant.role}`,
    newId: `grant.${at}`,
    values: {
      "?principal": grant.account_id === null ? { type: "Group", id: of(grant.group_id) } : { type: "Account", id: `${grant.account_id}` },
      "?resource": { type: grant.object_type, id: `${grant.object_number ?? of(grant.object_uuid)}` },
    },
  }));
  const rows = {
    project: found.projects.map((one) => of(one.id)),
    folder: found.folders.map((one) => `${one.id}`),
    document: found.documents.map((one) => `${one.id}`),
    page: found.pages.map((one) => of(one.id)),
  };
  return { entities, templateLinks, rows };
}

/** NULL is an attribute that the entity does not have. */
const present = (attrs) => Object.fromEntries(Object.entries(attrs).filter(([, value]) => value !== null));

/** What `portcullis policy export --cedar` wrote. */
const exported = {};

function succeeded(answer) {
  assert.equal(answer.type, "success", JSON.stringify(answer));
  return answer;
}

before(() => {
  writeFileSync(join(directory, "portcullis.toml"), SETTINGS);
  writeFileSync(join(directory, "policy.toml"), POLICY);
  for (const name of PEOPLE) portcullis(["user", "add", `${name}@example.com`, "--password-stdin"], "nine patient herons on a wire\n");
  sqlite([
    ...TABLES,
    ...groups(),
    attribute(1, "region", "text_value", "north"),
    attribute(2, "region", "text_value", "south"),
    attribute(1, "clearance", "integer_value", 3),
    attribute(3, "clearance", "integer_value", -1),
    attribute(2, "is_staff", "boolean_value", 1),
    attribute(4, "is_staff", "boolean_value", 0),
  ]);
  portcullis(["policy", "export", "--cedar"]);
  const read = (name) => readFileSync(join(directory, name), "utf8");
  const { policies, policy_templates } = succeeded(cedar.policySetTextToParts(read("policy.cedar")));
  const named = (texts) => Object.fromEntries(texts.map((text) => [/@id\("([^"]*)"\)/.exec(text)[1], text]));
  Object.assign(exported, { schema: read("policy.cedarschema"), staticPolicies: named(policies), templates: named(policy_templates) });
});

test("cedar_parses_and_validates_the_export", TIME, () => {
  const { schema, ...policies } = exported;
  const answer = succeeded(cedar.validate({ schema, policies: { ...policies, templateLinks: [] } }));
  assert.deepEqual([answer.validationErrors, answer.validationWarnings, answer.otherWarnings], [[], [], []]);
  assert.deepEqual(Object.keys(policies.templates).sort(), ["role.blocked", "role.editor", "role.viewer"]);
  // The owners of two types, and what depends on a document alone.
  assert.equal(Object.keys(policies.staticPolicies).length, 12);
});

/** Cedar's decisions: `account may permission on type:id`. */
function ofCedar() {
  const { schema, staticPolicies, templates } = exported;
  const { entities, templateLinks, rows } = facts();
  succeeded(cedar.validate({ schema, policies: { staticPolicies, templates, templateLinks } }));
  succeeded(cedar.preparseSchema("schema", schema));
  succeeded(cedar.preparsePolicySet("policies", { staticPolicies, templates, templateLinks }));
  const [allowed, asked] = [new Set(), []];
  for (const [type, permissions] of Object.entries(PERMISSIONS)) {
    for (const id of rows[type]) {
      for (const permission of permissions) {
        for (const account of PEOPLE.keys()) {
          const call = { principal: { type: "Account", id: `${account + 1}` }, action: { type: "Action", id: permission }, resource: { type, id } };
          const timed = permission === "document:print" ? { now } : {};
          const given = { context: timed, entities, preparsedSchemaName: "schema", preparsedPolicySetId: "policies", validateRequest: true };
          const { response } = succeeded(cedar.statefulIsAuthorized({ ...call, ...given }));
          assert.deepEqual(response.diagnostics.errors, []);
          asked.push([account + 1, permission, `${type}:${id}`]);
          if (response.decision === "allow") allowed.add(`${account + 1} ${permission} ${type}:${id}`);
        }
      }
    }
  }
  return { allowed: [...allowed].sort(), asked };
}

/** The server's decisions, by its lists. */
function ofLists() {
  const allowed = [];
  for (const [type, permissions] of Object.entries(PERMISSIONS)) {
    for (const permission of permissions) {
      for (const account of PEOPLE.keys()) {
        const ids = portcullis(["policy", "list", "--who", `${account + 1}`, "--may", permission]).split("\n").filter(Boolean);
        allowed.push(...ids.map((id) => `${account + 1} ${permission} ${type}:${id}`));
      }
    }
  }
  return allowed.sort();
}

/** A document: its columns in order. */
const document = (id, columns) => {
  const none = { owner: null, folder: null, is: null, released: null, title: null, price: null, state: null, region: null, level: null, like: null, shown: null };
  assert.ok(Object.keys(columns).every((name) => name in none));
  return [id, ...Object.values({ ...none, ...columns })];
};

const [FIRST, SECOND] = [uuid(101), uuid(102)];
/** Each term is once the only reason, and once not true. */
const WORLD = {
  projects: [FIRST, SECOND],
  folders: [[1, 1, null, FIRST], [2, null, 1, null], [3, 2, 2, SECOND], [4, null, null, null]],
  documents: [
    document(1, { owner: 1, folder: 3, is: 0, released: now + HOUR, title: "m", price: 10, state: 'in "print"', region: "south", level: 4, like: 1, shown: 0 }),
    document(2, { folder: 2, is: 1, released: now - HOUR, title: "Lists", price: 0, state: "draft", region: "north", level: 3, like: 0, shown: 1 }),
    document(3, { folder: 4, released: now - HOUR, price: 9, region: "west", level: -1, like: 1 }),
    document(4, { title: "a", price: 0, level: -2, like: 0 }),
    document(5, { owner: 5 }),
  ],
  pages: [[uuid(201), 1], [uuid(202), 3], [uuid(203), null]],
  grants: [
    { on: ["project", FIRST], role: "viewer", to: "acme" },
    { on: ["project", SECOND], role: "editor", to: 4 },
    { on: ["folder", 2], role: "viewer", to: 5 },
    { on: ["folder", 4], role: "editor", to: "sales" },
    { on: ["document", 5], role: "editor", to: "north", expires: now + HOUR },
    { on: ["document", 5], role: "viewer", to: 1, expires: now - HOUR },
    { on: ["folder", 3], role: "blocked", to: 1 },
    { on: ["document", 3], role: "blocked", to: "north" },
    { on: ["page", uuid(203)], role: "editor", to: "other" },
  ],
};

test("z01_cedar_decides_as_the_server_does", TIME, () => {
  fill(WORLD);
  const { allowed, asked } = ofCedar();
  assert.deepEqual(ofLists(), allowed);
  const explained = asked.filter(([account, permission, row]) => {
    const said = portcullis(["policy", "explain", "--who", `${account}`, "--may", permission, "--on", row]);
    assert.match(said, /^(yes|no): /);
    return said.startsWith("yes");
  });
  assert.deepEqual(explained.map((one) => one.join(" ")).sort(), allowed);
  // Both answers to every permission, so that nothing agrees because it is empty.
  for (const permission of Object.values(PERMISSIONS).flat()) {
    const count = (list) => list.filter((one) => one.includes(` ${permission} `)).length;
    assert.ok(count(allowed) > 0 && count(allowed) < count(asked.map((one) => one.join(" "))), permission);
  }
});

/** The same numbers in each run of the tests (mulberry32). */
function numbers(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function randomWorld(seed) {
  const below = numbers(seed);
  const one = (of) => of[below(of.length)];
  const many = (count, make) => Array.from({ length: count }, (_, at) => make(at + 1));
  const account = () => one([null, 1, 2, 3, 4, 5]);
  const folders = many(6, (id) => [id, account(), one([null, ...many(id - 1, (above) => above)]), one([null, FIRST, SECOND])]);
  const documents = many(10, (id) =>
    document(id, {
      owner: account(),
      folder: one([null, 1, 2, 3, 4, 5, 6]),
      is: one([null, 0, 1]),
      released: one([null, now - HOUR, now + HOUR]),
      title: one([null, "", "M", "m", "lz", "é"]),
      price: one([null, -1, 0, 9, 10]),
      state: one([null, 'in "print"', "in print", ""]),
      region: one([null, "north", "south", "North"]),
      level: one([null, -2, -1, 3, 4]),
      like: one([null, 0, 1]),
      shown: one([null, 0, 1]),
    }),
  );
  const pages = many(4, (at) => [uuid(200 + at), one([null, ...many(10, (id) => id)])]);
  const on = () => one([["project", one([FIRST, SECOND])], ["folder", below(6) + 1], ["document", below(10) + 1], ["page", uuid(201 + below(4))]]);
  const grants = many(14, () => ({
    on: on(),
    role: one(["viewer", "viewer", "editor", "editor", "blocked"]),
    to: one([1, 2, 3, 4, 5, "acme", "sales", "north", "other"]),
    expires: one([null, null, now + HOUR, now - HOUR]),
  }));
  // The policy has no role "blocked" on pages, nor on anything inside them, so the server would not give it there.
  return { projects: [FIRST, SECOND], folders, documents, pages, grants: grants.filter((grant) => grant.on[0] !== "page" || grant.role !== "blocked") };
}

test("z01_cedar_decides_as_the_server_does_over_random_rows_and_grants", TIME, () => {
  let total = 0;
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    fill(randomWorld(seed));
    const { allowed } = ofCedar();
    assert.deepEqual(ofLists(), allowed, `seed ${seed}`);
    total += allowed.length;
  }
  assert.ok(total > 100, `${total} allowed`);
});
