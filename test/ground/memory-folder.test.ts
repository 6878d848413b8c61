import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasMemoryForFiles } from "../../scripts/memory-folder.ts";

const room = [2 ** 33, 2 ** 33];
const shm = (kind: string, flags: string): string => `/dev/vda / ext4 rw 0 0\n${kind} /dev/shm ${kind} ${flags} 0 0\ntmpfs /run tmpfs rw 0 0\n`;

describe("temporary files of a run of the tests", () => {
  it("are in memory where the machine has that", () => {
    assert.equal(hasMemoryForFiles(shm("tmpfs", "rw,nosuid,nodev"), room), true);
  });

  it("are on the disk where memory holds no files, may not be written, or starts no program", () => {
    assert.equal(hasMemoryForFiles("/dev/vda / ext4 rw 0 0\n", room), false);
    assert.equal(hasMemoryForFiles(shm("ext4", "rw"), room), false);
    assert.equal(hasMemoryForFiles(shm("tmpfs", "ro"), room), false);
    assert.equal(hasMemoryForFiles(shm("tmpfs", "rw,nosuid,nodev,noexec"), room), false);
    assert.equal(hasMemoryForFiles(`${shm("tmpfs", "rw")}tmpfs /dev/shm tmpfs rw,noexec 0 0\n`, room), false, "what was mounted last is there");
  });

  it("are on the disk where the place or the memory behind it is small", () => {
    assert.equal(hasMemoryForFiles(shm("tmpfs", "rw"), [2 ** 26, 2 ** 33]), false);
    assert.equal(hasMemoryForFiles(shm("tmpfs", "rw"), [2 ** 33, 2 ** 31]), false);
  });
});
