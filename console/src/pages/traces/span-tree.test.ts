import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { barOf, buildSpanTree, shownNodes, type TreeSpan } from "./span-tree.ts";

const span = (spanId: string, parentSpanId: string | null, offsetMs: number, durationMs: number | null): TreeSpan => ({ spanId, parentSpanId, offsetMs, durationMs });
const noneFolded: ReadonlySet<string> = new Set();

describe("buildSpanTree", () => {
  it("finds parents that come after their children, and keeps siblings in the order of their starts", () => {
    const tree = buildSpanTree([span("c", "b", 30, 10), span("d", "a", 5, 3), span("b", "a", 20, 40), span("a", null, 0, 100)]);
    assert.deepEqual(shownNodes(tree, noneFolded).map(({ span: { spanId }, depth }) => [spanId, depth]), [["a", 0], ["d", 1], ["b", 1], ["c", 2]]);
    assert.equal(tree.byId.get("a")!.descendants, 3);
    assert.deepEqual(shownNodes(tree, new Set(["b"])).map(({ span: { spanId } }) => spanId), ["a", "d", "b"]);
  });

  it("shows a span without its parent as a root, and under it once it is there", () => {
    const late = [span("b", "a", 10, 5), span("r", null, 0, 20)];
    const before = buildSpanTree(late);
    assert.deepEqual(before.roots.map(({ span: { spanId }, orphan }) => [spanId, orphan]), [["r", false], ["b", true]]);
    const after = buildSpanTree([...late, span("a", "r", 8, 9)]);
    assert.deepEqual(after.roots.map(({ span: { spanId } }) => spanId), ["r"]);
    assert.equal(after.byId.get("b")!.depth, 2);
  });

  it("counts as a span's own time what none of its children took, however they overlap or overrun", () => {
    const tree = buildSpanTree([span("a", null, 0, 100), span("b", "a", 10, 30), span("c", "a", 20, 30), span("d", "a", 25, 5), span("e", "a", 90, 50)]);
    assert.equal(tree.byId.get("a")!.selfMs, 100 - 40 - 10);
    assert.equal(tree.to, 140);
  });

  it("marks the children that were waited for", () => {
    const tree = buildSpanTree([span("a", null, 0, 100), span("slow", "a", 10, 50), span("beside", "a", 12, 20), span("last", "a", 60, 38), span("after", "a", 70, 60)]);
    assert.deepEqual([...tree.byId.values()].filter(({ critical }) => critical).map(({ span: { spanId } }) => spanId), ["a", "slow", "last"]);
  });

  it("lets a span that goes on reach to the end of the axis", () => {
    const tree = buildSpanTree([span("a", null, 0, null), span("b", "a", 10, 30)]);
    assert.deepEqual(barOf(tree, tree.byId.get("a")!), { left: 0, width: 1 });
    assert.deepEqual(barOf(tree, tree.byId.get("b")!), { left: 0.25, width: 0.75 });
    assert.deepEqual(buildSpanTree([]), { roots: [], byId: new Map(), from: 0, to: 0 });
  });

  it("shows every span once, whichever parents they name", () => {
    const ids = ["a", "b", "c", "d", "e", "f"];
    const spans = fc.uniqueArray(
      fc.record({ spanId: fc.constantFrom(...ids), parentSpanId: fc.constantFrom(...ids, "missing", null), offsetMs: fc.integer({ min: -5, max: 50 }), durationMs: fc.option(fc.integer({ min: 0, max: 50 })) }),
      { selector: ({ spanId }) => spanId },
    );
    fc.assert(fc.property(spans, (given) => {
      const tree = buildSpanTree(given);
      const nodes = shownNodes(tree, noneFolded);
      assert.deepEqual(nodes.map((node) => node.span.spanId).sort(), given.map(({ spanId }) => spanId).sort());
      for (const node of nodes) {
        const { left, width } = barOf(tree, node);
        assert.ok(left >= 0 && width >= 0 && left + width <= 1 + 1e-9);
        assert.ok(node.selfMs >= 0 && node.selfMs <= node.to - node.from);
      }
    }));
  });

  it("takes ten thousand spans below one another", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => span(String(index), index === 0 ? null : String(index - 1), index, 20_000 - 2 * index));
    assert.equal(shownNodes(buildSpanTree(chain), noneFolded).at(-1)!.depth, 9999);
  });
});
