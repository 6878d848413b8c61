import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { ApiClient } from "../core/api-client.ts";
import type { AppError } from "../core/errors.ts";
import { gatewayCommands } from "./commands.ts";

const directory = mkdtempSync(join(tmpdir(), "slipway-gateway-commands-"));
const commandOf = (word: string) => gatewayCommands.find(({ words }) => words[1] === word)!;

async function run(word: string, positionals: string[], options: object = {}, answer?: object, policies: object[] = []): Promise<unknown> {
  let sent: unknown;
  const send = (_method: string, _path: string, body: unknown): Promise<unknown> => Promise.resolve(answer ?? (sent = body));
  const api = { baseUrl: "", get: () => Promise.resolve({ routes: [], providers: [], policies }), send } as unknown as ApiClient;
  await commandOf(word).run({ api, progress: () => undefined, print: () => undefined }, { positionals, options: options as Record<string, string> });
  return sent;
}
const refused = (message: RegExp) => (error: Error & { code?: string }) => error.code === "INVALID_REQUEST" && message.test(error.message);

describe("slipway gateway", () => {
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("takes a target for what is written, and nothing else for a part of its model's name", async () => {
    const { settings } = (await run("set-route", ["chat"], { target: ["openai/gpt-5-mini=2.5", "local/meta/llama", "!echo/echo"] })) as { settings: { targets: object[] } };
    assert.deepEqual(settings.targets, [{ provider: "openai", model: "gpt-5-mini", weight: 2.5 }, { provider: "local", model: "meta/llama" }, { provider: "echo", model: "echo", priority: 1 }]);
    for (const target of ["echo", "echo/echo=-1", "echo/echo=abc", "echo/echo=", "echo/echo=1.2.3", "/echo", "echo/"]) await assert.rejects(run("set-route", ["chat"], { target: [target] }), refused(/is no target/), target);
  });

  it("takes a limit or a budget away from a key by none, and keeps the rest", async () => {
    const policy = { key: "key_1", revision: 4, settings: { project: "p", addedTokens: 7, limits: { concurrency: 2, requestsPerMinute: 9 }, budget: { day: 5 } } };
    const sent = await run("set-key", ["key_1"], { perDay: "none", concurrency: "none", addedTokens: "none", perMonth: "50" }, undefined, [policy]);
    assert.deepEqual(sent, { revision: 4, settings: { project: "p", limits: { requestsPerMinute: 9 }, budget: { month: 50 } } });
    assert.deepEqual(await run("set-key", ["key_1"], { perDay: "none" }, undefined, [policy]), { revision: 4, settings: { project: "p", addedTokens: 7, limits: policy.settings.limits } });
  });

  it("sets how many calls wait for a limit and how long, of a route and of a key, and no queue where nothing is limited", async () => {
    const target = ["echo/echo"];
    const limitsOf = async (command: string, options: object, ...more: [undefined, object[]] | []): Promise<unknown> => ((await run(command, ["key_1"], options, ...more)) as { settings: { limits?: object } }).settings.limits;
    assert.deepEqual(await limitsOf("set-route", { target, concurrency: "4", queue: "20", queueMs: "2500" }), { concurrency: 4, queue: 20, queueMs: 2500 });
    assert.deepEqual(await limitsOf("set-key", { requestsPerMinute: "60", queue: "5" }), { requestsPerMinute: 60, queue: 5 });
    const policy = { key: "key_1", revision: 1, settings: { limits: { concurrency: 2, queue: 5, queueMs: 10_000 } } };
    assert.deepEqual(await limitsOf("set-key", { queue: "9" }, undefined, [policy]), { concurrency: 2, queue: 9, queueMs: 10_000 });
    assert.deepEqual(await limitsOf("set-key", { queue: "none" }, undefined, [policy]), { concurrency: 2, queueMs: 10_000 });
    // Without a limit nobody waits.
    assert.equal(await limitsOf("set-key", { concurrency: "none" }, undefined, [policy]), undefined);
    for (const options of [{ queue: "5" }, { queueMs: "100" }]) await assert.rejects(run("set-route", ["chat"], { target, ...options }), refused(/there is none: give --requests-per-minute/));
    await assert.rejects(run("set-key", ["key_1"], { queue: "0" }), refused(/^--queue takes a number above 0, or none, not "0"\. Where no call shall wait, it is none\.$/));
  });

  it("names the file that is not JSON or not there", async () => {
    const file = join(directory, "settings.json");
    await assert.rejects(run("set-route", ["chat"], { file }), refused(/settings\.json cannot be read here: there is no such file/));
    writeFileSync(file, "{bad");
    await assert.rejects(run("set-route", ["chat"], { file }), refused(/settings\.json is not JSON: /));
  });

  it("shows a route with what answers, what was tried and how that ended, and who went back and why", () => {
    const entry = { settings: { targets: [] }, changedAt: 0, changedBy: "key:a", draft: false, rollout: null };
    const shown = commandOf("route").render({
      name: "chat", team: "search", revision: 1, settings: { systemPrompt: "Help." },
      history: {
        revisions: [{ ...entry, revision: 2, reason: "shorter", draft: true, rollout: { id: "rol_1", state: "aborted", reason: "aborted by key:a: too curt", endedAt: 5 } }, { ...entry, revision: 1, reason: "first" }],
        turns: [{ revision: 1, since: 9, actor: "key:b", reason: "rolled back: second thoughts" }],
      },
    });
    for (const line of [/^chat of the team search, revision 1:$/m, /"systemPrompt": "Help\."/, /^2 +draft; rollout aborted: aborted by key:a: too curt +1970-\S+ +key:a +shorter$/m, /^1 +answers +1970-\S+ +key:a +first$/m, /^1970-01-01T00:00:00\.009Z +1 +key:b +rolled back: second thoughts$/m, /slipway rollback route:chat --to /]) assert.match(shown, line);
  });

  it("leaves it to the server to judge limits and budgets, and asks for one source of a key", async () => {
    assert.deepEqual(await run("set-key", ["key_1"], { concurrency: "1.5", perDay: "20" }), { revision: 0, settings: { limits: { concurrency: 1.5 }, budget: { day: 20 } } });
    await assert.rejects(run("set-key", ["key_1"], { perDay: "$5" }), refused(/^--per-day takes a number above 0, or none, not "\$5"\.$/));
    await assert.rejects(run("set-key", ["key_1"], { requestsPerMinute: "0" }), refused(/^--requests-per-minute takes a number above 0, or none, not "0"\. A key that shall call nothing is revoked: slipway keys revoke KEY_ID\.$/));
    await assert.rejects(run("set-provider", ["own"], { kind: "openai", keyEnv: "OPENAI_API_KEY", keyFile: "key" }), refused(/Give one of/));
  });

  it("sets limits of models, and what budgets keep for what a provider adds", async () => {
    for (const [defaultTier, sent] of [["priority", { kind: "openai", defaultTier: "priority" }], ["none", { kind: "openai" }]] as const) {
      const { settings: own } = (await run("set-provider", ["own"], { kind: "openai", defaultTier })) as { settings: object };
      assert.equal(JSON.stringify(own), JSON.stringify(sent));
    }
    const { settings } = (await run("set-provider", ["own"], { kind: "openai", modelLimit: ["gpt-5=tokensPerMinute:30000", "old=none"] })) as { settings: object };
    assert.deepEqual(settings, { kind: "openai", modelLimits: { "gpt-5": { tokensPerMinute: 30_000 } } });
    assert.deepEqual(await run("set-key", ["key_1"], { addedTokens: "20000" }), { revision: 0, settings: { addedTokens: 20_000 } });
    await assert.rejects(run("set-provider", ["own"], { kind: "openai", modelLimit: ["gpt-5"] }), refused(/is no limit of a model/));
  });

  it("fails where a provider does not answer", async () => {
    const told = { ok: false, ms: 3.4, code: "PROVIDER_UNAUTHORIZED", message: "No such key. Asked was https://models.example/v1/models.", models: [] };
    await assert.rejects(run("test-provider", ["acme"], {}, told), (error: AppError) => error.code === "PROVIDER_UNAUTHORIZED" && error.message === `The provider acme does not answer as it should (3 ms): ${told.message}`);
  });

  it("says that nothing was asked of a provider whose key is not there, and that of one that was just entered", async () => {
    const told = { ok: false, ms: 0, code: "PROVIDER_SECRET_MISSING", message: "The provider acme has no secret.", models: [] };
    await assert.rejects(run("test-provider", ["acme"], {}, told), (error: AppError) => error.code === "PROVIDER_SECRET_MISSING" && error.message === "Nothing was asked. The provider acme has no secret.");
    assert.equal(commandOf("set-provider").render({ name: "acme", settings: { kind: "openai" }, secret: "file", notes: ["It has none."] }), "acme (openai, secret: file). Try it: slipway gateway test-provider acme\nNote: It has none.");
  });

  it("enters a scripted provider with its answers", async () => {
    const file = join(directory, "script.json");
    writeFileSync(file, '[{"text":"hello"},{"status":429}]');
    assert.deepEqual(await run("set-provider", ["own"], { kind: "scripted", script: file }), { revision: 0, settings: { kind: "scripted", script: [{ text: "hello" }, { status: 429 }] } });
    await assert.rejects(run("set-provider", ["own"], { kind: "scripted", script: join(directory, "gone.json") }), refused(/gone\.json cannot be read here/));
  });

  it("says which route fails since its guardrail has no model", () => {
    const { render } = commandOf("health");
    assert.equal(render({ server: "a1", targets: [], guardrails: [] }), "Nothing was called yet.");
    assert.match(render({ server: "a1", targets: [], guardrails: [{ route: "chat", guardrail: "polite", model: "gone", message: "It names gone." }] }), /^The route chat fails every call\. It names gone\.\n/);
  });

  it("says whose breakers they are", () => {
    const target = { provider: "acme", model: "m", state: "closed", failures: 0, limited: 0, turnedAway: 3, waitMs: 0, ewmaMs: 12.3, calls: 5, answers: 2, errors: 0 };
    assert.match(commandOf("health").render({ server: "a1", targets: [target], guardrails: [] }), /NOW +CALLS +ANSWERED +LIMITED +ERRORS .*\nacme\/m +answers +5 +2 +3 +0 +12 ms\n\nAs the server a1 sees it: of several each/s);
  });

  it("does not say that a provider answers that was not asked", () => {
    const { render } = commandOf("test-provider");
    assert.equal(render({ ok: true, code: null, ms: 0, message: "Nothing was asked.", models: [] }), "Nothing was asked.");
    assert.match(render({ ok: true, code: null, ms: 12.3, message: "1 model", models: ["a"] }), /^It answers \(12 ms\): 1 model\n {2}a$/);
  });
});
