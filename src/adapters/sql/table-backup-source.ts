import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { BackupSource, FrozenFile } from "../../backup/index.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { dumpedTables, encodeRow, readTable } from "./table-dump.ts";

/** All tables as of one moment, each as a file with a row a line in the order of the primary key. */
export function tableBackupSource(database: SqlDatabase): BackupSource {
  return {
    freeze: (folder) =>
      database.snapshot(async (queries) => {
        const files: FrozenFile[] = [];
        for (const dumped of dumpedTables) {
          const file = join(folder, `${dumped.table}.jsonl`);
          const handle = await open(file, "wx", 0o600);
          let bytes = 0;
          let rows = 0;
          try {
            for await (const page of readTable(queries, dumped)) {
              const text = Buffer.from(page.map((row) => `${encodeRow(row)}\n`).join(""));
              await handle.writeFile(text);
              bytes += text.length;
              rows += page.length;
            }
          } finally {
            await handle.close();
          }
          files.push({ path: `tables/${dumped.table}.jsonl`, file, bytes, rows });
        }
        return files;
      }),
  };
}

/** SHA-256 and number of the rows, as a dump of the table would have them. */
export async function tableDigest(...[queries, dumped]: Parameters<typeof readTable>): Promise<{ sha256: string; rows: number }> {
  const hash = createHash("sha256");
  let rows = 0;
  for await (const page of readTable(queries, dumped)) {
    for (const row of page) hash.update(`${encodeRow(row)}\n`);
    rows += page.length;
  }
  return { sha256: hash.digest("hex"), rows };
}
