import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { declaredRoutes } from "../../scripts/declared-routes.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { HttpAnswer, type Route } from "../../src/core/route.ts";
import { loadConsoleFiles } from "../../src/http/console-files.ts";
import { HttpServer } from "../../src/http/http-server.ts";
import { RouteTable } from "../../src/http/route-table.ts";
import { expectedAnswer, judgedOn, openAccess, type AccessUnderTest, type TestCaller } from "./access-callers.ts";

const declared = declaredRoutes();
const ids = new TimeOrderedIds(systemClock);

/** The route with a handler that only says that it was reached, so that what is seen is the door and its gate alone. */
function withoutHandler(route: Route): Route {
  const { params: _params, query: _query, body: _body, ...rest } = route;
  return { ...rest, handle: () => new HttpAnswer(200, { "X-Reached": route.operationId }, Readable.from(["reached"])) };
}

async function serve(routes: readonly Route[], { access, clock }: AccessUnderTest): Promise<{ server: HttpServer; port: number }> {
  const options = { host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1 << 20, bodyTimeoutMs: 60_000, maxConnections: 100 };
  const server = new HttpServer(options, {
    table: new RouteTable(routes), console: loadConsoleFiles("no such folder"), access: access.gate, clock, ids, logger: silentLogger,
  });
  return { server, port: await server.listen() };
}

interface Seen {
  status: number;
  reached: string | undefined;
  code: string | undefined;
  challenge: string | undefined;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

function send(port: number, method: string, path: string, caller: TestCaller): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = {};
    if (caller.authorization !== undefined) headers.Authorization = caller.authorization;
    if (caller.cookie !== undefined) Object.assign(headers, { Cookie: caller.cookie, Origin: `http://127.0.0.1:${port}` });
    const sent = request({ host: "127.0.0.1", port, method, path, agent, headers }, (answer) => {
      answer.resume();
      answer.once("end", () => {
        const text = (name: string): string | undefined => answer.headers[name] as string | undefined;
        resolve({ status: answer.statusCode!, reached: text("x-reached"), code: text("x-error-code"), challenge: text("www-authenticate") });
      });
    });
    sent.once("error", reject);
    sent.end();
  });
}

/** A path of the route on the model, in every way in which the router finds it. */
function spellings(route: Route, model: string): string[] {
  const parameter = typeof route.on === "object" ? route.on.parameter : "model";
  const fill = (text: string): string =>
    route.path.replace(/::/g, "\0").replace(/:([A-Za-z_]\w*)(\([^)]*\))?/g, (_match, name: string) => (name === parameter ? text : "1")).replaceAll("\0", ":");
  const plain = fill(model);
  const encoded = fill(`%${model.charCodeAt(0).toString(16)}${model.slice(1)}`);
  return [...new Set([plain, encoded, ...(plain === "/" ? [] : [`${plain}/`])])];
}

/** What one caller sees of a route that its declaration does not say. */
async function deviations(port: number, route: Route, caller: TestCaller, model: string, method: string, path: string): Promise<string[]> {
  const seen = await send(port, method, path, caller);
  const expected = expectedAnswer(caller, route.access, judgedOn(route.on), model);
  const got = seen.reached === route.operationId ? "reached" : seen.code;
  const found = got === expected ? [] : [`${method} ${path} by ${caller.name}: ${String(got)} (${seen.status}), not ${expected}`];
  return (seen.status === 401) === (seen.challenge !== undefined) ? found : [...found, `${method} ${path} by ${caller.name}: ${seen.status} with the challenge ${seen.challenge}`];
}

const modelsOf = (route: Route): string[] => (typeof route.on === "object" ? ["mine", "hers", "none"] : ["mine"]);

/** Who tells one guard from another: who a caller is does not hang on how a path is spelled, so that one of each kind walks the other ways. */
const kinds = ["anonymous", "expired", "viewer", "deployer", "admin", "another team's admin", "deployer of one model"];

/** Every way in which the answers of a route differ from its declaration. */
async function violations(port: number, route: Route, callers: readonly TestCaller[]): Promise<string[]> {
  const found: string[] = [];
  const some = callers.filter(({ name }) => kinds.includes(name));
  assert.equal(some.length, kinds.length);
  for (const model of modelsOf(route)) {
    for (const method of route.method === "GET" ? ["GET", "HEAD"] : [route.method]) {
      for (const [index, path] of spellings(route, model).entries()) {
        const walking = index === 0 && method === route.method ? callers : some;
        found.push(...(await Promise.all(walking.map((caller) => deviations(port, route, caller, model, method, path)))).flat());
      }
    }
  }
  return found;
}

/** Whether any of those requests differs, looked for one by one: a guard that is gone is mostly seen by the first of them. */
async function isViolated(port: number, route: Route, callers: readonly TestCaller[]): Promise<boolean> {
  for (const model of modelsOf(route)) {
    for (const caller of callers) if ((await deviations(port, route, caller, model, route.method, spellings(route, model)[0]!)).length > 0) return true;
  }
  return false;
}

