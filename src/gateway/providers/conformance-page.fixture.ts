import { execFile } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ProviderKind } from "../schemas.ts";
import { conformanceCases, type ConformanceCase, type ConformanceRecord, type Handling } from "./conformance.fixture.ts";

const root = join(import.meta.dirname, "../../..");
const cases = Object.entries(conformanceCases).map(([number, title]) => ({ number: Number(number) as ConformanceCase, title }));
const order: readonly Handling[] = ["native", "mapped", "emulated", "refused"];

/** What the tests of the providers register; `run` runs them too, otherwise they are only read. */
export async function conformanceRecords({ run }: { run: boolean }): Promise<ConformanceRecord[]> {
  const files = globSync("src/gateway/providers/*/*.test.ts", { cwd: root }).sort().filter((file) => readFileSync(join(root, file), "utf8").includes("conformanceCase("));
  const folder = mkdtempSync(join(tmpdir(), "slipway-conformance-"));
  const out = join(folder, "records.jsonl");
  // A runner within a runner would do nothing.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  try {
    await promisify(execFile)(process.execPath, ["--test", "--test-isolation=none", ...(run ? [] : ["--test-name-pattern=^no test has this name$"]), ...files], { cwd: root, env: { ...environment, SLIPWAY_CONFORMANCE_OUT: out }, timeout: 120_000, maxBuffer: 64 << 20 });
    return readFileSync(out, "utf8").trim().split("\n").map((line) => JSON.parse(line) as ConformanceRecord);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** docs/gateway-conformance.md. */
export function conformancePage(records: readonly ConformanceRecord[]): string {
  const registered = records.filter(({ state }) => state === "registered");
  const providers = ProviderKind.options.filter((kind) => registered.some(({ provider }) => provider === kind));
  const cell = (number: number, kind: string) => {
    const found = new Set(registered.filter((record) => record.number === number && record.provider === kind).map(({ handling }) => handling));
    return order.filter((handling) => found.has(handling)).map((handling) => (handling === "refused" ? "refused by name" : handling)).join(", ") || "-";
  };
  const matrix = [["case", ...providers], ["---", ...providers.map(() => "---")], ...cases.map(({ number, title }) => [`${number} ${title}`, ...providers.map((kind) => cell(number, kind))])];
  return `${[intro, ...matrix.map((row) => `| ${row.join(" | ")} |`), ...cases.flatMap(({ number, title }) => ["", `## ${number} ${title}`, "", ...tests(registered.filter((record) => record.number === number))])].join("\n")}\n`;
}

/** Each test once, with the providers that it is held for. */
function tests(records: readonly ConformanceRecord[]): string[] {
  const providers = new Map<string, string[]>();
  for (const { name, provider } of records) providers.set(name, [...(providers.get(name) ?? []), provider]);
  return [...providers].map(([name, kinds]) => `- ${name}: ${kinds.sort().join(", ")}`).sort();
}

const intro = `# Conformance of the gateway's providers

Each row is a case that callers' and providers' protocols tell differently, each column a kind of provider. **native**: the provider's protocol has it word for word. **mapped**: it is said in other words. **emulated**: it is
done in another way, and the answer's header names it. **refused by name**: the call fails with the field in its problems, as the answer would be another. Below the table stand the tests that show it. \`echo\` and \`scripted\`
speak OpenAI's protocol within the process and are not listed.

This page is generated from the tests: \`node scripts/generate-gateway-conformance.ts\`.
`;
