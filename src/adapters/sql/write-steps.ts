import type { CompiledQuery, QueryResult } from "kysely";

/** Statements to be run in their order, answered with their results; those that it returns are the last ones, and nobody asks for their results. */
export type WriteSteps = Generator<readonly CompiledQuery[], readonly CompiledQuery[], readonly QueryResult<unknown>[]>;
