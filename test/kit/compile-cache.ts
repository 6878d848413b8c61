import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Where Node keeps compiled code between starts, as for whoever starts `bin/slipway.js`: half of what a start from the
 * sources costs. For the environment of processes that are given nothing else of this one's.
 */
export const compileCache: Readonly<Record<string, string>> = { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(tmpdir(), "node-compile-cache") };
