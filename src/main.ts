import { holdHeap } from "./core/start-heap.ts";

// Before the program is loaded, for its loading is what would make the heap grow.
if (process.argv[2] === "up") holdHeap();
const { runCommandLine } = await import("./command-line.ts");
process.exitCode = await runCommandLine(process.argv.slice(2));
