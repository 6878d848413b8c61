import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProviderExchange } from "./provider-exchange.ts";

describe("ProviderExchange", () => {
  it("makes the provider wait while more than 64 KiB wait for the reader", async () => {
    const calls: string[] = [];
    const controller = {
      aborted: false, paused: false, reason: null,
      abort: () => void calls.push("abort"),
      pause: () => {
        controller.paused = true;
        calls.push("pause");
      },
      resume: () => {
        controller.paused = false;
        calls.push("resume");
      },
    };
    const exchange = new ProviderExchange({ signal: new AbortController().signal }, () => assert.fail("It is sent once."));
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200, {});
    const { body } = await exchange.answer;
    const chunk = new Uint8Array(40 << 10);
    exchange.onResponseData(controller, chunk);
    assert.deepEqual(calls, []);
    exchange.onResponseData(controller, chunk);
    assert.deepEqual(calls, ["pause"]);
    const reading = body[Symbol.asyncIterator]();
    assert.equal((await reading.next()).value, chunk);
    assert.deepEqual(calls, ["pause", "resume"]);
    exchange.onResponseEnd();
    assert.deepEqual([(await reading.next()).done, (await reading.next()).done], [false, true]);
  });
});
