import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";
import { seededRandom } from "../kit/seed.ts";
import { GatewayUpstream } from "./gateway-upstream.ts";
import { askChaos, isEndless, isWholeAnswer, SickProvider, wrongsBeforeContent } from "./sick-provider.ts";

/** How often each thing goes wrong, and by how many callers: so few that the processors stay idle, and the times are those of the gateway. Those that only wait come all at once. */
const [times, atOnce] = [4, 4];
/** What the route gives an attempt until its first content: so much that the sound one is not given up because the machine is busy. */
const firstByteMs = 2000;
/** The promise. */
const withinMs = 2000;

const tickMs = 10;

/** Milliseconds in which this process had its turn. Server, providers and callers are in it: where other programs have the processors, the time that they take is nobody's here. */
class OwnTime {
  #sum = 0;
  #last = performance.now();
  readonly #ticker = setInterval(() => this.#count(), tickMs);

  readonly now = (): number => this.#count();

  stop(): void {
    clearInterval(this.#ticker);
  }

  #count(): number {
    const now = performance.now();
    this.#sum += Math.min(now - this.#last, 5 * tickMs);
    this.#last = now;
    return this.#sum;
  }
}

interface Fallback {
  kind: string;
  /** From the first provider's failure to the first content of the second one's answer, at the caller. */
  ms: number;
}

describe("the time that a fallback takes, through a whole server", () => {
  let server: SecuredServer;
  const time = new OwnTime();
  const { now } = time;
  const wrongOf = new Map<string, string>();
  const [sick, sound] = ["sick", "sound"].map((name) => new SickProvider({ name, random: seededRandom(name), share: () => 0, endless: 0, broken: 0, wrongOf: (question) => (name === "sick" ? wrongOf.get(question) : undefined), now })) as [SickProvider, SickProvider];
  const upstreams = [sick, sound].map(({ answer }) => new GatewayUpstream(answer));

  before(async () => {
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    for (const [index, name] of ["sick", "sound"].entries()) {
      // Each call is to ask the sick one first, however often it failed.
      const settings = { kind: "compatible", baseUrl: await upstreams[index]!.start(), breaker: { failures: 1000, openSeconds: 1 } };
      assert.equal((await server.asAdmin("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings })).status, 200);
    }
    const targets = ["sick", "sound"].map((provider, priority) => ({ provider, model: "m", priority }));
    assert.equal((await server.asAdmin("PUT", "/api/gateway/routes/chaos", { revision: 0, settings: { targets, firstByteMs, sticky: false } })).status, 200);
  });
  after(async () => {
    time.stop();
    await server.stop();
    for (const upstream of upstreams) upstream.stop();
  });

  it("is under two seconds at the 99th percentile, whatever the first provider does", async (test) => {
    const asked = (["whole", "stream"] as const).flatMap((form) => wrongsBeforeContent[form].flatMap((kind) => Array.from({ length: times }, (_, time) => ({ kind, stream: form === "stream", question: `${form}, ${kind}, ${time}` }))));
    for (const { question, kind } of asked) wrongOf.set(question, kind);
    const url = `http://127.0.0.1:${server.slipway.httpPort}/v1/chat/completions`;
    const fallbacks: Fallback[] = [];
    const ask = async (calls: Iterable<(typeof asked)[number]>): Promise<void> => {
      for (const call of calls) {
        const began = { machine: performance.now(), own: now() };
        const outcome = await askChaos(url, { authorization: `Bearer ${server.adminKey}` }, call, now);
        const wrongAt = sick.wrongAt.get(call.question);
        const isGiven = outcome.end === "whole" && outcome.text.startsWith("sound:") && isWholeAnswer(outcome, call.question);
        // On a machine that stood still for so long a call may be given up before it is there, or before its answer is read.
        if ((!isGiven || wrongAt === undefined) && performance.now() - began.machine - (now() - began.own) > firstByteMs / 4) continue;
        assert.ok(isGiven && wrongAt !== undefined, `${call.question}: ${JSON.stringify(outcome)}`);
        // Of one that never ends the failure is the moment in which its time is over.
        fallbacks.push({ kind: call.question, ms: outcome.firstAt - wrongAt - (isEndless(call.kind) ? firstByteMs : 0) });
      }
    };
    const quick = asked.filter(({ kind }) => !isEndless(kind)).values();
    await Promise.all([...Array.from({ length: atOnce }, () => ask(quick)), ...asked.filter(({ kind }) => isEndless(kind)).map((call) => ask([call]))]);
    assert.deepEqual([...sick.wrongs.keys()].toSorted(), [...new Set(asked.map(({ kind }) => kind))].toSorted());
    assert.ok(fallbacks.length > asked.length / 2, `of ${asked.length} calls only ${fallbacks.length} were measured`);
    const slowestFirst = fallbacks.toSorted((left, right) => right.ms - left.ms);
    const p99 = slowestFirst[Math.floor(fallbacks.length / 100)]!.ms;
    const told = slowestFirst.slice(0, 5).map(({ kind, ms }) => `${kind}: ${Math.round(ms)} ms`).join("; ");
    test.diagnostic(`p99 ${Math.round(p99)} ms of ${fallbacks.length} fallbacks; ${told}`);
    assert.ok(p99 < withinMs, told);
  });
});
