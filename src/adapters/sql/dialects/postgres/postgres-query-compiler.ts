import { OperatorNode, PostgresQueryCompiler, ValueNode, type BinaryOperationNode } from "kysely";
import { SqlError } from "../../sql-error.ts";

const matching = new Set<string>(["like", "not like", "ilike", "not ilike"]);

/** Kysely's compiler for Postgres, but a LIKE pattern that ends in the middle of an escape is refused at once, not when a row gets that far. */
export class StrictPostgresQueryCompiler extends PostgresQueryCompiler {
  protected override visitBinaryOperation(node: BinaryOperationNode): void {
    const { operator, rightOperand } = node;
    if (OperatorNode.is(operator) && matching.has(operator.operator) && ValueNode.is(rightOperand) && typeof rightOperand.value === "string") {
      if (/(?<!\\)(?:\\\\)*\\$/.test(rightOperand.value)) throw new SqlError("misuse", "A LIKE pattern must not end with its escape character.");
    }
    super.visitBinaryOperation(node);
  }
}
