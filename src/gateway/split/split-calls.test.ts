import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import type { HttpAnswer } from "../../core/route.ts";
import { errorHeaders } from "../calls/answer-headers.ts";
import type { ChatProtocolName } from "../chats/chat-calls.ts";
import { openAiQuestion, otherAccount, splitOf, splitStage, textOf, type ModelScript } from "./split-stage.fixture.ts";

type Stage = Awaited<ReturnType<typeof splitStage>>;

const contentOf = async (answer: HttpAnswer): Promise<string> => (JSON.parse(await textOf(answer)) as { choices: [{ message: { content: string } }] }).choices[0].message.content;
const armsOf = ({ told }: Stage): string[] => told.samples.map(({ arm, outcome, isFailure, limit, isRetry }) => [arm, outcome, ...(isFailure ? ["failure"] : []), ...(limit === undefined ? [] : [`${limit} limit`]), ...(isRetry ? ["retry"] : [])].join(" "));
const askedOf = ({ models }: Stage): string[] => models.asked.map(({ model }) => model);
const streamed = openAiQuestion({ stream: true });

/** Everything goes to the candidate, which does what is said. */
async function trial(candidate: ModelScript, { settings = {}, own = {}, route = {}, stable = {} }: { settings?: object; own?: object; route?: Parameters<typeof splitOf>[1]; stable?: ModelScript } = {}): Promise<Stage> {
  const stage = await splitStage({ scripts: { new: candidate, old: stable, spare: {} }, stable: settings, candidate: { ...settings, ...own } });
  await stage.splits.apply(splitOf(1, route));
  return stage;
}

describe("SplitCalls", () => {
  it("carries a call out with the settings of its arm, and says which", async () => {
    const { splits, ask, models, told, spans, entries } = await splitStage({ candidate: { systemPrompt: "Be brief." } });
    await splits.apply(splitOf(1));
    const answer = await ask();
    assert.equal(await contentOf(answer), "by new");
    assert.deepEqual(models.asked, [{ model: "new", messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "hello" }] }]);
    assert.equal(answer.headers["X-Slipway-Revision"], "2");
    assert.equal(answer.headers["X-Slipway-Arm"], "candidate");
    const { attributes, traceId } = spans[0]!;
    assert.deepEqual([attributes["slipway.rollout"], attributes["slipway.phase"], attributes["slipway.arm"], attributes["slipway.revision"]], [splitOf(1).rollout, "canary", "candidate", "2"]);
    assert.equal(entries.length, 1);
    assert.equal(told.samples.length, 1);
    const [sample] = told.samples;
    assert.deepEqual([sample!.arm, sample!.revision, sample!.outcome, sample!.costDollars, sample!.traceId, sample!.choice!.by], ["candidate", "2", "ok", 0.02, traceId, "draw"]);
  });

  it("shares calls of every protocol out, whole and streamed", async () => {
    const bodies: Record<ChatProtocolName, object> = {
      "openai-chat": openAiQuestion(), "openai-completions": { model: "chat", prompt: "hello" }, "openai-responses": { model: "chat", input: "hello" },
      "anthropic-messages": { model: "chat", max_tokens: 10, messages: [{ role: "user", content: "hello" }] },
    };
    const stage = await trial({});
    for (const [protocol, body] of Object.entries(bodies)) {
      for (const stream of [false, true]) assert.match(await textOf(await stage.ask({ ...body, stream }, { protocol: protocol as ChatProtocolName })), /by new/, `${protocol} ${stream}`);
    }
    assert.deepEqual(armsOf(stage), Array<string>(8).fill("candidate ok"));
  });

  it("shares embeddings out too, and lets stable answer for an arm", async () => {
    const stage = await trial({ text: "123" });
    assert.match(await textOf(await stage.embed()), /"embedding":\[3\]/);
    stage.models.scripts.new = { status: 500 };
    const answer = await stage.embed();
    assert.match(await textOf(answer), /"embedding":\[6\]/);
    assert.equal(answer.headers["X-Slipway-Arm"], "stable");
    assert.deepEqual(armsOf(stage), ["candidate ok", "candidate PROVIDER_UNAVAILABLE failure", "stable ok retry"]);
  });

  it("keeps a key, else a session, else a user with one arm", async () => {
    const stage = await splitStage();
    await stage.splits.apply(splitOf(0.5));
    const armFor = async (headers: Record<string, string>, body = openAiQuestion()): Promise<string> => (await stage.ask(body, { headers })).headers["X-Slipway-Arm"]!;
    for (const name of ["ann", "bob", "cem", "dora", "eve", "finn", "gil", "hana"]) {
      const arm = await armFor({ "slipway-key": name });
      assert.equal(await armFor({ "slipway-key": name, "x-slipway-session": "another" }), arm, name);
      assert.equal(await armFor({ "x-slipway-session": name }), arm, name);
      assert.equal(await armFor({}, openAiQuestion({ user: name })), arm, name);
    }
    assert.deepEqual(new Set(stage.told.samples.map(({ arm }) => arm)), new Set(["stable", "candidate"]));
    assert.ok(stage.told.samples.every(({ choice }) => choice!.by === "key"));
  });

  it("follows rules whatever the weight", async () => {
    const stage = await splitStage();
    await stage.splits.apply(splitOf(1e-9, { rules: [{ header: "x-tester", equals: "yes", arm: "candidate" }] }));
    assert.equal((await stage.ask(undefined, { headers: { "x-tester": "yes" } })).headers["X-Slipway-Arm"], "candidate");
    assert.equal((await stage.ask(undefined, { headers: { "x-tester": "no" } })).headers["X-Slipway-Arm"], "stable");
  });

  it("answers a hit of the cache to the same arm alone", async () => {
    const stage = await trial({}, { settings: { cache: {} } });
    await stage.ask();
    assert.equal((await stage.ask()).headers["X-Slipway-Cache"], "hit");
    stage.splits.cutArm("route:chat", splitOf(1).rollout, "candidate");
    const answer = await stage.ask();
    assert.deepEqual([await contentOf(answer), answer.headers["X-Slipway-Cache"]], ["by old", "miss"]);
    assert.deepEqual(armsOf(stage), ["candidate ok", "candidate cached", "stable ok"]);
  });
});

