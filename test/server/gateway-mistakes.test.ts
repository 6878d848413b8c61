import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { identityModel, linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Refusal { code: string; message: string; problems: { path: string; message: string }[] }

/** What somebody types who has not read the documentation: each ends in an error that says what was wrong, and nothing is written. */
describe("mistakes with the gateway, traces and costs", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" }, modelsInProcess: true });
  });
  after(() => server.stop());

  async function send(method: string, path: string, body: unknown): Promise<{ status: number; error?: Refusal }> {
    const answer = await fetch(server.url + path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return { status: answer.status, ...((await answer.json()) as { error?: Refusal }) };
  }
  const settings = (targets: object[]): object => ({ revision: 0, settings: { targets } });

  it("keep no provider with a key where everybody sees it, or with a secret that is none", async () => {
    const wrong: [object, string][] = [
      [{ settings: { kind: "openai", baseUrl: "https://api.openai.com/v1?key=sk-123" } }, "settings.baseUrl"], [{ settings: { kind: "openai", apiVersion: "sk-proj-abcdefghijkl" } }, "settings.apiVersion"],
      [{ settings: { kind: "openai" }, secret: { from: "value", value: "sk-1\nsk-2" } }, "secret.value"], [{ settings: { kind: "openai" }, secret: { from: "file", path: "../../etc/passwd" } }, "secret.path"], [{ settings: { kind: "openai" }, secret: { from: "environment", name: "my-key" } }, "secret.name"],
    ];
    for (const [body, path] of wrong) {
      const { status, error } = await send("PUT", "/api/gateway/providers/own", { revision: 0, ...body });
      assert.deepEqual([status, error?.problems.map((problem) => problem.path)], [400, [path]]);
      assert.ok(!JSON.stringify(error).includes("sk-"));
    }
    const { providers } = await server.client.api.get<{ providers: { name: string }[] }>("/api/gateway/providers");
    assert.ok(!providers.some(({ name }) => name === "own"));
  });

  it("make no route of a provider that is not there, of itself, or of one target twice", async () => {
    const unknown = await send("PUT", "/api/gateway/routes/chat", settings([{ provider: "openai", model: "gpt-5-mini" }, { provider: "chat", model: "echo" }]));
    assert.deepEqual(unknown.error!.problems.map(({ path }) => path), ["settings.targets[0].provider", "settings.targets[1].provider"]);
    assert.match(unknown.error!.message, /names openai, which is no provider: enter it with `slipway gateway set-provider openai --kind openai --key-from FILE`, or start the server with OPENAI_API_KEY/);
    const echo = { provider: "echo", model: "echo" };
    const twice = await send("PUT", "/api/gateway/routes/chat", settings([echo, { ...echo, priority: 1 }, { ...echo, weight: 3 }]));
    assert.deepEqual([twice.status, twice.error!.problems.map(({ path }) => path)], [400, ["settings.targets[2]"]]);
    assert.deepEqual(await server.client.api.get("/api/gateway/routes"), { routes: [] });
    assert.equal((await send("PUT", "/api/gateway/routes/chat", settings([echo, { ...echo, priority: 1 }]))).status, 200);
  });

  it("make no route whose classifier cannot be asked, and learn where its model is deleted later", async () => {
    const classifier = (model: string, more: object = { blockLabels: ["bad"] }): object => ({ revision: 0, settings: { targets: [{ provider: "echo", model: "echo" }], guardrails: [{ kind: "classifier", name: "polite", model, ...more }] } });
    const none = await send("PUT", "/api/gateway/routes/guarded", classifier("gaurd"));
    assert.deepEqual([none.status, none.error!.problems], [400, [{ path: "settings.guardrails[0].model", message: "names gaurd, which is no model that is served here: every call would fail. No model here takes one text: deploy one first" }]]);
    await server.client.deploy({ file: await server.file("guard.onnx", identityModel("BYTES", [-1])), name: "guard" });
    await server.client.deploy({ file: await server.file("numbers.onnx", linearModel({ weights: [1, 10] })), name: "numbers" });
    assert.match((await send("PUT", "/api/gateway/routes/guarded", classifier("gaurd"))).error!.message, /Models here that take one text: guard$/);
    assert.match((await send("PUT", "/api/gateway/routes/guarded", classifier("numbers"))).error!.message, /names numbers, which does not take one text: every call would fail/);
    assert.match((await send("PUT", "/api/gateway/routes/guarded", classifier("guard", {}))).error!.message, /guardrails\[0\] blocks nothing/);
    assert.equal((await send("PUT", "/api/gateway/routes/guarded", classifier("guard"))).status, 200);
    const draft = await send("POST", "/api/gateway/routes/guarded/rollouts", { change: { guardrails: [{ kind: "classifier", name: "polite", model: "gaurd", blockLabels: ["bad"] }] } });
    assert.deepEqual([draft.status, draft.error!.problems[0]!.path], [400, "settings.guardrails[0].model"]);
    const health = (): Promise<{ guardrails: object[] }> => server.client.api.get("/api/gateway/health");
    assert.deepEqual((await health()).guardrails, []);

    await server.client.api.send("DELETE", "/api/models/guard");
    const told = "The guardrail polite names the model guard, which is no model that is served here: it lets no call pass. Deploy the model, or change the guardrail.";
    // The server lets go of a deleted model by itself, soon.
    await until(async () => (await health()).guardrails.length > 0);
    assert.deepEqual((await health()).guardrails, [{ route: "guarded", guardrail: "polite", model: "guard", message: told }]);
    // The caller's model is there: what is missing is the operator's, and named.
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const call = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "guarded", max_tokens: 9, messages: [{ role: "user", content: "hello" }] }) });
      const { error } = (await call.json()) as { error: Refusal };
      assert.deepEqual([call.status, call.headers.get("x-error-code"), call.headers.get("x-should-retry"), error.message.split(":")[0]], [503, "GUARDRAIL_UNAVAILABLE", "false", "The guardrail polite could not ask its model guard"]);
      assert.match(error.message, /Whoever runs the route deploys the guardrail's model again/);
    }
    await server.client.api.send("DELETE", "/api/gateway/routes/guarded");
  });

  it("give a key its mistyped route, which may be made later, and say so", async () => {
    const { id, key } = await server.client.api.send<{ id: string; key: string }>("POST", "/api/keys", { name: "limited", grants: [{ role: "viewer" }] });
    const { notes } = await server.client.api.send<{ notes: string[] }>("PUT", `/api/gateway/keys/${id}`, { revision: 0, settings: { routes: ["no-such-route", "openai/*"] } });
    assert.deepEqual(notes.map((note) => note.split(":")[0]), ["There is no route no-such-route"]);
    await server.client.api.send("PUT", "/api/gateway/routes/left-out", { revision: 0, settings: { targets: [{ provider: "echo", model: "m" }] } });
    const left = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body: JSON.stringify({ model: "left-out", messages: [{ role: "user", content: "x" }] }) });
    assert.equal(left.status, 404);
    assert.match(((await left.json()) as { error: Refusal }).error.message, /^There is no model or route named "left-out" that this key may call: its policy leaves the route out/);
    await server.client.api.send("DELETE", "/api/gateway/routes/left-out");
    const notesOf = async (routes: string[]): Promise<string[]> => (await server.client.api.send<{ notes: string[] }>("POST", "/api/keys", { name: "service", grants: [{ role: "viewer", routes }] })).notes;
    assert.deepEqual(await notesOf(["chta", "echo/echo"]), ["There is no route chta: look whether the name is right, or make it; the key may use it from then on."]);
    assert.deepEqual(await notesOf(["echo"]), ["Grants know echo as echo/echo: this key may not call it. Make one for echo/echo."]);
  });

  it("are told what a body is that is no JSON, at each path", async () => {
    for (const path of ["chat/completions", "completions", "responses", "embeddings", "rerank", "messages", "messages/count_tokens"]) {
      for (const [body, told] of [["", /The body is empty: send a JSON object with model/], ["model=echo&input=hello", /The body is a form, not JSON/], ["{model: echo}", /double quotes\. Look whether a shell/], ["hello", /The body is not JSON\. Send/]] as const) {
        const answer = await fetch(`${server.url}/v1/${path}`, { method: "POST", body });
        const said = (await answer.json()) as { error: Refusal } | Refusal;
        assert.equal(answer.status, 400, path);
        // Cohere's clients read the message of the document itself.
        assert.match((path === "rerank" ? (said as Refusal) : (said as { error: Refusal }).error).message, told, path);
      }
    }
  });

  it("set no budget of a mistyped team", async () => {
    const { status, error } = await send("PUT", "/api/budgets/teams/defualt", { limits: { day: 5 } });
    assert.deepEqual([status, error!.code], [404, "TEAM_NOT_FOUND"]);
    assert.deepEqual(await server.client.api.get("/api/budgets"), { budgets: [], callBudgets: [] });
  });

  it("are told the path that was meant, by the SDK that shows the message alone", async () => {
    const question = { model: "echo", messages: [{ role: "user", content: "hello" }] };
    for (const [path, like] of [
      ["/chat/completions", "/v1/chat/completions. The client's base address lacks /v1"], ["/v1/v1/messages", "/v1/messages. The client's base address has /v1 too much"],
      ["/api/v1/runs/multipart", "/langsmith/runs/multipart. The client's base address has /api/v1 where /langsmith belongs"], ["/v1/trace", "/v1/traces"],
    ] as const) {
      const { status, error } = await send("POST", path, question);
      assert.deepEqual([status, error!.code], [404, "ROUTE_NOT_FOUND"]);
      assert.ok(error!.message.includes(`the one like it is ${like}.`), error!.message);
    }
    const models = await fetch(`${server.url}/models`, { headers: { accept: "application/json" } });
    assert.deepEqual([models.status, ((await models.json()) as { error: Refusal }).error.message], [404, "There is nothing at this path; the one like it is /v1/models. The client's base address lacks /v1."]);
  });

  it("show the address that was asked when it leads nowhere", async () => {
    const upstream = createServer((_request, response) => {
      response.statusCode = 404;
      response.end("<html>");
    });
    await new Promise<void>((resolve) => void upstream.listen(0, "127.0.0.1", resolve));
    try {
      const address = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v2`;
      await server.client.api.send("PUT", "/api/gateway/providers/typo", { revision: 0, settings: { kind: "compatible", baseUrl: address } });
      const { ok, message } = await server.client.api.send<{ ok: boolean; message: string }>("POST", "/api/gateway/providers/typo/test", {});
      assert.deepEqual([ok, message], [false, `It answered with status 404 and no message of its own. Asked was ${address}/models: look whether the base URL has the path that the provider names, such as /v1.`]);
    } finally {
      upstream.close();
    }
  });

  it("learn which host is refused and by which setting, and what was asked", async () => {
    const inside = await send("PUT", "/api/gateway/providers/inside", { revision: 0, settings: { kind: "compatible", baseUrl: "https://10.1.2.3:8000/v1" } });
    assert.deepEqual([inside.error!.code, inside.error!.message], ["EGRESS_REFUSED", "10.1.2.3:8000 is not on the public internet, and the setting egressAllowed (SLIPWAY_EGRESS_ALLOWED) names neither 10.1.2.3:8000 nor a block that holds it."]);
    const plain = await send("PUT", "/api/gateway/providers/inside", { revision: 0, settings: { kind: "compatible", baseUrl: "http://10.1.2.3:8000/v1" } });
    assert.equal(plain.error!.code, "EGRESS_REFUSED");
    const silent = await send("PUT", "/api/gateway/providers/inside", { revision: 0, settings: { kind: "compatible", baseUrl: "https://127.0.0.1:1/v1" } });
    assert.equal(silent.status, 200);
    const tested = await server.client.api.send<{ ok: boolean; code: string; message: string }>("POST", "/api/gateway/providers/inside/test", {});
    assert.deepEqual([tested.ok, tested.code], [false, "PROVIDER_UNAVAILABLE"]);
    assert.match(tested.message, / Asked was https:\/\/127\.0\.0\.1:1\/v1\/models\.$/);
  });

  it("do not pass for a test of a provider that asks nobody", async () => {
    assert.equal((await send("PUT", "/api/gateway/providers/azure", { revision: 0, settings: { kind: "azure", baseUrl: "https://name.openai.azure.com" }, secret: { from: "environment", name: "SLIPWAY_PROVIDER_NOT_SET" } })).status, 200);
    const tested = await server.client.api.send<{ ok: boolean; message: string }>("POST", "/api/gateway/providers/azure/test", {});
    assert.deepEqual([tested.ok, tested.message], [false, "The provider azure has no secret: the server has no environment variable SLIPWAY_PROVIDER_NOT_SET."]);
    assert.equal((await send("PUT", "/api/gateway/providers/azure", { revision: 1, settings: { kind: "azure", baseUrl: "https://name.openai.azure.com" }, secret: { from: "value", value: "any" } })).status, 200);
    assert.match((await server.client.api.send<{ message: string }>("POST", "/api/gateway/providers/azure/test", {})).message, /^Nothing was asked/);
  });
});

async function until(isThere: () => Promise<boolean>): Promise<void> {
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 20));
}
