import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { replicaName } from "./replica-name.ts";

describe("replicaName", () => {
  it("is another one for each directory, and stays", () => {
    const [first, second] = [mkdtempSync(join(tmpdir(), "slipway-replica-")), mkdtempSync(join(tmpdir(), "slipway-replica-"))];
    const name = replicaName(first);
    assert.match(name, /^[0-9a-f]{16}$/);
    assert.equal(replicaName(first), name);
    assert.notEqual(replicaName(second), name);
    writeFileSync(join(first, "replica"), "12");
    assert.match(replicaName(first), /^[0-9a-f]{16}$/);
    for (const directory of [first, second]) rmSync(directory, { recursive: true });
  });
});
