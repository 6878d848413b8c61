import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import fc, { codePoint } from "../kit/fast-check.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

/** A header that somebody made of a value of another one. */
const injected = "x-injected";
/** Of all headers together: clients take 16 KiB and no more. */
const mostHeaderBytes = 16 << 10;
const hostilePieces = ["\r\n", "\n", "\r", "\0", "\u2028", "\u010a\u010d", "é", "\u{1f600}", "\ud800", " ", "\t", ":", "%0d%0a", "\u007f", `\r\n${injected}: 1`, `\n${injected}: 1`, `\r\n\r\nHTTP/1.1 200 OK\r\n${injected}: 1\r\n\r\n`, "x".repeat(500)];
const hostile = fc.array(fc.oneof(fc.constantFrom(...hostilePieces), fc.string({ unit: "grapheme", maxLength: 8 }), fc.string({ unit: codePoint, maxLength: 4 })), { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(""));
const quoted = (text: string): string => JSON.stringify(text);
/** What may stand in a line of a head that somebody else sends: anything but its end. */
const headerText = (text: string): string => text.replace(/[\r\n\0]/g, "");

/** What the provider answers with, besides what every one says. */
interface Said { reason: string; headers: Record<string, string>; status: number; text: string }

/** A provider that writes its bytes itself, and keeps those that it was sent. */
class RawProvider {
  readonly heads: string[] = [];
  answer: (isStream: boolean) => Buffer = () => Buffer.alloc(0);
  readonly #server: Server = createServer((socket) => this.#serve(socket));

  async start(): Promise<number> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
  }

  #serve(socket: Socket): void {
    let text = "";
    socket.on("error", () => undefined).setEncoding("latin1").on("data", (part: string) => {
      text += part;
      const end = text.indexOf("\r\n\r\n");
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))?.[1] ?? 0);
      if (end < 0 || text.length < end + 4 + length) return;
      assert.equal(text.length, end + 4 + length, "something was sent behind the body");
      this.heads.push(text.slice(0, end));
      socket.end(this.answer(text.slice(end + 4).includes("\"stream\":true")));
      text = "";
    });
  }
}

function bytesOf({ reason, headers, status, text }: Said, type: string): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${headerText(value)}\r\n`).join("");
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${headerText(reason)}\r\ncontent-type: ${type}\r\n${lines}content-length: ${body.length}\r\nconnection: close\r\n\r\n`, "latin1"), body]);
}

const openAiAnswer = (said: string): string => `{"id":${quoted(said)},"object":"chat.completion","created":1,"model":${quoted(said)},"service_tier":${quoted(said)},"system_fingerprint":${quoted(said)},"choices":[{"index":0,"message":{"role":"assistant","content":${quoted(said)}},"finish_reason":${quoted(said)}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`;
const openAiEvents = (said: string): string =>
  `data: {"id":${quoted(said)},"object":"chat.completion.chunk","created":1,"model":${quoted(said)},"choices":[{"index":0,"delta":{"role":"assistant","content":${quoted(said)}},"finish_reason":null}]}\n\ndata: {"id":${quoted(said)},"object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":${quoted(said)}}]}\n\ndata: [DONE]\n\n`;
const anthropicAnswer = (said: string): string => `{"id":${quoted(said)},"type":"message","role":"assistant","model":${quoted(said)},"content":[{"type":"text","text":${quoted(said)}}],"stop_reason":${quoted(said)},"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`;
const errorText = (said: string): string => `{"error":{"message":${quoted(said)},"type":${quoted(said)},"code":${quoted(said)},"param":${quoted(said)}},"request_id":${quoted(said)}}`;

