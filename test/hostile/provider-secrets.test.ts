import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { betweenLooks } from "../kit/between-looks.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { GatewayUpstream, type UpstreamAnswer } from "../server/gateway-upstream.ts";

/** Each like nothing that a message is cleared of by its look, and long enough to be told from chance by its first characters. */
const kinds: Readonly<Record<string, { secret: string; more?: object; path?: string }>> = {
  openai: { secret: "Zq7.canary+openai/471100", path: "/v1" },
  azure: { secret: "Zq7.canary+azure/4711000" },
  anthropic: { secret: "Zq7.canary+anthropic/471" },
  gemini: { secret: "Zq7.canary+gemini/471100" },
  bedrock: { secret: "CANARYACCESS4711:Zq7.canary+bedrock/47110:Zq7.canary+session/47110", more: { region: "us-east-1" } },
  mistral: { secret: "Zq7.canary+mistral/47110", path: "/v1" },
  cohere: { secret: "Zq7.canary+cohere/471100" },
  ollama: { secret: "Zq7.canary+ollama/471100" },
  compatible: { secret: "Zq7.canary+compatible/47", path: "/v1" },
};
const base64 = (text: string): string => Buffer.from(text).toString("base64");
/** What gives a secret away, in any of the spellings that are echoed. */
const given = /Zq7\.can|canary|CANARYACCESS|Y2FuYXJ5|NhbmFye|jYW5hcn|%2Bopenai/;

