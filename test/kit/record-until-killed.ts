import { FileLedgerJournal } from "../../src/adapters/filesystem/ledger-journal.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ledgerEntry } from "../../src/ledger/ledger-store.conformance.ts";

/*
 * Appends entries to the ledger's journal in the directory given, 8 at a time, and prints the id of each one when it was acknowledged, with a full stop behind it, until somebody kills it.
 */
const journal = await FileLedgerJournal.open({ directory: process.argv[2]!, clock: systemClock, logger: silentLogger, partBytes: 20_000, syncEveryMs: 20 });
const ids = new TimeOrderedIds(systemClock);

async function appendForever(): Promise<never> {
  for (;;) {
    const id = ids.next("ledgerEntry");
    await journal.append(ledgerEntry({ id }));
    await new Promise<void>((resolve) => process.stdout.write(`${id}.\n`, () => resolve()));
  }
}

await Promise.all(Array.from({ length: 8 }, appendForever));
