import assert from "node:assert/strict";
import { getPriority } from "node:os";
import { it } from "node:test";
import { Worker } from "node:worker_threads";

it("lowers the thread that calls it and no other", { skip: process.platform !== "linux" && "only Linux has a priority for each thread" }, async () => {
  const own = getPriority();
  const code = `
    const { readlinkSync } = require("node:fs");
    const { getPriority } = require("node:os");
    const { parentPort, workerData } = require("node:worker_threads");
    const thread = () => Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    import(workerData).then(({ lowerThread }) => {
      const before = getPriority(thread());
      lowerThread(3);
      const once = getPriority(thread());
      lowerThread(100);
      parentPort.postMessage([before, once, getPriority(thread())]);
    });`;
  const worker = new Worker(code, { eval: true, workerData: new URL("./lower-thread.ts", import.meta.url).href });
  const [before, once, lowest] = await new Promise<[number, number, number]>((resolve, reject) => void worker.once("message", resolve).once("error", reject));
  assert.deepEqual([before, once, lowest, getPriority()], [own, Math.min(19, own + 3), 19, own]);
  await worker.terminate();
});
