import { globSync, writeFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { rolldown, type Plugin } from "rolldown";
import { licenceTexts } from "./licence-texts.ts";

/** Packages of some hundred small files each: within the bundle they load in a third of the time. Their licences go with it. */
const inlined = ["kysely", "zod"];

/** What starts or is imported by name: the program, the library, processes and threads. The last two stand alone so that a test can take the one for the other. */
const entries = ["main.ts", "index.ts", "adapters/onnx/model-writer.ts", "{adapters,gateway}/**/*-{process,worker}.ts", "adapters/{runner/child,onnx/inline}-runner.ts"];

/**
 * Puts the modules of `src/` together into as few files as their entries can share, below `target`: a start reads a tenth of the files, which
 * takes it two thirds of the processor time. What a module finds beside itself by `import.meta.url` it finds as if it stood where it stands in `src/`.
 */
export async function bundleServer(root: string, target: string): Promise<void> {
  const source = join(root, "src");
  const files = globSync(entries, { cwd: source }).sort();
  const bundle = await rolldown({
    cwd: root,
    platform: "node",
    input: Object.fromEntries(files.map((file) => [file.split(sep).join("/").slice(0, -".ts".length), join(source, file)])),
    external: (id) => !/^[./]|^[A-Z]:/.test(id) && !inlined.some((name) => id === name || id.startsWith(`${name}/`)),
    plugins: [ownAddresses(source)],
    onLog: (level, log) => {
      if (level === "warn") throw new Error(`rolldown: ${log.message}`);
    },
  });
  await bundle.write({ dir: target, format: "esm", entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js", keepNames: true });
  await bundle.close();
  writeFileSync(join(target, "third-party-licenses.txt"), licenceTexts(inlined.map((name) => join(root, "node_modules", name))));
}

/** `import.meta.url` of a module that moved into a shared file stays what it was beside the others. */
function ownAddresses(source: string): Plugin {
  return {
    name: "own-addresses",
    transform: {
      filter: { code: /import\.meta\b/ },
      handler(code, id) {
        const place = relative(source, id);
        if (place.startsWith("..")) return undefined;
        if (/import\.meta\b(?!\.url\b)/.test(code)) throw new Error(`${id}: of import.meta the bundle knows the url alone.`);
        return code.replaceAll("import.meta.url", `__addressOf(${JSON.stringify(place.split(sep).join("/").replace(/\.ts$/, ".js"))})`);
      },
    },
    renderChunk: (code, { fileName }) =>
      code.replaceAll(/__addressOf\("([^"]+)"\)/g, (_, place: string) => {
        const from = posix.relative(posix.dirname(fileName), place);
        return `new URL(${JSON.stringify(from.startsWith(".") ? from : `./${from}`)}, import.meta.url).href`;
      }),
  };
}
