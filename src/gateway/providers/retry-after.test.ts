import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { retryAfterMs, withDatedWait } from "./retry-after.ts";

describe("Retry-After", () => {
  it("is read in milliseconds, seconds and as a date, and is nothing where it makes no sense", () => {
    const year = 31_536_000_000;
    const date = "Sat, 21 Nov 2026 10:00:00 GMT";
    for (const [headers, expected] of [
      [{ "retry-after-ms": "250", "retry-after": "9" }, 250], [{ "retry-after": "2" }, 2000], [{ "retry-after": "0.5" }, 500], [{ "retry-after": "Sat, 21 Nov 2026 10:00:07 GMT", date }, 7000],
      [{ "retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", date }, 0], [{ "retry-after": "Sat, 21 Nov 2026 10:00:07 GMT" }, null], [{ "retry-after": "soon" }, null], [{ "retry-after": "-3" }, null], [{}, null],
      [{ "retry-after-ms": "x", "retry-after": "1" }, 1000], [{ "retry-after-ms": "0", "retry-after": "9" }, 0], [{ "retry-after-ms": "-1", "retry-after": "9" }, 9000], [{ "retry-after-ms": "0.2" }, 1], [{ "retry-after-ms": "Infinity" }, null],
      // What is empty says nothing, what is far is bounded, and no number without end reaches a caller.
      [{ "retry-after-ms": "", "retry-after": "1" }, 1000], [{ "retry-after-ms": " 20 " }, 20], [{ "retry-after-ms": "1e300", "retry-after": "2" }, 2000], [{ "retry-after-ms": "9".repeat(400) }, year], [{ "retry-after": "99999999999999999999" }, year],
      [{ "retry-after": "Fri, 31 Dec 2999 23:59:59 GMT", date }, year],
      [{ "retry-after": " 3 " }, 3000], [{ "retry-after": "" }, null], [{ "retry-after": "0.0001" }, 1], [{ "retry-after": "0" }, 0],
    ] as [Record<string, string>, number | null][]) {
      assert.equal(retryAfterMs(headers), expected, JSON.stringify(headers));
    }
  });

  it("is judged by this machine's clock where a date comes without the provider's own", () => {
    const now = Date.parse("Sat, 21 Nov 2026 10:00:00.250 GMT");
    for (const [headers, expected] of [
      [{ "retry-after": "Sat, 21 Nov 2026 10:00:07 GMT" }, 6750], [{ "retry-after": "Sat, 21 Nov 2026 10:00:07 GMT", date: "now" }, 6750], [{ "retry-after": "Sat, 21 Nov 2026 09:00:00 GMT" }, 0],
      [{ "retry-after": "Sun, 22 Nov 2026 10:00:00 GMT" }, 3_600_000], [{ "retry-after": "Sat, 21 Nov 2026 10:00:07 GMT", date: "Sat, 21 Nov 2026 10:00:00 GMT" }, 7000],
      [{ "retry-after": "Sat, 21 Nov 2026 10:00:07 GMT", "retry-after-ms": "20" }, 20], [{ "retry-after": "3" }, 3000], [{ "retry-after": "soon" }, null], [{}, null],
    ] as [Record<string, string>, number | null][]) {
      assert.equal(retryAfterMs(withDatedWait(headers, now)), expected, JSON.stringify(headers));
    }
  });
});
