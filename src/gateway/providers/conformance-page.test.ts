import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { conformancePage, conformanceRecords } from "./conformance-page.fixture.ts";
import { conformanceCases } from "./conformance.fixture.ts";

it("the conformance page lists exactly the cases that tests register", async () => {
  const records = await conformanceRecords({ run: false });
  const committed = readFileSync(new URL("../../../docs/gateway-conformance.md", import.meta.url), "utf8");
  assert.equal(committed, conformancePage(records), "run: node scripts/generate-gateway-conformance.ts");
  for (const number of Object.keys(conformanceCases)) assert.ok(records.some((record) => String(record.number) === number), `case ${number}`);
});