describe("headers of the gateway, whatever callers and providers say", { timeout: 300_000 }, () => {
  let server: SecuredServer;
  const provider = new RawProvider();
  before(async () => {
    const port = await provider.start();
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    const put = async (path: string, body: object): Promise<void> => {
      const { status, body: text } = await server.asAdmin("PUT", `/api/gateway/${path}`, { revision: 0, ...body });
      assert.equal(status, 200, text);
    };
    const settings = { breaker: { failures: 1000, openSeconds: 1 } };
    await put("providers/open", { settings: { ...settings, kind: "openai", baseUrl: `http://127.0.0.1:${port}/v1` } });
    await put("providers/claude", { settings: { ...settings, kind: "anthropic", baseUrl: `http://127.0.0.1:${port}` } });
    await put("routes/chat", { settings: { targets: [{ provider: "open", model: "m" }], attempts: 1 } });
    await put("routes/messages", { settings: { targets: [{ provider: "claude", model: "m" }], attempts: 1 } });
  });
  after(async () => {
    await server.stop();
    provider.stop();
  });

  /** The whole answer as it came, of a caller who writes the head by hand. */
  async function assertClean(path: string, body: object, headers: readonly string[]): Promise<number> {
    provider.heads.length = 0;
    const text = JSON.stringify(body);
    const head = [`POST ${path} HTTP/1.1`, `Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`, "Content-Type: application/json", ...headers, `Content-Length: ${Buffer.byteLength(text)}`, "Connection: close"].join("\r\n");
    const answer = await server.raw(Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), Buffer.from(text)]));
    const end = answer.indexOf("\r\n\r\n");
    assert.ok(end > 0 && end < mostHeaderBytes, `${end} bytes of headers`);
    for (const lines of [answer.slice(0, end), ...provider.heads]) {
      for (const line of lines.split("\r\n").slice(1)) assert.ok(/^[\w-]+: [\x20-\x7e]*$/.test(line) && !line.toLowerCase().startsWith(injected), quoted(line));
    }
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)![1]);
  }

  const names = fc.uniqueArray(hostile, { maxLength: 20 });
  const calls = fc.record({ said: hostile, field: names, isStream: fc.boolean(), model: fc.option(hostile, { nil: undefined }), claude: fc.boolean() });

  /** Answers with the statuses of the gateway's answers. */
  async function assertAllClean(upstreamStatuses: readonly number[], numRuns: number): Promise<Set<number>> {
    const statuses = new Set<number>();
    await fc.assert(fc.asyncProperty(calls, fc.constantFrom(...upstreamStatuses), async ({ said, field, isStream, model, claude }, status) => {
      const headers = { "x-request-id": said, "request-id": said, "retry-after": said, "x-ratelimit-limit-requests": said, "anthropic-ratelimit-tokens-reset": said, "openai-processing-ms": said, "x-slipway-cost": said, [injected]: "1", "set-cookie": said };
      provider.answer = (streams) => {
        const text = status !== 200 ? errorText(said) : claude ? anthropicAnswer(said) : streams ? openAiEvents(said) : openAiAnswer(said);
        return bytesOf({ reason: said, headers, status, text }, status === 200 && streams && !claude ? "text/event-stream" : "application/json");
      };
      const own = Object.fromEntries(field.map((name) => [name, said]));
      const messages = [{ role: "user", content: said, name: said }];
      const sentHeaders = ["x-slipway-session", "x-slipway-agent-run", "x-slipway-tags", "traceparent", "tracestate", "x-request-id", "anthropic-beta", "user-agent"].filter((_, index) => (said.length + index) % 3 === 0).map((name) => `${name}: ${headerText(said)}`);
      const provided = claude ? "claude" : "open";
      statuses.add(await assertClean("/v1/chat/completions", { ...own, model: model === undefined ? (claude ? "messages" : "chat") : `${provided}/${model}`, stream: isStream, messages, user: said, metadata: { [said]: said }, tools: [{ type: "function", function: { name: said, parameters: {} } }], reasoning_effort: said, service_tier: said }, sentHeaders));
      statuses.add(await assertClean("/v1/chat/completions", { model: model === undefined ? "chat" : `${provided}/${model}`, stream: isStream, messages: [{ role: "user", content: said }], ...(claude ? { seed: 1, logit_bias: { 1: 1 } } : {}) }, []));
      statuses.add(await assertClean("/v1/messages", { model: model === undefined ? (claude ? "messages" : "chat") : `${provided}/${model}`, stream: isStream, max_tokens: 5, messages: [{ role: "user", content: said }], ...own }, sentHeaders));
    }), { numRuns });
    return statuses;
  }

  it("name the first of the fields that were dropped, and say where there are more", async () => {
    provider.answer = () => bytesOf({ reason: "OK", headers: {}, status: 200, text: anthropicAnswer("hello") }, "application/json");
    const tools = (count: number, name: (index: number) => string): object[] => Array.from({ length: count }, (_, index) => ({ type: "function", function: { name: `f${index}`, parameters: {} }, [name(index)]: 1 }));
    const droppedOf = async (body: object): Promise<string> => {
      const { status, headers, body: text } = await server.asAdmin("POST", "/v1/chat/completions", { model: "messages", messages: [{ role: "user", content: "hello" }], ...body });
      assert.equal(status, 200, text);
      return decodeURIComponent(headers["x-slipway-dropped"]![0]!);
    };
    assert.equal(await droppedOf({ tools: tools(2, () => "cute") }), "tools[0].cute, tools[1].cute");
    for (const letter of ["x", "é"]) {
      const dropped = await droppedOf({ tools: tools(60, (index) => `${index}${letter.repeat(100)}`) });
      assert.match(dropped, /^tools\[0\]\.0.*, and more$/);
      assert.ok(dropped.length < 2100);
    }
    assert.equal(await droppedOf({ tools: tools(60, (index) => `${index}${"x".repeat(5000)}`) }), "and more");
    await assertClean("/v1/chat/completions", { model: "messages", messages: [{ role: "user", content: "hello" }], tools: tools(60, (index) => `${index}${"\u{1f600}".repeat(100)}`) }, []);
  });

  it("hold no line that one of them made, and are short enough for clients: whole and streamed, also of failures", async () => {
    assert.ok((await assertAllClean([200], 80)).has(200));
    assert.ok((await assertAllClean([400], 30)).has(400));
    // A provider that answers so is left alone after a while.
    await assertAllClean([401, 404, 429, 500], 30);
  });
});
