// What a release says about the program, held against the lock file and the program itself. `scripts/release` makes it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PORTCULLIS, TIME, here, temporaryDirectory } from "./support.mjs";

/** As the program of the tests was built: `scripts/test`, `features`. */
const FEATURES = "portcullis/api-keys,portcullis/axum-extra-full,portcullis/axum-full,portcullis/discovery,portcullis/testing";
const HOST = /^host: (.*)$/m.exec(execFileSync("rustc", ["-vV"], { encoding: "utf8" }))[1];

/** The bill of materials and the licenses, for the program of the tests. */
function made() {
  const folder = temporaryDirectory();
  execFileSync(here("../scripts/sbom"), [HOST, folder, "--features", FEATURES], { stdio: ["ignore", "ignore", "inherit"] });
  const read = (name) => readFileSync(join(folder, name), "utf8");
  return { text: read("sbom.cdx.json"), licenses: read("THIRD-PARTY-LICENSES.txt") };
}

/** Every crate of Cargo.lock, and its checksum. */
function locked() {
  const text = readFileSync(here("../Cargo.lock"), "utf8");
  const entry = /^name = "(.*)"\nversion = "(.*)"(?:\nsource = .*\nchecksum = "(.*)")?/gm;
  return new Map([...text.matchAll(entry)].map(([, name, version, checksum]) => [`${name}@${version}`, checksum]));
}

/** The crates whose source files the program names, where it says where it panicked. */
function named() {
  const found = readFileSync(PORTCULLIS, "latin1").matchAll(/\/registry\/src\/[^/]+\/([\w-]+?)-(\d+\.\d+\.\d+[\w.+-]*)\//g);
  return [...new Set([...found].map(([, name, version]) => `${name}@${version}`))];
}

test("g10_the_bill_of_materials_names_every_crate_in_the_program", TIME, () => {
  const { text, licenses } = made();
  const { components, dependencies, metadata, ...rest } = JSON.parse(text);
  assert.deepEqual([rest.bomFormat, rest.specVersion], ["CycloneDX", "1.5"]);
  const crates = new Map(components.map((crate) => [`${crate.name}@${crate.version}`, crate]));

  const inProgram = named();
  assert.ok(inProgram.length > 60, `the program names ${inProgram.length} crates`);
  assert.deepEqual(inProgram.filter((crate) => !crates.has(crate)), []);

  const lock = locked();
  for (const [name, crate] of crates) {
    assert.ok(lock.has(name), `${name} is not in Cargo.lock`);
    assert.equal(crate.hashes?.[0].content, lock.get(name), name);
    assert.ok(crate.licenses[0].expression, name);
    assert.ok(!lock.get(name) || licenses.includes(name.replace("@", " ")), `no license of ${name}`);
  }
  // What only builds or tests it is not in it.
  for (const name of ["proptest", "cc", "serde_derive", "sqlx"]) assert.ok(components.every((crate) => crate.name !== name), name);

  const known = new Set([...components, metadata.component].map((crate) => crate["bom-ref"]));
  assert.deepEqual(new Set(dependencies.map(({ ref }) => ref)), known);
  assert.ok(dependencies.every(({ dependsOn }) => dependsOn.every((ref) => known.has(ref))));
});

test("g10_two_bills_of_one_checkout_are_the_same", TIME, () => assert.deepEqual(made(), made()));
