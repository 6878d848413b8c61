import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { errorCatalogue } from "../core/error-catalogue.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import { openApiDocument, openApiText, type OpenApiOperation } from "./openapi.ts";

const Tide = z.object({ height: z.number().default(0), note: z.string().optional() }).meta({ id: "Tide" });
const Harbour = z.object({ name: z.string(), tides: z.array(Tide) }).meta({ id: "Harbour" });
const HarbourName = z.string().min(1).meta({ id: "HarbourName", description: "Name of a harbour", example: "Leith" });
const Pilot = z.object({ name: z.string() }).meta({ id: "Pilot" });

const readHarbour = route({
  method: "GET", path: "/api/harbours/:harbour", access: "viewer", operationId: "readHarbour", summary: "One harbour", tag: "Harbours",
  params: z.strictObject({ harbour: HarbourName }),
  query: z.strictObject({ from: z.coerce.number().int().optional(), day: z.enum(["mon", "tue"]), limit: z.coerce.number().int().max(9).default(3) }),
  response: Harbour,
  handle: () => ({ name: "Leith", tides: [] }),
});
const writeHarbour = route({
  method: "PUT", path: "/api/harbours/:harbour", access: "admin", operationId: "writeHarbour", summary: "Write one", description: "All of it.", tag: "Harbours",
  params: z.strictObject({ harbour: HarbourName }),
  body: { kind: "json", schema: z.strictObject({ harbour: Harbour, pilot: Pilot }) },
  response: Pilot,
  handle: () => ({ name: "Ann" }),
});
const foreign = route({
  method: "POST", path: "/v1/harbours/:harbour::predict", access: "public", operationId: "predictTide", summary: "Predict", tag: "Open Tide Protocol",
  body: { kind: "buffer", maxBytes: "inference", description: "Rows", example: { rows: [1] } },
  response: { mediaType: "application/json", description: "Heights" },
  errorBody: (error) => ({ error: error.message }),
  handle: () => new HttpAnswer(200, {}, null),
});
const upload = route({
  method: "PUT", path: "/api/charts", access: "deployer", operationId: "uploadChart", summary: "Upload", tag: "Charts",
  body: { kind: "stream", description: "The file" },
  response: z.object({ bytes: z.number() }),
  handle: () => ({ bytes: 1 }),
});
const routes = [readHarbour, writeHarbour, foreign, upload];

function operation(path: string, method: string, table: readonly Route[] = routes): OpenApiOperation {
  const found = openApiDocument(table, { version: "1.2.3" }).paths[path]?.[method];
  assert.ok(found, `${method} ${path}`);
  return found;
}

/** All references of a document, as paths to follow. */
function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => (key === "$ref" ? [item as string] : references(item)));
}

