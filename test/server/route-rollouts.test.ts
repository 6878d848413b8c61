import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { GatewayRoute, RevisionInHistory, RouteHistory } from "../../src/gateway/schemas.ts";
import type { Rollout, RolloutStatus } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { SeededRandom } from "../kit/seeded-random.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

const open: readonly Rollout["state"][] = ["preparing", "running", "paused"];
/** What a busy machine answers late is no failure of the settings that are tried. */
const hard = { latencyMs: 20_000 };
/** Half of the calls, for as long as the gates need; then everything. */
const planOf = (gates: object[], canary: object = {}, more: object = {}): object => ({
  phases: [{ phase: "canary", weight: 0.5, minSamples: 30, gates, ...canary }, { phase: "full", weight: 1, minSamples: 5, gates: [] }], hard, ...more,
});
const costs = { kind: "cost" };
const answer = (text: string, more: object = {}): object => ({ kind: "scripted", script: [{ text, inputTokens: 100, outputTokens: 10, ...more }] });

describe("rollouts of a gateway route on a server", { timeout: 240_000 }, () => {
  let server: RunningServer;
  let address: string;
  /** Of both models of an account: of `tight` the first calls are too many for it. */
  let tooMany = 4;
  /** Of an account that has room for seven of ten calls, whichever of its models is asked. */
  const crowd = new SeededRandom(1);
  const upstream = new GatewayUpstream(({ body: { model } }, response) => {
    if ((model === "tight" && tooMany-- > 0) || (String(model).startsWith("crowded") && crowd.next() < 0.3)) return answerJson(response, { error: { message: "Too many requests.", type: "rate_limit_exceeded" } }, 429, { "retry-after": "0" });
    answerJson(response, { id: "c1", object: "chat.completion", created: 1, model, choices: [{ index: 0, message: { role: "assistant", content: model }, finish_reason: "stop" }], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } });
  });
  before(async () => {
    address = await upstream.start();
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    await server.client.api.send("PUT", "/api/gateway/providers/account", { revision: 0, settings: { kind: "compatible", baseUrl: `${address}/v1`, breaker: { failures: 1000 } } });
    const providers = { limited: { kind: "scripted", script: [{ status: 429, error: "too many" }] }, good: answer("fine"), better: answer("better"), dear: answer("dear", { outputTokens: 100 }), failing: { kind: "scripted", script: [{ status: 500, error: "down" }] } };
    for (const [name, settings] of Object.entries(providers)) {
      await server.client.api.send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { ...settings, breaker: { failures: 1000 } } });
      await server.client.api.send("POST", "/api/prices", { provider: name, model: "m", rates: { input: 0, output: 1000 } });
    }
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  const target = (provider: string): object => ({ targets: [{ provider, model: "m" }] });
  const ask = async (route: string, key: string): Promise<{ text: string; revision: string | null; traceId: string }> => {
    const reply = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST", headers: { "content-type": "application/json", "slipway-key": key }, body: JSON.stringify({ model: route, messages: [{ role: "user", content: "hello" }] }),
    });
    const body = await reply.text();
    assert.equal(reply.status, 200, body);
    const text = (JSON.parse(body) as { choices: [{ message: { content: string } }] }).choices[0].message.content;
    return { text, revision: reply.headers.get("x-slipway-revision"), traceId: reply.headers.get("x-slipway-trace") ?? "" };
  };
  /** The trace is written behind its answer. */
  const score = async (traceId: string, value: boolean): Promise<void> => {
    for (;;) {
      try {
        return void (await server.client.api.send("POST", `/api/traces/${traceId}/feedback`, { name: "helpful", value }));
      } catch (error) {
        if ((error as { code?: string }).code !== "TRACE_NOT_FOUND") throw error;
        await betweenLooks();
      }
    }
  };
  const setRoute = (name: string): Promise<unknown> => server.client.api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: target("good") });
  const routeNow = (name: string) => server.client.api.get<GatewayRoute>(`/api/gateway/routes/${name}`);
  const historyOf = (name: string) => server.client.api.get<RouteHistory>(`/api/gateway/routes/${name}/revisions`);

  /** Calls of many callers until the rollout has ended, or the condition holds. */
  async function callUntil(name: string, isThere: (status: RolloutStatus) => boolean, each: (call: Awaited<ReturnType<typeof ask>>) => Promise<unknown> = async () => undefined): Promise<{ status: RolloutStatus; texts: Set<string> }> {
    const texts = new Set<string>();
    for (let call = 0; ; call++) {
      const answered = await ask(name, `caller ${call}`);
      texts.add(answered.text);
      await each(answered);
      if (call % 5 !== 4) continue;
      const status = await server.client.rollouts.status(`route:${name}`);
      if (isThere(status) || !open.includes(status.rollout.state)) return { status, texts };
      await betweenLooks();
    }
  }
  const untilEnd = (name: string, each?: Parameters<typeof callUntil>[2]) => callUntil(name, () => false, each);

  it("gives a better prompt all calls when its gates pass, and takes it back by a command", async () => {
    await setRoute("good");
    const started = await server.client.rollouts.start("route:good", { change: { ...target("better"), systemPrompt: "Be better." }, plan: planOf([costs]), reason: "a better prompt" });
    assert.deepEqual([started.model, started.stable, started.candidate], ["route:good", "1", "2"]);
    assert.equal((await routeNow("good")).revision, 1);
    await assert.rejects(server.client.api.send("PUT", "/api/gateway/routes/good", { revision: 1, settings: target("dear") }), { code: "ROLLOUT_UNDER_WAY" });
    await assert.rejects(server.client.rollouts.start("route:good", { change: target("dear") }), { code: "ROLLOUT_UNDER_WAY" });
    const { status, texts } = await untilEnd("good");
    assert.equal(status.rollout.state, "succeeded", status.rollout.reason);
    assert.deepEqual(texts, new Set(["fine", "better"]));
    assert.deepEqual([(await routeNow("good")).revision, (await ask("good", "x")).text], [2, "better"]);
    const { verdicts } = await server.client.rollouts.verdicts(started.id);
    assert.ok(verdicts.some(({ decision, gates }) => decision === "promote" && gates.some(({ gate, result }) => gate === "cost" && result === "pass")));
    assert.equal((await server.client.rollouts.list({ model: "route:good" })).rollouts[0]?.id, started.id);

    const back = await server.client.rollouts.rollback("route:good", { reason: "second thoughts" });
    assert.deepEqual([back.champion, back.before, (await routeNow("good")).settings.targets[0]?.provider], ["1", "2", "good"]);
    while ((await ask("good", "x")).text !== "fine") await betweenLooks();
    const history = await historyOf("good");
    assert.deepEqual([history.revision, history.turns.map(({ revision, actor, reason }) => [revision, actor, reason])], [1, [[1, "local", "rolled back: second thoughts"], [2, "rollouts", "Its rollout gave it all traffic."], [1, "local", ""]]]);
    assert.deepEqual(history.revisions.map(({ revision, draft, rollout }) => [revision, draft, rollout?.id, rollout?.state]), [[2, false, started.id, "succeeded"], [1, false, undefined, undefined]]);
  });

  it("takes a prompt back that costs more", async () => {
    await setRoute("dear");
    await server.client.rollouts.start("route:dear", { change: target("dear"), plan: planOf([costs], { minSamples: 10_000 }) });
    const { status } = await untilEnd("dear");
    assert.equal(status.rollout.state, "rolled back");
    assert.match(status.rollout.reason, /^cost: a call costs \$0\.10, 10 times the stable version's \$0\.01/);
    assert.deepEqual([(await routeNow("dear")).revision, (await ask("dear", "x")).text], [1, "fine"]);
    // Who looks at what was tried is told how that ended.
    const [{ draft, rollout }] = (await historyOf("dear")).revisions as [RevisionInHistory];
    assert.deepEqual([draft, rollout?.state, rollout?.reason], [true, "rolled back", status.rollout.reason]);
  });

  it("takes one back that fails, and its callers got answers", async () => {
    await setRoute("failing");
    await server.client.rollouts.start("route:failing", { change: { ...target("failing"), attempts: 1 }, plan: planOf([], { minSamples: 10_000 }) });
    const { status, texts } = await untilEnd("failing");
    assert.equal(status.rollout.state, "rolled back");
    // Whoever sees it first: the server that met the third, or the judge of its figures.
    assert.match(status.rollout.reason, /failed 3 times|^hard failures: /);
    assert.deepEqual(texts, new Set(["fine"]));
  });

  it("takes nobody back for limits of the account of both, and one whose own account has no room; its callers got answers", async () => {
    const of = (model: string): object => ({ targets: [{ provider: "account", model }], attempts: 1 });
    await server.client.api.send("PUT", "/api/gateway/routes/shared", { revision: 0, settings: of("wide") });
    await server.client.rollouts.start("route:shared", { change: of("tight"), plan: planOf([]) });
    const { status, texts } = await untilEnd("shared");
    assert.equal(status.rollout.state, "succeeded", status.rollout.reason);
    assert.deepEqual([texts, tooMany <= 0], [new Set(["wide", "tight"]), true]);
    const { verdicts } = await server.client.rollouts.verdicts(status.rollout.id);
    assert.ok(verdicts.some(({ decision, gates }) => decision === "promote" && gates.some(({ gate, result }) => gate === "provider limits" && result === "pass")));

    await server.client.rollouts.start("route:shared", { change: { ...target("limited"), attempts: 1 }, plan: planOf([], { minSamples: 10_000 }) });
    const own = await untilEnd("shared");
    assert.equal(own.status.rollout.state, "rolled back");
    assert.match(own.status.rollout.reason, /^provider limits: \d+ of \d+ calls met a limit/);
    assert.deepEqual(own.texts, new Set(["tight"]));
  });

  it("goes on where the account of both has too little room for either, by two names, and tells of it", async () => {
    await server.client.api.send("PUT", "/api/gateway/providers/account-too", { revision: 0, settings: { kind: "compatible", baseUrl: `${address}/v1`, breaker: { failures: 1000 } } });
    const of = (provider: string, model: string): object => ({ targets: [{ provider, model }], attempts: 1 });
    await server.client.api.send("PUT", "/api/gateway/routes/cramped", { revision: 0, settings: of("account", "crowded-1") });
    // So many in each phase that some of them meet the limit.
    const phases = [{ phase: "canary", weight: 0.5, minSamples: 100 }, { phase: "full", weight: 1, minSamples: 100 }].map((phase) => ({ ...phase, gates: [] }));
    await server.client.rollouts.start("route:cramped", { change: of("account-too", "crowded-2"), plan: { phases, hard } });
    let status = await server.client.rollouts.status("route:cramped");
    for (let call = 0; open.includes(status.rollout.state); call += 10) {
      // The account turns away the present settings too, and with them the caller.
      await Promise.all(Array.from({ length: 10 }, (_, next) => fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", "slipway-key": `caller ${call + next}` }, body: JSON.stringify({ model: "cramped", messages: [{ role: "user", content: "hello" }] }) }).then((reply) => reply.text())));
      status = await server.client.rollouts.status("route:cramped");
    }
    assert.equal(status.rollout.state, "succeeded", status.rollout.reason);
    const { verdicts } = await server.client.rollouts.verdicts(status.rollout.id);
    const told = verdicts.filter(({ decision }) => decision === "promote").map(({ gates }) => gates.find(({ gate }) => gate === "provider limits")!);
    for (const { result, stable, detail } of told) {
      assert.deepEqual([result, stable! > 0.05], ["pass", true], detail);
      assert.match(detail, /shared with the present settings; at most 5% may, and \d+ of \d+ of the present settings did/);
    }
    assert.equal(told.length, 2);
  });

  it("takes one back whose answers are liked less, by scores that arrive later", async () => {
    await setRoute("liked");
    const gate = { kind: "score", name: "helpful", minScores: 10, required: true };
    await server.client.rollouts.start("route:liked", { change: { ...target("better"), systemPrompt: "Be worse." }, plan: planOf([gate], { minSamples: 10_000 }) });
    const { status } = await untilEnd("liked", ({ text, traceId }) => score(traceId, text === "fine"));
    assert.equal(status.rollout.state, "rolled back");
    assert.match(status.rollout.reason, /^score helpful: helpful is 0 beside 1 of the stable version's/);
  });

  it("compares settings by what a call costs, and promotes the variant that is chosen", async () => {
    await setRoute("compared");
    const test = await server.client.abTests.start("route:compared", { variants: [{ name: "dear", change: target("dear"), percent: 50 }], metric: "cost", direction: "down" });
    await assert.rejects(server.client.abTests.start("route:compared", { variants: [{ name: "b", change: target("dear") }], metric: "accuracy", direction: "up" }), { code: "INVALID_REQUEST" });
    const means = async () => {
      const { arms } = await server.client.abTests.report(test.id);
      return Object.fromEntries(arms.map(({ name, mean }) => [name, mean?.toFixed(3)]));
    };
    for (let call = 0; ; call++) {
      await ask("compared", `caller ${call}`);
      const { dear, control } = await means();
      if (dear !== undefined && control !== undefined) break;
    }
    assert.deepEqual(await means(), { control: "0.010", dear: "0.100" });
    await server.client.abTests.stop(test.id, { promote: "dear" });
    assert.deepEqual([(await routeNow("compared")).revision, (await routeNow("compared")).settings.targets[0]?.provider], [2, "dear"]);
    await server.client.api.send("DELETE", "/api/gateway/routes/compared");
  });

  it("is begun by one and ended by one, where many clients ask at once", async () => {
    await setRoute("crowded");
    const { rollouts, abTests } = server.client;
    const plan = planOf([], { minSamples: 10_000 });
    const test = { variants: [{ name: "b", change: target("better") }, { name: "c", change: target("dear") }], metric: "cost", direction: "down" as const };
    const begun = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? rollouts.start("route:crowded", { change: target("better"), plan }) : abTests.start("route:crowded", test))));
    const refusals = (all: readonly PromiseSettledResult<unknown>[]): string[] => all.flatMap((one) => (one.status === "rejected" ? [(one.reason as { code: string }).code] : []));
    assert.deepEqual(refusals(begun), Array<string>(9).fill("ROLLOUT_UNDER_WAY"));
    // Nothing is left of those that came too late.
    const { revisions } = await server.client.api.get<{ revisions: { draft: boolean }[] }>("/api/gateway/routes/crowded/revisions");
    const begunTest = (await rollouts.list({ model: "route:crowded" })).rollouts[0]!.kind === "ab-test";
    assert.equal(revisions.filter(({ draft }) => draft).length, begunTest ? 2 : 1);
    await rollouts.abort("route:crowded");
    const { id } = await abTests.start("route:crowded", test);
    const ends = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => (index === 9 ? rollouts.abort("route:crowded") : abTests.stop(id, { promote: index % 2 === 0 ? "b" : "c" }))));
    assert.deepEqual(refusals(ends), Array<string>(9).fill("ROLLOUT_ENDED"));
    const { rollout, spec } = await abTests.report(id);
    const promoted = /and (\w) promoted/.exec(rollout.reason)?.[1];
    assert.equal(String((await routeNow("crowded")).revision), rollout.state === "aborted" ? "1" : spec.variants.find(({ name }) => name === promoted)?.version);
    await server.client.api.send("DELETE", "/api/gateway/routes/crowded");
  });

  it("says when it starts which guardrails hold until its end, though they are not among what is tried", async () => {
    const guardrails = [{ kind: "pii" }, { kind: "patterns", name: "secrets", patterns: ["sk-"] }];
    await server.client.api.send("PUT", "/api/gateway/routes/guarded", { revision: 0, settings: { ...target("good"), guardrails } });
    const start = (change: object) => server.client.api.send<{ notes: string[] }>("POST", "/api/gateway/routes/guarded/rollouts", { change, plan: planOf([]) });
    assert.deepEqual((await start({ guardrails: [{ kind: "pii" }] })).notes, ["The guardrail secrets, taken away or changed in what is tried, holds for all calls as now until the tried settings are the route's own."]);
    await server.client.api.send("POST", "/api/gateway/routes/guarded/rollout/abort", {});
    assert.deepEqual((await start(target("better"))).notes, []);
    await server.client.api.send("DELETE", "/api/gateway/routes/guarded");
  });

  it("waits for no costs where no model has a price, and says which price is missing where the plan waits for one", async () => {
    const of = (model: string): object => ({ targets: [{ provider: "account", model }] });
    await server.client.api.send("PUT", "/api/gateway/routes/unpriced", { revision: 0, settings: of("own") });
    const start = async (request: object) => {
      const { plan, notes } = await server.client.api.send<{ plan: { phases: { gates: { kind: string }[] }[] }; notes: string[] }>("POST", "/api/gateway/routes/unpriced/rollouts", request);
      await server.client.api.send("POST", "/api/gateway/routes/unpriced/rollout/abort", {});
      return { gates: plan.phases[0]!.gates.map(({ kind }) => kind), notes };
    };
    assert.deepEqual(await start({ change: of("other") }), {
      gates: ["latency", "errors"],
      notes: ["The plan has no gate cost: no model of either side has a price (account/own, account/other). To have costs judged, set prices with `slipway prices set account own --input ... --output ...` and start it again."],
    });
    await server.client.api.send("POST", "/api/prices", { provider: "account", model: "own", rates: { input: 1, output: 1 } });
    assert.deepEqual(await start({ change: of("other") }), {
      gates: ["latency", "errors", "cost"], notes: ["The gate cost holds its phase until there are calls of both with a price, and account/other has none: set one with `slipway prices set account other --input ... --output ...`."],
    });
    await server.client.api.send("DELETE", "/api/gateway/routes/unpriced");
  });

  it("gives no calls to settings whose provider is gone, and lets none go that is tried", async () => {
    const api = server.client.api;
    await api.send("PUT", "/api/gateway/providers/passing", { revision: 0, settings: answer("for now") });
    await api.send("PUT", "/api/gateway/routes/moved", { revision: 0, settings: target("passing") });
    await api.send("PUT", "/api/gateway/routes/moved", { revision: 1, settings: target("good") });
    await server.client.rollouts.start("route:moved", { revision: 1, plan: planOf([]) });
    // Only an answer of a route whose calls are shared out names its revision.
    for (let call = 0; (await ask("moved", `caller ${call}`)).revision === null; call++);
    await assert.rejects(api.send("DELETE", "/api/gateway/providers/passing"), /answers calls of what is tried on moved: end the rollout or A\/B test first/);
    await assert.rejects(server.client.rollouts.start("route:moved", { revision: 1 }), /end it with `slipway rollout abort route:moved`/);
    await server.client.rollouts.abort("route:moved");
    await api.send("DELETE", "/api/gateway/providers/passing");
    const gone = /route:moved cannot answer with revision 1: The provider passing is not there any more: enter it with `slipway gateway set-provider passing --kind KIND`\./;
    await assert.rejects(server.client.rollouts.rollback("route:moved", { to: "1" }), gone);
    await assert.rejects(server.client.rollouts.rollback("route:moved"), /route:moved had no champion before that is still there/);
    await assert.rejects(server.client.rollouts.start("route:moved", { revision: 1 }), gone);
    assert.equal((await ask("moved", "x")).text, "fine");
    await api.send("PUT", "/api/gateway/routes/moved", { revision: 2, settings: target("better") });
    await api.send("PUT", "/api/gateway/routes/moved", { revision: 3, settings: target("good") });
    await assert.rejects(server.client.rollouts.start("route:moved", { revision: 2 }), /revision 2 has the settings that moved answers with already/);
  });

  it("refuses what no route can be judged by, and ends a rollout whose route goes", async () => {
    await setRoute("refused");
    const start = (request: object) => server.client.rollouts.start("route:refused", request);
    await assert.rejects(start({ change: target("better"), plan: planOf([{ kind: "distribution" }, { kind: "accuracy" }]) }), (error: Error & { code?: string }) =>
      error.code === "INVALID_REQUEST" && /a route has no gate distribution: .*a route has no gate accuracy: /.test(error.message));
    // Whoever takes the weight for the share that is mirrored would show all callers what nobody has compared.
    const mirrored = (weight: number): object => ({ phases: [{ phase: "shadow", weight, shadow: 1, gates: [] }, { phase: "full", weight: 1, gates: [] }] });
    await assert.rejects(start({ change: target("better"), plan: mirrored(1) }), /plan\.phases\[0\]\.weight|a phase shadow gives the candidate no callers: weight must be 0/);
    await assert.rejects(start({ change: target("nobody") }), { code: "INVALID_REQUEST" });
    await assert.rejects(start({ change: { attempts: "two" } }), { code: "INVALID_REQUEST" });
    await assert.rejects(start({}), { code: "INVALID_REQUEST" });
    await assert.rejects(start({ change: target("good") }), { code: "INVALID_REQUEST" });
    await assert.rejects(server.client.rollouts.start("route:nowhere", { change: {} }), { code: "GATEWAY_MODEL_NOT_FOUND" });
    await assert.rejects(start({ revision: 1 }), /Revision 1 is what route:refused answers with already/);
    await start({ change: target("better") });
    await server.client.api.send("DELETE", "/api/gateway/routes/refused");
    await assert.rejects(server.client.rollouts.status("route:refused"), { code: "GATEWAY_MODEL_NOT_FOUND" });
    await setRoute("refused");
    await assert.rejects(server.client.rollouts.status("route:refused"), { code: "ROLLOUT_NOT_FOUND" });
  });

  it("goes on after the server was killed in the middle", async () => {
    await setRoute("killed");
    const started = await server.client.rollouts.start("route:killed", { change: target("better"), plan: planOf([costs], { minSamples: 60 }) });
    await callUntil("killed", ({ figures }) => (figures.arms.find(({ arm }) => arm === "candidate")?.requests ?? 0) >= 10);
    await server.kill();
    server = await startServer({ directory: server.directory });
    const { status, texts } = await untilEnd("killed");
    assert.deepEqual([status.rollout.id, status.rollout.state, texts.has("better")], [started.id, "succeeded", true]);
    assert.equal((await routeNow("killed")).revision, 2);
  });
});
