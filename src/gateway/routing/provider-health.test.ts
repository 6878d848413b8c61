import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { ProviderHealth } from "./provider-health.ts";

describe("ProviderHealth", () => {
  const limits = { failures: 2, openSeconds: 10 };

  it("tells of each model of each provider how it does", () => {
    const clock = new ManualClock();
    const health = new ProviderHealth(clock);
    const now = (): number => clock.monotonic();
    const [one, other] = [health.of("p", "one", limits), health.of("p", "other", limits)];
    assert.equal(health.of("p", "one", limits), one);
    assert.ok(one.admits(now()) && other.admits(now()) && one.admits(now()));
    one.succeeded(100);
    one.succeeded(200);
    assert.deepEqual([one.ewmaMs, other.ewmaMs], [120, null]);
    assert.deepEqual([other.failed(now()), other.isOpen(now()), other.failed(now()), other.isOpen(now())], [false, false, true, true]);
    clock.advance(4000);
    assert.deepEqual(health.views(), [
      { provider: "p", model: "one", state: "closed", failures: 0, limited: 0, turnedAway: 0, waitMs: 0, ewmaMs: 120, calls: 2, answers: 2, errors: 0 }, { provider: "p", model: "other", state: "open", failures: 2, limited: 0, turnedAway: 0, waitMs: 6000, ewmaMs: null, calls: 1, answers: 0, errors: 2 },
    ]);
    assert.ok(!other.admits(now()));
    clock.advance(6000);
    assert.deepEqual([other.isOpen(now()), other.state(now()), other.admits(now()), other.admits(now())], [false, "half-open", true, false]);
    // A probe that fails opens it anew; one that is taken back leaves room for the next.
    other.released();
    assert.ok(other.admits(now()));
    assert.ok(other.failed(now()));
    assert.equal(other.waitMs(now()), 10_000);
  });

  it("closes the breaker for an answer that has begun since it opened, and not for the end of one from before", () => {
    const clock = new ManualClock();
    const target = new ProviderHealth(clock).of("p", "m", limits);
    const now = (): number => clock.monotonic();
    assert.deepEqual([target.failed(now()), target.failed(now()), target.failed(now())], [false, true, false]);
    target.ended(now());
    assert.deepEqual([target.state(now()), target.view(now()).failures], ["open", 3]);
    clock.advance(10_000);
    // A probe that meets a limit of the rate leaves room for the next.
    assert.ok(target.admits(now()));
    target.limited();
    assert.deepEqual([target.view(now()).limited, target.admits(now())], [1, true]);
    target.begun(40, now());
    assert.deepEqual([target.state(now()), target.ewmaMs, target.view(now()).failures], ["closed", 40, 0]);
    target.limited();
    target.failed(now());
    assert.deepEqual([target.view(now()).limited, target.view(now()).turnedAway, target.view(now()).failures], [0, 2, 1]);
    // A stream that only begins well ends no row of failures; one that ends well does.
    target.begun(40, now());
    assert.equal(target.view(now()).failures, 1);
    target.ended(now());
    assert.equal(target.view(now()).failures, 0);
  });

  it("takes on new limits, and forgets a provider that was set up anew", () => {
    const clock = new ManualClock();
    const health = new ProviderHealth(clock);
    health.of("p", "m", limits).failed(clock.monotonic());
    health.of("q", "m", limits);
    assert.ok(health.of("p", "m", { failures: 2, openSeconds: 1 }).failed(clock.monotonic()));
    assert.equal(health.known("p", "m")!.waitMs(clock.monotonic()), 1000);
    health.forget("p");
    assert.deepEqual([health.known("p", "m"), health.views().length], [null, 1]);
  });

  it("holds no more models than it may, and keeps those that are left alone", () => {
    const clock = new ManualClock();
    const health = new ProviderHealth(clock);
    for (let count = 0; count < 2; count++) health.of("p", "bad", limits).failed(clock.monotonic());
    for (let index = 0; index < 10_000; index++) health.of("p", `model ${index}`, limits);
    assert.equal(health.views().length, 1024);
    for (let index = 0; index < 10_000; index++) health.of(`p${index % 10}`, `model ${index}`, limits);
    assert.equal(health.views().length, 4096);
    assert.equal(health.known("p", "bad")!.isOpen(clock.monotonic()), true);
    assert.equal(health.known("p", "model 0"), null);
  });

  it("keeps what is asked again and again, however many names others are asked by", () => {
    const clock = new ManualClock();
    const health = new ProviderHealth(clock);
    const used = [health.of("p", "used", limits), health.of("q", "used", limits)];
    for (const one of used) {
      for (let count = 0; count < 3; count++) {
        assert.ok(one.admits(clock.monotonic()));
        one.succeeded(10);
      }
    }
    for (let index = 0; index < 10_000; index++) {
      const chosen = health.of(`p${index % 10 || ""}`, `model ${index}`, limits);
      assert.ok(chosen.admits(clock.monotonic()));
      if (index % 2 === 0) chosen.released();
      else for (let count = 0; count < 2; count++) chosen.failed(clock.monotonic());
    }
    assert.deepEqual([health.known("p", "used"), health.known("q", "used")], used);
    assert.ok(health.views().length <= 4096);
  });
});
