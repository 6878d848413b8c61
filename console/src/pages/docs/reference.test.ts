import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OpenApiDocument } from "../../data/open-api.ts";
import { curlOf, exampleOf, limitWords, matchesOperation, operationsByTag, typeWords } from "./reference.ts";

const document: OpenApiDocument = {
  tags: [{ name: "Registry" }, { name: "Empty" }],
  paths: {
    "/api/models/{model}/aliases/{alias}": {
      put: { operationId: "setAlias", summary: "Point an alias at a version", tags: ["Registry"], requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Body" } } } } },
    },
    "/api/live": { get: { operationId: "followLive", tags: ["Watch"], responses: { 200: { content: { "text/event-stream": {} } } } } },
  },
  components: {
    schemas: {
      Body: { type: "object", required: ["version"], properties: { version: { type: "string", example: "it's 3" }, note: { type: "string" } } },
      Tree: { type: "object", required: ["children"], properties: { children: { type: "array", items: { $ref: "#/components/schemas/Tree" } } } },
    },
  },
};

describe("the API reference", () => {
  it("groups by tag, in the document's order, without empty groups", () => {
    assert.deepEqual([...operationsByTag(document)].map(([tag, operations]) => [tag, operations.map(({ id }) => id)]), [["Registry", ["setAlias"]], ["Watch", ["followLive"]]]);
  });

  it("finds an operation by any of its words", () => {
    const [operation] = operationsByTag(document).get("Registry")!;
    assert.ok(matchesOperation(operation!, "put alias"));
    assert.ok(!matchesOperation(operation!, "put drift"));
  });

  it("writes calls that can be pasted", () => {
    const [alias] = operationsByTag(document).get("Registry")!;
    assert.equal(curlOf(document, alias!, "http://h"), `curl -X PUT http://h/api/models/my-model/aliases/champion \\\n  --json '{"version":"it'\\''s 3"}'`);
    assert.equal(curlOf(document, operationsByTag(document).get("Watch")![0]!, ""), "curl -N /api/live");
  });

  it("ends on schemas that hold themselves", () => {
    assert.ok(JSON.stringify(exampleOf(document, { $ref: "#/components/schemas/Tree" })).length < 500);
    assert.equal(typeWords(document, { type: "array", items: { $ref: "#/components/schemas/Tree" } }), "list of Tree");
    assert.deepEqual(limitWords({ minimum: 1, maximum: 64, default: 1 }), ["1 to 64", "default 1"]);
  });
});
