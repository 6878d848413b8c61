import { STATUS_CODES } from "node:http";
import { errorCatalogue } from "../src/core/error-catalogue.ts";
import { writeGeneratedFile } from "./generated-file.ts";

const intro = `# Errors

Every failure that a caller can see has a code that stays the same from release to release; the message says what was
wrong in this case, and the hint what to do. Slipway's own routes answer

\`\`\`json
{"error": {"code": "MODEL_NOT_FOUND", "message": "...", "hint": "...", "requestId": "req_...", "problems": [{"path": "...", "message": "..."}]}}
\`\`\`

and the routes of the Open Inference Protocol \`{"error": "message"}\`, as that protocol has it. The request id finds the
cause in the server's log. This page is generated from \`src/core/error-catalogue.ts\`.
`;

function section(status: number, rows: readonly (readonly [string, { hint: string }])[]): string {
  // 499 is nginx's "client closed request": no registered status says it.
  const title = `## ${status} ${STATUS_CODES[status] ?? "Client Closed Request"}`;
  const lines = rows.map(([code, { hint }]) => `| \`${code}\` | ${hint.replaceAll("|", "\\|")} |`);
  return [title, "", "| code | what to do |", "| --- | --- |", ...lines].join("\n");
}

/** The page, by status and then by name. */
function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).sort(([left], [right]) => (left < right ? -1 : 1));
  const statuses = [...new Set(rows.map(([, { status }]) => status))].sort((left, right) => left - right);
  const sections = statuses.map((status) => section(status, rows.filter(([, row]) => row.status === status)));
  return `${[intro.trimEnd(), ...sections].join("\n\n")}\n`;
}

writeGeneratedFile("docs/errors.md", errorsPage(), "npm run errors");
