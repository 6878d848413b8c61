import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { FaultyFileSystem } from "../../../test/kit/faulty-file-system.ts";
import { ManualClock, systemClock, type Clock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import type { LedgerEntry } from "../../ledger/index.ts";
import { ledgerEntry } from "../../ledger/ledger-store.conformance.ts";
import type { FileSystem } from "./file-system.ts";
import { FileLedgerJournal } from "./ledger-journal.ts";

const recorder = fileURLToPath(new URL("../../../test/kit/record-until-killed.ts", import.meta.url));

describe("FileLedgerJournal", () => {
  let directory: string;
  beforeEach(() => { directory = join(mkdtempSync(join(tmpdir(), "slipway-journal-")), "ledger-journal"); });
  afterEach(async () => {
    for (const journal of opened.splice(0)) await journal.close();
    rmSync(join(directory, ".."), { recursive: true, force: true });
  });
  const opened: FileLedgerJournal[] = [];
  const open = async (options: { clock?: Clock; fileSystem?: FileSystem; maxBytes?: number; partBytes?: number } = {}): Promise<FileLedgerJournal> => {
    const journal = await FileLedgerJournal.open({ directory, clock: systemClock, logger: silentLogger, ...options });
    opened.push(journal);
    return journal;
  };
  const idsOf = async (journal: FileLedgerJournal): Promise<string[]> => {
    const ids: string[] = [];
    for (const part of await journal.seal()) for (const text of await part.entries()) ids.push((JSON.parse(text) as LedgerEntry).id);
    return ids;
  };

  it("gives back entries as they were, in their order, until their part is removed", async () => {
    const journal = await open();
    const [first, second] = [ledgerEntry({ attribution: { user: "ü\n" } }), ledgerEntry({ cost: null })];
    await journal.append(first);
    await journal.append(second);
    const [part] = await journal.seal();
    assert.deepEqual((await part!.entries()).map((text) => JSON.parse(text) as LedgerEntry), [first, second]);
    const third = ledgerEntry();
    await journal.append(third);
    await part!.remove();
    assert.deepEqual(await idsOf(journal), [third.id]);
    assert.deepEqual(await idsOf(await open()), [third.id]);
  });

  it("gives back parts of one moment in their order", async () => {
    const journal = await open({ clock: new ManualClock(1000) });
    const ids: string[] = [];
    for (let part = 0; part < 8; part++) {
      const entry = ledgerEntry();
      ids.push(entry.id);
      await journal.append(entry);
      await journal.seal();
    }
    assert.deepEqual([await idsOf(journal), await idsOf(await open())], [ids, ids]);
  });

  it("writes what comes in one turn of the event loop at once", async () => {
    let writes = 0;
    const fileSystem = new FaultyFileSystem();
    const openReal = fileSystem.open.bind(fileSystem);
    fileSystem.open = async (...given) => {
      const file = await openReal(...given);
      const [write, writeNow] = [file.write.bind(file), file.writeNow.bind(file)];
      return Object.assign(file, { writeNow: (data: Uint8Array) => (writes++, writeNow(data)), write: (data: Uint8Array) => (writes++, write(data)) });
    };
    const journal = await open({ fileSystem });
    await journal.append(ledgerEntry());
    writes = 0;
    await Promise.all(Array.from({ length: 100 }, () => journal.append(ledgerEntry())));
    assert.equal(writes, 1);
    assert.equal((await idsOf(journal)).length, 101);
  });

  it("keeps what is there at its bound, refuses more, and takes entries again when there is room", async () => {
    const journal = await open({ maxBytes: 2000 });
    let taken = 0;
    await assert.rejects(async () => { for (;;) { await journal.append(ledgerEntry()); taken++; } }, { code: "QUEUE_FULL" });
    assert.ok(taken > 0);
    const parts = await journal.seal();
    await assert.rejects(journal.append(ledgerEntry()), { code: "QUEUE_FULL" });
    assert.equal((await idsOf(journal)).length, taken);
    for (const part of parts) await part.remove();
    await journal.append(ledgerEntry());
    await assert.rejects((await open({ maxBytes: 100 })).append(ledgerEntry()), { code: "QUEUE_FULL" });
  });

  it("passes over a line that a crash cut or a disk changed, and no other", async () => {
    const journal = await open();
    const [first, second] = [ledgerEntry(), ledgerEntry()];
    await journal.append(first);
    await journal.close();
    const [name] = readdirSync(directory);
    appendFileSync(join(directory, name!), "00000000 {}\n\0\0\0\0\0\0\0\0\0\0\0\0\n5f0c");
    await journal.append(second);
    assert.deepEqual(await idsOf(await open()), [first.id, second.id]);
  });

  it("loses nothing that it answered, whichever operation of the disk fails, and goes on when the disk does", async () => {
    for (let at = 1; ; at++) {
      const fileSystem = new FaultyFileSystem();
      const journal = await open({ fileSystem, partBytes: 500 });
      fileSystem.plan({ at, lasts: "once" });
      const answered = new Set<string>();
      for (let count = 0; count < 6; count++) {
        const entry = ledgerEntry();
        await journal.append(entry).then(() => answered.add(entry.id), () => undefined);
      }
      await journal.close().catch(() => undefined);
      const kept = new Set(await idsOf(await open()));
      for (const id of answered) assert.ok(kept.has(id), `operation ${at}: ${id}`);
      assert.ok(answered.size >= 4, `operation ${at}: ${answered.size} were taken`);
      rmSync(directory, { recursive: true, force: true });
      if (!fileSystem.fired) break;
    }
  });

  it("keeps through a loss of power what was closed", async () => {
    const fileSystem = new FaultyFileSystem();
    const journal = await open({ fileSystem });
    const entry = ledgerEntry();
    await journal.append(entry);
    await journal.seal();
    fileSystem.losePower();
    assert.deepEqual(await idsOf(await open()), [entry.id]);
  });

  it("has every entry that a killed process was told of", async () => {
    const child = spawn(process.execPath, [recorder, directory], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.length > 5000) child.kill("SIGKILL");
    });
    await new Promise((resolve) => child.once("close", resolve));
    const acknowledged = output.split("\n").filter((line) => line.endsWith(".")).map((line) => line.slice(0, -1));
    const kept = new Set(await idsOf(await open()));
    assert.ok(acknowledged.length > 50);
    assert.deepEqual(acknowledged.filter((id) => !kept.has(id)), []);
    assert.ok(readdirSync(directory).every((name) => statSync(join(directory, name)).size < 60_000));
  });
});
