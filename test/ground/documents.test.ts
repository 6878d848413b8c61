import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");
const documents = globSync(["*.md", "docs/**/*.md", "{src,examples,bench,console}/**/*.md"], { cwd: root, exclude: (path) => /node_modules/.test(path) });
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Paths of this tree that a text names in backticks; patterns and placeholders are left out. */
function namedPaths(text: string): string[] {
  const inlineCode = text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\s]+)`/g);
  return [...inlineCode].map((match) => match[1]!).filter((path) => /^(\.ci|bin|src|console|docs|examples|bench|scripts|test)\//.test(path) && !/[*<>{}]/.test(path));
}

function links(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!).filter((target) => !/^[a-z]+:|^#/.test(target));
}

describe("the documents", () => {
  it("name only paths that exist", () => {
    const named = documents.flatMap((document) => namedPaths(read(document)).map((path) => ({ document, path })));
    assert.ok(named.length > 50, `${named.length} paths`);
    // A document beside the code may name its neighbours from where it stands.
    assert.deepEqual(named.filter(({ document, path }) => ![root, join(root, dirname(document))].some((from) => existsSync(join(from, path)))), []);
  });

  it("link only to what exists", () => {
    const found = documents.flatMap((document) => links(read(document)).map((target) => ({ document, target })));
    assert.ok(found.length > 10, `${found.length} links`);
    assert.deepEqual(found.filter(({ document, target }) => !existsSync(join(root, dirname(document), target.replace(/#.*/, "")))), []);
  });

  it("show every guarantee by a file that exists, and by the test in it where one is named", () => {
    const rows = [...read("docs/guarantees.md").matchAll(/^\| (.+) \| ([^|]+) \|$/gm)].map((row) => ({ promise: row[1]!, shown: row[2]!.trim() })).slice(2);
    assert.ok(rows.length > 40, `${rows.length} guarantees`);
    const broken = rows.flatMap(({ promise, shown }) => {
      const named = [...shown.matchAll(/([^\s,"]+\/[^\s,"]+)(?: \(property\))?(?: "([^"]+)")?(?:, |$)/gy)];
      const isRead = named.map(([text]) => text).join("") === shown;
      const missing = named.some(([, path, test]) => !existsSync(join(root, path!)) || (test !== undefined && !read(path!).includes(`it("${test}"`)));
      return named.length === 0 || !isRead || missing ? [promise] : [];
    });
    assert.deepEqual(broken, []);
  });

  it("give every direct dependency a line with its version and licence, and no other", () => {
    const manifests = ["package.json", "console/package.json"].map((path) => JSON.parse(read(path)) as { dependencies?: Record<string, string>; devDependencies?: Record<string, string> });
    const used = Object.fromEntries(manifests.flatMap(({ dependencies = {}, devDependencies = {} }) => Object.entries({ ...dependencies, ...devDependencies })));
    const rows = [...read("docs/dependencies.md").matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| (\d{4}-\d\d-\d\d) \| ([^|]+) \|$/gm)];
    const listed = Object.fromEntries(
      rows.flatMap((row) => {
        const [names, versions] = [row[1]!, row[2]!].map((cell) => cell.split(", ")) as [string[], string[]];
        return names.map((name, index) => [name, { version: versions[index] ?? versions[0], licence: row[3] }]);
      }),
    );
    assert.deepEqual(Object.keys(listed).sort(), Object.keys(used).sort());
    for (const [name, { version, licence }] of Object.entries(listed)) {
      assert.equal(version, used[name]?.replace(/^npm:.*@/, ""), name);
      const manifest = JSON.parse(read(`node_modules/${name}/package.json`)) as { license?: string };
      assert.equal(licence, manifest.license, name);
    }
  });

  it("list every decision", () => {
    const index = read("docs/decisions/README.md");
    const decisions = globSync("docs/decisions/0*.md", { cwd: root }).map((path) => path.slice("docs/decisions/".length));
    assert.ok(decisions.length > 0);
    assert.deepEqual(decisions.filter((name) => !index.includes(`](${name})`)), []);
  });
});
