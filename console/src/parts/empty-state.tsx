import type { ReactNode } from "react";
import { CodeBlock } from "./copy.tsx";

/** Nothing here yet, why, and what to do about it: with the exact command. */
export function EmptyState({ title, children, command, after }: { title: string; children?: ReactNode; command?: string | undefined; after?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
      {command !== undefined && <CodeBlock code={command} label="command" />}
      {after}
    </div>
  );
}
