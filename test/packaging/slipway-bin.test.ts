import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");
const folders: string[] = [];

/** A folder laid out like the package, with the real bin and programs that say who they are. Files later in the list are newer. */
function layOut(...files: [path: string, text: string][]): string {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bin-"));
  folders.push(folder);
  cpSync(join(root, "bin"), join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "package.json"), `{"type": "module"}`);
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [index, [path]] of files.entries()) {
    const time = 1_700_000_000 + index * 10;
    for (let changed = join(folder, path); changed !== folder; changed = dirname(changed)) utimesSync(changed, time, time);
  }
  return folder;
}

/** Makes the starting process look like an old Node; what it starts in turn is not touched. */
const pretendOld = ["--import", `data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.19.0" })`];

function start(folder: string, nodeOptions: string[] = [], programArguments: string[] = []): { status: number | null; signal: string | null; stdout: string; stderr: string } {
  const { SLIPWAY_BUNDLED_NODE: _unset, ...env } = process.env;
  return spawnSync(process.execPath, [...nodeOptions, join(folder, "bin/slipway.js"), ...programArguments], { encoding: "utf8", env });
}

/** Puts a Node where `npm install node` puts it. */
function bundleNode(folder: string, make: (path: string) => void = (path) => symlinkSync(process.execPath, path)): void {
  mkdirSync(join(folder, "node_modules/node/bin"), { recursive: true });
  make(join(folder, "node_modules/node/bin/node"));
}

const built: [string, string] = ["dist/main.js", `console.log("built", process.argv.slice(2).join(" "));`];
const source: [string, string] = ["src/main.ts", `const text: string = "source"; console.log(text);`];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe("bin/slipway.js", () => {
  it("runs the build of a package, with the arguments", () => {
    assert.equal(start(layOut(built), [], ["up", "--port", "0"]).stdout, "built up --port 0\n");
  });

  it("runs the sources of a tree that was never built or was changed since", () => {
    assert.equal(start(layOut(source)).stdout, "source\n");
    assert.equal(start(layOut(built, source)).stdout, "source\n");
    assert.equal(start(layOut(source, built, ["src/registry/index.ts", "export {};"])).stdout, "source\n");
    assert.equal(start(layOut(source, ["src/registry/index.ts", "export {};"], built)).stdout, "built \n");
  });

  it("says what to do on an old Node, when there is no other", () => {
    const { status, stdout, stderr } = start(layOut(built), pretendOld);
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /this is Node 20\.19\.0; Slipway needs Node 22\.18 or newer/);
  });

  it("starts again on the Node of the npm package, in this tree or beside this package", () => {
    const inTree = layOut(["dist/main.js", `console.log(process.argv.slice(2).join(" ")); process.exitCode = 7;`]);
    bundleNode(inTree);
    const { status, stdout } = start(inTree, pretendOld, ["models", "--json"]);
    assert.deepEqual({ status, stdout }, { status: 7, stdout: "models --json\n" });

    const project = mkdtempSync(join(tmpdir(), "slipway-project-"));
    folders.push(project);
    bundleNode(project);
    cpSync(layOut(built), join(project, "node_modules/slipway"), { recursive: true });
    assert.equal(start(join(project, "node_modules/slipway"), pretendOld).stdout, "built \n");
  });

  it("does not start itself for ever when that Node is old too", { skip: process.platform === "win32" ? "a shell script stands for the old Node" : false }, () => {
    const folder = layOut(built);
    bundleNode(folder, (path) => {
      writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" ${pretendOld.map((text) => `'${text}'`).join(" ")} "$@"\n`);
      chmodSync(path, 0o755);
    });
    const { status, stderr } = start(folder, pretendOld);
    assert.equal(status, 1);
    assert.match(stderr, /needs Node 22\.18/);
  });

  it("hands signals on and ends as the program ends", { skip: process.platform === "win32" ? "Windows has no SIGTERM" : false }, async () => {
    const program = (onSignal: string): [string, string] => ["dist/main.js", `${onSignal} setInterval(() => {}, 1000); console.log("ready");`];
    for (const [text, ending] of [
      [`process.on("SIGTERM", () => process.exit(5));`, [5, null]],
      ["", [null, "SIGTERM"]],
    ] as const) {
      const folder = layOut(program(text));
      bundleNode(folder);
      const child = spawn(process.execPath, [...pretendOld, join(folder, "bin/slipway.js")], { stdio: ["ignore", "pipe", "inherit"] });
      await once(child.stdout, "data");
      child.kill("SIGTERM");
      assert.deepEqual(await once(child, "exit"), ending);
    }
  });
});