describe("the router, walked with every kind of caller", () => {
  let under: AccessUnderTest;
  before(async () => { under = await openAccess(); });
  after(async () => { agent.destroy(); await under.close(); });

  it("answers every route, by every method and spelling, as its declaration says", async () => {
    const { server, port } = await serve(declared.map(withoutHandler), under);
    try {
      assert.ok(declared.length > 50, `${declared.length} routes`);
      const found: string[] = [];
      for (const route of declared) found.push(...(await violations(port, route, under.callers)));
      assert.deepEqual(found, []);
    } finally {
      server.destroy();
    }
  });

  it("goes red for every route whose guard is removed or lowered", async () => {
    const guarded = declared.filter(({ access }) => access !== "public");
    assert.ok(guarded.length > 40, `${guarded.length} routes`);
    const broken = [
      (route: Route): Route => ({ ...route, access: "public" }),
      ...(["viewer", "contributor", "deployer"] as const).map((access) => (route: Route): Route => ({ ...route, access })),
      (route: Route): Route => ({ ...route, on: "some" }),
    ];
    for (const [index, breaking] of broken.entries()) {
      const { server, port } = await serve(declared.map((route) => withoutHandler(route.access === "public" ? route : breaking(route))), under);
      try {
        for (const route of guarded) {
          const changed = breaking(route);
          // What is as it was, the walk above has found to be as declared.
          if (changed.access === route.access && (changed.on ?? "server") === (route.on ?? "server")) continue;
          assert.ok(await isViolated(port, route, under.callers), `${route.method} ${route.path}, broken in way ${index}`);
        }
      } finally {
        server.destroy();
      }
    }
  });

  it("judges a route that names one model on that model", () => {
    const unjudged = declared.filter(({ path, on, access }) => /:model\b/.test(path) && access !== "public" && typeof on !== "object");
    // One may make the model that it names; the other tells of models and of routes, and judges each itself.
    assert.deepEqual(unjudged.map(({ operationId }) => operationId).sort(), ["deployVersion", "getModelV1"]);
  });

  it("writes down what is unsafe, and leaves out only what is too much or changes nothing", () => {
    const unaudited = declared.filter(({ method, audited }) => method !== "GET" && audited === false).map(({ operationId }) => operationId);
    const predictions = ["infer", "inferOfVersion", "invoke", "predictV1", "predictV1OfVersion", "reportOutcomes", "sendTruth"];
    // What training code writes into its own runs, many a second, and its files.
    const logging = [
      "CreateLoggedModel", "CreateRun", "DeleteTag", "FinalizeLoggedModel", "LogBatch", "LogInputs", "LogLoggedModelParams", "LogMetric", "LogModel", "LogOutputs", "LogParam",
      "SetLoggedModelTags", "SetTag", "UpdateRun", "UploadArtifact", "UploadArtifactTwin", "UploadSmallArtifact",
    ].map((name) => `mlflow${name}`);
    const searches = ["indexRepository", "langsmithQueryRuns", ...["Runs", "Threads", "Traces"].map((kind) => `langsmithQuery${kind}V2`), "sampleMetric", "searchRunTable", ...["GetLatestVersions", "SearchDatasets", "SearchDatasetsOfClients", "SearchExperiments", "SearchLoggedModels", "SearchRuns"].map((name) => `mlflow${name}`)];
    const refusals = [
      ...["StartTrace", ...["Abort", "Complete", "Create"].flatMap((step) => [`${step}MultipartUpload`, `${step}MultipartUploadTwin`])].map((name) => `mlflow${name}`),
      ...["Delete", "Patch", "Post", "Put"].map((method) => `langsmithRefused${method}`),
    ];
    // Calls of language models are in the ledger, one by one.
    const calls = ["countMessageTokens", ...["AzureChat", "AzureCompletion", "AzureEmbeddings"].flatMap((name) => ["", "Direct", "DirectVendor"].map((of) => `create${name}${of}`)), ...["ChatCompletion", "Completion", "Embeddings", "Message", "Rerank", "RerankV2", "Response"].map((name) => `create${name}`), "testGatewayProvider"];
    // What traced programs send of themselves, many a second, and what MLflow's clients write into their traces.
    const traces = [
      "exportTraces", ...["BatchRuns", "CreateFeedback", "CreateRun", "DeleteFeedback", "MultipartRuns", "UpdateFeedback", "UpdateRun"].map((name) => `langsmith${name}`),
      ...["BatchGetTraceInfos", "CreateAssessment", "DeleteAssessment", "DeleteTraceTag", "EndTraceV2", "LinkTracesToRun", "SearchTraces", "SetTraceTag", "StartTraceV2", "UpdateAssessment"].map((name) => `mlflow${name}`),
    ];
    assert.deepEqual(unaudited.sort(), [...calls, ...traces, ...predictions, ...logging, ...searches, ...refusals].sort());
  });

  it("makes no table of a route without access, or judged on a parameter that its path does not have", () => {
    const [route] = declared as [Route];
    const { access: _access, ...without } = route;
    assert.throws(() => new RouteTable([without as Route]), /declares no access/);
    assert.throws(() => new RouteTable([{ ...route, on: { kind: "model", parameter: "model" } }]), /parameter model/);
  });
});
