import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { longest, testPlan } from "../../scripts/test-plan.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "slipway-shared-process-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs files of these texts as `npm test` runs the tree's. */
function run(files: Record<string, string>): { status: number | null; output: string } {
  const paths = Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, `import { beforeEach, describe, it, test } from "node:test";\n${text}`);
    return path;
  });
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts/run-tests.ts"), ...paths], { cwd: root, encoding: "utf8", env: environment });
  return { status, output: `${stdout}${stderr}` };
}

const good = `let calls = 0;\nbeforeEach(() => { calls++; });\ntest("calls its hook", () => { if (calls !== 1) throw new Error(String(calls)); });`;
const second = `describe("a second file", () => { it("meets no hook of the first", () => {}); });`;

/** Two of five tests fail, by what they have begun and do not await. Where promises have hooks each has a number of its own. */
const outside = `
  import { executionAsyncId } from "node:async_hooks";
  const pause = () => new Promise((resolve) => { setTimeout(resolve, 50); });
  describe("at once", { concurrency: true }, () => {
    it("is failed by its timer", async () => { await null; setTimeout(() => { throw new Error("of a timer"); }, 5); await pause(); });
    it("is failed by its promise", async () => { await pause(); void Promise.reject(new Error("of a promise")); await pause(); });
    it("waits beside them", async () => { await pause(); await pause(); });
  });
  describe("declared after an await", async () => { await pause(); it("is declared late", () => {}); });
  it("awaits without a hook for each promise", async () => {
    const number = async () => { await null; return executionAsyncId(); };
    if (await number() !== await number()) throw new Error("hooked");
  });
`;

describe("test files in one process", () => {
  it("pass and are counted like files alone, each with its own hooks", () => {
    const { status, output } = run({ "good.test.ts": good, "second.test.ts": second });
    assert.equal(status, 0, output);
    assert.match(output, /^ℹ tests 2$/m);
    assert.match(output, /^ℹ pass 2$/m);
  });

  it("fail by themselves: by a test, outside of one, and when they cannot be loaded", () => {
    const { status, output } = run({
      "good.test.ts": good,
      "failing.test.ts": `test("fails", () => { throw new Error("this one"); });\ntest("passes", () => {});`,
      "broken.test.ts": `import "./absent.ts";`,
      "late.test.ts": `test("throws when it has ended", () => { setImmediate(() => { throw new Error("late one"); }); });\ntest("waits", () => new Promise((resolve) => { setTimeout(resolve, 20); }));`,
    });
    assert.equal(status, 1, output);
    assert.match(output, /✔ calls its hook/);
    assert.match(output, /✔ passes/);
    assert.match(output, /✖ fails/);
    assert.match(output, /this one/);
    assert.match(output, /absent\.ts/);
    assert.match(output, /late one/);
  });

  it("fail when one ends the process, which would take the others along in silence", () => {
    const { status, output } = run({ "good.test.ts": good, "leaving.test.ts": `import { exit } from "node:process";\ntest("leaves", () => exit(0));`, "second.test.ts": second });
    assert.equal(status, 1, output);
    assert.match(output, /ended without a result: .*leaving\.test\.ts, .*second\.test\.ts/);
  });

  // The second runs alone, for it names its process.
  for (const [where, text] of [["in a shared process", ""], ["in a process of its own", "process.pid;\n"]] as const) {
    it(`${where}: what a test begins and fails outside of it is the test's own, whatever runs beside it`, () => {
      const { status, output } = run({ "outside.test.ts": `${text}${outside}` });
      assert.equal(status, 1, output);
      assert.match(output, /^ℹ pass 3$/m, output);
      assert.match(output, /^ℹ fail 2$/m, output);
      for (const [name, thrown] of [["is failed by its timer", "of a timer"], ["is failed by its promise", "of a promise"]]) assert.match(output, new RegExp(`✖ ${name}[^✖✔]*${thrown}`), output);
      for (const name of ["waits beside them", "is declared late", "awaits without a hook for each promise"]) assert.match(output, new RegExp(`✔ ${name}`), output);
      assert.match(output, /^( *)▶ declared after an await\n\1  ✔ is declared late/m, output);
    });
  }

  it("are those that reach nothing but themselves; what takes long has a process of its own and starts first", () => {
    for (const file of longest) assert.ok(existsSync(join(root, file)), `scripts/test-plan.ts names ${file}, which is not there`);
    const texts: Record<string, string> = {
      "src/a/one.test.ts": "", "src/a/two.test.ts": "x", "src/b/three.test.ts": "process.pid", "src/b/four.test.ts": "process.env.HOME", "src/b/five.test.ts": "mock.timers.enable()", [longest[1]!]: "", [longest[0]!]: "",
    };
    assert.deepEqual(testPlan(Object.keys(texts), (file) => texts[file]!), {
      alone: [longest[0], longest[1], "src/b/five.test.ts", "src/b/four.test.ts"],
      groups: [["src/a/one.test.ts", "src/a/two.test.ts"], ["src/b/three.test.ts"]],
    });
  });
});
