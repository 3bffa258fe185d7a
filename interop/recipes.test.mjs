// The documents show the very files that the tests run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { here } from "./support.mjs";

/** In the order of the document; what stands behind the dot is not always the block's language. */
const RECIPES = [
  ["python", "fastapi_app.py"],
  ["js", "express_app.mjs"],
  ["ts", "client.ts"],
  ["python", "client.py"],
  ["js", "../browser/other_origin.js"],
  ["nginx", "nginx.conf"],
];

test("the_recipes_are_the_tested_files", () => {
  const text = readFileSync(here("../docs/recipes.md"), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language, block]) => [language, block]);
  const files = RECIPES.map(([language, name]) => [language, readFileSync(here(name), "utf8")]);
  assert.deepEqual(blocks, files);
});
