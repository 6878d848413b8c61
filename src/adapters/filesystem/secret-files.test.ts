import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { readSecretFile } from "./secret-files.ts";

describe("files of secrets", () => {
  const directory = mkdtempSync(join(tmpdir(), "slipway-secrets-"));
  const folder = join(directory, "inside");
  mkdirSync(join(folder, "deep"), { recursive: true });
  writeFileSync(join(folder, "deep", "openai"), "sk-1\n");
  writeFileSync(join(folder, "large"), "x".repeat(70_000));
  writeFileSync(join(directory, "outside"), "sk-2");
  symlinkSync(join(directory, "outside"), join(folder, "link"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const refused = (error: unknown): boolean => error instanceof AppError && error.code === "INVALID_REQUEST" && !error.message.includes(directory);

  it("are read below their folder alone", () => {
    assert.equal(readSecretFile(folder, "deep/openai"), "sk-1");
    assert.equal(readSecretFile(folder, "nothing"), undefined);
    for (const path of ["../outside", join(directory, "outside"), "link", "large", "."]) assert.throws(() => readSecretFile(folder, path), refused, path);
    assert.throws(() => readSecretFile(undefined, "deep/openai"), refused);
  });
});
