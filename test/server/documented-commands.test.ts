import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import type { CommandLineEnd } from "../kit/command-line-thread.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const documents = join(import.meta.dirname, "../../docs");

/** Commands of one page in its order: lines of blocks, and inline ones. What has placeholders, choices or is left out in it shows a form, and is no command. */
function commandsOf(page: string): string[] {
  const text = readFileSync(join(documents, page), "utf8");
  const found = [...text.matchAll(/^ *(?:npx )?slipway (.+)$|`slipway ([^`]+)`/gm)].map(([, line, inline]) => (line ?? inline!).replace(/ {2,}#.*$/, "").trim());
  return [...new Set(found)].filter((command) => !/\.\.\.|\||\[|\b(TEAM|PROJECT|PROVIDER|MODEL|ROUTE|NAME|ID|WORD|NEXT|TRACE|RUN|DOLLARS)\b(?!\.openai)/.test(command));
}

/** As a shell takes words apart: what stands between quotes is one. */
const wordsOf = (command: string): string[] => [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain!);

/** Pages of the gateway, and which of their commands are about it. */
const pages: readonly (readonly [page: string, about: RegExp, least: number])[] = [
  ["gateway.md", /^(gateway|teams|keys|traces)/, 10],
  ["gateway-limits.md", /^gateway/, 1],
  ["gateway-split.md", /^costs/, 1],
  ["tracing.md", /^traces/, 2],
  ["costs.md", /^(costs|prices|budgets)/, 7],
  ["rollouts.md", /^rollout start route:/, 2],
  ["ab-tests.md", /^abtest start route:/, 1],
];

describe("the commands of the gateway's documents", () => {
  let server: RunningServer;
  let thread: Worker;
  const cameFrom = process.cwd();
  before(async () => {
    server = await startServer({
      environment: { OPENAI_API_KEY: "of-a-test", ANTHROPIC_API_KEY: "of-a-test", GEMINI_API_KEY: "of-a-test", SLIPWAY_EGRESS_ALLOWED: "10.0.0.5" },
    });
    await Promise.all([
      server.file("key.txt", "of-a-test"), server.file("shorter.txt", "Be short."), server.file("change.json", '{"targets": [{"provider": "openai", "model": "gpt-5-mini"}]}'), server.file("shorter.json", '{"systemPrompt": "Be short."}'),
    ]);
    // The commands name their files as they stand in the folder in which a reader is.
    process.chdir(server.directory);
    thread = new Worker(new URL("../kit/command-line-thread.ts", import.meta.url), { workerData: { url: server.url } });
    await server.client.api.send("PUT", "/api/gateway/routes/support-chat", { revision: 0, settings: { targets: [{ provider: "echo", model: "echo" }] } });
  });
  after(async () => {
    process.chdir(cameFrom);
    await thread.terminate();
    await server.stop();
  });

  async function run(words: string[]): Promise<CommandLineEnd> {
    thread.postMessage(words);
    return ((await once(thread, "message")) as [CommandLineEnd])[0];
  }

  for (const [page, about, least] of pages) {
    const commands = commandsOf(page).filter((command) => about.test(command));
    it(`of ${page} do as they are written`, async () => {
      assert.ok(commands.length >= least, `${commands.length} commands`);
      for (const command of commands) {
        // One rollout or test of a route at a time; nobody waits for its end.
        if (/^(rollout|abtest) start/.test(command)) await run(["rollout", "abort", "route:support-chat"]);
        const keys = (await server.client.api.get<{ keys: { id: string }[] }>("/api/keys")).keys;
        const { code, told } = await run(wordsOf(command.replace("KEY_ID", keys[0]?.id ?? "KEY_ID").replace(" --wait", "")));
        assert.equal(code, 0, `slipway ${command}\n${told}`);
      }
    });
  }

  it("keep the key of a provider that the environment brought along, which gets limits", async () => {
    const { providers } = await server.client.api.get<{ providers: { name: string; origin: string; secret: string }[] }>("/api/gateway/providers");
    const { origin, secret } = providers.find(({ name }) => name === "openai")!;
    assert.deepEqual([origin, secret], ["stored", "environment"]);
  });
});
