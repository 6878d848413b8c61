import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CommandContext } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { auditCommands } from "./audit-commands.ts";

const [list, verify] = auditCommands;
const hash = `sha256:${"a".repeat(64)}`;

/** A context whose server answers with this, and what it was asked. */
function answering(answer: unknown): { context: CommandContext; asked: unknown[] } {
  const asked: unknown[] = [];
  return { asked, context: { api: { get: (...given: unknown[]) => (asked.push(given), Promise.resolve(answer)) }, progress() {} } as unknown as CommandContext };
}

describe("slipway audit", () => {
  it("prints a head that the next verification takes", async () => {
    const { context, asked } = answering({ entries: 7, head: { sequence: 7, hash }, broken: null });
    const text = verify!.render(await verify!.run(context, { positionals: [], options: {} }));
    const expect = /--expect (\S+)/.exec(text)![1]!;
    await verify!.run(context, { positionals: [], options: { expect } });
    assert.deepEqual(asked, [["/api/audit/verify", { sequence: undefined, hash: undefined }], ["/api/audit/verify", { sequence: 7, hash }]]);
  });

  it("fails when the chain is broken, and when it is told nonsense", async () => {
    const { context } = answering({ entries: 2, head: { sequence: 7, hash }, broken: { sequence: 3, reason: "The entry was removed." } });
    await assert.rejects(verify!.run(context, { positionals: [], options: {} }) as Promise<unknown>, (error) => error instanceof AppError && error.code === "AUDIT_BROKEN" && /entry 3: The entry was removed/.test(error.message));
    for (const expect of ["7", hash, `x:${hash}`, `7:${hash}0`]) await assert.rejects(verify!.run(context, { positionals: [], options: { expect } }) as Promise<unknown>, /--expect/, expect);
  });

  it("lists entries as lines", () => {
    const text = list!.render({ entries: [{ sequence: 4, time: 0, actor: "local", action: "createKey", object: "key:1", result: "allowed", requestId: "", detail: { name: "ci" }, hash }] });
    assert.match(text, /^sequence +time +actor.*\n4 +1970-01-01T00:00:00.000Z +local +createKey +key:1 +allowed +\{"name":"ci"\}$/);
  });
});
