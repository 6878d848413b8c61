import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { silentLogger } from "../../core/logger.ts";
import { callFacts, ManualTime, preparedCall, readyProvider, routeOf } from "../../gateway/routing/call-stage.fixture.ts";
import { TargetCallRunner } from "../../gateway/routing/call-runner.ts";
import { ProviderHealth } from "../../gateway/routing/provider-health.ts";
import { UndiciTransport } from "./undici-transport.ts";

/** A provider on a socket that does with its requests what it is told, in turn; the last stays. */
function listening(steps: ((response: ServerResponse) => void)[]): Server & { asked: () => number } {
  let count = 0;
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => void request.resume().on("end", () => steps[Math.min(count++, steps.length - 1)]!(response)));
  return Object.assign(server.listen(0, "127.0.0.1"), { asked: () => count });
}

const answer = (response: ServerResponse): void => void response.end('"well"');
const reset = (response: ServerResponse): void => void response.socket!.resetAndDestroy();

/** A connection is kept from the turn after its answer on. */
const keptTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** A route over servers, on a clock of the test's. */
function routeTo(transport: UndiciTransport, servers: Record<string, Server>, more: object = {}) {
  const time = new ManualTime();
  const providers = new Map(Object.entries(servers).map(([name, server]) => [name, readyProvider(name, { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })]));
  const health = new ProviderHealth(time);
  const runner = new TargetCallRunner({ transport, provider: (name) => providers.get(name) ?? null, health, clock: time, random: () => 0.5, alarm: time.alarm, logger: silentLogger });
  const settings = routeOf([...providers.keys()], { firstByteMs: 60_000, deadlineMs: 120_000, ...more });
  const ask = () => runner.run({ route: "r", settings, facts: callFacts(), deadline: time.monotonic() + settings.deadlineMs, signal: new AbortController().signal, prepare: () => preparedCall(false) });
  return { time, health, ask };
}

describe("a request whose kept connection is reset", () => {
  const silent = Promise.withResolvers<void>();
  const first = listening([answer, reset, () => silent.resolve()]);
  const second = listening([answer]);
  const transport = new UndiciTransport({ allowed: ["127.0.0.1"] });
  before(async () => {
    for (const server of [first, second]) if (!server.listening) await once(server, "listening");
  });
  after(async () => {
    await transport.close();
    for (const server of [first, second]) {
      server.closeAllConnections();
      server.close();
    }
  });

  it("goes out again, and to the next provider when that is not answered within a second: not the whole time once more", async () => {
    const { time, health, ask } = routeTo(transport, { first, second });
    assert.deepEqual((await ask()).attempts.map(({ provider, outcome }) => `${provider} ${outcome}`), ["first ok"]);
    await keptTurn();
    const asked = ask();
    await silent.promise;
    await time.pass(999);
    assert.equal(second.asked(), 0);
    await time.pass(2);
    const { attempts } = await asked;
    assert.deepEqual(attempts.map(({ provider, outcome }) => `${provider} ${outcome}`), ["first timeout", "second ok"]);
    assert.deepEqual([first.asked(), health.views()[0]!.errors], [3, 0]);
  });

  it("went to a provider that had it where that closes the connection only seconds later: that is a failed attempt, and the next provider is asked", async () => {
    const taken = Promise.withResolvers<ServerResponse>();
    const third = listening([answer, (response) => taken.resolve(response), answer]);
    if (!third.listening) await once(third, "listening");
    try {
      const { time, health, ask } = routeTo(transport, { third, second }, { attempts: 1 });
      await ask();
      await keptTurn();
      const asked = ask();
      const response = await taken.promise;
      await time.pass(1001);
      reset(response);
      const { attempts } = await asked;
      assert.deepEqual(attempts.map(({ provider, outcome, sent, resends }) => [provider, outcome, sent, resends]), [["third", "unreachable", true, undefined], ["second", "ok", true, undefined]]);
      assert.deepEqual([third.asked(), health.views()[0]!.errors], [2, 1]);
    } finally {
      third.closeAllConnections();
      third.close();
    }
  });
});
