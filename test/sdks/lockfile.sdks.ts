import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { lockfileProblems, type Lockfile, type Manifest } from "../../scripts/check-lockfile.ts";

const read = <Content>(name: string): Content => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as Content;

describe("package-lock.json of the SDKs", () => {
  it("installs everywhere, without a script", () => {
    const lockfile = read<Lockfile>("package-lock.json");
    assert.ok(Object.keys(lockfile.packages).length > 20);
    assert.deepEqual(lockfileProblems(lockfile, read<Manifest>("package.json")), []);
  });
});
