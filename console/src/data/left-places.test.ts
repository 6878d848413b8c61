import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LeftPlaces } from "./left-places.ts";

describe("LeftPlaces", () => {
  it("leads back to a list with the filters and the place that it was left with", () => {
    const places = new LeftPlaces();
    assert.equal(places.hrefOf("/traces"), "/traces");
    places.remember("/traces", "q=late&before=42", 900);
    assert.equal(places.hrefOf("/traces"), "/traces?q=late&before=42");
    assert.deepEqual(places.find("/traces", ""), { search: "q=late&before=42", scroll: 900 });
    places.remember("/traces", "", 0);
    assert.equal(places.hrefOf("/traces"), "/traces");
  });

  it("tells pages apart that share a path", () => {
    const places = new LeftPlaces();
    places.remember("/traces", "status=error", 0);
    places.remember("/traces", "tab=sessions&user=ann", 0);
    places.remember("/traces", "tab=sessions&of=chat-42", 0);
    assert.equal(places.hrefOf("/traces"), "/traces?status=error");
    assert.equal(places.hrefOf("/traces?tab=sessions"), "/traces?tab=sessions&user=ann");
  });

  it("remembers the pages that were left last, and not each of a day's", () => {
    const places = new LeftPlaces();
    for (let index = 0; index < 300; index++) places.remember(`/models/${index}`, "range=1h", 0);
    assert.deepEqual([places.hrefOf("/models/0"), places.hrefOf("/models/299")], ["/models/0", "/models/299?range=1h"]);
  });
});
