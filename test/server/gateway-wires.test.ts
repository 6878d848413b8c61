import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";
import { callerWires, type CallerProtocol } from "./caller-wires.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";
import { providerWires, type Said } from "./provider-wires.ts";

type Kind = keyof typeof providerWires;

const city = '{"city":"Köln 🌧"}';
const words = "Zwölf Grad in 東京 🌤";

/** In writes of so many bytes: where they are single ones, a stream is cut wherever the network may cut it. */
function drip(response: ServerResponse, bytes: Buffer, type: string, size: number): void {
  response.writeHead(200, { "content-type": type });
  let at = 0;
  const next = (): void => {
    if (at >= bytes.length) response.end();
    else response.write(bytes.subarray(at, (at += size)), () => setImmediate(next));
  };
  next();
}

/** What the mappings do with each field is shown beside them; here, that callers of each protocol get through a whole server what each kind of provider says in its own, and it what they say. */
describe("callers of each protocol, at each kind of provider", () => {
  let server: SecuredServer;
  let kind: Kind = "openai";
  const upstream = new GatewayUpstream(({ bytes, path, headers }, response) => {
    const wire = providerWires[kind];
    const asked = bytes.toString();
    // What is asked says what to answer: with a result the words, with a tool alone a call of it.
    const said: Said = !asked.includes("sunny") && asked.includes('"weather"') ? { call: city } : { text: words };
    const [name, value] = wire.key;
    assert.equal(headers[name], value);
    if (path === wire.path(false) && !/"stream":true/.test(asked)) answerJson(response, wire.whole(said));
    else if (path === wire.path(true)) drip(response, wire.stream(said), kind === "bedrock" ? "application/vnd.amazon.eventstream" : "text/event-stream", asked.includes('"weather"') ? 7 : 1);
    else answerJson(response, { error: { message: `Nothing is at ${path}.` } }, 400);
  });

  before(async () => {
    const address = await upstream.start();
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    for (const [name, { base }] of Object.entries(providerWires)) {
      const settings = { kind: name, baseUrl: address + base, ...(name === "bedrock" ? { region: "eu-west-1" } : {}) };
      const reply = await server.asAdmin("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings, secret: { from: "value", value: "k" } });
      assert.equal(reply.status, 200, reply.body);
    }
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  for (const each of Object.keys(providerWires) as Kind[]) {
    for (const protocol of Object.keys(callerWires) as CallerProtocol[]) {
      // These have responses of their own, which pass byte for byte.
      if (protocol === "responses" && (each === "openai" || each === "compatible")) continue;
      const { path, body, read } = callerWires[protocol];
      const model = `${each}/${providerWires[each].model}`;

      it(`${protocol} at ${each}: words, a tool's call and its result, whole and in streams of small pieces`, async () => {
        kind = each;
        for (const stream of [false, true]) {
          const ask = async (more: { tools: boolean; call?: { id: string; arguments: string } }): Promise<ReturnType<typeof read>> => {
            const reply = await fetch(`http://127.0.0.1:${server.slipway.httpPort}${path}`, { method: "POST", headers: { authorization: `Bearer ${server.adminKey}`, "content-type": "application/json" }, body: JSON.stringify(body({ model, stream, ...more })) });
            const text = await reply.text();
            assert.equal(reply.status, 200, text);
            return read(text, stream);
          };
          const usage = { input: 11, output: 7 };
          assert.deepEqual(await ask({ tools: false }), { text: words, calls: [], isToolUse: false, usage });
          const called = await ask({ tools: true });
          const [call] = called.calls;
          assert.ok(call !== undefined && call.id !== "", JSON.stringify(called));
          assert.deepEqual({ ...called, calls: [call.name, JSON.parse(call.arguments)] }, { text: "", calls: ["weather", JSON.parse(city)], isToolUse: true, usage });
          assert.deepEqual(await ask({ tools: true, call }), { text: words, calls: [], isToolUse: false, usage });
        }
      });
    }
  }
});
