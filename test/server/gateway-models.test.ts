import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { answerJson, GatewayUpstream, speakOpenAi } from "./gateway-upstream.ts";

interface Entry {
  model: string;
  cost: number;
  estimated: boolean;
  attribution: { traceId: string };
}

const documentOf = ({ body }: RawReply): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

describe("models that callers may name", () => {
  let server: SecuredServer;
  const upstream = new GatewayUpstream(speakOpenAi);
  before(async () => {
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    const made = await server.asAdmin("PUT", "/api/gateway/providers/local", { revision: 0, settings: { kind: "compatible", baseUrl: await upstream.start(), models: ["m", "meta/llama"] } });
    assert.equal(made.status, 200, made.body);
    assert.equal((await server.asAdmin("PUT", "/api/gateway/routes/chat", { revision: 0, settings: { targets: [{ provider: "local", model: "m" }] } })).status, 200);
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  async function newKey(grants: object[], policy: object | null = null): Promise<string> {
    const made = documentOf(await server.asAdmin("POST", "/api/keys", { name: "caller", grants })) as { id: string; key: string };
    if (policy !== null) assert.equal((await server.asAdmin("PUT", `/api/gateway/keys/${made.id}`, { revision: 0, settings: policy })).status, 200);
    return made.key;
  }
  const as = (key: string, method: string, path: string, body?: object, more: string[] = []): Promise<RawReply> =>
    server.send(method, path, [`Host: ${server.host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json", ...more], body === undefined ? "" : JSON.stringify(body));
  const chat = async (key: string, model: string): Promise<number> => (await as(key, "POST", "/v1/chat/completions", { model, messages: [{ role: "user", content: "hello" }] })).status;
  const listed = async (key: string): Promise<unknown[]> => (documentOf(await as(key, "GET", "/v1/models")).data as { id: string }[]).map(({ id }) => id);

  it("are routes alone for a key that is no admin's, unless it was given PROVIDER/MODEL by grant or policy", async () => {
    const direct = ["local/m", "local/meta/llama"];
    for (const [grants, policy, mayRoute, mayDirect] of [
      [[{ role: "admin" }], null, 200, 200], [[{ role: "admin" }], { direct: false }, 200, 404],
      [[{ role: "viewer" }], null, 200, 404], [[{ role: "viewer" }], { direct: true }, 200, 200], [[{ role: "deployer" }], { project: "p" }, 200, 404],
      [[{ role: "viewer" }], { routes: ["local/*"] }, 404, 200], [[{ role: "viewer" }], { routes: ["chat"] }, 200, 404], [[{ role: "viewer" }], { routes: ["*"], direct: false }, 200, 404],
      [[{ role: "viewer", routes: direct }], null, 404, 200], [[{ role: "viewer", routes: ["chat"] }], { direct: true }, 200, 404],
    ] as [object[], object | null, number, number][]) {
      const key = await newKey(grants, policy);
      const what = JSON.stringify([grants, policy]);
      assert.deepEqual([await chat(key, "chat"), await chat(key, "local/m")], [mayRoute, mayDirect], what);
      assert.deepEqual(await listed(key).then((all) => all.filter((name) => name !== "echo/echo")), [...(mayRoute === 200 ? ["chat"] : []), ...(mayDirect === 200 ? direct : [])], what);
      for (const [name, status] of [["chat", mayRoute], ["local%2Fm", mayDirect], ["local/m", mayDirect], ["local/meta/llama", mayDirect]] as const) assert.equal((await as(key, "GET", `/v1/models/${name}`)).status, status, `${name} ${what}`);
    }
    // The built-in one costs nothing.
    assert.equal(await chat(await newKey([{ role: "viewer" }]), "echo"), 200);
  });

  it("are named where a call nearly does, to whom may call them", async () => {
    const nearest = async (key: string, model: string, method = "POST"): Promise<string | undefined> => {
      const { status, body } = method === "GET" ? await as(key, "GET", `/v1/models/${model}`) : await as(key, "POST", "/v1/messages", { model, max_tokens: 5, messages: [{ role: "user", content: "hello" }] });
      assert.equal(status, 404, body);
      return /the nearest that you may call is (\S+)\. /.exec((JSON.parse(body) as { error: { message: string } }).error.message)?.[1];
    };
    const [routes, direct, one] = [await newKey([{ role: "viewer" }]), await newKey([{ role: "viewer" }], { direct: true }), await newKey([{ role: "viewer" }], { routes: ["local/m"] })];
    assert.deepEqual([await nearest(routes, "chta"), await nearest(direct, "chta"), await nearest(one, "chta")], ["chat", "chat", undefined]);
    assert.deepEqual([await nearest(routes, "meta/lama"), await nearest(direct, "meta/lama"), await nearest(one, "meta/lama")], [undefined, "local/meta/llama", undefined]);
    assert.deepEqual([await nearest(routes, "lokal/m"), await nearest(direct, "lokal/m"), await nearest(one, "lokal/m")], [undefined, "local/m", "local/m"]);
    assert.equal(await nearest(direct, "local/meta/lama", "GET"), "local/meta/llama");
  });

  it("are counted where a name stands for none, of the team of who asked and under no name that a caller chooses", async () => {
    assert.equal((await server.asAdmin("POST", "/api/teams", { name: "blue" })).status, 200);
    const [blue, hidden] = [await newKey([{ role: "viewer", team: "blue" }]), await newKey([{ role: "viewer", team: "blue" }], { routes: ["nothing"] })];
    const missed = async (): Promise<unknown[]> => (documentOf(await server.asAdmin("GET", "/api/gateway/health")).refused as { team: string }[]).filter(({ team }) => team === "blue");
    assert.deepEqual(await missed(), []);
    assert.deepEqual([await chat(blue, "chta"), await chat(blue, "openai/gpt-9"), await chat(blue, "chat"), await chat(hidden, "nothing")], [404, 404, 404, 404]);
    for (const [path, body] of [["/v1/embeddings", { model: "vec", input: "a" }], ["/v1/messages/count_tokens", { model: "clod", messages: [{ role: "user", content: "hello" }] }]] as const) assert.equal((await as(blue, "POST", path, body)).status, 404);
    // Without a model it is no call.
    assert.equal((await as(blue, "POST", "/v1/chat/completions", { messages: [] })).status, 400);
    assert.deepEqual(await missed(), [{ team: "blue", route: "other", reason: "GATEWAY_MODEL_NOT_FOUND", calls: 6 }]);
    const { body } = await server.asAdmin("GET", "/metrics");
    assert.ok(body.includes('slipway_gateway_refused_total{team="blue",route="other",reason="GATEWAY_MODEL_NOT_FOUND"} 6'), body);
    assert.doesNotMatch(body, /chta|gpt-9|clod/);
  });

  it("are told one by one, in the protocol of who asks", async () => {
    const { id, object, owned_by: owner, created } = documentOf(await server.asAdmin("GET", "/v1/models/chat"));
    assert.deepEqual([id, object, owner, Number(created) > 1.7e9], ["chat", "model", "default", true]);
    assert.deepEqual(documentOf(await server.asAdmin("GET", "/v1/models/local%2Fm")), { id: "local/m", object: "model", created: 0, owned_by: "local" });
    assert.equal(documentOf(await server.asAdmin("GET", "/v1/models/chat", undefined, ["anthropic-version: 2023-06-01"])).type, "model");
    for (const name of ["absent", "absent%2Fm", "absent/m", "chat/versions/1"]) assert.equal((await server.asAdmin("GET", `/v1/models/${name}`)).status, 404, name);
  });

  it("are billed as the one that answered, where an embedding or a reranking leaves the choice to its provider", async () => {
    for (const [model, input] of [["m", 1], ["other", 1000]] as const) assert.equal((await server.asAdmin("POST", "/api/prices", { provider: "local", model, rates: { input, output: 0 } })).status, 200);
    upstream.answer = ({ path, body }, response) => answerJson(response, path.endsWith("/rerank")
      ? { model: (body.models as string[])[0], results: [{ index: 0, relevance_score: 1 }], usage: { prompt_tokens: 10 } }
      : { object: "list", model: (body.models as string[])[0], data: [{ object: "embedding", index: 0, embedding: [1] }], usage: { prompt_tokens: 10, total_tokens: 10 } });
    for (const [path, asked] of [["embeddings", { input: "a" }], ["rerank", { query: "a", documents: ["b"] }]] as const) {
      for (const [answering, billed] of [["other", ["other", 10_000_000, false]], ["m", ["m", 10_000, false]], ["unpriced", ["m", 10_000, true]]] as const) {
        const trace = randomBytes(16).toString("hex");
        const reply = await server.asAdmin("POST", `/v1/${path}`, { model: "local/m", models: [answering], ...asked }, [`traceparent: 00-${trace}-${randomBytes(8).toString("hex")}-01`]);
        assert.equal(reply.status, 200, reply.body);
        let entry: Entry | undefined;
        // Entries are written behind the answer: asked for until it is there.
        while (entry === undefined) entry = (documentOf(await server.asAdmin("GET", "/api/costs/entries?limit=1000")) as { entries: Entry[] }).entries.find(({ attribution }) => attribution.traceId === trace);
        assert.deepEqual([entry.model, entry.cost, entry.estimated], billed);
      }
    }
    upstream.answer = speakOpenAi;
  });

  it("are everybody's where the server says so", async () => {
    const open = await startSecuredServer({ directModels: "all", egressAllowed: ["127.0.0.1"] });
    try {
      const { key } = documentOf(await open.asAdmin("POST", "/api/keys", { name: "viewer", grants: [{ role: "viewer" }] })) as { key: string };
      assert.equal((await open.asAdmin("PUT", "/api/gateway/providers/plan", { revision: 0, settings: { kind: "scripted", script: [{ text: "yes" }] } })).status, 200);
      const reply = await open.send("POST", "/v1/chat/completions", [`Host: ${open.host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json"], JSON.stringify({ model: "plan/m", messages: [{ role: "user", content: "hello" }] }));
      assert.equal(reply.status, 200, reply.body);
    } finally {
      await open.stop();
    }
  });

  it("are listed in the order in which people look for them: route-2 before route-10", async () => {
    const open = await startSecuredServer({ directModels: "all" });
    try {
      for (const name of ["route-10", "route-2", "Route-1"]) {
        assert.equal((await open.asAdmin("POST", "/api/teams", { name: name.toLowerCase() })).status, 200);
        assert.equal((await open.asAdmin("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "echo", model: "echo" }] } })).status, 200);
      }
      const read = async (path: string): Promise<Record<string, { name?: string; id?: string }[]>> => documentOf(await open.asAdmin("GET", path)) as Record<string, { name?: string; id?: string }[]>;
      const wanted = ["Route-1", "route-2", "route-10"];
      assert.deepEqual((await read("/api/gateway/routes")).routes!.map(({ name }) => name), wanted);
      assert.deepEqual((await read("/v1/models")).data!.map(({ id }) => id), [...wanted, "echo/echo"]);
      assert.deepEqual((await read("/api/teams")).teams!.map(({ name }) => name).filter((name) => name !== "default"), ["route-1", "route-2", "route-10"]);
    } finally {
      await open.stop();
    }
  });
});
