import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { readOrMakeSecretKey } from "./secret-key-file.ts";

describe("readOrMakeSecretKey", () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipway-key-"));
    path = join(directory, "secret.key");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("makes a key for its owner's eyes, and answers the same one ever after", async () => {
    const key = await readOrMakeSecretKey(directory);
    assert.equal(key.byteLength, 32);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(await readOrMakeSecretKey(directory), key);
    unlinkSync(path);
    assert.notDeepEqual(await readOrMakeSecretKey(directory), key);
  });

  it("refuses a file that others may read, a link, and what is no key, and leaves all as it was", async () => {
    await readOrMakeSecretKey(directory);
    const text = readFileSync(path, "utf8");
    const refused = (pattern: RegExp): Promise<void> => assert.rejects(readOrMakeSecretKey(directory), { code: "CONFIG_INVALID", message: pattern });
    for (const mode of [0o644, 0o640, 0o602]) {
      chmodSync(path, mode);
      await refused(/chmod 600/);
    }
    chmodSync(path, 0o600);
    for (const damaged of ["", "short", text.slice(0, 20), `${text}${text}`]) {
      writeFileSync(path, damaged);
      await refused(/holds no key/);
      assert.equal(readFileSync(path, "utf8"), damaged);
    }
    const elsewhere = join(directory, "elsewhere");
    writeFileSync(elsewhere, text, { mode: 0o600 });
    unlinkSync(path);
    symlinkSync(elsewhere, path);
    await refused(/cannot be read/);
    unlinkSync(path);
    writeFileSync(path, text, { mode: 0o600 });
    assert.equal(Buffer.from(await readOrMakeSecretKey(directory)).toString("base64"), text.trim());
  });
});
