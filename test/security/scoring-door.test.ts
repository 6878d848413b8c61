import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SlipwayClient } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

const predictPath = "/v1/endpoints/123/deployedModels/456:predict";
/** Of each port. */
const places = 20;
const rows = { instances: [[1, 2], [3, 4]] };

describe("the port that a platform calls", () => {
  let server: SecuredServer;
  before(async () => {
    server = await startSecuredServer({ maxConnections: places, scoringModel: "m", scoringPort: 0, scoringHealthPath: "/v1/endpoints/123/deployedModels/456", scoringPredictPath: predictPath });
  });
  after(() => server.stop());

  async function call(method: string, path: string, options: { body?: unknown; headers?: Record<string, string> } = {}): Promise<{ status: number; body: string }> {
    const text = typeof options.body === "string" ? options.body : JSON.stringify(options.body);
    const sent = request({ host: "127.0.0.1", port: server.slipway.scoringPort!, method, path, agent: false, headers: { "Content-Type": "application/json", Host: "10.1.2.3:8080", ...options.headers } });
    sent.end(options.body === undefined ? undefined : text);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    let body = "";
    for await (const piece of answer.setEncoding("utf8")) body += piece;
    return { status: answer.statusCode!, body };
  }
  const statusOf = async (...of: Parameters<typeof call>): Promise<number> => (await call(...of)).status;

  it("says that it is not healthy until its model serves, and is then", async () => {
    assert.deepEqual([await statusOf("GET", "/ping"), await statusOf("GET", "/health"), await statusOf("POST", "/invocations", { body: rows })], [503, 503, 404]);
    const client = new SlipwayClient({ url: server.slipway.url, apiKey: server.adminKey });
    for (const [name, weights] of [["m", [1, 10]], ["other", [2, 20]]] as const) {
      const file = join(server.directory, `${name}.onnx`);
      writeFileSync(file, linearModel({ weights: [...weights] }));
      await client.deploy({ file, name });
    }
    for (const path of ["/ping", "/health", "/v1/endpoints/123/deployedModels/456"]) assert.equal(await statusOf("GET", path), 200, path);
  });

  it("predicts without a key, as SageMaker and Vertex AI ask, by whatever name of a host", async () => {
    for (const path of ["/invocations", predictPath, "/v1/models/m:predict"]) {
      const { status, body } = await call("POST", path, { body: { ...rows, parameters: { any: 1 } } });
      assert.equal(status, 200, `${path}: ${body}`);
      assert.deepEqual((JSON.parse(body) as { predictions: { score: number | number[] }[] }).predictions.map(({ score }) => score).flat(), [21, 43], path);
    }
    const csv = await call("POST", "/invocations", { body: "a,b\n1,2\n", headers: { "Content-Type": "text/csv" } });
    assert.equal(csv.status, 200, csv.body);
  });

  it("shows nothing else: no other model, no other route, to no page of a browser, whatever key is shown", async () => {
    const other = await call("POST", "/v1/models/other:predict", { body: rows });
    const none = await call("POST", "/v1/models/none:predict", { body: rows });
    assert.deepEqual([other.status, other.body.replaceAll("other", "none")], [none.status, none.body]);
    assert.equal(await statusOf("POST", "/invocations", { body: rows, headers: { "X-Slipway-Model": "other" } }), 404);
    const authorization = { Authorization: `Bearer ${server.adminKey}` };
    for (const [method, path] of [["GET", "/"], ["GET", "/api/models"], ["GET", "/metrics"], ["GET", "/v2/models/m"], ["POST", "/v1/chat/completions"], ["DELETE", "/api/models/m"], ["POST", "/api/keys"]] as const) {
      assert.equal(await statusOf(method, path, { headers: authorization, ...(method === "POST" ? { body: {} } : {}) }), 404, `${method} ${path}`);
    }
    assert.equal(await statusOf("POST", "/invocations", { body: rows, headers: { Origin: "http://10.1.2.3:8080" } }), 403);
    assert.equal(await statusOf("POST", "/invocations", { body: rows, headers: { "Sec-Fetch-Site": "cross-site" } }), 403);
  });

  it("counts the connections that it turns away with those of the other port", async () => {
    const turnedAway = async (): Promise<number> => Number(/^slipway_turned_away_total\{full="connections"\} (\d+)$/m.exec((await server.asAdmin("GET", "/metrics")).body)![1]);
    assert.equal(await turnedAway(), 0);
    const held: Socket[] = [];
    try {
      for (let told = ""; !told.includes("All connections are taken");) {
        // More of them come than there are places, as one of whose body nothing was read yet gives way to the next.
        const socket = connect({ host: "127.0.0.1", port: server.slipway.scoringPort! }).on("error", () => undefined);
        held.push(socket);
        socket.write(`POST /invocations HTTP/1.1\r\nHost: 10.1.2.3\r\nContent-Type: application/json\r\nContent-Length: ${1 << 20}\r\nExpect: 100-continue\r\n\r\n`);
        await Promise.race([once(socket, "data"), once(socket, "close")]).catch(() => undefined);
        socket.write(Buffer.alloc(400_000, " "));
        if (held.length >= places) told = await call("GET", "/ping").then(({ body }) => body, () => "");
      }
    } finally {
      for (const socket of held) socket.destroy();
    }
    assert.ok((await turnedAway()) > 0);
  });

  it("leaves the keys of the other port as they are", async () => {
    const asked = await server.send("POST", "/invocations", [`Host: ${server.host}`, "Content-Type: application/json"], JSON.stringify(rows));
    assert.equal(asked.status, 401);
  });
});
