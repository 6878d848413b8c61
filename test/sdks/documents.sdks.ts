import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { startServer } from "../kit/running-server.ts";

interface Block {
  page: string;
  code: string;
}

const root = `${import.meta.dirname}/../..`;
const blocks: Block[] = globSync("docs/gateway*.md", { cwd: root }).sort().flatMap((page) =>
  [...readFileSync(`${root}/${page}`, "utf8").matchAll(/^```(?:ts|typescript)\n(.*?)^```/gms)].map(([, code]) => ({ page, code: code! })));

describe("TypeScript in the gateway's documents", () => {
  it("runs as it is written, and each of its calls has a trace", async () => {
    assert.ok(blocks.length >= 2, "the pages show OpenAI's SDK and the AI SDK");
    const server = await startServer();
    try {
      for (const { page, code } of blocks) {
        const before = await traces();
        // Slipway's own client is this package's, as its users have it: built.
        const program = spawn(process.execPath, ["--input-type=module-typescript", "--eval", code.replaceAll("http://127.0.0.1:4400", server.url)], { cwd: code.includes('from "slipway"') ? root : import.meta.dirname, stdio: ["ignore", "inherit", "pipe"] });
        const ended = new Promise((resolve) => program.once("exit", resolve));
        const errors = await text(program.stderr);
        assert.equal(await ended, 0, `${page}: ${errors}`);
        const calls = [...code.matchAll(/\.create\(\{|\bgenerateText\(|\.streamChat\(/g)].length;
        assert.ok(calls > 0, `${page} asks nothing:\n${code}`);
        assert.equal((await traces()) - before, calls, page);
      }
    } finally {
      await server.stop();
    }

    async function traces(): Promise<number> {
      return (await server.client.api.get<{ traces: unknown[] }>("/api/traces?limit=100")).traces.length;
    }
  });
});
