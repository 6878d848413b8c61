import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { loadDefinitions } from "./load-definitions.ts";

const definition = (name: string, more = ""): string => `{ name: "${name}", version: 1, description: "", input: { safeParse: (data) => ({ data }) }, run: async () => null, ${more} }`;

describe("loadDefinitions", () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-definitions-"));
    const files: Record<string, string> = {
      "one.mjs": `export default ${definition("one")}`,
      "typed.mts": `const two: unknown = ${definition("two")}; export { two }; export const other: number = 3; export const text = "x"; export const nothing = null; export { two as again };`,
      "list.mjs": `export default [${definition("three")}, ${definition("four")}];`,
      "none.mjs": `export const name = "no workflow";`,
      "broken.mjs": `throw new Error("the port is missing");`,
      "syntax.mjs": `export default {`,
      "bad-name.mjs": `export default ${definition("a b")}`,
      "bad-version.mjs": `export default { ...${definition("one")}, version: 0 }`,
      "bad-input.mjs": `export default { ...${definition("one")}, input: { type: "object" } }`,
      "bad-limit.mjs": `export default ${definition("one", "concurrency: { limit: 0 }")}`,
      "node_modules/our-flows/package.json": `{"name":"our-flows","type":"module","exports":"./index.js"}`,
      "node_modules/our-flows/index.js": `export const packaged = ${definition("packaged")};`,
    };
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), content);
    }
  });
  after(() => rm(directory, { recursive: true }));

  it("takes default exports, named ones, lists, TypeScript and packages, each definition once", async () => {
    const loaded = await loadDefinitions(["./one.mjs", "typed.mts", join(directory, "list.mjs"), "our-flows"], directory);
    assert.deepEqual(loaded.map(({ name }) => name), ["one", "two", "three", "four", "packaged"]);
  });

  const refusals: [string, RegExp][] = [
    ["./absent.mjs", /absent\.mjs cannot be loaded/],
    ["no-such-package", /no-such-package cannot be loaded/],
    ["./none.mjs", /none\.mjs exports no workflow/],
    ["./broken.mjs", /broken\.mjs cannot be loaded: the port is missing/],
    ["./syntax.mjs", /syntax\.mjs cannot be loaded/],
    ["./bad-name.mjs", /"a b" needs a name/],
    ["./bad-version.mjs", /"one" needs a version/],
    ["./bad-input.mjs", /"one" needs a Zod schema/],
    ["./bad-limit.mjs", /"one" needs a concurrency limit/],
  ];
  for (const [module, message] of refusals) {
    it(`refuses ${module}`, () =>
      assert.rejects(loadDefinitions([module], directory), (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "CONFIG_INVALID");
        assert.match(error.message, message);
        return true;
      }));
  }
});
