import { useId, type ReactNode } from "react";

/** What a control needs to belong to its label, its hint and its problem. */
export interface FieldControl {
  id: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

/** A labelled control with a hint, or with what is wrong in its place. */
export function Field({ label, hint, problem, wide = false, children }: { label: string; hint?: ReactNode; problem?: string | undefined; wide?: boolean; children: (control: FieldControl) => ReactNode }) {
  const id = useId();
  return (
    <div className={`field${wide ? " field-wide" : ""}${problem === undefined ? "" : " field-bad"}`}>
      <label htmlFor={id} className="field-label">{label}</label>
      {children({ id, "aria-describedby": `${id}-note`, "aria-invalid": problem !== undefined })}
      <span id={`${id}-note`} className={problem === undefined ? "field-hint" : "field-problem"}>{problem ?? hint}</span>
    </div>
  );
}
