import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");

describe("docs/openapi.json", () => {
  it("is what the route table says; write it again with npm run openapi", () => {
    const check = spawnSync(process.execPath, ["scripts/generate-openapi.ts", "--check"], { cwd: root, encoding: "utf8" });
    assert.equal(check.status, 0, check.stderr);
  });

  it("says of every operation who may call it, and names each once", () => {
    const document = JSON.parse(readFileSync(join(root, "docs/openapi.json"), "utf8")) as {
      paths: Record<string, Record<string, { operationId: string; "x-slipway-access": string; summary: string }>>;
    };
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    assert.ok(operations.length > 20, `${operations.length} operations`);
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
    for (const operation of operations) {
      assert.match(operation["x-slipway-access"], /^(public|viewer|contributor|deployer|admin)$/, operation.operationId);
      assert.ok(operation.summary.length > 3, operation.operationId);
    }
  });
});