describe("openApiDocument", () => {
  it("says what an operation is and who may call it", () => {
    const { operationId, summary, description, tags, "x-slipway-access": access } = operation("/api/harbours/{harbour}", "put");
    assert.deepEqual({ operationId, summary, description, tags, access }, {
      operationId: "writeHarbour", summary: "Write one", description: "All of it.", tags: ["Harbours"], access: "admin",
    });
    assert.deepEqual(openApiDocument(routes, { version: "1.2.3" }).tags, [{ name: "Harbours" }, { name: "Open Tide Protocol" }, { name: "Charts" }]);
  });

  it("lists path and query parameters, with what may be left out", () => {
    assert.deepEqual(operation("/api/harbours/{harbour}", "get").parameters, [
      { name: "harbour", in: "path", required: true, schema: { $ref: "#/components/schemas/HarbourName" } },
      { name: "from", in: "query", required: false, schema: { type: "integer" } },
      { name: "day", in: "query", required: true, schema: { type: "string", enum: ["mon", "tue"] } },
      { name: "limit", in: "query", required: false, schema: { type: "integer", maximum: 9, default: 3 } },
    ]);
  });

  it("reads colons of a path as parameters, patterns and literal colons", () => {
    assert.deepEqual(operation("/v1/harbours/{harbour}:predict", "post").parameters, [
      { name: "harbour", in: "path", required: true, schema: { type: "string" } },
    ]);
    const pattern = { ...readHarbour, params: undefined, query: undefined, path: "/api/:id(^[a-z]+$)/x" } as unknown as Route;
    assert.equal(operation("/api/{id}/x", "get", [pattern]).parameters?.length, 1);
  });

  it("names a schema once, and twice only where sending and receiving differ", () => {
    const { schemas } = openApiDocument(routes, { version: "1.2.3" }).components;
    assert.deepEqual(Object.keys(schemas).filter((name) => !/Error|Problem/.test(name)), ["Harbour", "HarbourInput", "HarbourName", "Pilot", "Tide", "TideInput"]);
    assert.deepEqual(schemas.Tide?.required, ["height"]);
    assert.equal(schemas.TideInput?.required, undefined);
    assert.deepEqual(schemas.Harbour?.properties, { name: { type: "string" }, tides: { type: "array", items: { $ref: "#/components/schemas/Tide" } } });
    assert.deepEqual(schemas.HarbourInput?.properties, { name: { type: "string" }, tides: { type: "array", items: { $ref: "#/components/schemas/TideInput" } } });
    assert.deepEqual(schemas.HarbourName, { type: "string", minLength: 1, description: "Name of a harbour", examples: ["Leith"] });
    assert.equal(schemas.Harbour?.additionalProperties, undefined);
  });

  it("keeps a strict body strict, and properties that are called like keywords", () => {
    const body = operation("/api/harbours/{harbour}", "put").requestBody as { content: Record<string, { schema: Record<string, unknown> }> };
    const schema = body.content["application/json"]?.schema;
    assert.equal(schema?.additionalProperties, false);
    assert.deepEqual(schema?.properties, { harbour: { $ref: "#/components/schemas/HarbourInput" }, pilot: { $ref: "#/components/schemas/Pilot" } });
    const odd = z.object({ example: z.string(), default: z.number().default(1), properties: z.object({ id: z.string() }) });
    const answer = operation("/odd", "get", [{ ...upload, method: "GET", path: "/odd", body: undefined, response: odd } as unknown as Route]).responses["200"];
    assert.ok(answer !== undefined && "content" in answer);
    assert.deepEqual(answer.content?.["application/json"]?.schema?.properties, {
      example: { type: "string" }, default: { type: "number", default: 1 }, properties: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
    });
  });

  it("describes buffers with their example, and streams as bytes", () => {
    assert.deepEqual(operation("/v1/harbours/{harbour}:predict", "post").requestBody, {
      required: true,
      content: { "application/json": { schema: { description: "Rows" }, example: { rows: [1] } }, "application/octet-stream": { schema: { description: "Rows" } } },
    });
    assert.deepEqual(operation("/api/charts", "put").requestBody, { required: true, content: { "application/octet-stream": { schema: { description: "The file" } } } });
  });

  it("names the errors that an operation can answer, in the shape of its wire", () => {
    const document = openApiDocument(routes, { version: "1.2.3" });
    assert.deepEqual(Object.keys(operation("/api/harbours/{harbour}", "get").responses), ["200", "400", "401", "403", "404", "429", "500", "503"]);
    assert.deepEqual(operation("/v1/harbours/{harbour}:predict", "post").responses["503"], { $ref: "#/components/responses/OpenTideProtocolError503" });
    assert.deepEqual(document.components.schemas.OpenTideProtocolError, { type: "object", required: ["error"], properties: { error: { type: "string" } } });
    assert.match(document.components.responses.Error503?.description ?? "", /QUEUE_FULL: Try again/);
    assert.deepEqual(document.components.schemas.ErrorCode?.["x-extensible-enum"], Object.keys(errorCatalogue));
  });

  it("has no reference that leads nowhere, and nothing that nobody refers to", () => {
    const document = openApiDocument(routes, { version: "1.2.3" });
    const { securitySchemes, ...components } = document.components;
    const secured = new Set(Object.values(document.paths).flatMap((item) => Object.values(item)).flatMap((each) => (each.security as object[]).flatMap(Object.keys)));
    assert.deepEqual([...secured], Object.keys(securitySchemes));
    const defined = Object.entries(components).flatMap(([kind, items]) => Object.keys(items).map((name) => `#/components/${kind}/${name}`));
    assert.deepEqual([...new Set(references(document))].sort(), defined.sort());
  });

  it("is the same text every time", () => {
    assert.equal(openApiText(routes, { version: "1.2.3" }), openApiText([...routes], { version: "1.2.3" }));
    assert.ok(openApiText(routes, { version: "1.2.3" }).endsWith("}\n"));
  });

  it("refuses what would be ambiguous", () => {
    assert.throws(() => openApiDocument([readHarbour, { ...upload, operationId: "readHarbour" }], { version: "1" }), /Two routes are called readHarbour/);
    assert.throws(() => openApiDocument([readHarbour, { ...readHarbour, operationId: "again" }], { version: "1" }), /GET \/api\/harbours\/\{harbour\} is declared twice/);
    assert.throws(() => openApiDocument([{ ...readHarbour, path: "/api/harbours" }], { version: "1" }), /declares harbour, which its path does not have/);
    assert.throws(() => openApiDocument([{ ...upload, response: z.object({ x: z.boolean() }).meta({ id: "Error" }) }], { version: "1" }), /Error is the name/);
    const first = { ...upload, response: z.object({ x: z.boolean() }).meta({ id: "Twin" }) };
    const second = { ...upload, operationId: "other", path: "/other", response: z.object({ y: z.boolean() }).meta({ id: "Twin" }) };
    assert.throws(() => openApiDocument([first, second], { version: "1" }), /Two different schemas are called Twin/);
  });
});
