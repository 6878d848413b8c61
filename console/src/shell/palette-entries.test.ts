import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelEntry } from "../data/types.ts";
import { paletteEntries, searchPalette } from "./palette-entries.ts";

const model: ModelEntry = {
  name: "flight-delay", createdAt: 0, updatedAt: 0, description: "Is this flight late?", tags: [], team: "default", owner: "local", aliases: { champion: "2" }, latestVersion: "3", live: null, drift: "none",
  served: [{ model: "flight-delay", version: "2", state: "ready", reason: null, active: true, placement: "inline", executionProvider: "cpu", runners: { wanted: 1, ready: 1, restarts: 0 }, queueRows: 0, breaker: null, warmup: [] }],
};
const entries = paletteEntries([model], [{ id: "theme", label: "Change the theme", note: "", kind: "Action", keywords: "dark light", run: () => undefined }]);

describe("searchPalette", () => {
  it("shows pages, models and actions before anything is typed, and no dangerous ones", () => {
    assert.deepEqual(searchPalette(entries, "").map((entry) => entry.label), ["Models", "Rollouts", "Gateway", "Costs", "Experiments", "Datasets", "Traces", "Workflows", "Events", "Settings", "API", "flight-delay", "Change the theme"]);
  });

  it("finds versions, tabs and actions by any of their words, the closest first", () => {
    assert.equal(searchPalette(entries, "flight")[0]!.id, "model:flight-delay");
    assert.equal(searchPalette(entries, "flight drift")[0]!.href, "/models/flight-delay/drift");
    assert.deepEqual(searchPalette(entries, "v2").map((entry) => entry.id), ["version:flight-delay:2"]);
    assert.equal(searchPalette(entries, "promote")[0]!.href, "/models/flight-delay?promote=3");
    assert.equal(searchPalette(entries, "dark")[0]!.id, "theme");
    assert.deepEqual(searchPalette(entries, "nothing like this"), []);
  });

  it("finds the pages of a section", () => {
    assert.equal(searchPalette(entries, "audit")[0]!.href, "/settings/audit");
    assert.equal(searchPalette(entries, "schedules")[0]!.href, "/workflows/schedules");
  });

  it("opens a prediction, a run or a webhook by its id", () => {
    const text = "0".repeat(26);
    assert.equal(searchPalette(entries, ` prd_${text} `)[0]!.href, `/predictions/prd_${text}`);
    assert.equal(searchPalette(entries, `wfr_${text}`)[0]!.href, `/workflows/runs/wfr_${text}`);
    assert.equal(searchPalette(entries, `whk_${text}`)[0]!.href, `/events/webhooks/whk_${text}`);
  });
});