describe("SplitCalls, where an arm fails", () => {
  it("lets stable answer in its place, with both costs in the ledger and one trace", async () => {
    const stage = await trial({ status: 500 });
    const answer = await stage.ask();
    assert.equal(await contentOf(answer), "by old");
    assert.deepEqual([answer.headers["X-Slipway-Arm"], answer.headers["X-Slipway-Revision"]], ["stable", "1"]);
    assert.deepEqual(armsOf(stage), ["candidate PROVIDER_UNAVAILABLE failure", "stable ok retry"]);
    assert.deepEqual(stage.entries.map(({ model, outcome }) => [model, outcome]), [["new", "failed"], ["old", "ok"]]);
    const [root] = stage.spans.filter(({ parentSpanId }) => parentSpanId === null);
    const arms = stage.spans.filter(({ attributes }) => "slipway.arm" in attributes);
    assert.deepEqual(new Set(stage.spans.map(({ traceId }) => traceId)).size, 1);
    assert.deepEqual(arms.map(({ attributes, parentSpanId }) => [attributes["slipway.arm"], parentSpanId]), [["candidate", root!.spanId], ["stable", null]]);
    assert.equal(root!.attributes["slipway.failed_arm"], "candidate");
    assert.deepEqual(arms.map(({ attributes }) => attributes["slipway.scored"]), [false, false], "a score of the trace is neither the candidate's nor a fair one of stable's");
    assert.deepEqual(stage.letGo, [], "no sampling takes the trace of an arm that failed apart");
  });

  const beginnings: Record<string, ModelScript> = { "before it has begun": { status: 503 }, "before its first content": { text: "", breaks: true } };
  for (const [when, script] of Object.entries(beginnings)) {
    it(`lets stable answer a stream that breaks ${when}`, async () => {
      const stage = await trial(script);
      const answer = await stage.ask(streamed);
      assert.equal(answer.headers["X-Slipway-Arm"], "stable");
      const text = await textOf(answer);
      assert.match(text, /by old/);
      assert.doesNotMatch(text, /error/);
      assert.deepEqual(askedOf(stage), ["new", "old"]);
      assert.match(armsOf(stage).join(), /^candidate \w+ failure,stable ok retry$/);
    });
  }

  it("leaves a stream alone that breaks after its first content, and blames the arm", async () => {
    const stage = await trial({ text: "half", breaks: true });
    const answer = await stage.ask(streamed);
    assert.match(await textOf(answer), /half[^]*error/);
    assert.deepEqual(armsOf(stage), ["candidate PROVIDER_STREAM_FAILED failure"]);
    assert.equal(stage.entries.length, 1);
  });

  it("does not wait for an arm for longer than it may, and then asks stable", async () => {
    for (const body of [openAiQuestion(), streamed]) {
      const stage = await trial({ afterMs: Infinity }, { route: { hard: { failures: 3, latencyMs: 500 } } });
      const began = stage.time.monotonic();
      const answer = await stage.time.until(stage.ask(body));
      assert.equal(stage.time.monotonic() - began, 500);
      assert.match(await textOf(answer), /by old/);
      assert.deepEqual(armsOf(stage), ["candidate CANDIDATE_TIMEOUT failure", "stable ok retry"]);
      assert.deepEqual(stage.models.ended, ["new"]);
      assert.deepEqual(stage.told.samples.map(({ latencyUs }) => latencyUs), [500_000, 0]);
    }
  });

  it("does not wait for what no signal ends", async () => {
    const stage = await trial({}, { own: { guardrails: [{ kind: "classifier", name: "slow", model: "judge" }] }, route: { hard: { failures: 3, latencyMs: 500 } } });
    assert.equal(await contentOf(await stage.time.until(stage.ask())), "by old");
    assert.deepEqual(armsOf(stage), ["candidate CANDIDATE_TIMEOUT failure", "stable ok retry"]);
  });

  it("waits for an arm twenty times as long as stable takes, where that is known", async () => {
    const stage = await trial({ afterMs: Infinity }, { stable: { afterMs: 100 }, route: { rules: [{ header: "x-stable", equals: null, arm: "stable" }] } });
    for (let call = 0; call < 20; call++) await stage.time.until(stage.ask(undefined, { headers: { "x-stable": "1" } }));
    await stage.time.until(stage.ask());
    const { outcome, latencyUs } = stage.told.samples.at(-2)!;
    assert.equal(outcome, "CANDIDATE_TIMEOUT");
    // The percentile is known to a fifth.
    assert.ok(latencyUs >= 2_000_000 && latencyUs <= 2_400_000, String(latencyUs));
  });

  it("does not count the wait for the route's limits as the arm's time", async () => {
    const stage = await trial({ afterMs: 400 }, { settings: { limits: { concurrency: 1, queue: 10 } }, route: { hard: { failures: 3, latencyMs: 500 } } });
    await stage.time.until(Promise.all([stage.ask(), stage.ask(), stage.ask()]));
    assert.deepEqual(armsOf(stage), ["candidate ok", "candidate ok", "candidate ok"]);
  });

  it("leaves stable a tenth of the deadline where nothing else is said", async () => {
    const stage = await trial({ afterMs: Infinity }, { settings: { deadlineMs: 10_000 }, stable: { afterMs: 900 } });
    const answer = await stage.time.until(stage.ask());
    assert.equal(await contentOf(answer), "by old");
    assert.equal(stage.time.monotonic() - stage.told.samples[0]!.time, 9900);
  });

  it("lets stable answer what breaks the asked schema", async () => {
    const body = openAiQuestion({ response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } });
    const stage = await trial({ text: "no document" }, { settings: { repair: 0 }, stable: { text: "{}" } });
    assert.equal(await contentOf(await stage.ask(body)), "{}");
    assert.deepEqual(armsOf(stage), ["candidate STRUCTURED_OUTPUT_INVALID failure", "stable ok retry"]);
    assert.deepEqual(stage.entries.map(({ cost }) => cost), [20_000_000, 20_000_000]);
  });

  it("keeps what the route's guardrails forbid from its callers, also where the arm has none", async () => {
    const guardrails = [{ kind: "patterns", name: "secrets", on: "output", patterns: ["by new"] }];
    for (const body of [openAiQuestion(), streamed]) {
      const stage = await trial({}, { settings: { guardrails }, own: { guardrails: [] } });
      const text = await textOf(await stage.ask(body));
      assert.match(text, /by old/);
      assert.doesNotMatch(text, /new/);
      assert.deepEqual(armsOf(stage), ["candidate CONTENT_BLOCKED failure", "stable ok retry"]);
    }
  });

  it("tells the caller where the plan says so", async () => {
    const stage = await trial({ status: 500 }, { route: { retryOnStable: false } });
    await assert.rejects(stage.ask(), { code: "PROVIDER_UNAVAILABLE" });
    assert.deepEqual(armsOf(stage), ["candidate PROVIDER_UNAVAILABLE failure"]);
    assert.deepEqual(askedOf(stage), ["new"]);
  });

  it("tells of both where stable fails too, and blames no arm for what no settings can do", async () => {
    const stage = await trial({ status: 500 }, { stable: { status: 500 } });
    await assert.rejects(stage.ask(), { code: "PROVIDER_UNAVAILABLE" });
    assert.deepEqual(armsOf(stage), ["candidate PROVIDER_UNAVAILABLE", "stable PROVIDER_UNAVAILABLE failure retry"]);
  });
});

