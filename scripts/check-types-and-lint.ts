import { execFileSync, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join, resolve } from "node:path";

/*
 * What `npm run types` and `npm run lint` check, and the types of test/sdks, in one go: lint asks for nearly every type that the compiler finds out.
 * Needs the packages of test/sdks (`npm ci --prefix test/sdks`).
 */
const root = join(import.meta.dirname, "..");
const compiler = join(root, "node_modules/@typescript/native/bin/tsc");

/** Of each file the linter takes the nearest; what none includes it would check with settings that nobody chose. */
const configurations = ["tsconfig.json", "console/tsconfig.json", "test/sdks/tsconfig.json"];
const generated = /(^|\/)(node_modules|dist|coverage|\.venv|slipway-data)$/;

function filesOf(configuration: string): string[] {
  const { files } = JSON.parse(execFileSync(process.execPath, [compiler, "-p", configuration, "--showConfig"], { cwd: root, encoding: "utf8" })) as { files: string[] };
  process.stdout.write(`${configuration}: ${files.length} files\n`);
  return files.map((path) => resolve(root, configuration, "..", path));
}

const included = new Set(configurations.flatMap(filesOf));
const left = globSync("**/*.{ts,tsx}", { cwd: root, exclude: (path) => generated.test(path) }).filter((path) => !included.has(resolve(root, path)));
if (left.length > 0) {
  process.stdout.write(`in the program of none of ${configurations.join(", ")}:\n${left.join("\n")}\n`);
  process.exitCode = 1;
}
const { status } = spawnSync(process.execPath, [join(root, "node_modules/oxlint/bin/oxlint"), "--type-check"], { cwd: root, stdio: "inherit" });
if (status !== 0) process.exitCode = 1;
