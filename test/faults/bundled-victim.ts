import { symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("../../", import.meta.url));
const victim = fileURLToPath(new URL("./workflow-victim.ts", import.meta.url));
/** The thread that it starts for each connection. */
const thread = join(root, "src/adapters/sql/dialects/sqlite/sqlite-worker.ts");
const inlined = /^(kysely|zod)(\/|$)/;

/**
 * Puts the sources of the process that is killed together below `folder`, an empty one, and answers where it begins: a hundred of them are
 * started, and each would read and strip some two hundred files.
 */
export async function bundledVictim(folder: string): Promise<string> {
  const placeOf = (id: string): string => relative(root, id).split(sep).join("/").replace(/\.ts$/, "");
  const bundle = await rolldown({
    cwd: root,
    platform: "node",
    input: Object.fromEntries([victim, thread].map((file) => [placeOf(file), file])),
    external: (id) => !/^[./]|^[A-Z]:/.test(id) && !inlined.test(id),
    plugins: [
      {
        // What a module finds beside itself it finds as if it stood where it stands in the tree.
        name: "own-addresses",
        transform: { filter: { code: /import\.meta\.url/ }, handler: (code, id) => code.replaceAll("import.meta.url", `__addressOf(${JSON.stringify(`${placeOf(id)}.js`)})`) },
        renderChunk: (code, { fileName }) =>
          code.replaceAll(/__addressOf\("([^"]+)"\)/g, (_, place: string) => `new URL(${JSON.stringify(`./${posix.relative(dirname(fileName), place)}`)}, import.meta.url).href`),
      },
    ],
  });
  await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].js", keepNames: true });
  await bundle.close();
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  return join(folder, `${placeOf(victim)}.js`);
}
