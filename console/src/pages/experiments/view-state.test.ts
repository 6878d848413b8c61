import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { columnInGrammar, expandColumns, listText, nextOrder, orderOf, packColumns, queryOf, textList, usualColumns, viewOf } from "./view-state.ts";

describe("the view of runs in the address", () => {
  it("comes back as it went in, whatever the keys hold", () => {
    const text = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
    const list = fc.array(text, { maxLength: 5 });
    fc.assert(
      fc.property(fc.record({ filter: text, order: text, columns: list, group: text, charts: list }, { noNullPrototype: true }), (view) => {
        const parameters = new URLSearchParams(queryOf(view));
        assert.deepEqual(viewOf((name) => new URLSearchParams(parameters.toString()).get(name)), view);
      }),
    );
    assert.deepEqual(textList(listText(["a,b", "c%2Cd", "%"])), ["a,b", "c%2Cd", "%"]);
  });

  it("turns a column's order with each click, and ends it with the third", () => {
    const first = nextOrder(null, "metrics.val loss");
    assert.equal(first, "metrics.val loss DESC");
    const second = nextOrder(orderOf(first), "metrics.val loss");
    assert.equal(second, "metrics.val loss ASC");
    assert.equal(nextOrder(orderOf(second), "metrics.val loss"), "");
    assert.equal(nextOrder(orderOf(first), "params.depth"), "params.depth ASC");
  });

  it("writes columns as the server's grammar has them", () => {
    assert.equal(columnInGrammar("metrics.val loss"), "metrics.`val loss`");
    assert.equal(columnInGrammar("tags.a`b"), 'tags."a`b"');
    assert.equal(columnInGrammar("attributes.startTime"), "attributes.start_time");
    assert.equal(columnInGrammar("attributes.duration"), null);
  });

  it("writes all keys of a kind as one, and only then", () => {
    const keys = { metrics: Array.from({ length: 1000 }, (_, index) => `m${index}`), params: ["p"], tags: [] };
    const all = ["attributes.user", ...keys.metrics.map((key) => `metrics.${key}`), "params.p"];
    assert.deepEqual(packColumns(all, keys), ["attributes.user", "metrics.*", "params.p"]);
    assert.deepEqual(expandColumns(packColumns(all, keys), keys), all);
    assert.deepEqual(packColumns(all.slice(0, 500), keys), all.slice(0, 500));
  });

  it("shows a few keys when nobody chose", () => {
    const columns = usualColumns({ metrics: ["system/cpu", ...Array.from({ length: 20 }, (_, index) => `m${index}`)], params: ["p"], tags: ["t"] });
    assert.deepEqual(columns, ["attributes.startTime", "attributes.duration", "metrics.m0", "metrics.m1", "metrics.m2", "metrics.m3", "metrics.m4", "metrics.m5", "params.p"]);
  });
});
