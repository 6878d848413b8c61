import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import { settled } from "../limits/manual-timers.fixture.ts";
import { AnswerCache, type CacheLead, type CacheLook, type CacheOrder } from "./answer-cache.ts";
import type { AnswerCacheStore } from "./answer-cache-store.ts";
import { cacheControlOf } from "./cache-control.ts";
import { answerOf } from "./chats.fixture.ts";
import { MemoryAnswerCache } from "./memory-answer-cache.ts";
import { SemanticCache, type Embed } from "./semantic-cache.ts";

function leadOf(look: CacheLook): CacheLead {
  if (!("lead" in look)) assert.fail(`it was a ${look.kind}`);
  return look.lead;
}

function answerIn(look: CacheLook): ChatAnswer {
  if (!("answer" in look)) assert.fail(`it was a ${look.kind}`);
  return look.answer;
}

describe("AnswerCache", () => {
  let clock: ManualClock;
  let cache: AnswerCache;
  beforeEach(() => {
    clock = new ManualClock();
    cache = new AnswerCache({ store: new MemoryAnswerCache({ clock, maxBytes: 1e6 }), clock, semantic: new SemanticCache({ clock }) });
  });

  const look = (order: Partial<CacheOrder> = {}, at = cache): Promise<CacheLook> =>
    at.look({ key: "key", ttlMs: 60_000, control: cacheControlOf(undefined), signal: new AbortController().signal, ...order });

  it("keeps an answer as it was, for its time", async () => {
    const answer = answerOf("Ω 1 \u0000", { parts: [{ type: "thinking", text: "t", signature: "s" }, { type: "text", text: "Ω" }, { type: "tool-call", id: "c", name: "n", arguments: "{\"a\" : 1}" }], finish: "tool-calls" });
    const missed = await look();
    assert.equal(missed.kind, "miss");
    leadOf(missed).finish(answer, 7);
    const found = await look();
    assert.deepEqual(found, { kind: "hit", answer, at: clock.now(), cost: 7 });
    assert.equal((await look({ key: "other" })).kind, "miss");
    clock.advance(60_000);
    assert.equal((await look()).kind, "miss");
  });

  it("makes one of equal calls at the same time, and gives its answer to all", async () => {
    const first = await look();
    const others = [look(), look(), look()];
    await settled();
    leadOf(first).finish(answerOf("once"), 7);
    assert.deepEqual((await Promise.all(others)).map((found) => [found.kind, "cost" in found && found.cost]), [["hit", 7], ["hit", 7], ["hit", 7]]);
    const together = await Promise.race([look({ key: "b" }), look({ key: "b" })]);
    assert.equal(together.kind, "miss");
  });

  it("lets the second go itself when the first fails or its caller goes, and the third wait for the second", async () => {
    for (const reason of ["failed", "cancelled"] as const) {
      const key = `key-${reason}`;
      const first = await look({ key });
      const [second, third] = [look({ key }), look({ key })];
      await settled();
      leadOf(first).fail(reason);
      const lead = leadOf(await second);
      await settled();
      lead.finish(answerOf("second"), 7);
      lead.fail("failed");
      assert.deepEqual(answerIn(await third), answerOf("second"));
    }
  });

  it("lets all go when two have failed", async () => {
    const first = await look();
    const others = [look(), look(), look(), look()];
    await settled();
    leadOf(first).fail("failed");
    leadOf(await others[0]!).fail("failed");
    assert.deepEqual((await Promise.all(others)).map(({ kind }) => kind), ["miss", "miss", "miss", "miss"]);
  });

  it("keeps nothing that another try might do better, and lets those go who waited for it", async () => {
    const bad: ChatAnswer[] = [answerOf("cut", { finish: "length" }), answerOf("no", { finish: "content-filter" }), answerOf("", { parts: [{ type: "refusal", text: "no" }] }), answerOf("", { parts: [] })];
    for (const [index, answer] of bad.entries()) {
      const key = `key-${index}`;
      const first = await look({ key });
      const others = [look({ key }), look({ key })];
      await settled();
      leadOf(first).finish(answer, 7);
      assert.deepEqual((await Promise.all(others)).map(({ kind }) => kind), ["miss", "miss"]);
      assert.equal((await look({ key })).kind, "miss");
    }
  });

  it("lets a caller that goes stop waiting", async () => {
    const first = await look();
    const gone = new AbortController();
    const second = look({ signal: gone.signal });
    const third = look();
    await settled();
    gone.abort();
    await assert.rejects(second, { code: "CALLER_GONE" });
    leadOf(first).fail("cancelled");
    assert.equal((await third).kind, "miss");
    await assert.rejects(look({ key: "b", signal: gone.signal }), { code: "CALLER_GONE" });
    assert.equal((await look({ key: "b" })).kind, "miss");
  });

  it("does what the caller says of it", async () => {
    leadOf(await look()).finish(answerOf("old"), 7);
    const fresh = await look({ control: cacheControlOf("max-age=0, No-Cache") });
    assert.equal(fresh.kind, "bypass");
    leadOf(fresh).finish(answerOf("new"), 7);
    const untraced = await look({ control: cacheControlOf("no-cache, no-store") });
    assert.equal(untraced.kind, "bypass");
    leadOf(untraced).finish(answerOf("secret"), 7);
    assert.deepEqual(answerIn(await look({ control: cacheControlOf("max-age=5") })), answerOf("new"));
  });

  it("takes a store that fails, or holds something else, for an empty one", async () => {
    const broken: AnswerCacheStore = { get: () => Promise.reject(new Error("away")), set: () => Promise.reject(new Error("away")), delete: () => undefined };
    const foreign: AnswerCacheStore = { get: () => "{\"form\":0}", set: () => { throw new Error("away"); }, delete: () => undefined };
    for (const store of [broken, foreign, { ...foreign, get: () => "no JSON" }]) {
      const missed = await look({}, new AnswerCache({ store, clock }));
      assert.equal(missed.kind, "miss");
      leadOf(missed).finish(answerOf("x"), 7);
    }
  });

  it("answers with what was said to the same in other words", async () => {
    const embed: Embed = (texts) => Promise.resolve(texts.map(() => Float32Array.of(1, 2)));
    const asked = (key: string, text: string, by = embed): Promise<CacheLook> => look({ key, semantic: { question: { scope: "s", text }, threshold: 0.9, embed: by } });
    leadOf(await asked("a", "How do I turn on 2FA?")).finish(answerOf("so"), 7);
    const found = await asked("b", "How can I enable 2FA?");
    assert.equal(found.kind, "semantic");
    assert.deepEqual(answerIn(found), answerOf("so"));
    assert.equal((await asked("a", "How do I turn on 2FA?")).kind, "hit");
    leadOf(await asked("c", "How can I disable 2FA?")).fail("failed");
    leadOf(await asked("d", "How can I enable SSO?", () => Promise.reject(new Error("away")))).fail("failed");
    clock.advance(60_000);
    assert.equal((await asked("b", "How can I enable 2FA?")).kind, "miss");
  });
});
