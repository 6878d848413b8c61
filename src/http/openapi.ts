import { errorCatalogue, type ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { HttpAnswer, type BodySpec, type Route } from "../core/route.ts";
import { OpenApiSchemas, type JsonSchema, type SchemaUse } from "./openapi-schemas.ts";

export interface OpenApiDocument {
  openapi: "3.1.0";
  info: Record<string, unknown>;
  servers: { url: string; description: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, JsonSchema>; responses: Record<string, OpenApiResponse>; securitySchemes: Record<string, JsonSchema> };
}

export interface OpenApiOperation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: JsonSchema[];
  responses: Record<string, OpenApiResponse | { $ref: string }>;
  [extension: string]: unknown;
}

export interface OpenApiResponse {
  description: string;
  content?: Record<string, { schema?: JsonSchema; example?: unknown }>;
}

/** On a server that asks for keys, one of these; on an open one, none. */
const securitySchemes: Record<string, JsonSchema> = {
  bearer: { type: "http", scheme: "bearer", description: "An API key, slk_..." },
  basic: { type: "http", scheme: "basic", description: "The key as the password, the user name anything; or the key as the user name and no password" },
  session: { type: "apiKey", in: "cookie", name: "__Host-sid", description: "The console's session; `sid` on a server without TLS. Counts only for requests of the console's own pages" },
};

const codes = Object.keys(errorCatalogue) as ErrorCode[];

const errorSchemas: Record<string, JsonSchema> = {
  Error: {
    type: "object",
    required: ["error"],
    properties: {
      error: {
        type: "object",
        required: ["code", "message", "hint", "requestId", "problems"],
        properties: {
          code: { $ref: "#/components/schemas/ErrorCode" },
          message: { type: "string", description: "What was wrong in this case" },
          hint: { type: "string", description: "What to do about it" },
          requestId: { type: "string", description: "Finds the request in the server's log" },
          problems: { type: "array", items: { $ref: "#/components/schemas/Problem" } },
        },
      },
    },
  },
  // Not an enum: a later release may add codes, and a client of today must still read its answers.
  ErrorCode: { type: "string", description: "docs/errors.md explains each", "x-extensible-enum": codes },
  Problem: {
    type: "object",
    required: ["path", "message"],
    properties: { path: { type: "string", description: "Place in the request, such as inputs[0].shape" }, message: { type: "string" } },
  },
};

/** OpenAPI 3.1 out of the route table. Throws when two routes share an operation id, or a method and path. */
export function openApiDocument(routes: readonly Route[], facts: { version: string }): OpenApiDocument {
  const schemas = new OpenApiSchemas(routes.flatMap(schemasOf));
  const responses = new ErrorResponses();
  const operations = new Set<string>();
  const paths: OpenApiDocument["paths"] = {};
  for (const route of routes) {
    if (operations.has(route.operationId)) throw new Error(`Two routes are called ${route.operationId}.`);
    operations.add(route.operationId);
    const { path, names } = openApiPath(route.path);
    const item = (paths[path] ??= {});
    const method = route.method.toLowerCase();
    if (item[method] !== undefined) throw new Error(`${route.method} ${path} is declared twice.`);
    item[method] = operationOf(route, names, schemas, responses);
  }
  const tags = [...new Set(routes.map((route) => route.tag))];
  const components = schemas.components();
  for (const name of Object.keys(errorSchemas)) if (name in components) throw new Error(`${name} is the name of an error schema.`);
  return {
    openapi: "3.1.0",
    info: {
      title: "Slipway",
      version: facts.version,
      description:
        "Deploy, serve, log and watch models. Every operation says under `x-slipway-access` which role it needs, and under `x-slipway-on` where: on the whole server, on something, or on the model that it names. " +
        "Times are milliseconds since 1970-01-01T00:00:00Z. Numbers that JSON does not have are the texts NaN, Infinity and -Infinity.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:4400", description: "A Slipway started with its defaults" }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: { schemas: { ...components, ...errorSchemas, ...responses.schemas }, responses: responses.used, securitySchemes },
  };
}

/** The document as it is committed and served: stable, two spaces, a line at the end. */
export function openApiText(routes: readonly Route[], facts: { version: string }): string {
  return `${JSON.stringify(openApiDocument(routes, facts), null, 2)}\n`;
}

function schemasOf(route: Route): SchemaUse[] {
  const uses: SchemaUse[] = [];
  for (const schema of [route.params, route.query]) if (schema !== undefined) uses.push({ schema, direction: "input" });
  if (route.body?.kind === "json") uses.push({ schema: route.body.schema, direction: "input" });
  if (!("mediaType" in route.response)) uses.push({ schema: route.response, direction: "output" });
  return uses;
}

/** `/v1/models/:model::predict` as `/v1/models/{model}:predict`; `::` is a colon, `:name(pattern)` a parameter, and a last `*` the rest of the path. */
function openApiPath(path: string): { path: string; names: string[] } {
  const names: string[] = [];
  const text = path.replace(/::|\*$|:([A-Za-z_]\w*)(\([^)]*\))?\??/g, (match, name: string | undefined) => {
    if (match === "*") name = restOfPath;
    if (name === undefined) return ":";
    names.push(name);
    return `{${name}}`;
  });
  return { path: text, names };
}

/** What the reference calls the part that a `*` stands for. */
const restOfPath = "path";

