import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { SemanticCache, type Embed } from "./semantic-cache.ts";

/** Texts about the same thing, by their last word, point the same way. */
const embed: Embed = (texts) => Promise.resolve(texts.map((text) => {
  const vector = new Float32Array(8).fill(0.01);
  vector[text.length === 0 ? 0 : text.trim().replace(/\W+$/u, "").charCodeAt(text.trim().replace(/\W+$/u, "").length - 1) % 8] = 3;
  return vector;
}));

describe("SemanticCache", () => {
  let clock: ManualClock;
  let cache: SemanticCache;
  beforeEach(() => {
    clock = new ManualClock();
    cache = new SemanticCache({ clock, entriesPerScope: 3, maxBytes: 10_000 });
  });

  const look = (text: string, { scope = "scope", by = embed }: { scope?: string; by?: Embed } = {}): ReturnType<SemanticCache["find"]> =>
    cache.find({ question: { scope, text }, threshold: 0.9, embed: by });
  const keep = async (text: string, key: string, options: { scope?: string; by?: Embed } = {}): Promise<void> => (await look(text, options)).remember(key, 60_000);

  it("finds a text of the same meaning in the same scope", async () => {
    await keep("How do I turn on 2FA?", "key-1");
    assert.equal((await look("How can I enable 2FA?")).key, "key-1");
    assert.equal((await look("How can I enable 2FA?", { scope: "other" })).key, null);
  });

  it("finds none that is near and means another thing, and takes the next that means the same", async () => {
    await keep("How do I disable 2FA?", "wrong");
    assert.equal((await look("How do I enable 2FA?")).key, null);
    await keep("How can I enable 2FA?", "right");
    assert.equal((await look("How do I enable 2FA?")).key, "right");
  });

  it("takes the nearest of those that mean the same, at the threshold too, by vectors of one length, and the last answer of a text", async () => {
    const pointing = (...vector: number[]): Embed => () => Promise.resolve([Float32Array.from(vector)]);
    await keep("How do I turn on 2FA?", "further", { by: pointing(4, 1) });
    await keep("How can I turn on 2FA?", "nearer", { by: pointing(4, 0.5) });
    assert.equal((await look("How can I enable 2FA?", { by: pointing(1, 0) })).key, "nearer");
    await keep("How can I turn on 2FA?", "newest", { by: pointing(4, 0.5) });
    assert.equal((await look("How can I enable 2FA?", { by: pointing(1, 0) })).key, "newest");
    await keep("How do I turn on 2FA?", "short", { scope: "exact", by: pointing(1, 0) });
    const exactly = (by: Embed): Promise<string | null> => cache.find({ question: { scope: "exact", text: "How can I enable 2FA?" }, threshold: 1, embed: by }).then(({ key }) => key);
    assert.deepEqual([await exactly(pointing(2, 0)), await exactly(pointing(1, 0, 0))], ["short", null]);
  });

  it("finds none that means the same and is far, by its vector", async () => {
    await keep("How do I turn on 2FA?", "key-1");
    const elsewhere: Embed = () => Promise.resolve([Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0)]);
    assert.equal((await look("How can I enable 2FA?", { by: elsewhere })).key, null);
    const otherModel: Embed = () => Promise.resolve([Float32Array.of(1, 1, 1)]);
    assert.equal((await look("How can I enable 2FA?", { by: otherModel })).key, null);
    const nowhere: Embed = () => Promise.resolve([new Float32Array(8)]);
    assert.equal((await look("How can I enable 2FA?", { by: nowhere })).key, null);
  });

  it("forgets when the time is over, and the oldest of a full scope", async () => {
    await keep("open door 1", "key-1");
    clock.advance(60_000);
    assert.equal((await look("open door 1")).key, null);
    assert.equal(cache.bytes, 0);
    for (const number of [1, 2, 3, 4]) await keep(`open door ${number}`, `key-${number}`);
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(async (number) => (await look(`open door ${number}`)).key)), [null, "key-2", "key-3", "key-4"]);
  });

  it("holds no more than it may, and drops scopes that nobody used", async () => {
    for (let scope = 0; scope < 200; scope++) {
      await keep("open the door", "key", { scope: `scope-${scope}` });
      await look("open the door", { scope: "scope-0" });
      assert.ok(cache.bytes <= 10_000);
    }
    assert.equal((await look("open the door", { scope: "scope-0" })).key, "key");
    assert.equal((await look("open the door", { scope: "scope-1" })).key, null);
  });
});
