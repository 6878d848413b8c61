import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearestCallable } from "./nearest-callable.ts";

const names = ["search-chat", "support", "local/llama-3.3-70b", "local/meta/llama"];
const nearest = (asked: string, mayCall: (name: string) => boolean = () => true): string | null => nearestCallable(asked, { names, providers: ["local", "openai"], mayCall });

describe("nearestCallable", () => {
  it("is a route or model with nearly that name, with or without its provider", () => {
    assert.deepEqual(["serach-chat", "Support", "local/llama-3.3-70", "llama-3.3-70b", "llama3.3-70b", "meta/lama"].map((asked) => nearest(asked)), ["search-chat", "support", "local/llama-3.3-70b", "local/llama-3.3-70b", "local/llama-3.3-70b", "local/meta/llama"]);
  });

  it("is the same model of a provider with nearly that name, where the caller may call it", () => {
    assert.equal(nearest("opnai/gpt-5-mini"), "openai/gpt-5-mini");
    assert.equal(nearest("opnai/gpt-5-mini", (name) => name !== "openai/gpt-5-mini"), null);
  });

  it("is nothing where nothing is near, however long the name", () => {
    for (const asked of ["", "/", "weather", "/gpt-5", "x".repeat(1_000_000), `${"y".repeat(1_000_000)}/m`]) assert.equal(nearest(asked), null);
  });

  it("compares no more than a thousand names", () => {
    const many = Array.from({ length: 5000 }, (_, index) => `route-${index}`);
    assert.equal(nearestCallable("route-123x", { names: many, providers: [], mayCall: () => true }), "route-123");
    assert.notEqual(nearestCallable("route-4321", { names: many, providers: [], mayCall: () => true }), "route-4321");
  });
});
