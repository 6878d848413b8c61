import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { withoutThreads } from "../../../../../test/kit/faulty-threads.ts";
import { SqlError } from "../../sql-error.ts";
import type { BatchGroup, RequestKind } from "./sqlite-protocol.ts";
import type { SqliteStatement } from "./sqlite-statement.ts";
import { SqliteThread, type SqliteRequester } from "./sqlite-thread.ts";
import { SqliteWriter } from "./sqlite-writer.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

const insert = (id: number): SqliteStatement => ({ sql: "insert into entries values (?, zeroblob(?))", parameters: [BigInt(id), 10n] });
const insertLarge = (id: number): SqliteStatement => ({ sql: "insert into entries values (?, zeroblob(?))", parameters: [BigInt(id), 1_000_000n] });

/** Writes down what passes, so that commits can be counted. */
class WatchedThread implements SqliteRequester {
  readonly thread: SqliteThread;
  readonly requests: { kind: RequestKind; request: unknown }[] = [];
  readonly request: SqliteThread["request"];

  constructor(thread: SqliteThread) {
    this.thread = thread;
    this.request = (kind, request) => {
      this.requests.push({ kind, request });
      return thread.request(kind, request);
    };
  }

  close(): Promise<void> {
    return this.thread.close();
  }

  kill(): Promise<void> {
    return this.thread.kill();
  }

  get batchSizes(): number[] {
    return this.requests.filter(({ kind }) => kind === "batches").map(({ request }) => (request as BatchGroup).batches.length);
  }

  get commits(): number {
    return this.requests.filter(({ kind, request }) => kind === "commands" && (request as { commands: string[] }).commands.includes("commit")).length;
  }
}

