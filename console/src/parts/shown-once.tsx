import { CodeBlock } from "./copy.tsx";

/** A secret in the only moment in which anybody can read it. */
export function ShownOnce({ secret, what }: { secret: string; what: string }) {
  return (
    <>
      <p className="stale">This {what} is shown once: the server keeps what checks it, and not the {what} itself. Copy it now.</p>
      <CodeBlock code={secret} label={what} />
    </>
  );
}
