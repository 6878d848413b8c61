import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { SlipwayClient } from "../../src/index.ts";
import { linearModel, loopsAsOftenAsTold } from "../kit/onnx-models.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream } from "../server/gateway-upstream.ts";
import { formsOf } from "./secret-forms.ts";

/** One for each place that takes a secret; the signs are spelled otherwise in JSON, in addresses and in HTML. */
const planted = {
  secretKey: Buffer.from("canary of the secret key + 32 by").toString("base64"),
  oldSecretKey: Buffer.from("canary of the former key + 32 by").toString("base64"),
  oidc: 'Zq7.canary+oidc/"4711',
  hub: 'Zq7.canary+hub/"47110',
  imports: 'Zq7.canary+imports/"4711',
  redis: "Zq7.canary+redis-47110",
  environment: "Zq7.canary+environment/471",
  usual: "Zq7.canary+usual/47110000",
  file: "Zq7.canary+file/471100000",
  stored: "Zq7.canary+stored/4711000",
  webhook: "Zq7.canary+webhook/471100",
  caller: "Zq7.canary+caller/4711000",
  database: "Zq7.canary+database-4711",
} as const;

const forms = Object.entries(planted).flatMap(([name, secret]) => formsOf(secret).map((text) => [name, text] as const));

function assertNone(text: string, where: string, except: readonly string[] = []): void {
  for (const [name, form] of forms) {
    const at = text.indexOf(form);
    assert.ok(at < 0 || except.includes(name), `the secret ${name} is in ${where}: ${at < 0 ? "" : text.slice(Math.max(0, at - 150), at + form.length + 20)}`);
  }
}

const settings = (files: string): Record<string, string> => ({
  SLIPWAY_SECRET_KEY: planted.secretKey, SLIPWAY_OLD_SECRET_KEYS: planted.oldSecretKey,
  SLIPWAY_PUBLIC_URL: "http://localhost:1", SLIPWAY_OIDC_ISSUER: "https://id.invalid", SLIPWAY_OIDC_CLIENT_ID: "x", SLIPWAY_OIDC_CLIENT_SECRET: planted.oidc,
  SLIPWAY_HUB_URL: "http://127.0.0.1:1", SLIPWAY_HUB_TOKEN: planted.hub, SLIPWAY_IMPORT_AUTHORIZATION: `Bearer ${planted.imports}`,
  SLIPWAY_REDIS_URL: `redis://user:${planted.redis}@127.0.0.1:1`, SLIPWAY_CACHE_REDIS_URL: `rediss://user:${planted.redis}@127.0.0.1:1`, SLIPWAY_PROVIDER_ACME: planted.environment, OPENAI_API_KEY: planted.usual, SLIPWAY_SECRET_FILES: files,
  SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", SLIPWAY_FIND_PROVIDERS: "false",
});

/** What the command line says, and how it ended. */
function run(parameters: readonly string[], environment: Record<string, string>, before = [program]): Promise<{ text: string; code: number | null }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...before, ...parameters], { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (text += part.toString()));
    child.once("close", (code) => resolve({ text, code }));
  });
}

/**
 * The same where each of them ends at once: the program begins again and again in one process, for to load it takes longer than to refuse its settings.
 * What one says goes to a pipe, as that of `run`, up to the line that ends it.
 */
async function startInOneProcess(parameters: readonly string[], environments: readonly Record<string, string>[]): Promise<{ text: string; code: number }[]> {
  const script = `
    const given = { ...process.env };
    const environments = JSON.parse(given.PLANTED);
    delete given.PLANTED;
    for (const [index, environment] of environments.entries()) {
      process.env = { ...given, ...environment };
      process.exitCode = undefined;
      process.argv = [process.execPath, "slipway", ...${JSON.stringify(parameters)}];
      await import(${JSON.stringify(new URL("../../src/main.ts", import.meta.url).href)} + "?" + index);
      process.stderr.write("\\nended with " + process.exitCode + "\\n");
    }
    process.exit(0);`;
  // Node reads a program of its own from the command line; the settings are none of its words.
  const { text, code } = await run(["--input-type=module", "--eval", script], { PLANTED: JSON.stringify(environments) }, []);
  assert.equal(code, 0, text);
  const parts = text.split(/\nended with (\d+)\n/);
  return Array.from({ length: (parts.length - 1) / 2 }, (_, index) => ({ text: parts[2 * index]!, code: Number(parts[2 * index + 1]) }));
}

function isWhole(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}

