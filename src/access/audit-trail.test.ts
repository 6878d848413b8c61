import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { SqlAuditLog } from "../adapters/sql/access/sql-audit-log.ts";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { epochMs } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import { chainAuditEntries } from "./audit-chain.ts";
import { auditEntry } from "./audit-log.conformance.ts";
import type { AuditEntry, AuditHead, AuditLog } from "./audit-log.ts";
import { AuditTrail } from "./audit-trail.ts";

/** Holds each append until it is told how it ends. */
class HeldLog implements Pick<AuditLog, "append"> {
  readonly groups: (readonly AuditEntry[])[] = [];
  #ends: ((failure?: Error) => void)[] = [];

  append(entries: readonly AuditEntry[]): Promise<AuditHead> {
    this.groups.push(entries);
    return new Promise((resolve, reject) => this.#ends.push((failure) => (failure === undefined ? resolve({ sequence: 0, hash: "" }) : reject(failure))));
  }

  async end(failure?: Error): Promise<void> {
    while (this.#ends.length === 0) await new Promise((resolve) => setImmediate(resolve));
    this.#ends.shift()!(failure);
  }
}

describe("AuditTrail: writing", () => {
  const held = (): { log: HeldLog; trail: AuditTrail } => {
    const log = new HeldLog();
    return { log, trail: new AuditTrail({ log: log as unknown as AuditLog, logger: silentLogger }) };
  };
  const actions = (log: HeldLog): string[][] => log.groups.map((group) => group.map(({ action }) => action));

  it("writes what arrives together together, in order, and answers each when it is durable", async () => {
    const { log, trail } = held();
    const order: string[] = [];
    const append = (action: string): Promise<unknown> => trail.append(auditEntry({ action })).then(() => order.push(action));
    const first = [append("1"), append("2")];
    trail.note(auditEntry({ action: "3" }));
    await new Promise((resolve) => setImmediate(resolve));
    const second = [append("4"), append("5")];
    assert.deepEqual(order, []);
    await log.end();
    await Promise.all(first);
    assert.deepEqual(order, ["1", "2"]);
    await log.end();
    await Promise.all(second);
    assert.deepEqual(actions(log), [["1", "2", "3"], ["4", "5"]]);
  });

  it("keeps 10,000 entries that nobody waits for, and says of the rest how many there were", async () => {
    const { log, trail } = held();
    trail.note(auditEntry({ action: "first" }));
    await new Promise((resolve) => setImmediate(resolve));
    for (let count = 0; count < 25_000; count++) trail.note(auditEntry({ actor: `key:${count}`, action: "denied", result: "denied", time: epochMs(count) }));
    const closed = trail.close();
    for (let group = 0; group < 21; group++) await log.end();
    await closed;
    const all = log.groups.flat();
    assert.equal(all.filter(({ action }) => action === "denied").length, 9_999);
    assert.deepEqual(all.filter(({ action }) => action === "audit.coalesced").map(({ detail }) => [detail.count, detail.from, detail.to]), [[15_001, 9_999, 24_999]]);
    assert.ok(log.groups.every((group) => group.length <= 501));
    trail.note(auditEntry({ action: "after" }));
    await log.end();
    assert.equal(log.groups.at(-1)![0]!.action, "after");
  });

  it("writes down a hundred denials of strangers at once and five a second after that, and of the rest how many", async () => {
    const { log, trail } = held();
    const deny = (count: number, time: number): void => {
      for (let left = count; left > 0; left--) trail.note(auditEntry({ actor: "anonymous", result: "denied", time: epochMs(time) }));
    };
    deny(5000, 1_000_000);
    await log.end();
    deny(3, 1_000_000);
    deny(50, 1_002_000);
    const closed = trail.close();
    await log.end();
    await closed;
    const all = log.groups.flat();
    assert.equal(all.filter(({ actor }) => actor === "anonymous").length, 110);
    assert.deepEqual(all.filter(({ action }) => action === "audit.coalesced").map(({ detail }) => detail.count), [4900, 43]);
  });

  it("writes down a hundred denials of one caller in a minute, and of the rest how many of what, in one entry for each", async () => {
    const { log, trail } = held();
    const deny = (actor: string, count: number, more: Partial<AuditEntry> = {}): void => {
      for (let left = count; left > 0; left--) trail.note(auditEntry({ actor, result: "denied", ...more }));
    };
    deny("key:a", 130, { action: "getModel", time: epochMs(1000) });
    deny("key:a", 20, { action: "createTeam", time: epochMs(1700) });
    deny("key:a", 1, { action: "getModel", time: epochMs(900) });
    deny("key:b", 100);
    await log.end();
    trail.tick(epochMs(2000));
    trail.tick(epochMs(61_999));
    deny("key:a", 4, { action: "getModel", time: epochMs(30_000) });
    const written = (action: string, actor: string): AuditEntry[] => log.groups.flat().filter((entry) => entry.action === action && entry.actor === actor);
    assert.deepEqual([written("getModel", "key:a").length, written("createTeam", "key:a").length, written("audit.coalesced", "key:a").length], [100, 0, 0]);
    trail.tick(epochMs(62_000));
    await log.end();
    assert.deepEqual(written("audit.coalesced", "key:a").map(({ result, time, detail: { reason: _, ...detail } }) => ({ result, time, detail })), [
      { result: "denied", time: 30_000, detail: { count: 55, from: 900, to: 30_000, actions: { getModel: 35, createTeam: 20 } } },
    ]);
    assert.deepEqual(written("audit.coalesced", "key:b"), []);
    // The next minute begins anew; what is counted when the server ends is written down then, and so is what a clock that was set back leaves.
    deny("key:a", 101, { action: "getModel" });
    await log.end();
    trail.tick(epochMs(62_500));
    trail.tick(epochMs(1));
    await log.end();
    assert.deepEqual(written("audit.coalesced", "key:a").map(({ detail }) => detail.count), [55, 1]);
    deny("key:a", 103, { action: "getModel" });
    const closed = trail.close();
    await log.end();
    await closed;
    assert.deepEqual(written("audit.coalesced", "key:a").map(({ detail }) => detail.count), [55, 1, 3]);
    assert.equal(written("getModel", "key:a").length, 300);
  });

  it("loses no denial, whoever is denied how often: written and counted ones are all there were", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ actor: fc.constantFrom("key:a", "key:b", "key:c"), count: fc.nat({ max: 150 }), tick: fc.nat({ max: 90_000 }) }), { maxLength: 20 }), async (steps) => {
        const entries: AuditEntry[] = [];
        const log = { append: (group: readonly AuditEntry[]) => Promise.resolve(void entries.push(...group)) };
        const trail = new AuditTrail({ log: log as unknown as AuditLog, logger: silentLogger });
        let now = 0;
        for (const { actor, count, tick } of steps) {
          for (let left = count; left > 0; left--) trail.note(auditEntry({ actor, result: "denied", time: epochMs(now) }));
          trail.tick(epochMs((now += tick)));
        }
        await trail.close();
        for (const actor of ["key:a", "key:b", "key:c"]) {
          const there = entries.filter((entry) => entry.actor === actor).reduce((sum, { action, detail }) => sum + (action === "audit.coalesced" ? (detail.count as number) : 1), 0);
          assert.equal(there, steps.reduce((sum, step) => sum + (step.actor === actor ? step.count : 0), 0));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("tells who waits that an entry could not be written, and tries the others again with the next one", async () => {
    const { log, trail } = held();
    trail.note(auditEntry({ action: "noted" }));
    const lost = trail.append(auditEntry({ action: "waited for" }));
    await log.end(new Error("no database"));
    await assert.rejects(lost, /no database/);
    const next = trail.append(auditEntry({ action: "next" }));
    await log.end();
    await next;
    assert.deepEqual(actions(log), [["noted", "waited for"], ["noted", "next"]]);
    await trail.close();
  });

  it("makes every text one that a database takes", async () => {
    const databases = new TemporaryDatabases();
    const log = new SqlAuditLog(await databases.open());
    const trail = new AuditTrail({ log, logger: silentLogger });
    await Promise.all([trail.append(auditEntry({ object: `model:${"\0"}\ud800${"x".repeat(9000)}`, detail: { code: "\0\ud800" } })), trail.append(auditEntry())]);
    const stored = await log.list({ limit: 5 });
    assert.deepEqual([stored.length, stored[1]!.object.length, stored[1]!.detail.code], [2, 512, "\0\ud800"]);
    assert.equal((await trail.verify()).broken, null);
    await databases.remove();
  });
});

describe("AuditTrail: verify", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  /** A chain of `count` entries, and the database as somebody with a shell has it. */
  async function chain(count: number): Promise<{ trail: AuditTrail; log: SqlAuditLog; shell: DatabaseSync }> {
    const path = databases.newPath();
    const log = new SqlAuditLog(await databases.open({ path }));
    for (let left = count; left > 0; left -= 600) await log.append(Array.from({ length: Math.min(600, left) }, (_, index) => auditEntry({ requestId: `req_${left}_${index}` })));
    const shell = new DatabaseSync(path);
    return { trail: new AuditTrail({ log, logger: silentLogger }), log, shell };
  }

  /** What verify says after somebody dropped the triggers and ran this. */
  async function verdictAfter(statements: readonly string[], expected?: (log: SqlAuditLog) => Promise<AuditHead>): Promise<string> {
    const { trail, log, shell } = await chain(5);
    const head = await expected?.(log);
    assert.deepEqual(await trail.verify(head), { entries: 5, head: await log.head(), broken: null });
    for (const statement of ["drop trigger audit_entries_no_update", "drop trigger audit_entries_no_delete", ...statements]) shell.exec(statement);
    shell.close();
    const { broken } = await trail.verify(head);
    return broken === null ? "right" : `${broken.sequence}: ${broken.reason}`;
  }

  it("is refused by the table to change or remove a row", async () => {
    const { trail, shell } = await chain(5);
    for (const statement of ["update audit_entries set actor = 'x' where sequence = 3", "delete from audit_entries where sequence = 3", "delete from audit_entries"]) {
      assert.throws(() => shell.exec(statement), /rows of this table are never changed/, statement);
    }
    assert.equal((await trail.verify()).broken, null);
    // SQLite's REPLACE passes by triggers; the chain does not.
    shell.exec("replace into audit_entries select sequence, time, 'x', action, object, result, request_id, detail_json, previous_hash, hash from audit_entries where sequence = 3");
    shell.close();
    assert.equal((await trail.verify()).broken?.sequence, 3);
  });

  it("finds a change of any column", async () => {
    const changes = { time: "time + 1", actor: "'key:key_2'", action: "'other'", object: "''", result: "'denied'", request_id: "'req_x'", detail_json: "'{ }'", hash: "'sha256:0'" };
    for (const [column, value] of Object.entries(changes)) {
      assert.match(await verdictAfter([`update audit_entries set ${column} = ${value} where sequence = 3`]), /^3: .*changed/, column);
    }
    assert.match(await verdictAfter(["update audit_entries set previous_hash = 'x' where sequence = 3"]), /^3: .*changed/);
    assert.match(await verdictAfter(["update audit_entries set detail_json = 'x' where sequence = 3"]), /^3: .*changed/);
  });

  it("finds removed entries: in the middle, at the start, at the end, all", async () => {
    assert.match(await verdictAfter(["delete from audit_entries where sequence = 3"]), /^3: The entry was removed/);
    assert.match(await verdictAfter(["delete from audit_entries where sequence in (2, 3)"]), /^2: The entries up to 3/);
    assert.match(await verdictAfter(["delete from audit_entries where sequence = 1"]), /^1: /);
    assert.match(await verdictAfter(["delete from audit_entries where sequence = 5"]), /^5: .*removed/);
    assert.match(await verdictAfter(["delete from audit_entries"]), /^1: The entries up to 5 were removed/);
    // Renumbered, so that no gap is left.
    assert.match(await verdictAfter(["delete from audit_entries where sequence = 3", "update audit_entries set sequence = sequence - 1 where sequence > 3", "update audit_head set sequence = 4"]), /^3: .*changed/);
  });

  it("finds inserted and reordered entries", async () => {
    const copy = (sequence: number): string => `insert into audit_entries select ${sequence}, time, actor, action, object, result, request_id, detail_json, previous_hash, hash from audit_entries where sequence = 5`;
    assert.match(await verdictAfter([copy(6)]), /^6: /);
    assert.match(await verdictAfter([copy(0)]), /^0: .*inserted/);
    assert.match(await verdictAfter([copy(-7)]), /^-7: .*inserted/);
    assert.match(await verdictAfter([copy(9)]), /^6: /);
    assert.match(await verdictAfter(["update audit_entries set sequence = 99 where sequence = 2", "update audit_entries set sequence = 2 where sequence = 3", "update audit_entries set sequence = 3 where sequence = 99"]), /^2: .*changed/);
  });

  it("finds an entry that was forged with a right hash", async () => {
    const forge = (follow: boolean) => async (log: SqlAuditLog): Promise<string[]> => {
      const stored = await log.page(0, 10);
      const before = stored[1]!;
      const [forged] = chainAuditEntries(follow ? before : { sequence: 2, hash: "sha256:0" }, [auditEntry({ actor: "key:somebody_else" })]);
      return [`update audit_entries set actor = '${forged!.actor}', request_id = '${forged!.requestId}', previous_hash = '${forged!.previousHash}', hash = '${forged!.hash}' where sequence = 3`];
    };
    for (const [follow, place] of [[true, /^4: .*does not follow/], [false, /^3: .*does not follow/]] as const) {
      const { trail, log, shell } = await chain(5);
      shell.exec("drop trigger audit_entries_no_update");
      for (const statement of await forge(follow)(log)) shell.exec(statement);
      shell.close();
      const { broken } = await trail.verify();
      assert.match(`${broken?.sequence}: ${broken?.reason}`, place);
    }
  });

  it("finds a wrong end", async () => {
    assert.match(await verdictAfter(["update audit_head set hash = 'sha256:0'"]), /^5: /);
    assert.match(await verdictAfter(["update audit_head set sequence = 4"]), /^(4|5): /);
    assert.match(await verdictAfter(["update audit_head set sequence = 6"]), /^6: /);
    assert.match(await verdictAfter(["delete from audit_head"]), /^1: .*behind the end/);
  });

  it("finds a cut or newly computed chain by an earlier head, and only by that", async () => {
    const cut = ["delete from audit_entries where sequence > 3", "update audit_head set sequence = 3, hash = (select hash from audit_entries where sequence = 3)"];
    assert.equal(await verdictAfter(cut), "right");
    assert.match(await verdictAfter(cut, (log) => log.head()), /^4: .*cut: it reached 5/);
    const { trail, log, shell } = await chain(5);
    const kept = await log.head();
    const third = (await log.page(2, 1))[0]!;
    const anew = chainAuditEntries({ sequence: 0, hash: "" }, Array.from({ length: 6 }, () => auditEntry()));
    for (const statement of ["drop trigger audit_entries_no_update", "drop trigger audit_entries_no_delete", "delete from audit_entries"]) shell.exec(statement);
    shell.close();
    const other = await chain(0);
    await other.log.append(anew);
    assert.equal((await other.trail.verify()).broken, null);
    assert.match((await other.trail.verify(kept)).broken?.reason ?? "", /computed anew/);
    assert.match((await other.trail.verify({ sequence: 3, hash: third.hash })).broken?.reason ?? "", /computed anew/);
    assert.match((await trail.verify(kept)).broken?.reason ?? "", /removed/);
    other.shell.close();
  });

  it("reads long chains in pages while others append", async () => {
    const { trail, log, shell } = await chain(2500);
    shell.close();
    const [verified] = await Promise.all([trail.verify(), log.append([auditEntry()]), log.append([auditEntry()])]);
    assert.deepEqual([verified.broken, verified.entries >= 2500], [null, true]);
    assert.equal((await trail.verify()).entries, 2502);
  });
});
