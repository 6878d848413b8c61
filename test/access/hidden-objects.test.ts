import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { declaredRoutes } from "../../scripts/declared-routes.ts";
import { SlipwayClient } from "../../src/index.ts";
import { ProtobufWriter } from "../../src/serving/open-inference/protobuf-writer.ts";
import { parseRaw, sendRaw } from "../hostile/http-caller.ts";
import { firstAdminKey } from "../kit/first-admin-key.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** A model of another team, and a name of the same length that nobody has. */
const hidden = "secret-model";
const missing = "absent-model";
const input = { name: "features", datatype: "FP32", shape: [1, 1], data: [1] };

describe("what another team has", () => {
  let server: RunningServer;
  let admin: SlipwayClient;
  let ownKey: string;
  let own: SlipwayClient;
  let prediction: string;

  before(async () => {
    server = await startServer({ flags: ["--access", "keys"], modelsInProcess: true });
    admin = new SlipwayClient({ url: server.url, apiKey: await firstAdminKey(server) });
    for (const name of ["secret-team", "mine"]) await admin.api.send("POST", "/api/teams", { name });
    await admin.deploy({ file: await server.file("a.onnx", linearModel({ weights: [2] })), name: hidden, team: "secret-team" });
    await admin.deploy({ file: await server.file("b.onnx", linearModel({ weights: [3] })), name: "mine", team: "mine" });
    prediction = (await admin.infer(hidden, [input])).predictionId;
    ownKey = (await admin.api.send<{ key: string }>("POST", "/api/keys", { name: "mine", grants: [{ role: "admin", team: "mine" }] })).key;
    own = new SlipwayClient({ url: server.url, apiKey: ownKey });
  });
  after(() => server.stop());

  /** Every byte of the answer, but for the request's id, the clock, and the name that was asked for. */
  async function answerTo(method: string, path: string, name: string, more: { body?: string; headers?: string; key?: string | null } = {}): Promise<string> {
    const { body = "", headers = "", key = ownKey } = more;
    const text = await sendRaw(server.httpPort,
      `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.httpPort}\r\nConnection: close\r\n${key === null ? "" : `Authorization: Bearer ${key}\r\n`}${headers}` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    assert.ok(parseRaw(text) !== null, `${method} ${path} has no answer`);
    return text.replace(/req_[0-9a-z]{26}/g, "req").replace(/^Date: .*$/m, "Date").replaceAll(name, "NAME");
  }

  it("answers as what is missing does, to the byte, on every route that names a model", async () => {
    const routes = declaredRoutes().filter(({ on }) => typeof on === "object" && on.kind === "model");
    assert.ok(routes.length > 20, `${routes.length} routes`);
    for (const { method, path } of routes) {
      const on = (name: string): string => path.replace(/::/g, "\0").replace(/:model(\([^)]*\))?/, name).replace(/:version(\([^)]*\))?/, "1").replace(/:alias/, "champion").replaceAll("\0", ":");
      for (const body of ["", "{}", "no json", JSON.stringify({ inputs: [input] })]) {
        for (const query of ["", "?limit=0&version=x"]) {
          const [seen, expected] = [await answerTo(method, on(hidden) + query, hidden, { body }), await answerTo(method, on(missing) + query, missing, { body })];
          assert.equal(seen, expected, `${method} ${path}${query} with ${body}`);
          assert.equal(parseRaw(seen)?.status, 404, `${method} ${path}`);
        }
      }
    }
  });

  it("has a twin that is reached: the caller's own model, and hers by an admin of the server", async () => {
    assert.deepEqual((await own.infer("mine", [input])).model, "mine");
    assert.deepEqual((await admin.infer(hidden, [input])).model, hidden);
    assert.equal((await own.model("mine")).model.team, "mine");
  });

  it("answers as what is missing does where a header or a body names it", async () => {
    const body = JSON.stringify({ instances: [[1]] });
    const invoke = (name: string): Promise<string> => answerTo("POST", "/invocations", name, { body, headers: `X-Slipway-Model: ${name}\r\n` });
    assert.equal(await invoke(hidden), await invoke(missing));
    assert.equal(parseRaw(await invoke(hidden))?.status, 404);
    // Of two models one is seen: it is the only one.
    assert.equal(parseRaw(await answerTo("POST", "/invocations", hidden, { body }))?.status, 200);
  });

  it("answers as what is missing does for its predictions, and takes no truth for them", async () => {
    const nobody = prediction.replace(/.{4}$/, "0000");
    const explain = (id: string): Promise<string> => answerTo("GET", `/api/predictions/${id}`, id);
    assert.equal(await explain(prediction), await explain(nobody));
    const truth = (id: string): Promise<string> => answerTo("POST", "/api/truth", id, { body: JSON.stringify({ records: [{ predictionId: id, value: 1 }] }) });
    assert.equal(await truth(prediction), await truth(nobody));
    assert.equal(parseRaw(await truth(prediction))?.headers["x-error-code"], "PREDICTION_NOT_FOUND");
    assert.deepEqual((await admin.why(prediction)).truth, []);
    const { predictionId } = await own.infer("mine", [input]);
    assert.deepEqual(await own.sendTruth([{ predictionId, value: 1 }]), { added: 1, corrected: 0, unchanged: 0 });
    await assert.rejects(own.sendTruth([{ predictionId, value: 2 }, { predictionId: prediction, value: 2 }]), { code: "PREDICTION_NOT_FOUND" });
    assert.deepEqual((await own.why(predictionId)).truth.map(({ value }) => value), [1]);
  });

  it("is in no list", async () => {
    const lists = ["/api/models", "/api/teams", "/api/keys", "/metrics", "/v2/models/stats"];
    for (const path of lists) {
      const own = await (await fetch(server.url + path, { headers: { Authorization: `Bearer ${ownKey}` } })).text();
      assert.ok(!own.includes("secret"), `${path} tells of ${hidden}: ${own.slice(0, 500)}`);
      assert.ok(own.includes("mine"), `${path} does not tell of mine`);
    }
    const index = await own.api.send<{ name: string }[]>("POST", "/v2/repository/index");
    assert.deepEqual(index.map(({ name }) => name), ["mine"]);
  });

  it("is not told of in the live feed, whose other half is", async () => {
    const read = async (key: string): Promise<string> => {
      const reading = new AbortController();
      const response = await fetch(`${server.url}/api/live`, { headers: { Authorization: `Bearer ${key}` }, signal: reading.signal });
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        if (/event: tick\ndata: .*\n\n/.test(text)) break;
      }
      reading.abort();
      return text;
    };
    const seen = await read(ownKey);
    assert.ok(seen.includes('"mine"') && !seen.includes(`"${hidden}"`), seen);
  });

  it("keeps its name: nobody else deploys it, and nothing of it changes", async () => {
    const before = await admin.model(hidden);
    for (const more of [{ team: "mine" }, { team: "secret-team" }, {}]) {
      const refused = own.deploy({ file: await server.file("c.onnx", linearModel({ weights: [4] })), name: hidden, ...more });
      await assert.rejects(refused, { code: "NAME_TAKEN" });
    }
    assert.deepEqual((await admin.model(hidden)).versions, before.versions);
    await assert.rejects(own.deploy({ file: await server.file("c.onnx", linearModel({ weights: [4] })), name: "free", team: "secret-team" }), { code: "FORBIDDEN" });
    assert.equal((await own.deploy({ file: await server.file("c.onnx", linearModel({ weights: [4] })), name: "mine" })).version.version, "2");
    assert.equal((await own.model("mine")).model.owner, (await admin.model(hidden)).model.owner);
  });

  it("cannot be given away by a key: grants stay within the maker's, in role, team, models and time", async () => {
    const make = (key: SlipwayClient, grants: object[], more: object = {}) => key.api.send<{ key: string; id: string; team: string; expiresAt: number | null }>("POST", "/api/keys", { name: "child", grants, ...more });
    for (const grant of [{ role: "viewer", team: "secret-team" }, { role: "viewer" }, { role: "viewer", team: "*", models: [hidden] }, { role: "admin", team: "mine", experiments: ["e"], models: [hidden] }]) {
      const allowed = (grant as { team?: string }).team === "mine";
      if (allowed) await make(own, [grant]);
      else await assert.rejects(make(own, [grant]), { code: "SCOPE_TOO_WIDE" }, JSON.stringify(grant));
    }
    await assert.rejects(make(own, [{ role: "viewer", team: "mine" }], { team: "secret-team" }), { code: "TEAM_NOT_FOUND" });
    const child = await make(own, [{ role: "deployer", team: "mine", models: ["mine"] }], { expiresInDays: 1 });
    assert.equal(child.team, "mine");
    const grandchild = await make(new SlipwayClient({ url: server.url, apiKey: child.key }), [{ role: "viewer", team: "mine", models: ["mine"] }], { expiresInDays: null });
    assert.equal(grandchild.expiresAt, child.expiresAt);
    const scoped = new SlipwayClient({ url: server.url, apiKey: child.key });
    await assert.rejects(make(scoped, [{ role: "viewer", team: "mine" }]), { code: "SCOPE_TOO_WIDE" });
    await assert.rejects(make(scoped, [{ role: "admin", team: "mine", models: ["mine"] }]), { code: "SCOPE_TOO_WIDE" });
  });

  it("answers as what is missing does over gRPC", async () => {
    const client = new Client(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure());
    const bytes = (message: Buffer): Buffer => message;
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${ownKey}`);
    const call = (method: string, name: string): Promise<unknown> => new Promise((resolve) => {
      const writer = new ProtobufWriter(64);
      writer.text(1, name);
      const message = writer.finish();
      client.makeUnaryRequest(`/inference.GRPCInferenceService/${method}`, bytes, bytes, message, metadata, (error: ServiceError | null, answer) =>
        resolve(error === null ? answer!.toString("hex") : [error.code, error.details.replaceAll(name, "NAME"), error.metadata.getMap()["slipway-error-code"]]));
    });
    try {
      for (const method of ["ModelInfer", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"]) {
        assert.deepEqual(await call(method, hidden), await call(method, missing), method);
        assert.notDeepEqual(await call(method, "mine"), await call(method, missing), method);
      }
    } finally {
      client.close();
    }
  });
});
