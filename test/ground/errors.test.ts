import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { errorCatalogue } from "../../src/core/error-catalogue.ts";

const root = join(import.meta.dirname, "../..");
const codes = Object.keys(errorCatalogue);

const sources = globSync("src/**/*.ts", { cwd: root })
  .filter((path) => !/\.(test|conformance)\.ts$/.test(path) && !path.endsWith("error-catalogue.ts"))
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

describe("the error catalogue", () => {
  it("has no code that nothing answers with", () => {
    const everything = sources.map(({ text }) => text).join("\n");
    assert.deepEqual(codes.filter((code) => !everything.includes(`"${code}"`)), []);
  });

  it("knows every code that is thrown", () => {
    const thrown = sources.flatMap(({ path, text }) => [...text.matchAll(/new AppError\(\s*"([^"]*)"/g)].map((match) => ({ path, code: match[1] })));
    assert.ok(thrown.length > 20, `${thrown.length} found`);
    assert.deepEqual(thrown.filter(({ code }) => !codes.includes(code ?? "")), []);
  });

  it("holds statuses of errors and hints that are sentences", () => {
    for (const [code, { status, hint }] of Object.entries(errorCatalogue)) {
      assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
      assert.ok(status >= 400 && status <= 599, code);
      assert.match(hint, /^[A-Z].{10,}\.$/, code);
    }
  });

  it("is what docs/errors.md says; write it again with npm run errors", () => {
    const check = spawnSync(process.execPath, ["scripts/generate-errors.ts", "--check"], { cwd: root, encoding: "utf8" });
    assert.equal(check.status, 0, check.stderr);
    const page = readFileSync(join(root, "docs/errors.md"), "utf8");
    assert.deepEqual(codes.filter((code) => !page.includes(`\`${code}\``)), []);
  });
});
