import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream, speakOpenAi } from "./gateway-upstream.ts";

interface Answered {
  status: number;
  emulated: string | null;
  attempts: string | null;
  text: string;
}

/** Callers of OpenAI's responses protocol, at servers of one's own that speak chat completions alone. */
describe("responses of servers that have none", () => {
  let server: BorrowedServer;
  let url: string;
  let [status, models] = [404, ["m"]];
  const upstream = new GatewayUpstream((call, response) => {
    if (call.path.endsWith("/responses")) return status === 200 ? answerJson(response, { id: "resp_own", object: "response", status: "completed", model: "m", output: [{ type: "message", content: [{ type: "output_text", text: "its own" }] }] }) : answerJson(response, { detail: "Not Found" }, status);
    if (!models.includes(call.body.model as string)) return answerJson(response, { error: { message: "No such model.", code: "model_not_found" } }, 404);
    speakOpenAi(call, response);
  });

  before(async () => {
    url = `${await upstream.start()}/v1`;
    server = await borrowServer();
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });
  beforeEach(() => {
    [status, models] = [404, ["m"]];
    upstream.calls.length = 0;
  });

  const enter = (name: string, settings: object = {}): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "compatible", baseUrl: url, ...settings } });
  async function respond(model: string, more: object = {}): Promise<Answered> {
    const answer = await fetch(`${server.url}/v1/responses`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model, input: "hello", ...more }) });
    return { status: answer.status, emulated: answer.headers.get("x-slipway-emulated"), attempts: answer.headers.get("x-slipway-attempts"), text: await answer.text() };
  }
  const paths = (): string[] => upstream.calls.splice(0).map(({ path }) => path);

  it("are chat completions, named as emulated; that is remembered, and found out anew after a hundred calls", async () => {
    await enter("found");
    const first = await respond("found/m");
    assert.deepEqual([first.status, first.emulated, first.attempts, paths()], [200, "responses (by chat completions)", "2", ["/v1/responses", "/v1/chat/completions"]]);
    assert.equal((JSON.parse(first.text) as { output: { content: { text: string }[] }[] }).output[0]!.content[0]!.text, "You said: hello");
    const second = await respond("found/m", { stream: true });
    assert.deepEqual([second.status, second.attempts, paths()], [200, null, ["/v1/chat/completions"]]);
    assert.match(second.text, /event: response\.completed/);
    for (let call = 0; call < 99; call++) await respond("found/m");
    assert.ok(!paths().includes("/v1/responses"));
    status = 200;
    const later = await respond("found/m");
    assert.deepEqual([later.emulated, paths(), (JSON.parse(later.text) as { id: string }).id], [null, ["/v1/responses"], "resp_own"]);
  });

  for (const refusing of [405, 501]) {
    it(`are chat completions where the server says ${refusing}`, async () => {
      status = refusing;
      await enter(`says-${refusing}`);
      assert.equal((await respond(`says-${refusing}/m`)).status, 200);
    });
  }

  it("are not concluded from a model that is not there, nor asked for what only kept answers have", async () => {
    await enter("missing");
    const unknown = await respond("missing/other");
    assert.ok(unknown.status >= 400 && unknown.text.includes("No such model."), unknown.text);
    paths();
    await respond("missing/m", { previous_response_id: "resp_1" });
    assert.deepEqual(paths(), ["/v1/responses"]);
  });

  it("are what a setting says, without a look", async () => {
    await enter("chats", { responses: "chat" });
    assert.equal((await respond("chats/m")).emulated, "responses (by chat completions)");
    assert.deepEqual(paths(), ["/v1/chat/completions"]);
    await enter("natively", { responses: "native" });
    assert.ok((await respond("natively/m")).status >= 400);
    assert.deepEqual(paths(), ["/v1/responses"]);
    await assert.rejects(enter("openai-own", { kind: "openai", responses: "chat" }), { code: "INVALID_REQUEST", message: /settings\.responses is for providers of kind compatible/ });
  });
});
