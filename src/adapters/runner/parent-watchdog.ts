import { Worker } from "node:worker_threads";
import { lifelineDescriptor } from "./runner-messages.ts";

// A plain script, so that the thread starts without resolving or stripping a module.
const script = `
  const { Socket } = require("node:net");
  const lifeline = new Socket({ fd: ${lifelineDescriptor}, writable: false });
  const end = () => process.kill(process.pid, "SIGKILL");
  lifeline.on("error", end).on("close", end).resume();
`;

/**
 * Kills this process as soon as its parent is gone. It has to be a thread of its own: a model that runs blocks the main
 * thread, perhaps for ever, and would then outlive a parent that was killed. The thread sleeps until the pipe from the
 * parent ends; it costs about 10 MB.
 */
export function watchParent(): void {
  const worker = new Worker(script, { eval: true, env: {}, execArgv: [], trackUnmanagedFds: false });
  worker.on("error", () => process.exit(1));
  worker.unref();
}
