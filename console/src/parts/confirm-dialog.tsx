import type { ReactNode } from "react";
import { useAction } from "../data/action.ts";
import { Dialog } from "./dialog.tsx";
import { ErrorBox } from "./error-box.tsx";

/** Asks before something that cannot be taken back. `work` is done on confirmation; `onDone` follows, which closes the dialog unless told otherwise. */
export function ConfirmDialog({ title, action: label, work, onClose, onDone = onClose, children }: { title: string; action: string; work: () => Promise<unknown>; onClose: () => void; onDone?: () => void; children: ReactNode }) {
  const action = useAction();
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {action.error !== null && <ErrorBox error={action.error} />}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose} autoFocus>Cancel</button>
        <button type="button" className="button button-bad" disabled={action.busy} onClick={() => action.run(work, onDone)}>{action.busy ? "Working…" : label}</button>
      </div>
    </Dialog>
  );
}
