import { parentPort, workerData } from "node:worker_threads";
import { runCli } from "../../src/cli/run-cli.ts";
import { HttpApiClient } from "../../src/client/http-api-client.ts";
import { commandsFor } from "../../src/command-files.ts";

/** Runs command lines, one after another, against one server, without a process for each. In a thread of its own, whose output is not that of the test. */
export interface CommandLineEnd {
  code: number;
  /** All that it wrote, on stdout and stderr. */
  told: string;
}

const { url } = workerData as { url: string };
let told = "";
for (const stream of [process.stdout, process.stderr]) stream.write = (text: string | Uint8Array) => ((told += String(text)), true);
parentPort!.on("message", (words: string[]) => {
  told = "";
  const up = (): Promise<void> => Promise.reject(new Error("It runs against a server that is there."));
  void commandsFor(words)
    .then((commands) => runCli(words, { version: "", commands, serverUrl: url, makeClient: (to) => new HttpApiClient(to, {}), up }))
    .then((code) => parentPort!.postMessage({ code, told } satisfies CommandLineEnd));
});
