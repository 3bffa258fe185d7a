// Our documents before two validators of other origin than the one that scripts/test runs: Redocly's own rules, and
// the OpenAPI Initiative's schema by way of Ajv.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import redocly from "@redocly/openapi-core";
import { Validator } from "@seriousme/openapi-schema-validator";
import { everything } from "./everything.mjs";
import { TIME, here } from "./support.mjs";

const DOCUMENTS = {
  server: () => JSON.parse(readFileSync(here("../docs/openapi.json"), "utf8")),
  everything,
};

/** Rules that do not come from the specification: an operation may well answer with a redirection, or always succeed. */
const TASTE = { "info-license": "off", "operation-2xx-response": "off", "operation-4xx-response": "off" };

/** What each validator has to say against a document. */
const validators = {
  async Redocly(document) {
    const config = await redocly.createConfig({ extends: ["recommended"], rules: TASTE });
    const source = JSON.stringify(document);
    const problems = await redocly.lintFromString({ source, absoluteRef: "openapi.json", config });
    return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} (${location[0]?.pointer})`);
  },
  async seriousme(document) {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(document);
    return valid && validator.version === "3.1" ? [] : [errors ?? `version ${validator.version}`];
  },
};

for (const [validator, problems] of Object.entries(validators)) {
  for (const name of Object.keys(DOCUMENTS)) {
    test(`${validator}_accepts_the_document_of_${name}`, TIME, async () => {
      assert.deepEqual(await problems(DOCUMENTS[name]()), []);
    });
  }

  test(`${validator}_refuses_a_document_with_a_fault`, TIME, async () => {
    const faults = {
      "an answer without a description": (document) => delete document.paths["/orders"].get.responses[200].description,
      "a parameter in no place": (document) => (document.paths["/orders"].get.parameters[0].in = "body"),
      "a scheme of no type": (document) => delete document.components.securitySchemes.user.type,
      "a reference to nothing": (document) => delete document.components.schemas.Line,
    };
    for (const [fault, plant] of Object.entries(faults)) {
      const document = everything();
      plant(document);
      assert.notDeepEqual(await problems(document), [], fault);
    }
  });
}
