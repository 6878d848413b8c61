import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { GatewayUpstream, speakOpenAi } from "../server/gateway-upstream.ts";

/** Whole collections, to see what is held and not what was left lying. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

describe("hostile bodies for the gateway", () => {
  let server: SecuredServer;
  const upstream = new GatewayUpstream(speakOpenAi);
  before(async () => {
    const url = await upstream.start();
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    for (const [path, body] of [
      ["providers/first", { settings: { kind: "compatible", baseUrl: `${url}/v1` } }],
      ["routes/guarded", { settings: { targets: [{ provider: "first", model: "m" }], guardrails: [{ kind: "patterns", name: "p", patterns: ["forbidden"], on: "input" }] } }],
    ] as const) assert.equal((await server.asAdmin("PUT", `/api/gateway/${path}`, { revision: 0, ...body })).status, 200);
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  const post = (path: string, body: string, more: readonly string[] = []): Promise<RawReply> =>
    server.send("POST", path, [`Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`, "Content-Type: application/json", ...more], body);
  const messages = '"messages":[{"role":"user","content":"hello"}]';
  const bodies: Readonly<Record<string, string>> = { "/v1/chat/completions": messages, "/v1/completions": '"prompt":"hello"', "/v1/responses": '"input":"hello"', "/v1/messages": `"max_tokens":5,${messages}`, "/v1/messages/count_tokens": messages, "/v1/embeddings": '"input":"hello"', "/v1/rerank": '"query":"a","documents":["b"]', "/openai/deployments/first%2Fm/chat/completions": messages, "/openai/deployments/first%2Fm/embeddings": '"input":"hello"' };

  it("are refused before they are read where they nest deeper than anything does, and where they have more in them than anything has", async () => {
    const nested = "[".repeat(200_000) + "]".repeat(200_000);
    const empty = `[${"{},".repeat(600_000)}{}]`;
    const numbers = `[${"1,".repeat(600_000)}1]`;
    for (const [path, body] of Object.entries(bodies)) {
      for (const value of [nested, empty, numbers]) {
        const reply = await post(path, `{"model":"first/m",${body},"later":{"a":${value}}}`);
        assert.equal(reply.status, 400, `${path}: ${reply.body}`);
        assert.deepEqual(reply.headers["x-error-code"], ["INVALID_JSON"], path);
      }
      const asked = upstream.calls.length;
      const fine = await post(path, `{"model":"first/m",${body},"later":{"a":${"[".repeat(100)}${"]".repeat(100)},"b":[${"{},".repeat(1000)}{}]}}`);
      assert.ok(fine.status !== 400 || !/INVALID_JSON/.test(fine.body), fine.body);
      assert.ok(path.endsWith("count_tokens") || upstream.calls.length > asked || fine.status === 400, path);
    }
    for (const [path, type, body] of [
      ["/v1/traces", "application/json", `{"resourceSpans":[{"resource":{"attributes":${empty}}}]}`], ["/langsmith/runs", "application/json", `{"id":"x","inputs":${empty}}`],
      ["/langsmith/runs/multipart", "multipart/form-data; boundary=b", `--b\r\nContent-Disposition: form-data; name="post.0af76519-16cd-43dd-8448-eb211c80319c"\r\n\r\n{"inputs":${nested}}\r\n--b--\r\n`],
    ] as const) {
      const reply = await server.send("POST", path, [`Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`, `Content-Type: ${type}`], body);
      assert.deepEqual([reply.status, reply.headers["x-error-code"]], [400, ["INVALID_JSON"]], `${path}: ${reply.body}`);
    }
  });

  it("leave nothing behind of names of models that are megabytes long", async () => {
    const ask = (index: number): Promise<RawReply> => post("/v1/chat/completions", `{"model":"first/${index}${"x".repeat(4 << 20)}",${messages}}`);
    await ask(-1);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 24; index++) {
      const reply = await ask(index);
      assert.deepEqual([reply.status, reply.body.length < 2000], [404, true]);
    }
    collect();
    const kept = process.memoryUsage().heapUsed - before;
    assert.ok(kept < 32 << 20, `${kept >> 20} MiB are held`);
  });

  it("do not reach a provider with a field twice, however deep and however it is spelled, nor with what is no UTF-8", async () => {
    const asked = upstream.calls.length;
    const user = '{"role":"user"';
    const tool = '{"type":"function","function":{"name":"f","description":"a","description":"b"}}';
    for (const [path, place, body] of [
      ["/v1/chat/completions", "messages", `"messages":[${user},"content":"forbidden"}],${messages}`],
      ["/v1/chat/completions", "messages[0].content", `"messages":[${user},"content":"forbidden","content":"hello"}]`],
      ["/v1/chat/completions", "messages[0].content", `"messages":[${user},"content":"hello","\\u0063ontent":"hello"}]`],
      ["/v1/chat/completions", "messages[0].content[0].text", `"messages":[${user},"content":[{"type":"text","text":"forbidden","text":"hello"}]}]`],
      ["/v1/chat/completions", "messages[1].tool_calls[0].function.arguments", `"messages":[${user},"content":"a"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}","arguments":"{}"}}]}]`],
      ["/v1/chat/completions", "tools[0].function.description", `${messages},"tools":[${tool}]`],
      ["/v1/chat/completions", "metadata.a", `${messages},"metadata":{"a":"1","b":"2","a":"3"}`],
      ["/v1/chat/completions", "later.a[2].b", `${messages},"later":{"a":[1,{},{"b":1,"b":1}]}`],
      ["/v1/completions", "prompt", '"prompt":"forbidden","prompt":"hello"'],
      ["/v1/responses", "input[0].content", `"input":[${user},"content":"forbidden","content":"hello"}]`],
      ["/v1/messages", "system[0].text", `"max_tokens":5,${messages},"system":[{"type":"text","text":"forbidden","text":"hello"}]`],
      ["/v1/messages/count_tokens", "messages[0].content", `"messages":[${user},"content":"forbidden","content":"hello"}]`],
      ["/v1/embeddings", "input", '"input":"forbidden","input":"hello"'],
      ["/v1/rerank", "documents[0].text", '"query":"a","documents":[{"text":"forbidden","text":"hello"}]'],
    ] as const) {
      for (const model of ["guarded", "first/m"]) {
        const reply = await post(path, `{"model":"${model}",${body}}`);
        assert.ok(reply.status === 400 && reply.body.includes(place) && reply.body.includes("stands there twice"), `${path} ${body}: ${reply.status} ${reply.body}`);
      }
    }
    const broken = Buffer.concat([Buffer.from('{"model":"guarded","messages":[{"role":"user","content":"for'), Buffer.from([0xc1]), Buffer.from('bidden"}]}')]);
    const reply = await fetch(`http://${server.host}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${server.adminKey}`, "content-type": "application/json" }, body: broken });
    assert.deepEqual([reply.status, reply.headers.get("x-error-code")], [400, "INVALID_JSON"], await reply.text());
    assert.equal(upstream.calls.length, asked);
    // The same name in several objects, and within texts, is no repetition.
    const fine = await post("/v1/chat/completions", `{"model":"guarded","messages":[${user},"content":"\\"a\\":1,\\"a\\":1"},${user},"content":"b"}],"metadata":{"metadata":"role"}}`);
    assert.equal(fine.status, 200, fine.body);
  });

  it("do not reach a provider with a field of the protocol in other letters, which servers in Go take for it", async () => {
    const asked = upstream.calls.length;
    const hello = '{"role":"user","content":"hello"';
    for (const [path, body] of [
      ["/v1/chat/completions", `${messages},"Messages":[{"role":"user","content":"forbidden"}]`],
      ["/v1/chat/completions", `${messages},"MAX_TOKENS":100000`],
      ["/v1/chat/completions", `${messages},"meſſages":[]`],
      ["/v1/chat/completions", `"messages":[${hello},"Content":"forbidden"}]`],
      ["/v1/chat/completions", '"messages":[{"role":"user","content":[{"type":"text","text":"hello","Text":"forbidden"}]}]'],
      ["/v1/chat/completions", '"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png","URL":"http://169.254.169.254/"}}]}]'],
      ["/v1/chat/completions", `${messages},"tools":[{"type":"function","function":{"name":"f","Name":"g"}}]`],
      ["/v1/completions", '"prompt":"hello","Prompt":"forbidden"'],
      ["/v1/responses", '"input":"hello","Input":"forbidden"'],
      ["/v1/messages", `"max_tokens":5,${messages},"Max_Tokens":100000`],
      ["/v1/embeddings", '"input":"hello","Input":"forbidden"'],
    ] as const) {
      const reply = await post(path, `{"model":"guarded",${body}}`);
      assert.ok(reply.status === 400 && /is not a field/.test(reply.body), `${path} ${body}: ${reply.status} ${reply.body}`);
    }
    assert.match((await post("/v1/chat/completions", `{"model":"guarded","Model":"dear",${messages}}`)).body, /Model.*is not a field; model is/);
    assert.equal(upstream.calls.length, asked);
    // What callers name themselves may have any letters.
    const own = '"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"id":{},"ID":{}}}}}],"metadata":{"a":"1","A":"2"},"X-Own":1';
    assert.equal((await post("/v1/chat/completions", `{"model":"guarded",${messages},${own}}`)).status, 200);
  });
});
