import { OperatorNode, SqliteQueryCompiler, ValueNode, type BinaryOperationNode, type SelectModifierNode } from "kysely";
import { SqlError } from "../../sql-error.ts";
import { globOfLike } from "./glob-pattern.ts";

/**
 * Kysely's compiler for SQLite, but LIKE means what it means on Postgres: case matters, `\` escapes. It becomes GLOB,
 * which can use an index. ILIKE becomes SQLite's LIKE, which ignores the case of ASCII letters only.
 */
export class LikeAwareSqliteQueryCompiler extends SqliteQueryCompiler {
  protected override visitBinaryOperation(node: BinaryOperationNode): void {
    const operator = OperatorNode.is(node.operator) ? node.operator.operator : undefined;
    switch (operator) {
      case "like":
        return this.#appendMatch(node, "glob", globOfLike(patternOf(node)));
      case "not like":
        return this.#appendMatch(node, "not glob", globOfLike(patternOf(node)));
      case "ilike":
        return this.#appendMatch(node, "like", patternOf(node), " escape '\\'");
      case "not ilike":
        return this.#appendMatch(node, "not like", patternOf(node), " escape '\\'");
      default:
        super.visitBinaryOperation(node);
    }
  }

  /** Locks of rows, such as FOR SHARE, are left out: writers come one at a time here. */
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (node.modifier === undefined || node.modifier === "Distinct") super.visitSelectModifier(node);
  }

  #appendMatch(node: BinaryOperationNode, operator: string, pattern: string, ending = ""): void {
    this.visitNode(node.leftOperand);
    this.append(` ${operator} `);
    this.appendValue(pattern);
    this.append(ending);
  }
}

function patternOf({ rightOperand }: BinaryOperationNode): string {
  if (ValueNode.is(rightOperand) && typeof rightOperand.value === "string") return rightOperand.value;
  throw new SqlError("misuse", "The right side of LIKE must be a text value.");
}