/** What a provider says of the key, in each way that one of them has. */
function echoes(key: string): Record<string, UpstreamAnswer> {
  const json = (status: number, body: unknown, headers: Record<string, string> = {}): UpstreamAnswer => (_call, response) => void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  const words = `Incorrect API key provided: ${key}.`;
  const header = key.replaceAll("\n", "");
  const answers: Record<string, UpstreamAnswer> = {
    "OpenAI's message": json(401, { error: { message: words, type: "invalid_request_error", code: "invalid_api_key", param: key } }),
    "code and type": json(403, { error: { message: words, type: key, code: key, status: key }, code: key, type: key, __type: key, message: key }),
    "Anthropic's": json(401, { type: "error", error: { type: "authentication_error", message: words }, request_id: header }),
    "Google's": json(400, { error: { code: 400, message: `API key not valid: ${key}`, status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID", metadata: { key, url: `https://generativelanguage.googleapis.com/v1beta/models?key=${encodeURIComponent(key)}` } }] } }),
    "a list of Google's": json(400, [{ error: { code: 400, message: words, status: "INVALID_ARGUMENT" } }]),
    "Amazon's": json(403, { message: `The security token ${key} in the request is invalid`, Message: key }, { "x-amzn-errortype": `UnrecognizedClientException:${header}`, "x-amzn-requestid": header }),
    "Cohere's": json(401, { message: `invalid api token ${key}`, id: key }),
    "FastAPI's": json(422, { detail: [{ loc: ["header", key], msg: words, type: "value_error", input: key }] }),
    "Ollama's": json(401, { error: words }),
    "in an address": json(400, { error: { message: `GET https://h/v1?key=${encodeURIComponent(key)} and /v1?api-key=${key} failed` } }),
    "in base64": json(401, { error: { message: `Authorization: Basic ${base64(`:${key}`)} or ${base64(`Bearer ${key}`)} or ${base64(key)} is unknown` } }),
    "where a message is cut": json(401, { error: { message: `${"x".repeat(478)} ${key}${"y".repeat(4000)}` } }),
    "a page": (_call, response) => void response.writeHead(502, { "content-type": "text/html" }).end(`<html><title>${key}</title>${words}</html>`),
    "a page with 200": (_call, response) => void response.writeHead(200, { "content-type": "text/html" }).end(`${key}<html>`),
    "headers": json(429, { error: { message: "Slow down." } }, { "x-request-id": header, "retry-after": header, "x-ratelimit-reset-requests": header, "www-authenticate": `Bearer realm="${header}"` }),
    "a redirect": (_call, response) => void response.writeHead(302, { location: `https://example.com/?key=${encodeURIComponent(key)}` }).end(),
    "an event before there is an answer": (_call, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end(`event: error\ndata: ${JSON.stringify({ type: "error", error: { type: key, code: key, message: words } })}\n\n`),
    "broken JSON": (_call, response) => void response.writeHead(200, { "content-type": "application/json" }).end(`{"id":${key}`),
    "a broken event": (_call, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end(`data: ${key}\n\n`),
  };
  return answers;
}

describe("secrets of providers", { timeout: 300_000 }, () => {
  let server: SecuredServer;
  let directory: string;
  const upstream = new GatewayUpstream(() => undefined);
  /** What was sent on to a collector of spans. */
  const collected: string[] = [];
  const collector = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part)).on("end", () => {
      const bytes = Buffer.concat(parts);
      collected.push((request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString());
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  before(async () => {
    const url = await upstream.start();
    directory = mkdtempSync(join(tmpdir(), "slipway-provider-secrets-"));
    await once(collector.listen(0, "127.0.0.1"), "listening");
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"], traceExportUrl: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces` }, { directory });
    for (const [kind, { secret, more, path = "" }] of Object.entries(kinds)) {
      await admin("PUT", `/api/gateway/providers/${kind}`, { revision: 0, settings: { kind, baseUrl: `${url}${path}`, breaker: { failures: 1000, openSeconds: 1 }, ...more }, secret: { from: "value", value: secret } });
      await admin("PUT", `/api/gateway/routes/of-${kind}`, { revision: 0, settings: { targets: [{ provider: kind, model: "m" }], attempts: 1 } });
    }
  });
  after(async () => {
    await server.stop();
    upstream.stop();
    collector.closeAllConnections();
    collector.close();
    rmSync(directory, { recursive: true });
  });

  async function admin(method: string, path: string, body?: unknown): Promise<string> {
    const reply = await server.asAdmin(method, path, body);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${reply.body}`);
    return reply.body;
  }
  const chat = (kind: string, more: object = {}): Promise<RawReply> => server.asAdmin("POST", "/v1/chat/completions", { model: `of-${kind}`, messages: [{ role: "user", content: "hello" }], ...more });
  const keysOf = (kind: string): string[] => [...new Set([kinds[kind]!.secret, ...kinds[kind]!.secret.split(":")])];

  for (const kind of Object.keys(kinds)) {
    it(`are in no answer, log or header, however the provider repeats them: ${kind}`, async () => {
      for (const key of keysOf(kind)) {
        for (const [way, answer] of Object.entries(echoes(key))) {
          upstream.answer = answer;
          for (const stream of [false, true]) {
            const reply = await chat(kind, { stream });
            const said = JSON.stringify(reply.headers) + reply.body;
            assert.ok(!given.test(said), `${way}, ${stream ? "streamed" : "whole"}: ${reply.status} ${said}`);
          }
          const tested = await server.asAdmin("POST", `/api/gateway/providers/${kind}/test`, {});
          assert.ok(!given.test(tested.body), `${way}, tried: ${tested.body}`);
        }
      }
      assert.deepEqual(server.logged.filter((line) => given.test(line)), []);
    });
  }

  it("are in no part of a stream, wherever it is cut", async () => {
    const { secret } = kinds.compatible!;
    const said = `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content: "well" }, finish_reason: null }] })}\n\n`;
    const error = `data: ${JSON.stringify({ error: { message: `Incorrect API key provided: ${secret}.` } })}\n\n`;
    for (const cut of [error.indexOf(secret) + 12, error.length - 2, error.length]) {
      upstream.answer = (_call, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).write(said);
        void betweenLooks().then(() => response.write(error.slice(0, cut))).then(betweenLooks).then(() => response.end(error.slice(cut)));
      };
      for (const more of [{}, { stream_options: { include_usage: true } }]) {
        const reply = await chat("compatible", { stream: true, ...more });
        assert.ok(reply.body.includes("well") && !given.test(reply.body), `cut at ${cut}: ${reply.body}`);
      }
    }
  });

  it("are in nothing that is shown, kept or sent on", async () => {
    const { traces } = JSON.parse(await admin("GET", "/api/traces?limit=100")) as { traces: { traceId: string }[] };
    assert.ok(traces.length > 10);
    for (const { traceId } of traces) assert.ok(!given.test(await admin("GET", `/api/traces/${traceId}`)), traceId);
    for (const path of ["/api/gateway/providers", "/api/gateway/routes", "/api/gateway/health", "/api/gateway/keys", "/api/doctor", "/api/audit?limit=1000", "/api/costs/entries?limit=500", "/api/keys", "/metrics", "/health", "/ready"]) {
      const body = await admin("GET", path);
      assert.ok(!given.test(body), `${path}: ${given.exec(body)?.input.slice(Math.max(0, given.exec(body)!.index - 200), given.exec(body)!.index + 100)}`);
    }
    assert.ok(!given.test(server.logged.join("\n")));
    await server.slipway.stop();
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    assert.deepEqual(files.filter((file) => given.test(readFileSync(file).toString("latin1"))), []);
    assert.ok(collected.join("").includes("of-gemini") && !given.test(collected.join("")));
  });
});
