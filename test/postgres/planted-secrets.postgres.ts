import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { formsOf } from "../hostile/secret-forms.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { GatewayUpstream } from "../server/gateway-upstream.ts";

const planted = {
  secretKey: Buffer.from("canary of the secret key + 32 by").toString("base64"), provider: 'Zq7.canary+provider/"4711', environment: "Zq7.canary+environment/471", caller: "Zq7.canary+caller/4711000", signIn: "Zq7.canary+signing-in/47110",
};

/** The whole database as SQL: what somebody has who takes a dump away. */
async function dumpOf(cluster: PostgresCluster): Promise<string> {
  const versions = readdirSync("/usr/lib/postgresql").sort((left, right) => Number(right) - Number(left));
  const { stdout } = await promisify(execFile)(`/usr/lib/postgresql/${versions[0]!}/bin/pg_dump`, ["--host", "127.0.0.1", "--port", String(cluster.port), "--username", "slipway", "--no-password", "postgres"], { maxBuffer: 2 ** 28 });
  return stdout;
}

describe("secrets of a server on Postgres", { timeout: 300_000 }, () => {
  const upstream = new GatewayUpstream(({ headers }, response) => void response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify({ error: { message: `unknown: ${headers.authorization}`, code: headers.authorization } })));
  let cluster: PostgresCluster;
  let server: RunningServer;
  before(async () => {
    cluster = await PostgresCluster.start();
    server = await startServer({
      environment: { SLIPWAY_DATABASE_URL: cluster.url(), SLIPWAY_PUBLIC_URL: "http://localhost:1", SLIPWAY_OIDC_ISSUER: "https://id.invalid", SLIPWAY_OIDC_CLIENT_ID: "x", SLIPWAY_OIDC_CLIENT_SECRET: planted.signIn, SLIPWAY_SECRET_KEY: planted.secretKey, SLIPWAY_PROVIDER_ACME: planted.environment, SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", SLIPWAY_FIND_PROVIDERS: "false" },
    });
  });
  after(async () => {
    upstream.stop();
    await server.stop();
    await cluster.remove();
  });

  it("are in no dump of its database", async () => {
    const url = await upstream.start();
    let token: string | undefined;
    for (; token === undefined; await betweenLooks()) token = server.logLines.map((line) => / setup (\S+) /.exec(line)?.[1]).find((found) => found !== undefined);
    const send = async (method: string, path: string, body: unknown, key?: string): Promise<{ status: number; text: string }> => {
      const headers = { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}`, "x-api-key": planted.caller, cookie: `sid=${planted.caller}` }) };
      const response = await fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) });
      return { status: response.status, text: await response.text() };
    };
    const made = async (method: string, path: string, body: unknown, key?: string): Promise<string> => {
      const { status, text } = await send(method, path, body, key);
      assert.ok(status === 200 || status === 201, `${path}: ${text}`);
      return text;
    };
    const { key: admin } = (JSON.parse(await made("POST", "/api/setup", { token, name: "admin of the test" })) as { key: { key: string } }).key;
    const { key: other } = JSON.parse(await made("POST", "/api/keys", { name: "other", grants: [{ role: "admin" }] }, admin)) as { key: string };
    const own = { from: "value", value: planted.provider };
    for (const [name, secret] of Object.entries({ owned: own, environment: { from: "environment", name: "SLIPWAY_PROVIDER_ACME" } })) {
      await made("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "compatible", baseUrl: `${url}/v1` }, secret }, admin);
      for (const stream of [false, true]) await send("POST", "/v1/chat/completions", { model: `${name}/m`, stream, messages: [{ role: "user", content: "hello" }] }, other);
    }
    const shown = JSON.stringify(upstream.calls.map(({ headers }) => headers.authorization));
    for (const secret of [planted.provider, planted.environment]) assert.ok(shown.includes(JSON.stringify(secret).slice(1, -1)), shown);
    const webhook = JSON.parse(await made("POST", "/api/webhooks", { name: "hook", url: `${url}/hook`, types: ["*"] }, admin)) as { secret: string };
    // Its trace and its costs are written when they are found.
    for (let calls = 0; calls < 4; await betweenLooks()) {
      const { text } = await fetch(`${server.url}/api/traces?limit=100`, { headers: { authorization: `Bearer ${admin}` } }).then(async (response) => ({ text: await response.text() }));
      calls = (JSON.parse(text) as { traces: unknown[] }).traces.length;
    }

    const dump = await dumpOf(cluster);
    for (const table of ["api_keys", "webhooks", "trace_spans"]) assert.match(dump, new RegExp(`COPY public\\.\\w*${table}\\w* `), table);
    assert.ok(dump.includes("owned") && dump.includes("admin of the test"));
    for (const [name, secret] of Object.entries({ ...planted, token: token!, admin, other, madeWebhook: webhook.secret })) for (const form of formsOf(secret)) assert.ok(!dump.includes(form), `the secret ${name} is in the dump: ${form}`);
  });
});
