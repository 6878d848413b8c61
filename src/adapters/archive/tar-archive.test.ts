import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { Readable } from "node:stream";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { readTar } from "./read-tar.ts";
import { writeTar } from "./write-tar.ts";

/** The paths and contents that come back. */
async function roundTrip(t: TestContext, paths: readonly string[]): Promise<[string, string, string][]> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-tar-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const entries = paths.map((path, index) => ({ path, bytes: String(index).length, content: Readable.from([Buffer.from(String(index))]) as AsyncIterable<Uint8Array> }));
  const file = join(folder, "a.tar");
  writeFileSync(file, await buffer(writeTar(Readable.from(entries))));
  const found: [string, string, string][] = [];
  for await (const { path, type, content } of readTar(file)) found.push([path, type, (await buffer(Readable.from(content))).toString()]);
  return found;
}

const expected = (paths: readonly string[]): [string, string, string][] => paths.map((path, index) => [path, "file", String(index)]);

describe("a tar archive", () => {
  it("brings back paths of any length and language", async (t) => {
    const long = "x".repeat(90);
    const paths = [
      "a", "y".repeat(100), "y".repeat(101), "é".repeat(50), "é".repeat(51), `artifacts/${long}/${"z".repeat(100)}`, `artifacts/${long}/${"z".repeat(101)}`,
      // Readers that take a header's field for text drop this character from its start.
      `artifacts/${long}/\ufeffmark`, "\ufeffmark", `artifacts/${long}/日本 🚀 = 1`, `artifacts/${Array.from({ length: 64 }, () => "é".repeat(127)).join("/")}`, "PaxHeader/a", "12 path=b",
      // The length of a record counts its own digits.
      ...Array.from({ length: 14 }, (_, extra) => `é${"r".repeat(80 + extra)}`), ...Array.from({ length: 14 }, (_, extra) => `é${"r".repeat(980 + extra)}`),
    ];
    assert.deepEqual(await roundTrip(t, paths), expected(paths));
  });

  it("brings back any text without control characters", async (t) => {
    const name = fc.string({ unit: codePoint, minLength: 1, maxLength: 200 }).map((text) => text.replace(/[\u0000-\u001f\u007f/\\]/g, "_"));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/")), { minLength: 1, maxLength: 8 }), async (paths) => {
        assert.deepEqual(await roundTrip(t, paths), expected(paths));
      }),
      { numRuns: 15 },
    );
  });
});
