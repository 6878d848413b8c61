import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { AppError } from "../core/errors.ts";
import { RouteTable } from "./route-table.ts";
import { targetAmbiguity } from "./request-target.ts";

describe("targets of requests", () => {
  it("have one path: no fragment, no backslash, no segment of dots in any writing", () => {
    for (const target of [
      "/a#", "/a#/b", "/a?b=1#c", "/#", "/a#?b", "/a\\b", "/a\\..\\b", "/..", "/.", "/a/..", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a/%2E./b", "/a/.%2e", "/a%2f..%2fb", "/a%2F%2e%2E",
      "/a%5c..%5cb", "/a/..;x=1/b", "/..;/b", "/a/..?b=1", "/a//../b",
    ]) assert.notEqual(targetAmbiguity(target), null, target);
  });

  it("are taken where dots and the rest are parts of names, of a query, or encoded twice", () => {
    for (const target of ["/", "/a", "/a?b=../c", "/a?b=c\\d", "/a/..b", "/a/b..", "/a/...", "/a/.b", "/a.b/c", "/a/%23", "/a%5Cb", "/a/%252e%252e/b", "/v1/models/e%2Fm", "/a/m;x=1", "/a/b:c", "/assets/index-1.js"]) {
      assert.equal(targetAmbiguity(target), null, target);
    }
  });

  it("that are taken mean to the router what they mean to a strict reader: the same path after one decoding, before and after dots are resolved", () => {
    const table = new RouteTable([{ method: "GET", path: "/a/:first/*", access: "public", operationId: "a", tag: "t", summary: "A", response: null, handle: () => new AppError("INTERNAL", "") } as never]);
    const piece = fc.constantFrom("/", ".", "..", "%2e", "%2F", "%5c", "\\", "#", "?", ";", "x", "%25", "%2", "%252e", "%00", "%0a", "%C3%BC", "%ff", "a", "+", "%20", ":");
    fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const target = `/a/${pieces.join("")}`;
      if (targetAmbiguity(target) !== null) return;
      const path = target.split("?")[0]!;
      // A browser, a proxy and a cache resolve dots: nothing is left to resolve.
      assert.equal(new URL(target, "http://h").pathname, path);
      const found = table.find("GET", path);
      if (found === null) return;
      const [, , first, ...rest] = path.split("/");
      assert.equal(found.params.first, decodeURIComponent(first!));
      // The router takes one slash at the end for none.
      assert.equal(found.params["*"], decodeURIComponent(rest.join("/").replace(/\/$/, "")));
    }), { numRuns: 3000 });
  });
});
