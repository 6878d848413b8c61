import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { anonymousCaller } from "../core/caller.ts";
import { epochMs } from "../core/clock.ts";
import { ServedRequest } from "./served-request.ts";

const exchange = { route: undefined, params: {}, caller: anonymousCaller, callerNow: () => Promise.resolve(anonymousCaller), address: "", facts: undefined, bodyBytes: 0, cutBy: undefined, watched: false };

describe("a request that is served", () => {
  it("tells when its answer has gone or its connection is closed, at once where that is so already", () => {
    const response = Object.assign(new EventEmitter(), { destroyed: false });
    const { whenAnswered } = new ServedRequest({}, {}, undefined, {} as IncomingMessage, response as unknown as ServerResponse, () => "req_1", epochMs(0), exchange);
    let told = 0;
    whenAnswered(() => told++);
    assert.equal(told, 0);
    response.emit("close");
    response.emit("close");
    assert.equal(told, 1);
    response.destroyed = true;
    whenAnswered(() => told++);
    assert.equal(told, 2);
  });
});
