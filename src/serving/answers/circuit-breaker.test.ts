import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CircuitBreaker } from "./circuit-breaker.ts";

function failing(breaker: CircuitBreaker, times: number, now: number): void {
  for (let time = 0; time < times; time++) {
    assert.equal(breaker.admits(now), true);
    breaker.failed(now);
  }
}

describe("CircuitBreaker", () => {
  const limits = { failures: 3, openSeconds: 10 };

  it("opens after failures in a row only", () => {
    const breaker = new CircuitBreaker(limits);
    failing(breaker, 2, 0);
    breaker.succeeded();
    failing(breaker, 2, 0);
    assert.equal(breaker.state(0), "closed");
    failing(breaker, 1, 5);
    assert.deepEqual([breaker.state(5), breaker.admits(5), breaker.waitMs(5)], ["open", false, 10_000]);
  });

  it("tries it with one request at a time when the time is over", () => {
    const breaker = new CircuitBreaker(limits);
    failing(breaker, 3, 0);
    assert.equal(breaker.state(10_000), "half-open");
    assert.deepEqual([breaker.admits(9_999), breaker.admits(10_000), breaker.admits(10_000)], [false, true, false]);
    breaker.failed(11_000);
    assert.deepEqual([breaker.state(11_000), breaker.admits(20_999), breaker.admits(21_000)], ["open", false, true]);
    breaker.released();
    assert.deepEqual([breaker.state(21_000), breaker.admits(21_000)], ["half-open", true]);
    breaker.succeeded();
    assert.equal(breaker.state(21_000), "closed");
    failing(breaker, 2, 21_000);
    assert.equal(breaker.state(21_000), "closed");
  });

  it("is not kept open by failures of requests that began before", () => {
    const breaker = new CircuitBreaker(limits);
    for (let request = 0; request < 5; request++) breaker.admits(0);
    for (const now of [0, 0, 0, 8_000, 9_000]) breaker.failed(now);
    assert.equal(breaker.waitMs(9_000), 1_000);
  });
});
