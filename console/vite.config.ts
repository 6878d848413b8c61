import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { licenceTexts } from "../scripts/licence-texts.ts";

const outDir = join(import.meta.dirname, "../dist/console");

/** Writes the licences of the packages whose code is in the files. */
function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
      const folders = modules.flatMap((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []);
      this.emitFile({ type: "asset", fileName: "third-party-licenses.txt", source: licenceTexts(folders) });
    },
  };
}

/** Writes `.br` and `.gz` beside every text file, so that the server never compresses. */
function compress(): Plugin {
  return {
    name: "compress",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const bytes = readFileSync(path);
        if (bytes.length < 512) continue;
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), licences(), compress()],
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // Everything is a file of its own: the policy allows neither inline scripts nor what a polyfill would inject.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // 220 kB compressed, from the server beside it.
    chunkSizeWarningLimit: 1000,
  },
  // `npx vite console` while working on the console, with a Slipway beside it.
  server: { proxy: Object.fromEntries(["/api", "/v1", "/v2", "/openapi.json", "/metrics"].map((path) => [path, "http://127.0.0.1:4400"])) },
});
