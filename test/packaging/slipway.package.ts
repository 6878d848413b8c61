import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";

/** The tarball as a user meets it: packed, installed into an empty project outside of the tree, started from there. */
const root = join(import.meta.dirname, "../..");
const project = mkdtempSync(join(tmpdir(), "slipway-package-"));

interface Packed {
  filename: string;
  size: number;
  files: { path: string; mode: number }[];
}

let packed: Packed;

// What npm set for this run must not decide the next one: the user's shell has none of it.
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || /registry|cafile|proxy/i.test(name))),
  // The CPU library is in onnxruntime-node's package; its script would fetch the one for CUDA from another host.
  ONNXRUNTIME_NODE_INSTALL: "skip",
};

function run(command: string, commandArguments: string[], folder = project): { stdout: string; stderr: string } {
  const result = spawnSync(command, commandArguments, { cwd: folder, encoding: "utf8", env: environment, maxBuffer: 64 << 20 });
  assert.equal(result.status, 0, `${command} ${commandArguments.join(" ")}\n${result.stdout}\n${result.stderr}`);
  return result;
}

before(() => {
  const output = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", project], root).stdout) as Packed[] | Record<string, Packed>;
  packed = Object.values(output)[0]!;
  writeFileSync(join(project, "package.json"), `{"name": "somebody", "private": true, "type": "module"}\n`);
  run("npm", ["install", "--no-audit", "--no-fund", join(project, packed.filename)]);
});

after(() => rmSync(project, { recursive: true, force: true }));

describe("the packed package", () => {
  it("holds the program, the console and the licence, and nothing of the workshop", () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of ["bin/slipway.js", "dist/main.js", "dist/index.d.ts", "dist/third-party-licenses.txt", "dist/console/index.html", "dist/console/third-party-licenses.txt", "LICENSE", "README.md", "CHANGELOG.md"]) {
      assert.ok(paths.includes(path), path);
    }
    assert.deepEqual(paths.filter((path) => /\.(test|conformance|fixture)\.|^(src|test|scripts|console|node_modules)\/|buildinfo/.test(path)), []);
    assert.deepEqual(paths.filter((path) => !/^(bin|dist)\/|^(LICENSE|README\.md|CHANGELOG\.md|package\.json)$/.test(path)), []);
    assert.ok(packed.size < 4 << 20, `${packed.size} bytes`);
  });

  it("serves the API and the console from `npx slipway up`, and ends well on SIGTERM", { timeout: 300_000 }, async () => {
    const server = spawn("npx", ["slipway", "up", "--port", "0", "--data", join(project, "data")], { cwd: project, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    server.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const closed = once(server, "close");
    const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
    const first = await Promise.race([lines.next(), closed]);
    assert.ok(!Array.isArray(first) && typeof first.value === "string", errors);
    const { url, processId } = JSON.parse(first.value) as { url: string; processId: number };
    try {
      const health = await fetch(`${url}/health`, { headers: { Accept: "application/json" } });
      assert.deepEqual([health.status, await health.json()], [200, { status: "ok" }]);

      const page = await fetch(url);
      const html = await page.text();
      assert.equal(page.status, 200);
      assert.match(page.headers.get("content-type") ?? "", /text\/html/);
      const scripts = [...html.matchAll(/<script[^>]+src="([^"]+)"/g)].map((match) => match[1]!);
      assert.ok(scripts.length > 0, html);
      for (const script of scripts) assert.equal((await fetch(new URL(script, url))).status, 200, script);

      const facts = (await (await fetch(`${url}/api/server`)).json()) as { version: string };
      const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
      assert.equal(facts.version, manifest.version);

      const models = spawnSync("npx", ["slipway", "models", "--json"], { cwd: project, encoding: "utf8", env: { ...environment, SLIPWAY_URL: url } });
      assert.equal(models.status, 0, models.stderr);
      assert.doesNotThrow(() => JSON.parse(models.stdout) as unknown, models.stdout);
    } finally {
      process.kill(processId, "SIGTERM");
    }
    assert.deepEqual(await closed, [0, null], errors);
  });

  it("is a library with types", () => {
    writeFileSync(
      join(project, "use.ts"),
      `import { SlipwayClient, errorCatalogue, type Policy } from "slipway";
       import * as onnx from "slipway/onnx";
       const client: SlipwayClient = new SlipwayClient();
       export const runners = (policy: Policy): number => policy.serving.runners;
       // @ts-expect-error -- would pass if the types were any
       const wrong: string = client;
       console.log(typeof client, errorCatalogue.MODEL_NOT_FOUND.status, Object.keys(onnx).length > 0, wrong === undefined);`,
    );
    const options = { noEmit: true, module: "nodenext", target: "es2024", strict: true, types: ["node"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["use.ts"] }));
    run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project]);
    assert.equal(run(process.execPath, [join(project, "use.ts")]).stdout, "object 404 true false\n");
  });
});
