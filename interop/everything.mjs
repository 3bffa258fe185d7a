// All that the library can say, in one document: `everything/everything.json` of its tests, and beside it the entries of
// `describe/*.json`, one of each extractor and answer. As a program it prints the document.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const CASES = new URL("../portcullis/tests/cases/", import.meta.url);
const ENTRIES = new URL("describe/", CASES);
const read = (name, base) => JSON.parse(readFileSync(new URL(name, base), "utf8"));

/** An entry gets a path and schemas of its own: two may mean different things by one name. */
export function everything() {
  const document = read("everything/everything.json", CASES);
  for (const file of readdirSync(ENTRIES).filter((name) => name.endsWith(".json"))) {
    for (const [index, [name, entry]] of Object.entries(read(file, ENTRIES)).entries()) {
      addEntry(document, `${file.replace(".json", "")}_${index}`, name, entry);
    }
  }
  return document;
}

function addEntry({ paths, components }, id, name, { schemas = {}, ...entry }) {
  const renamed = (target) => (target in schemas ? `${id}_${target}` : target);
  const own = (value) => {
    const refer = (_, place, target) => `"${place}${renamed(target)}"`;
    return JSON.parse(JSON.stringify(value).replaceAll(/"(#\/components\/schemas\/)([^"]+)"/g, refer));
  };
  for (const [schema, value] of Object.entries(schemas)) components.schemas[renamed(schema)] = own(value);
  const inPath = (entry.parameters ?? []).filter((parameter) => parameter.in === "path");
  const path = [`/${id}`, ...inPath.map((parameter) => `{${parameter.name}}`)].join("/");
  const method = entry.requestBody ? "post" : "get";
  paths[path] = { [method]: { operationId: id, summary: name, security: [], ...own(entry) } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(everything(), null, 2));
