import { useEffect, useState, type ReactNode } from "react";
import { Icon } from "./icon.tsx";

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or a page that is not served securely
  }
}

/** Copies `text` and says so. `what` names it for those who cannot see the icon. */
export function CopyButton({ text, what, children }: { text: string; what: string; children?: ReactNode }) {
  const [result, setResult] = useState<"copied" | "refused" | null>(null);
  useEffect(() => {
    if (result === null) return;
    const timer = setTimeout(() => setResult(null), 1800);
    return () => clearTimeout(timer);
  }, [result]);
  const words = result === "copied" ? "Copied" : result === "refused" ? "Select it and copy by hand" : `Copy ${what}`;
  return (
    <button type="button" className="copy" title={words} aria-label={words} onClick={() => void copyText(text).then((done) => setResult(done ? "copied" : "refused"))}>
      <Icon name={result === "copied" ? "check" : "copy"} />
      {children !== undefined && <span>{result === "copied" ? "Copied" : children}</span>}
      <span className="visually-hidden" role="status">
        {result === null ? "" : words}
      </span>
    </button>
  );
}

/** Code to read and copy. */
export function CodeBlock({ code, label }: { code: string; label: string }) {
  return (
    <div className="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{code}</code>
      </pre>
      <CopyButton text={code} what={label} />
    </div>
  );
}

/** A digest, shortened for the eye and whole for the clipboard. */
export function DigestText({ digest }: { digest: string }) {
  return (
    <span className="digest">
      <code title={digest}>{digest.replace(/^sha256:/, "").slice(0, 12)}</code>
      <CopyButton text={digest} what="digest" />
    </span>
  );
}

/** An id that one may want to paste elsewhere. */
export function IdText({ id, what }: { id: string; what: string }) {
  return (
    <span className="digest">
      <code>{id}</code>
      <CopyButton text={id} what={what} />
    </span>
  );
}
