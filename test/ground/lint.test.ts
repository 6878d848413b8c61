import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { ESLint } from "eslint";

const root = join(import.meta.dirname, "../..");
/** The tree's own configuration over few of its files: the types of a thousand more would be looked up anew for each text. */
const folder = mkdtempSync(join(realpathSync(tmpdir()), "slipway-lint-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const configuration = ["eslint.config.js", "package.json", "tsconfig.json", "console/tsconfig.json", "scripts/lint-rules.js"];
const places = ["src/core/ids.ts", "src/core/clock.ts", "src/config/load-config.ts", "src/cli/run-cli.ts", "console/src/format.ts", "scripts/build.ts", "test/ground/lint.test.ts"];
for (const path of [...configuration, ...places]) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  cpSync(join(root, path), join(folder, path));
}
symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
const eslint = new ESLint({ cwd: folder });

/** Names of the rules that a text breaks when it stands in this file. The file must exist: types are looked up by it. */
async function broken(filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath: join(folder, filePath) });
  return [...new Set((result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message))].sort();
}

/** A rule, a text that breaks it where it stands, and a twin that is right. */
const cases: { rule: string; file?: string; wrong: string; right: string }[] = [
  {
    rule: "@typescript-eslint/no-floating-promises",
    wrong: "async function save(): Promise<void> {}\nexport function run(): void { save(); }",
    right: "async function save(): Promise<void> {}\nexport async function run(): Promise<void> { await save(); }",
  },
  {
    rule: "@typescript-eslint/no-misused-promises",
    wrong: "export const run = (list: string[]): void => list.forEach(async () => Promise.resolve());",
    right: "export const run = (list: string[]): void => list.forEach(() => undefined);",
  },
  { rule: "@typescript-eslint/no-explicit-any", wrong: "export const x: any = 1;", right: "export const x: unknown = 1;" },
  { rule: "slipway/no-wall-clock", wrong: "export const now = Date.now();", right: "export const day = new Date(0);" },
  { rule: "slipway/no-wall-clock", wrong: "export const now = new Date();", right: "export const day = Date.UTC(2001, 0);" },
  { rule: "slipway/no-wall-clock", wrong: "export const now = Date();", right: `export const day = Date.parse("2001-01-01");` },
  { rule: "slipway/no-wall-clock", file: "console/src/format.ts", wrong: "export const now = Date.now();", right: "export const now = 0;" },
  { rule: "slipway/no-hidden-randomness", wrong: "export const x = Math.random();", right: "export const x = Math.round(1.5);" },
  { rule: "slipway/no-environment", wrong: "export const home = process.env.HOME;", right: "export const id = process.pid;" },
  { rule: "slipway/no-environment", wrong: "const { env } = process;\nexport { env };", right: "const { pid } = process;\nexport { pid };" },
  { rule: "slipway/no-environment", wrong: `export { env };\nimport { env } from "node:process";`, right: "export {};" },
  { rule: "no-console", wrong: `console.log("x");`, right: `process.stdout.write("x");` },
  { rule: "no-console", file: "console/src/format.ts", wrong: `console.log("x");`, right: "export {};" },
  { rule: "slipway/full-words", wrong: "export const opts = 1;", right: "export const options = 1;" },
  { rule: "slipway/full-words", wrong: "export function send(msg: string): string { return msg; }", right: "export const x = { msg: 1 };" },
  { rule: "slipway/full-words", wrong: "export interface Call { ctx: string }", right: "export const f = (x: { [key: string]: number }) => x.ctx;" },
  { rule: "max-lines", wrong: "export {};\n".repeat(501), right: "export {};\n".repeat(500) },
  { rule: "@typescript-eslint/no-import-type-side-effects", wrong: `export type X = Clock;\nimport { type Clock } from "./clock.ts";`, right: `export type X = Clock;\nimport type { Clock } from "./clock.ts";` },
  { rule: "eqeqeq", wrong: "export const f = (x: number) => x == 1;", right: "export const f = (x: number) => x === 1;" },
];

describe("lint", () => {
  for (const { rule, file = "src/core/ids.ts", wrong, right } of cases) {
    it(`${rule} fails on ${JSON.stringify(wrong.slice(0, 60))} in ${file}`, async () => {
      assert.deepEqual(await broken(file, wrong), [rule]);
      assert.deepEqual(await broken(file, right), []);
    });
  }

  it("lets the places that are meant to do it do it", async () => {
    assert.deepEqual(await broken("src/core/clock.ts", "export const now = Date.now();"), []);
    assert.deepEqual(await broken("src/config/load-config.ts", "export const home = process.env.HOME;"), []);
    assert.deepEqual(await broken("src/cli/run-cli.ts", `console.log("x");`), []);
    assert.deepEqual(await broken("test/ground/lint.test.ts", "console.log(Date.now(), Math.random(), process.env.HOME);"), []);
    assert.deepEqual(await broken("scripts/build.ts", "console.log(Date.now(), process.env.HOME);"), []);
  });

  it("wants file names in kebab-case that say something", () => {
    // Types are looked up by an existing file; these names exist nowhere, so plain JavaScript is used.
    const names = ["src/core/camelCase.js", "src/core/string-utils.js", "src/core/base.js", "src/core/blob-store.js", "console/src/Chart.js"];
    return Promise.all(names.map((name) => broken(name, "export {};"))).then((results) => {
      assert.deepEqual(results, [["slipway/file-name"], ["slipway/file-name"], ["slipway/file-name"], [], ["slipway/file-name"]]);
    });
  });

  it("is what `npm run lint` runs, warnings count, and a violation fails it", () => {
    const run = spawnSync(process.execPath, [join(root, "node_modules/eslint/bin/eslint.js"), "--stdin", "--stdin-filename", "src/core/x.js", "--max-warnings=0"], {
      cwd: root,
      input: "var x = 1;\n",
      encoding: "utf8",
    });
    assert.equal(run.status, 1, run.stdout + run.stderr);
    assert.match(run.stdout, /no-var/);
  });
});