describe("SqliteWriter", () => {
  const databases = new TemporaryDatabases();
  const writers: SqliteWriter[] = [];

  async function open(): Promise<{ thread: WatchedThread; writer: SqliteWriter; ids: () => Promise<number[]> }> {
    const thread = new WatchedThread(new SqliteThread({ path: databases.newPath(), mode: "write", busyTimeoutMs: 1000 }));
    const writer = new SqliteWriter(thread);
    writers.push(writer);
    await writer.batch([{ sql: "create table entries (id integer primary key, payload blob) strict", parameters: [] }]);
    thread.requests.length = 0;
    const ids = async (): Promise<number[]> => {
      const { answer } = await thread.thread.request("statement", { sql: "select id from entries order by id", parameters: [], inTransaction: false });
      return answer.rows.map(([id]) => id as number);
    };
    return { thread, writer, ids };
  }

  /** One transaction with one statement. */
  async function transact(writer: SqliteWriter, id: number): Promise<void> {
    const transaction = await writer.begin();
    await transaction.execute(insert(id).sql, insert(id).parameters);
    await transaction.commit();
  }

  afterEach(async () => {
    for (const writer of writers.splice(0)) await writer.close();
    await databases.remove();
  });

  it("lets the batches that arrive during a commit share the next one", async () => {
    const { thread, writer, ids } = await open();
    await Promise.all(Array.from({ length: 1000 }, (_, id) => writer.batch([insert(id)])));
    assert.deepEqual(thread.batchSizes, [1, 999]);
    assert.equal((await ids()).length, 1000);
  });

  it("does not put more than 4096 statements in one commit, unless one batch has more", async () => {
    const { thread, writer } = await open();
    const batch = (from: number, count: number): SqliteStatement[] => Array.from({ length: count }, (_, index) => insert(from + index));
    await Promise.all([writer.batch(batch(0, 1)), writer.batch(batch(1, 4000)), writer.batch(batch(4001, 96)), writer.batch(batch(4097, 1)), writer.batch(batch(4098, 5000))]);
    assert.deepEqual(thread.batchSizes, [1, 2, 1, 1]);
  });

  it("lets transactions share commits, at most 32 each", async () => {
    const { thread, writer, ids } = await open();
    await Promise.all(Array.from({ length: 64 }, (_, id) => transact(writer, id)));
    assert.equal(thread.commits, 2);
    assert.equal((await ids()).length, 64);
  });

  it("keeps the order of arrival between batches and transactions", async () => {
    const { writer, ids } = await open();
    const order: string[] = [];
    await Promise.all([
      writer.batch([insert(1)]).then(() => order.push("batch 1")),
      transact(writer, 2).then(() => order.push("transaction 2")),
      writer.batch([insert(3)]).then(() => order.push("batch 3")),
      transact(writer, 4).then(() => order.push("transaction 4")),
    ]);
    assert.deepEqual(order, ["batch 1", "transaction 2", "batch 3", "transaction 4"]);
    assert.deepEqual(await ids(), [1, 2, 3, 4]);
  });

  it("fails what is under way when the thread dies, keeps none of it, and goes on with a new thread", async () => {
    const { thread, writer, ids } = await open();
    await writer.batch([insert(1)]);
    const transaction = await writer.begin();
    await transaction.execute(insert(2).sql, insert(2).parameters);
    const queued = transact(writer, 3);
    await thread.kill();
    await assert.rejects(transaction.execute(insert(4).sql, insert(4).parameters), hasReason("connection_lost"));
    await assert.rejects(transaction.commit(), hasReason("connection_lost"));
    await queued;
    await writer.batch([insert(5)]);
    assert.deepEqual(await ids(), [1, 3, 5]);
  });

  it("says that the database is away while the machine has no thread for it, and goes on when it has", async () => {
    const { thread, writer, ids } = await open();
    await thread.kill();
    await withoutThreads(async () => {
      await assert.rejects(writer.batch([insert(1)]), hasReason("unavailable"));
      await assert.rejects(writer.begin(), hasReason("unavailable"));
    });
    await writer.batch([insert(2)]);
    assert.deepEqual(await ids(), [2]);
  });

  it("fails the transactions that wait for a shared commit when it does not come", async () => {
    const { thread, writer, ids } = await open();
    const first = await writer.begin();
    const beginning = writer.begin();
    await first.execute(insert(1).sql, insert(1).parameters);
    const committing = first.commit();
    const second = await beginning;
    await second.execute(insert(2).sql, insert(2).parameters);
    const outcome = committing.then(() => "committed", hasReason("connection_lost"));
    await thread.kill();
    // Nothing was under way: the loss is noticed by the next statement.
    await assert.rejects(second.execute("select 1", []), hasReason("connection_lost"));
    assert.equal(await outcome, true);
    assert.deepEqual(await ids(), []);
  });

  it("answers a batch under way when the thread dies with an error, and it is there whole or not at all", async () => {
    const { thread, writer, ids } = await open();
    const batch = writer.batch(Array.from({ length: 4000 }, (_, id) => insert(id))).then(() => "answered", (error: SqlError) => error.reason);
    await thread.kill();
    const outcome = await batch;
    const { length } = await ids();
    assert.ok(length === 0 || length === 4000, `${length} rows`);
    assert.ok(outcome === "connection_lost" || (outcome === "answered" && length === 4000), outcome);
  });

  it("reports a full disk, keeps what was answered before, and works again when there is space", async () => {
    const { writer, ids } = await open();
    const limit = (pages: number): Promise<unknown> => writer.batch([{ sql: `pragma max_page_count = ${pages}`, parameters: [] }]);
    await writer.batch([insert(1)]);
    await limit(20);
    const outcomes = await Promise.allSettled([writer.batch([insertLarge(2)]), writer.batch([insert(3)]), writer.batch([insert(4), insertLarge(5)]), transact(writer, 6)]);
    const answered = outcomes.flatMap(({ status }, index) => (status === "fulfilled" ? [[2, 3, 4, 6][index]!] : []));
    assert.ok(outcomes[0]!.status === "rejected" && hasReason("disk_full")(outcomes[0]!.reason));
    assert.ok(outcomes[2]!.status === "rejected" && hasReason("disk_full")(outcomes[2]!.reason));
    assert.deepEqual(await ids(), [1, ...answered]);

    const transaction = await writer.begin();
    await transaction.execute(insert(7).sql, insert(7).parameters);
    await assert.rejects(transaction.execute(insertLarge(8).sql, insertLarge(8).parameters), hasReason("disk_full"));
    await assert.rejects(transaction.commit(), SqlError);
    await limit(1_000_000);
    await writer.batch([insertLarge(9)]);
    assert.deepEqual(await ids(), [1, ...answered, 9]);
  });

  it("notices a statement that ends the shared transaction", async () => {
    const { writer, ids } = await open();
    const transaction = await writer.begin();
    await transaction.execute(insert(1).sql, insert(1).parameters);
    await assert.rejects(transaction.execute("rollback", []), hasReason("misuse"));
    await assert.rejects(transaction.commit(), SqlError);
    await writer.batch([insert(2)]);
    assert.deepEqual(await ids(), [2]);
  });
});

function hasReason(reason: SqlError["reason"]): (error: unknown) => boolean {
  return (error) => error instanceof SqlError && error.reason === reason;
}
