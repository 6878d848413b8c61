import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { lockfileProblems, type Lockfile, type Manifest } from "../../scripts/check-lockfile.ts";

const root = join(import.meta.dirname, "../..");
const read = <Content>(path: string): Content => JSON.parse(readFileSync(join(root, path), "utf8")) as Content;
const manifest = read<Manifest>("package.json");

describe("package-lock.json", () => {
  it("installs everywhere, without a script that is not allowed; mend it with node scripts/check-lockfile.ts --fix", () => {
    const lockfile = read<Lockfile>("package-lock.json");
    assert.ok(Object.keys(lockfile.packages).length > 100);
    assert.deepEqual(lockfileProblems(lockfile, manifest), []);
  });

  it("is checked by a check that can fail", () => {
    const lockfile: Lockfile = {
      packages: {
        "": {},
        "node_modules/allowed": { version: "1.0.0", hasInstallScript: true },
        "node_modules/denied": { version: "1.0.0", hasInstallScript: true },
        "node_modules/a/node_modules/denied": { version: "2.0.0", hasInstallScript: true },
        "node_modules/native": { version: "1.0.0", optionalDependencies: { "native-linux": "1.0.0", "native-windows": "1.0.0" } },
        "node_modules/native/node_modules/native-linux": { version: "1.0.0" },
        "node_modules/bound": { version: "1.0.0", resolved: "https://registry.example/bound.tgz" },
        "node_modules/workspace": { resolved: "workspace", link: true },
      },
    };
    assert.deepEqual(lockfileProblems(lockfile, { allowScripts: { allowed: true, denied: false }, dependencies: { native: "1.0.0", loose: "^1.0.0" } }), [
      "node_modules/denied announces an install script that is not allowed.",
      "node_modules/a/node_modules/denied announces an install script that is not allowed.",
      "node_modules/native may need native-windows, which is not locked: its registry lacks that version.",
      "node_modules/bound is bound to one registry's address.",
      "loose is not pinned to one version but to ^1.0.0.",
    ]);
  });

  it("leaves no install script undecided", () => {
    const decided = manifest.allowScripts ?? {};
    const withScripts = globSync("node_modules/{*,@*/*}{,/node_modules/{*,@*/*}}/package.json", { cwd: root })
      .map((path) => read<{ name?: string; scripts?: Record<string, string> }>(path))
      .filter(({ scripts = {} }) => scripts.preinstall ?? scripts.install ?? scripts.postinstall)
      .map(({ name }) => name ?? "");
    assert.ok(withScripts.includes("onnxruntime-node"), "the check sees what is installed");
    assert.deepEqual(withScripts.filter((name) => !(name in decided)), []);
  });
});
