import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { sqlList, sqlText } from "./sql-text.ts";

export interface DatabaseLimits {
  /** The only files that SQL may open. */
  paths?: readonly string[];
  /** The only folders in which SQL may open files. */
  directories?: readonly string[];
  memoryMegabytes: number;
  threads: number;
  /** Run before the doors are shut, where files may still be opened: for statements of our own alone, so that those that come afterwards need no file at all. */
  prepare?: (connection: DuckDBConnection) => Promise<void>;
}

/**
 * Runs work on an in-memory database that reaches the named files and nothing else: no other file, no network, no
 * extension to load, and no statement that could lift any of it. Only ever opened in a child process, which can be killed.
 */
export async function withRestrictedDatabase<Result>(limits: DatabaseLimits, work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    for (const statement of [
      "SET autoinstall_known_extensions = false",
      "SET autoload_known_extensions = false",
      "SET allow_community_extensions = false",
      `SET memory_limit = ${sqlText(`${limits.memoryMegabytes}MB`)}`,
      `SET threads = ${limits.threads}`,
      // Nothing is spilled to disk: what does not fit into the memory fails.
      "SET temp_directory = ''",
    ]) {
      await connection.run(statement);
    }
    await limits.prepare?.(connection);
    for (const statement of [
      `SET allowed_paths = ${sqlList(limits.paths ?? [])}`,
      `SET allowed_directories = ${sqlList(limits.directories ?? [])}`,
      "SET enable_external_access = false",
      "SET lock_configuration = true",
    ]) {
      await connection.run(statement);
    }
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}
