import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { SeededRandom } from "../../../test/kit/seeded-random.ts";
import { UndiciTransport } from "../../adapters/undici/undici-transport.ts";
import { AppError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { OpenedCall } from "./call-plan.ts";
import { callFacts, ManualTime, preparedCall, readyProvider, routeOf } from "./call-stage.fixture.ts";
import { TargetCallRunner } from "./call-runner.ts";
import { ProviderHealth } from "./provider-health.ts";

const wholeStream = "start\none\ntwo\nfinish\n";

/** What a provider may do wrong before it has given any of an answer. */
const quick: Record<string, (response: ServerResponse, socket: Socket) => void> = {
  "429 with Retry-After": (response) => void response.writeHead(429, { "retry-after": "20" }).end("Slow down."),
  "429 without Retry-After": (response) => void response.writeHead(429).end("Slow down."),
  "529": (response) => void response.writeHead(529).end("Overloaded."),
  "500 with a long page": (response) => void response.writeHead(500, { "content-type": "text/html" }).end("<html>".repeat(50_000)),
  "reset before the head": (_response, socket) => void socket.resetAndDestroy(),
  "closed before the head": (_response, socket) => void socket.end(),
  "reset within the head": (_response, socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-ty", () => socket.resetAndDestroy()),
  "no HTTP": (_response, socket) => void socket.end("220 ready\r\n"),
  "half a frame and an end": (response) => void response.end("star"),
  "half a frame and a reset": (response, socket) => void response.write("start\non", () => socket.resetAndDestroy()),
  "wrong JSON": (response) => void response.end('!{"answer": \n'),
  "no gzip": (response) => void response.writeHead(200, { "content-encoding": "gzip" }).end("this is no gzip"),
  "a redirect": (response) => void response.writeHead(307, { location: "http://169.254.169.254/" }).end(),
};

/** And what never ends. */
const endless: typeof quick = {
  "silence": () => undefined,
  "a head and silence": (response) => void response.writeHead(200).flushHeaders(),
  "a drip without content": (response) => {
    const drip = (): void => void response.write(" ", () => void setImmediate(() => response.destroyed || drip()));
    drip();
  },
};

/** Moves the clock on until the call has given this answer up: in small steps, which leave the next target its time. */
async function patience(time: ManualTime, response: ServerResponse): Promise<void> {
  while (!response.destroyed) await time.pass(1000);
}

describe("TargetCallRunner over the network", () => {
  const transport = new UndiciTransport({ allowed: ["127.0.0.1"] });
  const times: ManualTime[] = [];
  const random = new SeededRandom(11);
  let base = "";
  // The path is the call's number, what its provider does, and what is asked of it.
  const server = createServer((request, response) => {
    const [, call = "", named = "", kind] = request.url!.split("/").map(decodeURIComponent);
    const names = Object.keys(quick);
    const doing = named === "flaky" && random.next() < 0.7 ? names[random.integer(0, names.length - 1)]! : named;
    request.resume().on("end", () => {
      if (quick[doing] !== undefined) return quick[doing](response, request.socket);
      if (endless[doing] !== undefined) {
        endless[doing](response, request.socket);
        return void patience(times[Number(call)]!, response);
      }
      if (doing === "breaks off") return void response.write("start\none\n", () => request.socket.destroy());
      response.end(kind === "stream" ? wholeStream : '"whole"');
    });
  });
  server.on("connection", (socket: Socket) => socket.on("error", () => undefined));
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
  });

  async function ask(stream: boolean, targets: readonly string[]): Promise<{ opened: OpenedCall<string>; text: string; tookMs: number }> {
    const clock = new ManualTime();
    const call = times.push(clock) - 1;
    const began = clock.monotonic();
    const provider = (name: string) => readyProvider(name, { baseUrl: `${base}/${call}/${encodeURIComponent(targets[Number(name)]!)}` });
    const runner = new TargetCallRunner({ transport, provider, health: new ProviderHealth(clock), clock, random: () => 0.5, alarm: clock.alarm, logger: silentLogger });
    const settings = routeOf(targets.map((_, index) => String(index)), { attempts: 1 });
    const prepare = () => {
      const prepared = preparedCall(stream);
      return { ...prepared, request: { ...prepared.request, path: stream ? "/stream" : "/whole" } };
    };
    const opened = await runner.run({ route: "r", settings, facts: callFacts(), deadline: began + settings.deadlineMs, signal: new AbortController().signal, prepare });
    let text = "";
    if (!opened.streamed) text = opened.answer;
    else for await (const { bytes } of opened.pieces) text += Buffer.from(bytes).toString();
    return { opened, text, tookMs: clock.monotonic() - began };
  }

  for (const stream of [false, true]) {
    const what = stream ? "stream" : "answer";
    const right = stream ? wholeStream : "whole";

    it(`loses no ${what} that a second target can give, whatever the first one does`, async () => {
      for (const wrong of Object.keys({ ...quick, ...endless })) {
        const { opened, text, tookMs } = await ask(stream, [wrong, "good"]);
        assert.deepEqual([text, opened.attempts.map(({ outcome }) => outcome === "ok")], [right, [false, true]], wrong);
        // A drip of white space is an answer that has begun, where nobody streams: it has until half of the deadline is kept for others.
        assert.ok(tookMs <= (wrong in endless ? 115_000 : 0), `${wrong}: ${tookMs}`);
      }
    });

    it(`loses no ${what} among many at once, over connections that break under them`, async () => {
      const answers = await Promise.all(Array.from({ length: 80 }, () => ask(stream, ["flaky", "flaky", "good"])));
      assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set([right]));
      assert.ok(answers.some(({ opened }) => opened.attempts.length === 3));
    });
  }

  it("splices no second answer to a stream that has begun", async () => {
    await assert.rejects(ask(true, ["breaks off", "good"]), (error) => error instanceof AppError && error.code === "PROVIDER_STREAM_FAILED");
  });
});
