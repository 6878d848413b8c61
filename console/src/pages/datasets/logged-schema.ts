export interface LoggedColumn {
  name: string;
  type: string;
}

/** The columns of a schema as clients of MLflow log it; none where it describes something else, such as tensors, or is no JSON. */
export function loggedColumns(schema: string | null): LoggedColumn[] {
  const specs = (read(schema) as { mlflow_colspec?: unknown } | null)?.mlflow_colspec;
  if (!Array.isArray(specs)) return [];
  return specs.flatMap((spec: unknown): LoggedColumn[] => {
    const { name, type } = (spec ?? {}) as { name?: unknown; type?: unknown };
    return typeof name === "string" ? [{ name, type: typeof type === "string" ? type : "" }] : [];
  });
}

/** How many rows its client counted; null where it did not. */
export function loggedRows(profile: string | null): number | null {
  const rows = (read(profile) as { num_rows?: unknown } | null)?.num_rows;
  return typeof rows === "number" ? rows : null;
}

function read(text: string | null): unknown {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
