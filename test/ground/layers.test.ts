import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");
const require = createRequire(import.meta.url);
const configuration = require(join(root, ".dependency-cruiser.cjs")) as { forbidden: { name: string }[] };

interface Cruise {
  modules: { source: string }[];
  summary: { totalDependenciesCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
}

/** Runs the tool as `npm run layers` does, in any folder. */
function cruise(folder: string): Cruise {
  const tool = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const run = spawnSync(process.execPath, [tool, "src", "--config", ".dependency-cruiser.cjs", "--output-type", "json"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  assert.ok(run.stdout.startsWith("{"), run.stderr);
  return JSON.parse(run.stdout) as Cruise;
}

function cruiseFiles(files: Record<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), "slipway-layers-"));
  try {
    for (const name of [".dependency-cruiser.cjs", "tsconfig.json", "package.json"]) cpSync(join(root, name), join(folder, name));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return cruise(folder).summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to.replace(/^.*node_modules/, "node_modules")}`).sort();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A small tree in which every layer uses all that it may use. */
const allowed: Record<string, string> = {
  "src/core/ids.ts": "export const id = 1;",
  "src/config/index.ts": `import { id } from "../core/ids.ts"; export const config = id;`,
  "src/registry/index.ts": `export * from "./schemas.ts"; export * from "./registry-service.ts"; export type { Store } from "./store.ts";`,
  "src/registry/schemas.ts": `import { z } from "zod"; export const Model = z.string();`,
  "src/registry/store.ts": `import { id } from "../core/ids.ts"; export interface Store { id: typeof id }`,
  "src/registry/store.conformance.ts": `import fc from "fast-check"; import type { Store } from "./store.ts"; export const suite = (store: Store) => fc.constant(store);`,
  "src/registry/registry-service.ts": `import type { Store } from "./store.ts"; export const service = (store: Store) => store;`,
  "src/serving/index.ts": `export { serve } from "./serving-service.ts";`,
  "src/serving/serving-service.ts": `import { service } from "../registry/index.ts"; export const serve = service;`,
  "src/adapters/sql/store.ts": `import type { Store } from "../../registry/store.ts"; import { Model } from "../../registry/schemas.ts"; export const open = (): Store | typeof Model => Model;`,
  "src/adapters/sql/store.test.ts": `import { suite } from "../../registry/store.conformance.ts"; import { open } from "./store.ts"; suite(open() as never);`,
  "src/http/server.ts": `import { Model } from "../registry/index.ts"; export const http = Model;`,
  "src/cli/run.ts": `import { id } from "../core/ids.ts"; export const cli = id;`,
  "src/client/client.ts": `import type { Model } from "../registry/index.ts"; export type Client = typeof Model;`,
  "src/compose.ts": `import { open } from "./adapters/sql/store.ts"; import { http } from "./http/server.ts"; import { config } from "./config/index.ts"; import { serve } from "./serving/index.ts"; export const composed = [open, http, config, serve];`,
  "src/main.ts": `import { cli } from "./cli/run.ts"; import { composed } from "./compose.ts"; export const main = [cli, composed];`,
};

/** What is planted into that tree: one file more each, and the violations that it must cause. */
const planted: { file: string; text: string; violations: Record<string, string> }[] = [
  { file: "src/core/one.ts", text: `import { two } from "./two.ts"; export const one = () => two;`, violations: { "no-cycles": "src/core/two.ts" } },
  { file: "src/core/two.ts", text: `import type { one } from "./one.ts"; export const two: typeof one | null = null;`, violations: {} },
  { file: "src/core/left-over.ts", text: "export const nobody = 1;", violations: { "no-orphans": "src/core/left-over.ts" } },
  { file: "src/core/typo.ts", text: `import "./misspelt.ts";`, violations: { "no-unresolvable": "./misspelt.ts" } },
  { file: "src/core/knows-a-module.ts", text: `import type { Model } from "../registry/index.ts"; export type X = typeof Model;`, violations: { "core-knows-nobody": "src/registry/index.ts" } },
  { file: "src/config/knows-a-module.ts", text: `import "../registry/index.ts";`, violations: { "config-knows-core-only": "src/registry/index.ts" } },
  { file: "src/serving/reaches-inside.ts", text: `import { service } from "../registry/registry-service.ts"; export const x = service;`, violations: { "modules-meet-at-the-index": "src/registry/registry-service.ts" } },
  { file: "src/serving/reaches-a-type.ts", text: `import type { Store } from "../registry/store.ts"; export type X = Store;`, violations: { "modules-meet-at-the-index": "src/registry/store.ts" } },
  { file: "src/serving/knows-a-door.ts", text: `import "../http/server.ts";`, violations: { "modules-know-no-outside": "src/http/server.ts" } },
  { file: "src/serving/knows-an-adapter.ts", text: `import "../adapters/sql/store.ts";`, violations: { "modules-know-no-outside": "src/adapters/sql/store.ts", "only-composition-chooses-adapters": "src/adapters/sql/store.ts" } },
  { file: "src/serving/knows-the-composition.ts", text: `import type { composed } from "../compose.ts"; export type X = typeof composed;`, violations: { "modules-know-no-outside": "src/compose.ts" } },
  { file: "src/adapters/sql/knows-a-door.ts", text: `import "../../http/server.ts";`, violations: { "adapters-know-no-door": "src/http/server.ts" } },
  { file: "src/adapters/sql/runs-a-port-file.ts", text: `import { type Store } from "../../registry/store.ts"; import "../../registry/store.ts"; export type X = Store;`, violations: { "adapters-see-ports-and-schemas": "src/registry/store.ts" } },
  { file: "src/adapters/sql/knows-a-service.ts", text: `import type { service } from "../../registry/registry-service.ts"; export type X = typeof service;`, violations: { "adapters-see-no-service": "src/registry/registry-service.ts" } },
  { file: "src/http/reaches-inside.ts", text: `import "../registry/schemas.ts";`, violations: { "doors-know-modules-by-their-index": "src/registry/schemas.ts" } },
  { file: "src/http/knows-an-adapter.ts", text: `import "../adapters/sql/store.ts";`, violations: { "doors-know-modules-by-their-index": "src/adapters/sql/store.ts", "only-composition-chooses-adapters": "src/adapters/sql/store.ts" } },
  { file: "src/cli/knows-http.ts", text: `import "../http/server.ts";`, violations: { "doors-know-no-other-door": "src/http/server.ts" } },
  { file: "src/client/knows-the-server.ts", text: `import "../http/server.ts";`, violations: { "client-is-light": "src/http/server.ts" } },
  { file: "src/index.ts", text: `export * from "./adapters/sql/store.ts";`, violations: { "only-composition-chooses-adapters": "src/adapters/sql/store.ts" } },
  { file: "src/http/runs-a-suite.ts", text: `import "../registry/store.conformance.ts";`, violations: { "no-test-in-product": "src/registry/store.conformance.ts", "doors-know-modules-by-their-index": "src/registry/store.conformance.ts" } },
  { file: "src/http/uses-a-dev-tool.ts", text: `import "typescript";`, violations: { "no-dev-dependency-in-product": "node_modules/typescript/lib/typescript.js" } },
];

describe("the layers of the source tree", () => {
  it("hold, and every file was read", () => {
    const result = cruise(root);
    const read = new Set(result.modules.map(({ source }) => source));
    // A tool that does not understand the language reads nothing and finds nothing wrong.
    const files = globSync("src/**/*.ts", { cwd: root });
    assert.ok(files.length > 100, `${files.length} files`);
    assert.deepEqual(files.filter((file) => !read.has(file)), []);
    assert.ok(result.summary.totalDependenciesCruised > 3 * files.length, `${result.summary.totalDependenciesCruised} dependencies`);
    assert.deepEqual(result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`), []);
  });

  it("allow what the design allows", () => {
    assert.deepEqual(cruiseFiles(allowed), []);
  });

  it("report every violation that is planted, and nothing else", () => {
    const files = { ...allowed, ...Object.fromEntries(planted.map(({ file, text }) => [file, text])) };
    const expected = planted.flatMap(({ file, violations }) => Object.entries(violations).map(([rule, to]) => `${rule}: ${file} -> ${to}`));
    assert.deepEqual(cruiseFiles(files), expected.sort());
  });

  it("have no rule that is never seen to fail", () => {
    const seen = new Set(planted.flatMap(({ violations }) => Object.keys(violations)));
    assert.deepEqual(configuration.forbidden.map(({ name }) => name).filter((name) => !seen.has(name)), []);
  });
});
