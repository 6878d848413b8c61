import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { readWandbLog } from "./wandb-log.ts";

const blockBytes = 32_768;
const head = Buffer.from(":W&B\xe1\xbe\0", "latin1");

/** A log as W&B's writer makes it. */
function logOf(records: readonly Buffer[]): Buffer {
  let bytes = head;
  const add = (more: Buffer): void => void (bytes = Buffer.concat([bytes, more]));
  for (const record of records) {
    for (let [at, isFirst] = [0, true]; isFirst || at < record.length; isFirst = false) {
      let room = blockBytes - (bytes.length % blockBytes);
      if (room < 7) {
        add(Buffer.alloc(room));
        room = blockBytes;
      }
      const part = record.subarray(at, at + room - 7);
      at += part.length;
      const isLast = at >= record.length;
      const typed = Buffer.concat([Buffer.from([isFirst ? (isLast ? 1 : 2) : isLast ? 4 : 3]), part]);
      const header = Buffer.alloc(6);
      header.writeUInt32LE(crc32(typed), 0);
      header.writeUInt16LE(part.length, 4);
      add(Buffer.concat([header, typed]));
    }
  }
  return bytes;
}

describe("readWandbLog", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-wandb-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function read(bytes: Buffer): Promise<{ records: Buffer[]; damaged: boolean }> {
    const file = join(folder, "run-a.wandb");
    await writeFile(file, bytes);
    const found = { records: [] as Buffer[], damaged: false };
    for await (const record of readWandbLog(file, () => (found.damaged = true))) found.records.push(Buffer.from(record));
    return found;
  }

  /** Records of all lengths around the edges of blocks. */
  const records = [0, 1, 77, 32_740, 32_747, 32_754, 32_761, 70_000, 3, 600_000, 12].map((length, index) => Buffer.alloc(length, index + 1));

  it("gives every record, however it is cut into blocks", async () => {
    assert.deepEqual(await read(logOf(records)), { records, damaged: false });
  });

  it("gives what is before a torn end, as a killed program leaves it", async () => {
    const { records: found } = await read(logOf(records).subarray(0, -5));
    assert.deepEqual(found, records.slice(0, -1));
  });

  it("stops at a fragment whose checksum does not hold, and says so", async () => {
    const bytes = logOf(records);
    bytes[head.length + 7 + 8 + 40]! ^= 1;
    assert.deepEqual(await read(bytes), { records: records.slice(0, 2), damaged: true });
  });

  it("refuses what is no log", async () => {
    await assert.rejects(read(Buffer.from("something else")), { code: "IMPORT_SOURCE_INVALID" });
  });
});
