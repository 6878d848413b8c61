import { readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import workerThreads, { Worker } from "node:worker_threads";

/*
 * Threads that die in the middle of what they do, as of an error that nothing in them catches, and a machine that has none left. Preloaded (`--import`) into a server, SIGUSR2 ends the thread whose name
 * the file FAULTY_THREAD has.
 */
const threads = new Map<string, Worker>();
const send = Worker.prototype.postMessage;

Worker.prototype.postMessage = function (this: Worker, ...message: Parameters<typeof send>): void {
  if (this.threadName !== null) threads.set(this.threadName, this);
  send.apply(this, message);
};

/** The thread of this name that something was sent to last: whatever takes the place of one that died is found by the same name. */
export function threadAtWork(name: string): Worker | undefined {
  return threads.get(name);
}

/** While `work` runs, no thread can be started. */
export async function withoutThreads(work: () => Promise<void>): Promise<void> {
  const { Worker: started } = workerThreads;
  const refused = function (): never {
    throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
  };
  Object.assign(workerThreads, { Worker: refused });
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    Object.assign(workerThreads, { Worker: started });
    syncBuiltinESMExports();
  }
}

const order = process.env["FAULTY_THREAD"];
if (order !== undefined) {
  process.on("SIGUSR2", () => {
    const name = readFileSync(order, "utf8");
    // Looked for by tests: did any thread die?
    process.stderr.write(threads.has(name) ? `the thread ${name} is ended\n` : `there is no thread ${name}\n`);
    void threads.get(name)?.terminate();
  });
}
