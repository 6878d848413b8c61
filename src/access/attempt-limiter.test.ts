import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { AttemptLimiter, networkOf } from "./attempt-limiter.ts";

describe("AttemptLimiter", () => {
  it("lets an address fail so often at once, then once in each interval, and says when", () => {
    const limiter = new AttemptLimiter({ burst: 3, refillMs: 1000 });
    for (let count = 0; count < 3; count++) {
      limiter.check("192.0.2.1", 0);
      limiter.failed("192.0.2.1", 0);
    }
    assert.throws(() => limiter.check("192.0.2.1", 500), (error) => error instanceof AppError && error.code === "TOO_MANY_ATTEMPTS" && error.retryAfterSeconds === 1);
    limiter.check("192.0.2.1", 1001);
    limiter.failed("192.0.2.1", 1001);
    assert.throws(() => limiter.check("192.0.2.1", 1500), { code: "TOO_MANY_ATTEMPTS" });
    limiter.check("192.0.2.2", 0);
    limiter.check("192.0.2.1", 10_000);
  });

  it("does not grow with the time that an address is refused", () => {
    const limiter = new AttemptLimiter({ burst: 3, refillMs: 1000 });
    for (let count = 0; count < 1000; count++) limiter.failed("192.0.2.1", 0);
    assert.throws(() => limiter.check("192.0.2.1", 1000), { code: "TOO_MANY_ATTEMPTS" });
    limiter.check("192.0.2.1", 2000);
  });

  it("counts the addresses of one subscriber together", () => {
    assert.deepEqual(["192.0.2.1:50001", "::ffff:192.0.2.1", "[::1]:50001", "[2001:db8:0:1::5]:1"].map(networkOf), ["192.0.2.1", "192.0.2.1", "0:0:0:0::/64", "2001:db8:0:1::/64"]);
    assert.equal(networkOf("2001:db8:0:1::5"), networkOf("2001:db8::1:ffff:0:0:1"));
    assert.notEqual(networkOf("2001:db8:0:1::5"), networkOf("2001:db8:0:2::5"));
    assert.deepEqual(["::ffff:192.0.2.1", "192.0.2.1", "::1", "[::1]", "fe80::1%eth0", "unknown"].map(networkOf), ["192.0.2.1", "192.0.2.1", "0:0:0:0::/64", "0:0:0:0::/64", "fe80:0:0:0::/64", "unknown"]);
  });
});