function operationOf(route: Route, pathNames: readonly string[], schemas: OpenApiSchemas, errors: ErrorResponses): OpenApiOperation {
  const parameters = [...pathParameters(route, pathNames, schemas), ...queryParameters(route, schemas)];
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    "x-slipway-access": route.access,
    "x-slipway-on": route.access === "public" ? "nothing" : typeof route.on === "object" ? route.on.kind : (route.on ?? "server"),
    security: route.access === "public" ? [] : Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: route.body.kind !== "json" || route.body.optional !== true, content: bodyContent(route.body, schemas) } }),
    responses: { "200": answerOf(route, schemas), ...errors.of(route) },
  };
}

function pathParameters(route: Route, names: readonly string[], schemas: OpenApiSchemas): JsonSchema[] {
  const declared = route.params === undefined ? {} : propertiesOf(schemas.write(route.params, "input"));
  if ("*" in declared) {
    declared[restOfPath] = declared["*"]!;
    delete declared["*"];
  }
  const undeclared = Object.keys(declared).filter((name) => !names.includes(name));
  if (undeclared.length > 0) throw new Error(`${route.operationId} declares ${undeclared.join(", ")}, which its path does not have.`);
  return names.map((name) => ({ name, in: "path", required: true, schema: declared[name] ?? { type: "string" } }));
}

function queryParameters(route: Route, schemas: OpenApiSchemas): JsonSchema[] {
  if (route.query === undefined) return [];
  const schema = schemas.write(route.query, "input");
  const required = (schema.required ?? []) as string[];
  return Object.entries(propertiesOf(schema)).map(([name, property]) => ({ name, in: "query", required: required.includes(name), schema: property }));
}

/** Parameters are objects written in place: a reference here would hide their names. */
function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  if (schema.type !== "object") throw new Error("Parameters need a plain object schema without an id.");
  return (schema.properties ?? {}) as Record<string, JsonSchema>;
}

function bodyContent(body: BodySpec, schemas: OpenApiSchemas): Record<string, { schema: JsonSchema; example?: unknown }> {
  if (body.kind === "json") return { "application/json": { schema: schemas.write(body.schema, "input") } };
  const schema = { description: body.description };
  if (body.kind === "stream" || body.example === undefined) return { "application/octet-stream": { schema } };
  return { "application/json": { schema, example: body.example }, "application/octet-stream": { schema } };
}

function answerOf(route: Route, schemas: OpenApiSchemas): OpenApiResponse {
  if ("mediaType" in route.response) {
    return { description: route.response.description, content: { [route.response.mediaType]: {} } };
  }
  return { description: "Done", content: { "application/json": { schema: schemas.write(route.response, "output") } } };
}

/** Error answers, shared between operations: one for each status and wire format that occurs. */
class ErrorResponses {
  readonly used: Record<string, OpenApiResponse> = {};
  readonly schemas: Record<string, JsonSchema> = {};

  of(route: Route): Record<string, { $ref: string }> {
    const wire = this.#wireOf(route);
    const statuses = new Set(codes.map((code) => errorCatalogue[code].status).filter((status) => occurs(status, route)));
    return Object.fromEntries(
      [...statuses].sort((left, right) => left - right).map((status) => {
        const name = `${wire}${status}`;
        this.used[name] ??= {
          description: codes.filter((code) => errorCatalogue[code].status === status).map((code) => `${code}: ${errorCatalogue[code].hint}`).join("\n\n"),
          content: { "application/json": { schema: { $ref: `#/components/schemas/${wire}` } } },
        };
        return [String(status), { $ref: `#/components/responses/${name}` }];
      }),
    );
  }

  /** Name of the schema of a route's errors; a foreign wire's shape is read off one answer. */
  #wireOf(route: Route): string {
    if (route.errorBody === undefined) return "Error";
    const sample = route.errorBody(new AppError("INTERNAL", "What was wrong"), "req_1", {});
    const schema = shapeOf(sample instanceof HttpAnswer ? JSON.parse(String(sample.body)) : sample);
    const known = Object.keys(this.schemas).find((name) => JSON.stringify(this.schemas[name]) === JSON.stringify(schema));
    if (known !== undefined) return known;
    const name = `${route.tag.replace(/[^A-Za-z0-9]+/g, "")}Error`;
    if (name in this.schemas) throw new Error(`Routes of the tag ${route.tag} answer errors in two shapes.`);
    this.schemas[name] = schema;
    return name;
  }
}

/** Which statuses a route can answer, by what it takes; what the door refuses before any route (Host, method) is left out. */
function occurs(status: number, route: Route): boolean {
  const takes = route.body !== undefined;
  switch (status) {
    case 400: return takes || route.params !== undefined || route.query !== undefined;
    case 404: return route.params !== undefined || route.path.includes("/:");
    case 408:
    case 413:
    case 415: return takes && !(route.body?.kind === "stream" && status === 415);
    case 409: return route.method === "PUT" || route.method === "PATCH" || route.method === "DELETE";
    case 401:
    case 429: return route.access !== "public" || route.body !== undefined;
    case 403: return route.access !== "public" || route.method !== "GET";
    case 500:
    case 503: return true;
    case 504: return takes && route.body?.kind === "buffer";
    default: return false;
  }
}

function shapeOf(value: unknown): JsonSchema {
  if (Array.isArray(value)) return { type: "array", items: value.length === 0 ? {} : shapeOf(value[0]) };
  if (typeof value === "object" && value !== null) {
    return { type: "object", required: Object.keys(value), properties: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)])) };
  }
  return { type: value === null ? "null" : typeof value };
}
