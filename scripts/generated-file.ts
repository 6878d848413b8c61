import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "..");

/**
 * Writes a file that is generated and committed. With `--check` nothing is written: the process fails when the
 * committed file is not what would be generated, and names the first line that differs.
 */
export function writeGeneratedFile(path: string, text: string, command: string): void {
  const file = join(root, path);
  const committed = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (!process.argv.includes("--check")) {
    if (committed !== text) writeFileSync(file, text);
    process.stderr.write(`${relative(root, file)} ${committed === text ? "is up to date" : "written"}\n`);
    return;
  }
  const difference = firstDifference(committed, text);
  if (difference === null) return void process.stderr.write(`${path} is up to date\n`);
  process.stderr.write(`${path} is not what the code says; run: ${command}\n${difference}\n`);
  process.exitCode = 1;
}

function firstDifference(committed: string, generated: string): string | null {
  if (committed === generated) return null;
  const left = committed.split("\n");
  const right = generated.split("\n");
  const line = right.findIndex((text, index) => text !== left[index]);
  const at = line < 0 ? right.length : line;
  return `line ${at + 1}\n- ${left[at] ?? "(end of file)"}\n+ ${right[at] ?? "(end of file)"}`;
}
