import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openReferenceTable, type ReferenceTable } from "./reference-table.ts";
import { withRestrictedDatabase } from "./restricted-database.ts";

describe("openReferenceTable with CSV", () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(join(tmpdir(), "slipway-reference-table-"))));
  after(() => rm(directory, { recursive: true, force: true }));

  async function openCsv(text: string): Promise<ReferenceTable> {
    const path = join(directory, "table.csv");
    await writeFile(path, text);
    return withRestrictedDatabase({ memoryMegabytes: 512, threads: 2, paths: [path] }, (connection) => openReferenceTable(connection, path, "csv"));
  }

  it("tells what a column holds by all of its values, missing ones aside", async () => {
    const columns: [name: string, kind: string, ...values: string[]][] = [
      ["whole", "integer", "1", "-2", ""], ["fraction", "float", "1", "2.5", "NaN"], ["huge", "float", "1", "99999999999999999999", "2"], ["exponent", "float", "1e3", "2", "3"],
      ["truth", "boolean", "true", "False", ""], ["numbersAndTruth", "text", "1", "true", "0"], ["day", "timestamp", "2024-01-02", "2024-01-03 04:05:06", ""],
      ["dayAndText", "text", "2024-01-02", "x", ""], ["year", "integer", "2024", "2025", "2026"], ["word", "text", "a", "1", "2"], ["nothing", "float", "", "NA", "null"],
    ];
    const lines = [columns.map(([name]) => name), ...[2, 3, 4].map((row) => columns.map((column) => column[row]!))];
    const table = await openCsv(`${lines.map((cells) => cells.join(",")).join("\n")}\n`);
    assert.equal(table.rows, 3);
    assert.deepEqual(table.columns, columns.map(([name, kind]) => ({ name, kind })));
  });

  it("reads thousands of columns, each for itself", async () => {
    const count = 2500;
    const kinds = Array.from({ length: count }, (_, index) => (index % 3 === 0 ? "integer" : index % 3 === 1 ? "text" : "float"));
    const values = { integer: "7", text: "x", float: "0.5" };
    const table = await openCsv(`${kinds.map((_, index) => `column ${index}`).join(",")}\n${kinds.map((kind) => values[kind as keyof typeof values]).join(",")}\n`);
    assert.deepEqual(table.columns.map(({ kind }) => kind), kinds);
    assert.equal(table.rows, 1);
  });
});
