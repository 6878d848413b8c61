import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { HeldSecret } from "./held-secret.ts";

describe("HeldSecret", () => {
  it("reads a file again only for who used what stood there before, and at most once a second", () => {
    const clock = new ManualClock();
    let [file, reads] = ["old", 0];
    const secret = new HeldSecret(() => { reads++; return file; }, true, clock);
    assert.deepEqual([secret.value(), secret.value(), reads], ["old", "old", 1]);
    assert.deepEqual([secret.isRenewed("old"), reads], [false, 2]);
    file = "new";
    assert.deepEqual([secret.isRenewed("old"), secret.value(), reads], [false, "old", 2]);
    clock.advance(1000);
    assert.deepEqual([secret.isRenewed("old"), secret.value(), reads], [true, "new", 3]);
    // Whoever was under way with the old one learns of it without a look.
    assert.deepEqual([secret.isRenewed("old"), secret.isRenewed("new"), reads], [true, false, 3]);
  });

  it("keeps what it has where the file is empty or gone, and never looks where nothing can change", () => {
    const clock = new ManualClock();
    let read = (): string | null => "old";
    const [secret, fixed] = [true, false].map((mayChange) => new HeldSecret(() => read(), mayChange, clock));
    assert.deepEqual([secret!.value(), fixed!.value()], ["old", "old"]);
    for (const now of [(): string => "", (): string => { throw new Error("gone"); }]) {
      read = now;
      clock.advance(1000);
      assert.deepEqual([secret!.isRenewed("old"), secret!.value()], [false, "old"]);
    }
    read = () => "new";
    clock.advance(1000);
    assert.deepEqual([fixed!.isRenewed("old"), secret!.isRenewed("old")], [false, true]);
  });

  it("learns of a secret that could not be read", () => {
    const clock = new ManualClock();
    let read = (): string | null => { throw new Error("gone"); };
    const secret = new HeldSecret(() => read(), true, clock);
    assert.throws(() => secret.value());
    assert.equal(secret.isRenewed(undefined), false);
    read = () => "there";
    clock.advance(1000);
    assert.deepEqual([secret.isRenewed(undefined), secret.value()], [true, "there"]);
  });
});
