import type { CompiledQuery, QueryResult } from "kysely";
import type { Client, QueryResult as PostgresResult } from "pg";
import { SqlError } from "../../sql-error.ts";
import { postgresError } from "./postgres-error.ts";
import { kyselyResult, parametersOf } from "./postgres-statement.ts";

interface BatchStatement {
  text: string;
  values: unknown[];
  /** Prepared under this name on each connection that sees it, where a text comes often. */
  name?: string;
}

const maximumNames = 100;

/** Names for the statements that batches repeat, so that each connection parses them once. */
export class StatementNames {
  readonly #names = new Map<string, string>();

  statementsOf(queries: readonly CompiledQuery[]): BatchStatement[] {
    const counts = new Map<string, number>();
    for (const { sql } of queries) counts.set(sql, (counts.get(sql) ?? 0) + 1);
    return queries.map((query) => {
      const name = counts.get(query.sql)! > 1 ? this.#nameOf(query.sql) : undefined;
      return { text: query.sql, values: parametersOf(query), ...(name === undefined ? {} : { name }) };
    });
  }

  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size === maximumNames) return undefined;
    const name = `slipway_${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}

/**
 * All statements or none, in one transaction and, since none waits for the answer of another, one round trip. Rejects
 * with the failure of the first that failed.
 */
export async function runBatch(client: Client, statements: readonly BatchStatement[]): Promise<QueryResult<unknown>[]> {
  if (statements.length === 1) return [kyselyResult(await client.query(statements[0]!))];
  const answers: Promise<PostgresResult>[] = [];
  const begun = client.query("begin");
  for (const statement of statements) answers.push(client.query(statement));
  const committed = client.query("commit");
  const outcomes = await Promise.allSettled([begun, ...answers, committed]);
  const failed = outcomes.findIndex((outcome) => outcome.status === "rejected");
  if (failed >= 0) {
    const { reason } = outcomes[failed] as PromiseRejectedResult;
    throw postgresError(reason, statements[failed - 1]?.text);
  }
  const results = outcomes.map((outcome) => (outcome as PromiseFulfilledResult<PostgresResult>).value);
  if (results.at(-1)!.command !== "COMMIT") throw new SqlError("other", "Postgres rolled the batch back instead of committing it.");
  return results.slice(1, -1).map((result) => kyselyResult(result));
}
