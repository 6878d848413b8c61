import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, matchesGlob } from "node:path";
import { before, describe, it } from "node:test";
import { cases, meant } from "./lint-cases.ts";

const root = join(import.meta.dirname, "../..");
const tool = join(root, "node_modules/oxlint/bin/oxlint");
const configuration = [".oxlintrc.json", "package.json", "tsconfig.json", "console/tsconfig.json", "scripts/lint-rules.js"];
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };

interface Finding {
  code?: string;
  message: string;
  filename: string;
}

/** Plants the files in a tree of their own, with the tree's own configuration, and looks at all of them at once: each look loads the types anew. */
function lint(files: Record<string, string>, ...flags: string[]): { status: number | null; broken: (path: string) => string[] } {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "slipway-lint-"));
  try {
    for (const path of configuration) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      cpSync(join(root, path), join(folder, path));
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const run = spawnSync(process.execPath, [tool, ...flags, "--format=json"], { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
    assert.ok(run.stdout.startsWith("{"), run.stdout + run.stderr);
    const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: Finding[] };
    const named = (finding: Finding): string => finding.code?.replace(/^eslint\((.*)\)$/, "$1").replace(/^([\w-]+)\((.*?)\)$/, "$1/$2") ?? finding.message;
    return { status: run.status, broken: (path) => [...new Set(diagnostics.filter(({ filename }) => filename === path).map(named))].sort() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Rules {
  files: string[];
  rules: Record<string, string | [string, ...unknown[]]>;
}

/** The rules that are on, each with the places that this part of the configuration is for. */
function rulesThatAreOn(): { rule: string; files: string[] }[] {
  const text = readFileSync(join(root, ".oxlintrc.json"), "utf8").replaceAll(/^\s*\/\/.*$/gm, "");
  const { rules, overrides } = JSON.parse(text) as Pick<Rules, "rules"> & { overrides: Rules[] };
  return [{ files: ["**/*"], rules }, ...overrides].flatMap((part) =>
    Object.entries(part.rules)
      .filter(([, setting]) => setting !== "off")
      .map(([rule]) => ({ rule, files: part.files })),
  );
}

const fileOf = (index: number, kind: "wrong" | "right"): string => {
  const { at = "src/core/#.ts" } = cases[index]!;
  return at.replace("#", `${kind}-${index}`);
};

describe("lint", () => {
  let found: ReturnType<typeof lint>;
  before(() => {
    const planted = cases.flatMap(({ wrong, right }, index) => [[fileOf(index, "wrong"), wrong], [fileOf(index, "right"), right]] as const);
    found = lint(Object.fromEntries([...planted, ...meant.map(({ file, text }) => [file, text] as const)]));
  });
  for (const [index, { rule, wrong, also = [] }] of cases.entries()) {
    it(`${rule} fails on ${JSON.stringify(wrong.slice(0, 60))} in ${fileOf(index, "wrong")}`, () => {
      assert.deepEqual(found.broken(fileOf(index, "wrong")), [rule, ...also].sort());
      assert.deepEqual(found.broken(fileOf(index, "right")), []);
    });
  }

  it("lets the places that are meant to do it do it", () => {
    assert.deepEqual(meant.map(({ file }) => [file, found.broken(file)]), meant.map(({ file }) => [file, []]));
  });

  it("is seen to fail by every rule, wherever it is on: what the tool does not know it would pass over", () => {
    const on = rulesThatAreOn();
    assert.ok(on.length > 50, "the configuration is read");
    // What a name breaks is shown below.
    const unseen = on.filter(({ rule, files }) => rule !== "slipway/file-name" && !cases.some((planted, index) => planted.rule === rule && files.some((pattern) => matchesGlob(fileOf(index, "wrong"), pattern))));
    assert.deepEqual(unseen, []);
  });

  it("wants file names in kebab-case that say something", () => {
    const names = ["src/core/camelCase.js", "src/core/string-utils.js", "src/core/base.js", "src/core/blob-store.js", "console/src/Chart.js"];
    const { broken } = lint(Object.fromEntries(names.map((name) => [name, "export {};"])));
    assert.deepEqual(names.map(broken), [["slipway/file-name"], ["slipway/file-name"], ["slipway/file-name"], [], ["slipway/file-name"]]);
  });

  it("is what `npm run lint` runs, and a violation fails it", () => {
    assert.equal(scripts.lint, "oxlint");
    assert.equal(lint({ "src/core/x.js": "var x = 1;\n" }).status, 1);
    assert.equal(lint({ "src/core/x.js": "export {};\n" }).status, 0);
  });

  it("finds with --type-check what the compiler finds, by the settings that stand nearest", () => {
    const { broken, status } = lint(
      {
        "src/core/kind.ts": "export interface Kind { a: 1 }",
        "src/core/assigned.ts": "export const a: string = 1;",
        "src/core/indexed.ts": "export const f = (x: number[]): number => x[0];",
        "src/core/extension.ts": `import type { Kind } from "./kind";\nexport type Other = Kind;`,
        "src/core/enumerated.ts": "export enum E { A }",
        "src/core/overriding.ts": "class A { f(): void {} }\nexport class B extends A { f(): void {} }",
        "src/core/browser.ts": "export const title = document.title;",
        "src/core/expected.ts": "// @ts-expect-error nothing is wrong\nexport const a = 1;",
        "console/src/browser.ts": "export const title = document.title;",
        "console/src/markup.tsx": `export const a = <div class="a" />;`,
      },
      "--type-check",
    );
    assert.equal(status, 1);
    const expected = {
      "src/core/kind.ts": [],
      "src/core/assigned.ts": ["typescript/TS2322"],
      "src/core/indexed.ts": ["typescript/TS2322"],
      "src/core/extension.ts": ["typescript/TS2835"],
      "src/core/enumerated.ts": ["typescript/TS1294"],
      "src/core/overriding.ts": ["typescript/TS4114"],
      "src/core/browser.ts": ["typescript/TS2584"],
      "src/core/expected.ts": ["typescript/TS2578"],
      "console/src/browser.ts": [],
      "console/src/markup.tsx": ["typescript/TS2322"],
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((path) => [path, broken(path)])), expected);
  });
});