describe("secrets, planted wherever one can be set", { timeout: 300_000 }, () => {
  let [server, folder, url, key]: [RunningServer, string, string, string] = [undefined as never, "", "", ""];
  const upstream = new GatewayUpstream(({ headers }, response) => void response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify({ error: { message: `unknown: ${headers.authorization}`, code: headers.authorization } })));

  before(async () => {
    url = await upstream.start();
    folder = mkdtempSync(join(tmpdir(), "slipway-planted-"));
    mkdirSync(join(folder, "files"));
    mkdirSync(join(folder, "reports"));
    writeFileSync(join(folder, "files", "key"), `${planted.file}\n`);
    server = await startServer({ environment: { ...settings(join(folder, "files")), SLIPWAY_LOG_LEVEL: "debug", NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --report-on-signal --report-directory=${join(folder, "reports")}` } });
    let token: string | undefined;
    for (; token === undefined; await betweenLooks()) token = server.logLines.map((line) => / setup (\S+) /.exec(line)?.[1]).find((found) => found !== undefined);
    key = (JSON.parse((await send("POST", "/api/setup", { token, name: "admin of the test" })).text) as { key: { key: string } }).key.key;
    forms.push(...formsOf(key).map((form) => ["admin's key", form] as const));
    const client = new SlipwayClient({ url: server.url, apiKey: key });
    await client.deploy({ file: await server.file("fast.onnx", linearModel({ weights: [2] })), name: "fast" });
    await client.deploy({ file: await server.file("loop.onnx", loopsAsOftenAsTold()), name: "loop" });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
    rmSync(folder, { recursive: true });
  });

  async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; text: string; bytes: Buffer }> {
    const response = await fetch(`${server.url}${path}`, { method, headers: { "content-type": "application/json", ...(key === "" ? {} : { authorization: `Bearer ${key}`, "x-api-key": planted.caller }), ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, text: bytes.toString("latin1"), bytes };
  }

  it("are in no answer and no line of the log, whatever fails", async () => {
    const sources = { acme: { from: "environment", name: "SLIPWAY_PROVIDER_ACME" }, filed: { from: "file", path: "key" }, stored: { from: "value", value: planted.stored } };
    for (const [name, secret] of Object.entries(sources)) {
      const made = await send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "compatible", baseUrl: `${url}/v1` }, secret });
      assert.equal(made.status, 200, made.text);
      assertNone(made.text, `the answer to the provider ${name}`);
      for (const stream of [false, true]) assertNone((await send("POST", "/v1/chat/completions", { model: `${name}/m`, stream, messages: [{ role: "user", content: "hello" }] })).text, `a call of ${name}`);
      assertNone((await send("POST", `/api/gateway/providers/${name}/test`, {})).text, `the test of ${name}`);
    }
    // Each was shown to the provider and nobody else.
    const shown = JSON.stringify(upstream.calls.map(({ headers }) => headers.authorization));
    for (const name of ["environment", "file", "stored"] as const) assert.ok(shown.includes(planted[name]), name);
    const failing: [method: string, path: string, body?: unknown][] = [
      ["PUT", "/api/gateway/providers/bad", { revision: 0, settings: { kind: "nothing" }, secret: { from: "value", value: planted.stored } }],
      ["PUT", "/api/gateway/providers/bad", { revision: 0, settings: { kind: "openai" }, secret: { from: planted.stored, value: planted.stored, [planted.stored]: 1 } }],
      ["POST", "/api/webhooks", { url: `${url}/hook`, events: ["*"], secret: planted.webhook }],
      ["POST", "/api/imports", { source: { kind: "mlflow", url: `${url}/mlflow` }, kind: "mlflow", url: `${url}/mlflow`, from: "mlflow" }],
      ["POST", "/api/models/hub/versions", { source: "hf://owner/name", name: "hub" }],
      ["POST", "/v2/models/fast/infer", { inputs: [{ name: "features", datatype: "FP32", shape: [1, 1], data: ["x"] }] }],
      ["POST", "/v2/models/nothing/infer", {}], ["GET", "/api/session"], ["GET", "/api/nothing"],
    ];
    // What a caller sent is told back where it is at fault, as in the name of a field; what was stored of others never.
    for (const [method, path, body] of failing) assertNone((await send(method, path, body)).text, `${method} ${path}`, ["stored", "webhook"]);
    for (const authorization of [`Bearer ${planted.caller}`, `Basic ${Buffer.from(`user:${planted.caller}`).toString("base64")}`, planted.caller]) {
      for (const [method, path, body] of failing) assertNone((await send(method, path, body, { authorization, cookie: `sid=${planted.caller}` })).text, `${method} ${path} of a stranger`, ["stored", "webhook"]);
    }
    for (const path of ["/metrics", "/api/doctor", "/api/audit?limit=1000", "/api/gateway/providers", "/api/gateway/health", "/api/traces?limit=100", "/api/costs/entries?limit=500", "/api/webhooks", "/api/keys", "/docs", "/openapi.json", "/api/events?limit=100", "/health", "/ready", "/api/workflows/runs?limit=50"]) {
      assertNone((await send("GET", path)).text, path);
    }
    assertNone(server.logLines.join("\n"), "the log");
    assert.ok(server.logLines.length > 3);
  });

  it("are in no row of a dataset that is made of a trace, in no sum of costs, and in nothing that the command line shows of them", async () => {
    // A provider repeats in its answer what it was shown: what it says is kept.
    upstream.answer = ({ headers }, response) => answerJson(response, {
      id: "x", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "well" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    }, 200, { "x-request-id": String(headers.authorization) });
    const called = await send("POST", "/v1/chat/completions", { model: "acme/m", messages: [{ role: "user", content: "hello" }] });
    assert.equal(called.status, 200, called.text);
    const { traces } = JSON.parse((await send("GET", "/api/traces?limit=100")).text) as { traces: { traceId: string }[] };
    assert.ok(traces.length >= 4);
    for (const { traceId } of traces) {
      assertNone((await send("GET", `/api/traces/${traceId}`)).text, "a trace");
      assertNone((await send("GET", `/api/3.0/mlflow/traces/get?trace_id=tr-${traceId}`)).text, "a trace over MLflow's wire");
      assert.equal((await send("POST", `/api/traces/${traceId}/dataset-row`, { dataset: "planted" })).status, 200);
    }
    const rows = await send("GET", `/api/datasets/planted/versions/${traces.length}/content`);
    assert.ok(rows.status === 200 && rows.text.includes("well"), rows.text);
    assertNone(rows.text, "the rows of the dataset");
    for (const by of ["key,provider,outcome", "user,session,model"]) assertNone((await send("GET", `/api/costs?by=${by}`)).text, `costs by ${by}`);
    for (const parameters of [["traces"], ["traces", traces[0]!.traceId], ["costs", "--by", "key,provider,outcome"], ["gateway", "providers"]]) {
      const { text, code } = await run([...parameters, "--url", server.url], { SLIPWAY_API_KEY: key });
      assertNone(text, `slipway ${parameters[0]}`);
      assert.equal(code, 0, `slipway ${parameters.join(" ")}: ${text}`);
    }
  });

  it("are in the environment and the command line of no process that the server starts", async () => {
    assert.equal((await send("POST", "/v2/models/loop/infer", { inputs: [{ name: "x", datatype: "FP32", shape: [1, 1], data: [1] }] })).status, 200);
    const seen = new Set<number>();
    const walk = (process: number): void => {
      for (const thread of readdirSync(`/proc/${process}/task`)) {
        for (const child of readFileSync(`/proc/${process}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number)) {
          seen.add(child);
          for (const part of ["environ", "cmdline"]) assertNone(readFileSync(`/proc/${child}/${part}`, "latin1"), `${part} of ${readFileSync(`/proc/${child}/cmdline`, "latin1")}`);
          walk(child);
        }
      }
    };
    walk(server.process.pid!);
    assert.ok(seen.size > 0);
    // The search finds what is there.
    assert.throws(() => assertNone(readFileSync(`/proc/${server.process.pid!}/environ`, "latin1"), "its own"), /the secret/);
  });

  it("are in no backup", async () => {
    const { status, text } = await send("POST", "/api/backup", {});
    assert.equal(status, 200, text);
    assert.ok(text.includes("acme"));
    assertNone(text, "the backup");
  });

  it("are in no report that is written of the process", async () => {
    server.process.kill("SIGUSR2");
    const reports = join(folder, "reports");
    let text = "";
    for (; !isWhole(text); await betweenLooks()) text = readdirSync(reports).map((name) => readFileSync(join(reports, name), "utf8")).join("");
    assert.ok(text.includes("javascriptStack"));
    assertNone(text, "the report");
  });

  const grow = "for (let all = []; ; ) all.push([all.length]);";
  for (const [how, crash, said, option, reported] of [
    ["an error that nobody catches", 'throw new Error("thrown by the test");', "thrown by the test", "", 1],
    ["memory that is used up", grow, "Add --report-exclude-env to NODE_OPTIONS", "", 0],
    ["memory that is used up, with Node's option to leave the environment out", grow, "heap out of memory", "--report-exclude-env", 1],
  ] as const) {
    it(`are in nothing that a process prints, or reports, of its end by ${how}`, async () => {
      const reports = mkdtempSync(join(folder, "fatal-"));
      const preloaded = `data:text/javascript,${encodeURIComponent(`process.on("SIGUSR2", () => { ${crash} });`)}`;
      const dying = await startServer({ directory: reports, environment: { ...settings(join(folder, "files")), NODE_OPTIONS: `--max-old-space-size=160 --report-on-fatalerror --report-uncaught-exception ${option} --report-directory=${reports} --import ${preloaded}` } });
      let token: string | undefined;
      for (; token === undefined; await betweenLooks()) token = dying.logLines.map((line) => / setup (\S+) /.exec(line)?.[1]).find((found) => found !== undefined);
      const post = async (method: string, path: string, body: unknown, authorization: Record<string, string> = {}): Promise<string> => (await fetch(`${dying.url}${path}`, { method, headers: { "content-type": "application/json", ...authorization }, body: JSON.stringify(body) })).text();
      const { key: admin } = (JSON.parse(await post("POST", "/api/setup", { token, name: "admin of the dying" })) as { key: { key: string } }).key;
      // Kept as it is in the memory of the process by now.
      await post("PUT", "/api/gateway/providers/stored", { revision: 0, settings: { kind: "compatible", baseUrl: `${url}/v1` }, secret: { from: "value", value: planted.stored } }, { authorization: `Bearer ${admin}` });
      await post("POST", "/v1/chat/completions", { model: "stored/m", messages: [{ role: "user", content: "hello" }] }, { authorization: `Bearer ${admin}` });
      assert.ok(upstream.calls.at(-1)!.headers.authorization!.includes(planted.stored));
      dying.process.kill("SIGUSR2");
      await once(dying.process, "close");
      const printed = dying.logLines.join("\n");
      assert.ok(printed.includes(said), printed.slice(-2000));
      const written = readdirSync(reports).filter((name) => name.startsWith("report.")).map((name) => readFileSync(join(reports, name), "utf8"));
      assert.equal(written.length, reported);
      for (const report of written) assert.ok(isWhole(report) && report.includes("javascriptStack"));
      for (const [text, where] of [[printed, "what is printed"], ...written.map((report) => [report, "the report"] as const)] as const) {
        assertNone(text, where);
        assert.ok(!formsOf(admin).some((form) => text.includes(form)), `an admin's key is in ${where}`);
      }
    });
  }

  it("are in nothing that is said of settings that are wrong, or of a database that is not there", async () => {
    const wrong: Record<string, string>[] = [
      { SLIPWAY_SECRET_KEY: planted.stored }, { SLIPWAY_OLD_SECRET_KEYS: planted.stored }, { SLIPWAY_HUB_TOKEN: `${planted.hub} x` }, { SLIPWAY_IMPORT_AUTHORIZATION: `${planted.imports}\nx` },
      { SLIPWAY_REDIS_URL: `http://user:${planted.redis}@h` }, { SLIPWAY_CACHE_REDIS_URL: `http://user:${planted.redis}@h` }, { SLIPWAY_DATABASE_URL: `mysql://user:${planted.database}@h/d` }, { SLIPWAY_DATABASE_URL: `postgres://user:${planted.database}@127.0.0.1:1/d` }, { SLIPWAY_DATABASE_URL: `postgres://user:${planted.database}@[::/d` },
    ];
    const ends = await startInOneProcess(["up", "--port", "0", "--data", join(folder, "other")], wrong.map((environment) => ({ ...settings(join(folder, "files")), ...environment })));
    assert.equal(ends.length, wrong.length);
    for (const [index, { text, code }] of ends.entries()) {
      assert.notEqual(code, 0, JSON.stringify(wrong[index]));
      assertNone(text, `what is said of ${Object.keys(wrong[index]!)[0]}`);
      assert.match(text, /^Error [A-Z_]+: /m);
    }
    const { text } = await run(["doctor", "--url", server.url], { ...settings(join(folder, "files")), SLIPWAY_API_KEY: key });
    assertNone(text, "what the doctor says");
  });

  it("are in no file of the data", async () => {
    assert.equal(await server.stop({ keep: true }), 0);
    const files = readdirSync(server.directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    assert.ok(files.length > 3);
    for (const file of files) assertNone(readFileSync(file, "latin1"), file);
    assertNone(server.logLines.join("\n"), "the log");
  });
});