describe("SplitCalls, where the call fails", () => {
  it("blames no arm for what both providers refuse", async () => {
    const stage = await trial({ status: 400 }, { stable: { status: 400 } });
    await assert.rejects(stage.ask(), { code: "PROVIDER_REFUSED" });
    assert.deepEqual(armsOf(stage), ["candidate PROVIDER_REFUSED", "stable PROVIDER_REFUSED retry"]);
  });

  it("blames an arm for what its provider alone refuses", async () => {
    const stage = await trial({ status: 400 });
    assert.equal(await contentOf(await stage.ask()), "by old");
    assert.deepEqual(armsOf(stage), ["candidate PROVIDER_REFUSED failure", "stable ok retry"]);
  });

  it("blames an arm for the key and the guardrails that are its own, and for none that stable has too", async () => {
    const blocking = { guardrails: [{ kind: "patterns", name: "greetings", on: "input", patterns: ["hello"] }] };
    const cases: Record<string, [Parameters<typeof trial>, string[] | null]> = {
      "its provider's key": [[{ status: 401 }], ["candidate PROVIDER_UNAUTHORIZED failure", "stable ok retry"]],
      "keys of both providers": [[{ status: 401 }, { stable: { status: 401 } }], null],
      "its own guardrail": [[{}, { own: blocking }], ["candidate CONTENT_BLOCKED failure", "stable ok retry"]],
      "a guardrail of both": [[{}, { settings: blocking }], null],
      "a model that its provider does not have": [[{ status: 404 }, { route: { retryOnStable: false } }], ["candidate PROVIDER_REFUSED failure"]],
    };
    for (const [what, [script, told]] of Object.entries(cases)) {
      const stage = await trial(...script);
      const answered = await stage.ask().then(() => true, () => false);
      assert.equal(answered, told?.includes("stable ok retry") ?? false, what);
      if (told !== null) assert.deepEqual(armsOf(stage), told, what);
      else assert.doesNotMatch(armsOf(stage)[0]!, /failure/, what);
    }
  });

  it("blames no arm for limits of a provider, and says whether the account that answered had none", async () => {
    const alone = { route: { retryOnStable: false } };
    const cases: Record<string, [Parameters<typeof trial>, string[]]> = {
      "the account of both": [[{ status: 429 }], ["candidate PROVIDER_LIMITED shared limit", "stable ok retry"]],
      "the account of both, by another name": [[{ status: 429 }, { own: { targets: [{ provider: "again", model: "new" }] } }], ["candidate PROVIDER_LIMITED shared limit", "stable ok retry"]],
      "its own account": [[{ status: 429 }, { own: otherAccount }], ["candidate PROVIDER_LIMITED own limit", "stable ok retry"]],
      "a quota that is used up": [[{ status: 402 }, { own: otherAccount }], ["candidate PROVIDER_LIMITED own limit", "stable ok retry"]],
      "an account that only stable's last resort is not with": [[{ status: 429 }, { stable: { status: 429 }, settings: { targets: [{ provider: "models", model: "old" }, { provider: "others", model: "spare" }] }, own: { targets: [{ provider: "models", model: "new" }] } }], ["candidate PROVIDER_LIMITED own limit", "stable ok retry"]],
      "accounts of both": [[{ status: 429 }, { own: otherAccount, stable: { status: 429 } }], ["candidate PROVIDER_LIMITED shared limit", "stable PROVIDER_LIMITED failure retry"]],
      "the account of both, and stable is not asked": [[{ status: 429 }, alone], ["candidate PROVIDER_LIMITED shared limit"]],
      "its own account, and stable is not asked": [[{ status: 429 }, { ...alone, own: otherAccount }], ["candidate PROVIDER_LIMITED failure"]],
      "time that went by in waiting": [[{ status: 429 }, { own: { ...otherAccount, attempts: 3 }, route: { hard: { failures: 3, latencyMs: 30 } } }], ["candidate PROVIDER_LIMITED own limit", "stable ok retry"]],
    };
    for (const [what, [script, told]] of Object.entries(cases)) {
      const stage = await trial(...script);
      await stage.time.until(stage.ask().catch(() => null));
      assert.deepEqual(armsOf(stage), told, what);
    }
    const stage = await trial({ status: 500 }, { own: otherAccount });
    stage.models.scripts.old = { status: 429 };
    await assert.rejects(stage.ask());
    assert.deepEqual(armsOf(stage)[0], "candidate PROVIDER_UNAVAILABLE");
  });

  it("takes no limit of stable's for its failure", async () => {
    const stage = await splitStage({ scripts: { old: { status: 429 } } });
    await stage.splits.apply(splitOf(1e-9));
    await assert.rejects(stage.ask(), { code: "PROVIDER_LIMITED" });
    assert.deepEqual(armsOf(stage), ["stable PROVIDER_LIMITED shared limit"]);
  });

  it("asks nobody any more when the caller has left", async () => {
    const stage = await trial({ afterMs: 100 });
    const caller = new AbortController();
    const asked = stage.ask(undefined, { signal: caller.signal });
    asked.catch(() => undefined);
    await stage.time.pass(50);
    caller.abort();
    await assert.rejects(asked, { code: "CALLER_GONE" });
    assert.deepEqual(armsOf(stage), ["candidate CALLER_GONE"]);
    assert.deepEqual(askedOf(stage), ["new"]);
  });

  it("blames an arm whose caller left after a long wait", async () => {
    const stage = await trial({ afterMs: Infinity }, { settings: { deadlineMs: 60_000 } });
    const caller = new AbortController();
    const asked = stage.ask(undefined, { signal: caller.signal });
    asked.catch(() => undefined);
    await stage.time.pass(1000);
    caller.abort();
    await assert.rejects(asked, { code: "CALLER_GONE" });
    assert.deepEqual(armsOf(stage), ["candidate CALLER_GONE failure"]);
  });

  it("counts the tokens of both for the route's limits", async () => {
    const stage = await trial({ text: "no document" }, { settings: { repair: 0, limits: { tokensPerMinute: 1000 } }, stable: { text: "{}" } });
    const body = (most: number): object => openAiQuestion({ max_tokens: most, response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } });
    await stage.ask(body(100));
    // 40 were used: by one of both alone it would be 20, and this would fit.
    await assert.rejects(stage.ask(body(965)), { code: "RATE_LIMITED" });
  });

  it("tells what is left of the route's limits, whoever answers, whole and streamed, and where they refuse", async () => {
    const left = ({ headers }: HttpAnswer): unknown[] => [headers["X-Slipway-Arm"], headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]];
    const settings = { limits: { requestsPerMinute: 3 } };
    for (const route of [{}, { retryOnStable: false }]) {
      const stage = await trial({}, { settings, route });
      assert.deepEqual([left(await stage.ask()), left(await stage.ask(streamed))], [["candidate", "3", "2"], ["candidate", "3", "1"]]);
    }
    const failing = await trial({ status: 500 }, { settings });
    assert.deepEqual([left(await failing.ask()), left(await failing.ask(streamed)), left(await failing.ask())], [["stable", "3", "2"], ["stable", "3", "1"], ["stable", "3", "0"]]);
    const refusal = await failing.ask().catch((error: unknown) => error as AppError);
    assert.ok(refusal instanceof AppError);
    const { "x-ratelimit-limit-requests": limit, "x-ratelimit-remaining-requests": remaining } = errorHeaders(refusal, "req_1", "openai-chat");
    assert.deepEqual([refusal.code, limit, remaining], ["RATE_LIMITED", "3", "0"]);
  });

  it("gives everything back where the caller leaves before a stream is read", async () => {
    const stage = await trial({}, { settings: { budget: { day: 1000 }, limits: { concurrency: 1 } } });
    for (let call = 0; call < 2; call++) {
      const caller = new AbortController();
      await stage.ask(streamed, { signal: caller.signal });
      caller.abort();
      await stage.time.pass(0);
    }
    assert.deepEqual(armsOf(stage), ["candidate CALLER_GONE", "candidate CALLER_GONE"]);
    assert.equal((await stage.budgetUse()).reserved, 0);
  });

  it("refuses what the route's budget and limits refuse, and blames no arm", async () => {
    const poor = await trial({}, { settings: { budget: { perQuery: 0.001 } } });
    await assert.rejects(poor.ask(), { code: "BUDGET_EXCEEDED" });
    assert.deepEqual([armsOf(poor), askedOf(poor)], [["candidate BUDGET_EXCEEDED"], []]);
    const limited = await trial({ status: 500 }, { settings: { limits: { requestsPerMinute: 1 } } });
    assert.equal(await contentOf(await limited.ask()), "by old", "one place is enough for an arm and stable");
    await assert.rejects(limited.ask(), { code: "RATE_LIMITED" });
    assert.deepEqual(armsOf(limited).at(-1), "candidate RATE_LIMITED");
  });

  it("holds both to one budget, and gives back what was not needed", async () => {
    for (const [script, spent] of [[{}, 0.02], [{ status: 500 }, 0.02], [{ text: "no document" }, 0.04]] as const) {
      const stage = await trial(script, { settings: { budget: { day: 1000 }, repair: 0 }, stable: { text: "{}" } });
      await stage.ask(openAiQuestion(script.text === undefined ? {} : { response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } } }));
      assert.deepEqual(await stage.budgetUse(), { spent, reserved: 0 });
    }
  });

  it("gives a call to stable at once where the budget has no room for an arm that costs more", async () => {
    const stage = await trial({}, { settings: { budget: { day: 4.2 } } });
    assert.equal(await contentOf(await stage.ask()), "by old");
    assert.deepEqual(askedOf(stage), ["old"]);
    assert.deepEqual(armsOf(stage), ["candidate BUDGET_EXCEEDED", "stable ok retry"]);
  });
});
